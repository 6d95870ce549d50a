/** --host in the real program: one table of three hosts, of which one goes, hangs and comes back. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../support/kernel.ts';
import { TestVia } from '../support/via.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const skip = process.getuid?.() !== 0 && !process.env['CI'];
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });
const LONG = 40_000;

describe.skipIf(skip)('--host (needs root)', () => {
  const sleepers: ChildProcess[] = [];
  let via: TestVia;
  let terminal: TestTerminal | undefined;
  let plain: ChildProcess | undefined;
  const HOSTS = ['web-1', 'web-2', 'db'];
  const args = () => [
    ...['task', '--host', HOSTS.join(), ...via.options, '--columns', 'host,pid,comm,uid=task->cred->uid.val'],
    ...['--sort', 'host,pid', '--pid', sleepers.map(({ pid }) => pid).join()],
  ];

  beforeAll(() => {
    sleepers.push(...[1, 2].map((n) => spawn('sleep', [`100${n}`], { stdio: 'ignore' })));
  });
  beforeEach(() => {
    via = new TestVia();
  });
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
    terminal = undefined;
    plain?.kill('SIGKILL');
    plain = undefined;
    await eventually(() => expect(HOSTS.flatMap((host) => via.pids(host))).toEqual([]), LONG);
    via[Symbol.dispose]();
  });
  afterAll(() => {
    for (const sleeper of sleepers) sleeper.kill('SIGKILL');
  });

  /** Without what differs from run to run. */
  function masked(screen: string): string {
    let text = screen.replace(/ {2}[\d,]+ visited/, '').replace(/(every 1 s).*?((?:\d of )?3 hosts).*/, '$1  $2');
    text = text.replace(/ {2}every 1 s/, '').replace(/ {2}[+-]\d+( -\d+)?/, '');
    for (const [n, { pid }] of sleepers.entries()) text = text.replaceAll(String(pid), `P${n + 1}`);
    return text
      .replace(/again in \d+ s|trying again/, 'again in N s')
      .split('\n')
      .map((line) => line.replace(/ {2,}/g, '  ').trimEnd())
      .join('\n');
  }

  function golden(name: string, text: string) {
    const file = new URL(`../golden/${name}`, import.meta.url);
    if (process.env['UPDATE_GOLDEN']) fs.writeFileSync(file, `${text}\n`);
    expect(`${text}\n`).toBe(fs.readFileSync(file, 'utf8'));
  }

  it.each([
    [80, 24],
    [200, 50],
  ])(
    'rows of a host that is gone stay, greyed, and the reason is said, until it is back: %dx%d',
    async (cols, rows) => {
      terminal = new TestTerminal(process.execPath, [PROGRAM, ...args()], { cols, rows });
      await terminal.waitFor(/6 rows.* 3 hosts/, 'all hosts', LONG);
      await terminal.waitFor(new RegExp(`^ web-2 +${sleepers[0]!.pid} sleep`, 'm'));
      via.leave('db');
      await terminal.waitFor((screen) => screen.match(/^\?db /gm)?.length === 2, 'greyed rows', LONG);
      await terminal.waitFor(/db: Connection refused, (again in \d+ s|trying again)/, 'the reason', LONG);
      await terminal.waitFor(/2 of 3 hosts/);
      golden(`hosts-gone-${cols}x${rows}.txt`, masked(terminal.text()));
      via.comeBack('db');
      await terminal.waitFor(/ 3 hosts/, 'that it is back', LONG);
      await terminal.waitFor((screen) => !/^\?db/m.test(screen) && /^[ +]db/m.test(screen), 'its rows', LONG);
      await terminal.waitFor((screen) => !/Connection refused/.test(screen), 'nothing more of it', LONG);
    },
  );

  it('a host that hangs is slow, and is live with the next that it sends', async () => {
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args(), '-d', '0.3'], { cols: 120, rows: 24 });
    await terminal.waitFor(/6 rows.* 3 hosts/, 'all hosts', LONG);
    via.signal('web-2', 'SIGSTOP');
    await terminal.waitFor(/web-2: no answer for \d+ s/, 'that it is slow', LONG);
    await terminal.waitFor(/^\?web-2 +\d+ sleep/m);
    await terminal.waitFor(/^ web-1 +\d+ sleep/m);
    via.signal('web-2', 'SIGCONT');
    await terminal.waitFor((screen) => / 3 hosts/.test(screen) && !/^\?web/m.test(screen), 'that it is back', LONG);
  });

  it('groups by host, leads to other tables of the same host, and pauses without anything that runs there', async () => {
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args()], { cols: 120, rows: 24 });
    await terminal.waitFor(/6 rows.* 3 hosts/, 'all hosts', LONG);
    terminal.type('1');
    await terminal.waitFor(/host == "db"/, 'files of the same host', LONG);
    await terminal.waitFor(/^ db .*\/dev\/null/m, 'its rows', LONG);
    await terminal.waitFor((screen) => !/^ web/m.test(screen), 'no other host', LONG);
    terminal.type(KEY.escape);
    await terminal.waitFor(/6 rows/, 'the table before', LONG);
    terminal.type('b');
    await terminal.waitFor(/GROUP BY/);
    terminal.type(KEY.enter);
    await terminal.waitFor(/by host: 3 groups of 6 rows/, 'groups', LONG);
    terminal.type(' ');
    await terminal.waitFor(/PAUSED/);
    await eventually(() => expect(HOSTS.flatMap((host) => via.pids(host))).toEqual([]), LONG);
    terminal.type(' ');
    await terminal.waitFor((screen) => !/PAUSED/.test(screen));
    await eventually(() => expect(via.pids('web-1').length).toBeGreaterThan(0), LONG);
    terminal.type('Y');
    await terminal.waitFor(/--host web-1,web-2,db/, 'the command line', LONG);
    terminal.type(KEY.escape);
    terminal.type('q');
    expect(await terminal.exited).toMatchObject({ exitCode: 0 });
  });

  it('--plain says which hosts do not answer, and that they do again', async () => {
    const child = spawn(process.execPath, [PROGRAM, '--plain', ...args()], { stdio: ['pipe', 'pipe', 'inherit'] });
    plain = child;
    let out = '';
    child.stdout.on('data', (bytes) => {
      out += bytes;
    });
    const says = (wanted: RegExp) => eventually(() => expect(out).toMatch(wanted), LONG);
    await says(/6 rows/);
    via.leave('db');
    await says(/^db: Connection refused, again in \d+ s$/m);
    via.comeBack('db');
    await says(/^db answers$/m);
    child.stdin.end('quit\n');
    await new Promise((done) => child.on('close', done));
  });
});
