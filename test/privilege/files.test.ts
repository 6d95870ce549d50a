/** Everything that writes a file: for its owner only, and never through or over what another user has put there. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AtomicFile } from '../../src/state/atomic-file.ts';
import { Parts } from '../../src/state/parts.ts';
import { type CreateOptions, RecordingWriter, KEY as WHOLE } from '../../src/state/recording-file.ts';
import { UsageError } from '../../src/templates/template.ts';
import { describeKernel, root } from '../support/kernel.ts';
import { NO_HOME, NOBODY, withCapabilities } from '../support/unprivileged.ts';
import { KEY, PROGRAM, TestTerminal } from '../terminal/terminal.ts';

// The program is started again and again, on machines that do other things as well.
vi.setConfig({ testTimeout: 180_000 });

/** Who plants: neither root nor nobody. */
const PLANTER = 1;

/** A folder that all may write to, as /tmp is; with a file and a place that are the victim's. */
let shared: string;
let own: string;
beforeEach(() => {
  shared = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-shared-'));
  fs.chmodSync(shared, 0o1777);
  own = path.join(shared, 'own');
  fs.mkdirSync(own, { mode: 0o700 });
  fs.writeFileSync(path.join(own, 'secret'), 'secret', { mode: 0o600 });
});
afterEach(() => fs.rmSync(shared, { recursive: true, force: true }));

const name = () => path.join(shared, 'report');

const PLANTED: Readonly<Record<string, (at: string) => void>> = {
  'a link to a file of ours': (at) => fs.symlinkSync(path.join(own, 'secret'), at),
  'a link to where nothing is yet': (at) => fs.symlinkSync(path.join(own, 'made'), at),
  'a link to a folder of ours': (at) => fs.symlinkSync(own, at),
  'a pipe': (at) => execFileSync('mkfifo', [at]),
  'a device': (at) => execFileSync('mknod', [at, 'c', '1', '3']),
  'a file': (at) => fs.writeFileSync(at, 'theirs', { mode: 0o666 }),
  'a folder': (at) => fs.mkdirSync(at, { mode: 0o777 }),
};

const whole = (overwrite: boolean) => (at: string) => {
  const file = new AtomicFile(at);
  try {
    file.write('ours');
    file.commit(overwrite);
  } finally {
    file.discard();
  }
};
const recording = (options: CreateOptions) => (at: string) => {
  using writer = new RecordingWriter(at, options);
  writer.write({ kind: WHOLE, turn: 0, time: 0, rows: 0 }, Buffer.from('ours'));
};
const WRITERS: Readonly<Record<string, (at: string) => void>> = {
  'an export, a template, settings': whole(false),
  'the same, told to overwrite': whole(true),
  'a recording': recording({}),
  'a recording, told to overwrite': recording({ force: true }),
  'a recording that goes on': recording({ append: true }),
  'a folder of recordings': (at) => {
    using parts = new Parts(at, 'task', { bytes: 1 << 20, age: 1e6 });
    parts.turn(Date.now());
    parts.writer.write({ kind: WHOLE, turn: 0, time: 0, rows: 0 }, Buffer.from('ours'));
  },
};

/** Everything in the shared folder as it is: what it is, whose, how it may be used, what is in it. */
function picture(): string[] {
  const look = (folder: string): string[] =>
    fs.readdirSync(folder).flatMap((entry) => {
      const at = path.join(folder, entry);
      const stat = fs.lstatSync(at);
      const line = `${at} ${stat.ino} ${stat.mode.toString(8)} ${stat.uid} ${stat.isFile() ? fs.readFileSync(at, 'utf8') : ''}`;
      return stat.isDirectory() ? [line, ...look(at)] : [line];
    });
  return look(shared);
}

/** As another user, for files: capabilities over them go with the uid. */
function as(uid: number, act: () => void): void {
  process.seteuid!(uid);
  try {
    act();
  } finally {
    process.seteuid!(0);
  }
}

describe.skipIf(!root)('what another user has put there (needs root)', () => {
  for (const [who, uid] of [
    ['root', 0],
    ['nobody', NOBODY],
  ] as const)
    describe(`to be written by ${who}`, () => {
      beforeEach(() => {
        for (const each of [own, path.join(own, 'secret')]) fs.chownSync(each, uid, uid);
      });
      it.each(
        Object.keys(WRITERS).flatMap((writer) => Object.keys(PLANTED).map((planted) => [planted, writer] as const)),
      )('%s in the place of %s: refused, and everything is as it was', (planted, writer) => {
        PLANTED[planted]!(name());
        fs.lchownSync(name(), PLANTER, PLANTER);
        const before = picture();
        as(uid, () => {
          expect(() => WRITERS[writer]!(name())).toThrow(UsageError);
          expect(() => WRITERS[writer]!(name())).toThrow(name());
        });
        expect(picture()).toEqual(before);
      });

      it.each(Object.keys(WRITERS))(
        '%s, through a link in the place of a folder: only where one may trust it',
        (writer) => {
          const [theirs, ours] = [path.join(shared, 'theirs'), path.join(shared, 'ours')];
          fs.symlinkSync(own, theirs);
          fs.lchownSync(theirs, PLANTER, PLANTER);
          fs.symlinkSync('theirs/../own', ours);
          fs.lchownSync(ours, uid, uid);
          const before = picture();
          as(uid, () => {
            for (const folder of [theirs, ours, path.join(ours, 'new'), path.join(shared, 'no', '..', 'theirs')])
              expect(() => WRITERS[writer]!(path.join(folder, 'report'))).toThrow(
                `${theirs} is a symbolic link of daemon, and is not followed`,
              );
          });
          expect(picture()).toEqual(before);
          for (const owner of [uid, 0]) {
            fs.lchownSync(theirs, owner, owner);
            as(uid, () => WRITERS[writer]!(path.join(ours, 'report')));
            expect(fs.readdirSync(own)).toEqual(['report', 'secret']);
            fs.rmSync(path.join(own, 'report'), { recursive: true });
          }
        },
      );
    });

  it.each(Object.keys(WRITERS))('%s: where nothing is it is made, whatever umask says for its owner only', (writer) => {
    const before = process.umask(0);
    try {
      WRITERS[writer]!(name());
    } finally {
      process.umask(before);
    }
    const made = fs.lstatSync(name());
    expect((made.mode & 0o7777).toString(8)).toBe(made.isDirectory() ? '700' : '600');
    if (made.isDirectory())
      for (const part of fs.readdirSync(name()))
        expect((fs.lstatSync(path.join(name(), part)).mode & 0o7777).toString(8)).toBe('600');
  });

  it('a device of our own is none to be replaced either', () => {
    PLANTED['a device']!(name());
    const before = picture();
    for (const overwrite of [false, true])
      expect(() => whole(overwrite)(name())).toThrow(
        `cannot write ${name()}: it is a device, no file; choose another name`,
      );
    expect(picture()).toEqual(before);
  });
});

describeKernel('the real program, with umask 0 and without any capability but those it needs', () => {
  let home: string;
  let terminal: TestTerminal | undefined;
  beforeEach(() => {
    home = path.join(shared, 'home');
    fs.mkdirSync(home);
    fs.chownSync(home, NOBODY, NOBODY);
  });
  afterEach(() => terminal?.kill());

  /** The command that runs it in the folder of who runs it. */
  const command = (...args: string[]): [string, string[]] => {
    const [first, ...rest] = [
      ...withCapabilities('bpf', 'perfmon'),
      ...['sh', '-c', 'umask 0; cd "$HOME"; exec "$@"', '-', process.execPath, PROGRAM, ...args],
    ];
    return [first!, rest];
  };
  const env = () => ({ ...NO_HOME, HOME: home, XDG_CONFIG_HOME: path.join(home, 'config') });
  /** Whatever was made: its path from there, its mode. */
  const made = () => {
    const entries = fs.readdirSync(home, { recursive: true, withFileTypes: true });
    return entries.map((entry) => {
      const at = path.join(entry.parentPath, entry.name);
      const { mode, uid } = fs.lstatSync(at);
      expect(uid).toBe(NOBODY);
      expect(`${at} ${(mode & 0o7777).toString(8)}`).toBe(`${at} ${entry.isDirectory() ? '700' : '600'}`);
      return path
        .relative(home, at)
        .replace(/host=[^/]+/, 'host=HOST')
        .replace(/date=[^/]+/, 'DAY')
        .replace(/hour=\d+/, 'HOUR')
        .replace(/[^/]+\.parquet$/, 'FILE')
        .replace(/\d{8}[T-]\d+Z?/, 'WHEN');
    });
  };

  it.each<[string, string[], string[]]>([
    ['dump, table', ['dump', 'task', '-o', 'a'], ['a']],
    ['dump, csv', ['dump', 'task', '-f', 'csv', '-o', 'a'], ['a']],
    ['dump, json', ['dump', 'task', '-f', 'json', '-o', 'a'], ['a']],
    ['dump, ndjson', ['dump', 'task', '-f', 'ndjson', '-o', 'a'], ['a']],
    ['dump, parquet', ['dump', 'task', '-f', 'parquet', '-o', 'a'], ['a']],
    [
      'dump, a dataset',
      ['dump', 'task', '--dataset', 'd'],
      [
        'd',
        'd/template=task',
        'd/template=task/host=HOST',
        'd/template=task/host=HOST/DAY',
        'd/template=task/host=HOST/DAY/HOUR',
        'd/template=task/host=HOST/DAY/HOUR/FILE',
      ],
    ],
    ['record', ['record', 'task', '-n', '1', '-o', 'a.itertop'], ['a.itertop']],
    ['record, a name of its own', ['record', 'task', '-n', '1'], ['itertop-task-WHEN.itertop']],
    [
      'record, parts',
      ['record', 'task', '-n', '1', '--retain', '1M,1h', '-o', 'a/b'],
      ['a', 'a/b', 'a/b/task-WHEN.itertop'],
    ],
    ['a template to start from', ['templates', '--new', 'mine', '--target', 'task', '-o', 'a.yaml'], ['a.yaml']],
    ['what only shows writes nothing', ['dump', 'tcp'], []],
    ['nor does the doctor', ['doctor'], []],
  ])('%s', (_, args, expected) => {
    const [first, rest] = command(...args);
    execFileSync(first, rest, {
      env: { ...process.env, ...env() },
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 60_000,
    });
    expect(made().sort()).toEqual(expected);
  });

  it.each<[string, [keys: string, then: RegExp][], string[]]>([
    [
      'e exports',
      [
        ['e', /Export to a file/],
        [`${KEY.ctrlU}a.csv${KEY.enter}`, /rows? written/],
      ],
      ['a.csv'],
    ],
    [
      'R records',
      [
        ['R', /REC [\d.]+K/],
        ['R', /recorded in/],
      ],
      ['itertop-task-WHEN.itertop'],
    ],
    ['W saves the settings', [['W', /saved in/]], ['config', 'config/itertop', 'config/itertop/settings.yaml']],
    [
      's in the columns saves a template',
      [
        ['c', /SHOWN COLUMN/],
        ['s', /task_mine/],
        [KEY.enter, /saved as task_mine/],
      ],
      ['config', 'config/itertop', 'config/itertop/templates', 'config/itertop/templates/task_mine.yaml'],
    ],
    [
      'looking at everything writes nothing',
      [
        ['d', /task_struct|Structure/],
        [KEY.escape, /PID/],
        ['p', /bytecode/i],
        [KEY.escape, /PID/],
      ],
      [],
    ],
  ])('%s', async (_, steps, expected) => {
    const [first, rest] = command('task', '-p', String(process.pid), '-d', '0.5');
    terminal = new TestTerminal(first, rest, { cols: 100, rows: 30, env: env() });
    await terminal.waitFor(/1 row/);
    for (const [keys, then] of steps) {
      terminal.type(keys);
      await terminal.waitFor(then);
    }
    terminal.type(KEY.ctrlC);
    await terminal.exited;
    expect(made().sort()).toEqual(expected);
  });
});
