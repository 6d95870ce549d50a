/** Files that are none, or far too large: each is refused in words, at once, and with no more memory than otherwise. */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readText } from '../../src/bpf/user-file.ts';
import { readBaseline } from '../../src/state/baseline.ts';
import { tcp } from '../../src/templates/builtin/tcp.ts';
import { FUZZ } from '../support/fuzz.ts';
import { OBEYED } from '../support/hostile-texts.ts';
import { describeKernel } from '../support/kernel.ts';
import { PROGRAM } from '../terminal/terminal.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-files-'));
const at = (name: string) => path.join(folder, name);
const server = net.createServer();
const MAGIC = Buffer.from('\x89itertop\x01\0\0\0\x01\0\0\0', 'latin1');

function sparse(name: string, bytes: number, head: Uint8Array | string = ''): void {
  fs.writeFileSync(at(name), head);
  fs.truncateSync(at(name), bytes);
}

const KINDS = [
  ...['pipe', 'folder', '/dev/zero', '/dev/null', '/dev/tty', 'socket', 'circle', 'nowhere', 'empty', 'binary'],
  ...['100M', '10G', '10G of magic', 'a\nb\x1b]0;x\x07', `long${'x'.repeat(300)}`, '/proc/self/mem', '/proc/kmsg'],
];
const fileOf = (kind: string) => (kind.startsWith('/') ? kind : at(kind));

beforeAll(async () => {
  execFileSync('mkfifo', [at('pipe')]);
  fs.mkdirSync(at('folder'));
  await new Promise<void>((resolve) => server.listen(at('socket'), resolve));
  fs.symlinkSync('circle', at('circle'));
  fs.symlinkSync('nothing', at('nowhere'));
  fs.writeFileSync(at('empty'), '');
  fs.writeFileSync(at('binary'), Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 197) & 0xff)));
  sparse('100M', 100 << 20);
  sparse('10G', 10 * 2 ** 30);
  sparse('10G of magic', 10 * 2 ** 30, MAGIC);
  fs.writeFileSync(at('a\nb\x1b]0;x\x07'), '\x1b[31m: [');
});
afterAll(() => {
  server.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** Runs the program; its memory in MiB is the most that it was seen to have. */
async function run(argv: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [PROGRAM, ...argv], {
    cwd: folder,
    env: { ...process.env, HOME: at('home'), XDG_CONFIG_HOME: at('home'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  let [said, memory] = ['', 0];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (data) => {
      if (said.length < 1e6) said += data;
    });
  const look = setInterval(() => {
    try {
      const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
      memory = Math.max(memory, Number(kilobytes ?? 0) >> 10);
    } catch {
      // It has ended.
    }
  }, 20);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(look);
  return { code, said, memory };
}

/** Commands that read a file; `%` is its name. What it has to say of a file that is none. */
const WAYS: readonly (readonly [way: string, argv: readonly string[], codes: readonly number[]])[] = [
  ['a template', ['templates', 'check', '-t', '%'], [1]],
  ['a recording', ['dump', '--replay', '%'], [1, 2]],
  ['a recording to go on with', ['record', 'task', '-n', '1', '--append', '-o', '%'], [1, 2]],
  ['BTF', ['templates', 'check', 'task', '--btf', '%'], [2]],
  ['a map', ['dump', 'bpf_map_elem', '--map', '%'], [1, 2, 3]],
];

describeKernel('a file that is none', () => {
  // A third of them in each run of the tests; those that once were waited for, or read to their end, always.
  const often = ['pipe', '/proc/kmsg', '10G of magic'];
  const cases = WAYS.flatMap(([way, argv, codes], i) =>
    KINDS.filter((kind, j) => FUZZ > 1 || (i + j) % 3 === 0 || often.includes(kind)).map((kind) => ({
      ...{ way, argv, kind },
      // A recording of nothing is one.
      codes: way.endsWith('go on with') && kind === '10G of magic' ? [0] : codes,
    })),
  );
  it.each(cases)('$kind as $way', { timeout: 120_000 }, async ({ way, argv, codes, kind }) => {
    // Where there is nothing a recording begins.
    if (way.endsWith('go on with') && ['nowhere'].includes(kind)) return;
    const { code, said, memory } = await run(argv.map((word) => (word === '%' ? fileOf(kind) : word)));
    expect(codes, said).toContain(code);
    if (code !== 0) expect(said).toMatch(/^itertop: .{10}/m);
    expect(said).not.toMatch(OBEYED);
    expect(said).not.toMatch(/^ +at .*:\d+:\d+|TypeError|RangeError/m);
    expect(memory).toBeLessThan(400);
  });

  it.each(KINDS)('%s as settings', { timeout: 120_000 }, async (kind) => {
    const home = fs.mkdtempSync(at('home-'));
    fs.mkdirSync(path.join(home, 'itertop'));
    const settings = path.join(home, 'itertop/settings.yaml');
    fs.symlinkSync(fileOf(kind), settings);
    const before = fs.readlinkSync(settings);
    const { code, said, memory } = await run(['--plain', '-n', '1'], { XDG_CONFIG_HOME: home });
    expect([0, 1, 2], said).toContain(code);
    if (!['nowhere', 'circle', 'empty', '/dev/null'].includes(kind) && !kind.startsWith('long'))
      expect(said).toMatch(/settings\.yaml/);
    expect(said).not.toMatch(OBEYED);
    expect(said).not.toMatch(/^ +at .*:\d+:\d+|TypeError|RangeError/m);
    expect(memory).toBeLessThan(400);
    expect(fs.readlinkSync(settings)).toBe(before);
  });
});

it.each(KINDS)('%s as a snapshot to compare with', (kind) => {
  expect(() => readBaseline(fileOf(kind), tcp)).toThrow(/^--baseline .*: .{10}/s);
});

it('reads a file that says nothing of its size, and one that is as large as may be', () => {
  expect(readText('/proc/self/status', 1 << 16, 'status')).toMatch(/^Name:/);
  fs.writeFileSync(at('full'), 'x'.repeat(5000));
  expect(readText(at('full'), 5000, 'file')).toHaveLength(5000);
  expect(() => readText(at('full'), 4999, 'file')).toThrow('it is larger than 4 KiB, which no file is');
});
