/** What `Y` says where the screen has fewer rows than the table: marks, one object, a comparison. Its commands are run. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { describeKernel } from '../support/kernel.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const LONG = 60_000;

describeKernel('the command line of what is on the screen', () => {
  const sleepers: ChildProcess[] = [];
  let terminal: TestTerminal | undefined;
  beforeAll(() => {
    for (const seconds of [2001, 2002, 2003]) sleepers.push(spawn('sleep', [String(seconds)], { stdio: 'ignore' }));
  });
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
  });
  afterAll(() => {
    for (const sleeper of sleepers) sleeper.kill('SIGKILL');
  });
  const pid = (at: number) => sleepers[at]!.pid!;

  async function itertop(): Promise<TestTerminal> {
    const all = sleepers.map((sleeper) => sleeper.pid).join();
    const args = ['task', '--pid', all, '--columns', 'pid,cmdline', '--sort', 'pid', '-d', '3600'];
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], { cols: 100, rows: 24 });
    await terminal.waitFor(/sleep 2003/);
    return terminal;
  }
  /** What Y copied, run in a shell. */
  async function run(shown: TestTerminal, title: RegExp): Promise<string> {
    shown.type('Y');
    await shown.waitFor(title);
    const [, base64] = [...shown.output.matchAll(/\x1b\]52;c;([A-Za-z0-9+/=]*)\x07/g)].at(-1)!;
    const command = Buffer.from(base64!, 'base64').toString();
    return execFileSync('sh', ['-c', `itertop() { "${process.execPath}" "${PROGRAM}" "$@"; }; ${command}`], {
      encoding: 'utf8',
    });
  }
  const sleeping = (text: string) => text.match(/sleep \d+/g);

  it('has the marked rows alone where only these are seen', { timeout: LONG }, async () => {
    const shown = await itertop();
    shown.type('m');
    await shown.waitFor(/1 marked/);
    shown.type('jm');
    await shown.waitFor(/2 marked/);
    expect(sleeping(await run(shown, /The same rows without a screen/))).toEqual(sleeping(shown.text()));
    shown.type(KEY.escape);
    await shown.waitFor((screen) => !screen.includes('itertop dump'));
    shown.type('M');
    await shown.waitFor(/only 2 marked/);
    const screen = await shown.waitFor((now) => sleeping(now)?.length === 2, 'two rows');
    expect(sleeping(await run(shown, /The same rows without a screen/))).toEqual(sleeping(screen));
  });

  it('has the object whose struct is seen', { timeout: LONG }, async () => {
    const shown = await itertop();
    shown.type('jjd\t');
    await shown.waitFor(/thread_info/);
    const printed = await run(shown, /The object's struct without a screen/);
    expect(printed).toContain('(struct task_struct){');
    expect(printed.match(/^ \.tgid = .*$/gm)).toEqual([` .tgid = (pid_t)${pid(1)},`]);
  });

  it('says where there is no option for it', { timeout: LONG }, async () => {
    const shown = await itertop();
    shown.type('C');
    await shown.waitFor(/are kept/);
    shown.type('C');
    await shown.waitFor(/compared/);
    expect(sleeping(await run(shown, /All rows, without the comparison/))).toHaveLength(3);
  });
});
