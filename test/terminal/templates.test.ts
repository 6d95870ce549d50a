/** The user's templates in the running explorer: they come, change, break and go while it runs. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const skip = process.getuid?.() !== 0 && !process.env['CI'];

describe.skipIf(skip)('templates that change while they are looked at (needs root)', () => {
  let dir: string;
  let folder: string;
  let terminal: TestTerminal;
  const start = (...args: string[]) => {
    terminal = new TestTerminal(process.execPath, [PROGRAM, ...args], { cols: 110, env: { XDG_CONFIG_HOME: dir } });
  };
  const write = (text: string, name = 'mine.yaml') => {
    // As an editor does: another file, renamed.
    fs.writeFileSync(path.join(folder, `${name}~`), text);
    fs.renameSync(path.join(folder, `${name}~`), path.join(folder, name));
  };
  const template = (columns: string, more = '') =>
    `name: mine\nhelp: of my own\ntarget: task\n${more}columns:\n  - { name: tid, from: task->pid }\n${columns}`;
  beforeEach(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-reload-'));
    folder = path.join(dir, 'itertop', 'templates');
    fs.mkdirSync(folder, { recursive: true });
  });
  afterEach(async () => {
    terminal.kill();
    await terminal.exited;
    fs.rmSync(dir, { recursive: true, force: true });
  });

  it('a new column comes, a mistake is said and changes nothing, the file goes', async () => {
    write(template('  - { name: comm, from: task->comm }\n'));
    start('mine', '--where', `tid == ${process.pid}`);
    await terminal.waitFor(/TID.? +COMM *$/m);
    write(template('  - { name: comm, from: task->comm }\n  - { name: switches, from: task->nvcsw }\n'));
    await terminal.waitFor(/TID.? +COMM +SWITCHES *$/m);
    await terminal.waitFor(new RegExp(`^ +${process.pid} +\\S.* +\\d+ *$`, 'm'));
    write(template('  - { name: comm, form: task->comm }\n'));
    await terminal.waitFor(/mine\.yaml:6:19: column comm: no member "form"; did you mean from\?/);
    expect(terminal.text()).toMatch(/TID.? +COMM +SWITCHES/);
    terminal.type('j');
    await terminal.waitFor((screen) => !screen.includes('did you mean'), 'no notice');
    write(template('  - { name: comm, from: task->comm }\n', 'show: [comm]\n'));
    await terminal.waitFor(/^ *COMM[ ▲]*$/m);
    fs.rmSync(path.join(folder, 'mine.yaml'));
    await terminal.waitFor(/^task {2}/m);
    await terminal.waitFor(/PID USER/);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  it('a new file can be picked; sort and condition stay, columns made on the command line too', async () => {
    start('task', '--columns', 'pid,twice=times(pid,2),comm', '--where', 'twice > 2', '--sort', '-twice');
    await terminal.waitFor(/PID +TWICE.? +COMM/);
    write(template('', 'sort: -tid\n'));
    await terminal.waitFor(/templates were read again/);
    expect(await terminal.waitFor(/PID +TWICE.? +COMM/)).toMatch(/by twice ▼/);
    terminal.type('v');
    await terminal.waitFor(/VIEW .*SHOWS/);
    terminal.type(KEY.end);
    terminal.type('G');
    await terminal.waitFor(/mine .*of my own/);
    terminal.type(KEY.enter);
    expect(await terminal.waitFor(/^mine {2}/m)).toBeTruthy();
    await terminal.waitFor(/by tid ▼/);
    // The one that is looked at changes; paused, too.
    terminal.type(' ');
    await terminal.waitFor(/paused/i);
    write(template('  - { name: vm, from: task->mm->total_vm, as: pages }\n', 'sort: -tid\n'));
    await terminal.waitFor(/TID.? +VM/);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  it('a file that is wrong from the start does not keep the others from being shown', async () => {
    write('name: [', 'bad.yaml');
    write(template(''), 'good.yaml');
    start('mine');
    await terminal.waitFor(/bad\.yaml:\d:\d+: /);
    expect(await terminal.waitFor(/TID/)).toMatch(/^mine {2}/m);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  it('-t shows the first template of the file, and is watched wherever it is', async () => {
    const file = path.join(dir, 'elsewhere.yaml');
    fs.writeFileSync(file, template(''));
    start('-t', file);
    await terminal.waitFor(/^mine {2}/m);
    await terminal.waitFor(/TID.? *$/m);
    fs.writeFileSync(file, template('  - { name: comm, from: task->comm }\n'));
    await terminal.waitFor(/TID.? +COMM/);
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });
});
