/** What works with which capabilities, by really dropping the others, for a user that owns nothing. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Attr, bpf, type OwnedFd } from '../../src/bpf/syscall.ts';
import { MAP, map, put } from '../support/bpf.ts';
import { Child } from '../support/child.ts';
import { describeKernel, PROGRAM } from '../support/kernel.ts';
import { FLOW, flowKey, flowTypes, flowValue } from '../support/maps.ts';
import { fdinfo } from '../support/proc.ts';
import { ends, itertopWith, NO_HOME, withCapabilities } from '../support/unprivileged.ts';
import { KEY, TestTerminal } from '../terminal/terminal.ts';

// The program is started again and again, on machines that do other things as well.
vi.setConfig({ testTimeout: 180_000 });

interface Check {
  readonly name: string;
  readonly verdict: string;
  readonly found: string;
}

const doctor = (capabilities: readonly string[]): { mainJob: boolean; checks: Check[] } =>
  JSON.parse(itertopWith(capabilities, 'doctor', '--json').stdout);
const of = (checks: readonly Check[], kind: string) => checks.filter((c) => c.name.startsWith(kind));
const names = (checks: readonly Check[]) => checks.map((c) => c.name);

describeKernel('nothing can be loaded', () => {
  it.each<[string, string[], string[], string[]]>([
    ['no capability at all', [], ['CAP_BPF', 'CAP_PERFMON'], []],
    ['CAP_BPF alone', ['bpf'], ['CAP_PERFMON'], []],
    ['CAP_PERFMON alone', ['perfmon'], ['CAP_BPF'], []],
    [
      'what other tools ask for',
      ['net_admin', 'sys_ptrace', 'dac_read_search', 'syslog'],
      ['CAP_BPF', 'CAP_PERFMON'],
      [],
    ],
    ['root of a user namespace', [], ['user namespace'], ['unshare', '-Ur']],
    ['the same with every capability of it', ['bpf', 'perfmon'], ['user namespace'], ['unshare', '-Ur']],
  ])('%s: each command says what is missing, and what helps', (_, capabilities, missing, through) => {
    const itertop = (...args: string[]) =>
      ends([...withCapabilities(...capabilities), ...through, process.execPath, PROGRAM, ...args]);
    const report = JSON.parse(itertop('doctor', '--json').stdout) as { mainJob: boolean; checks: Check[] };
    expect(report.mainJob).toBe(false);
    expect(names(report.checks.filter((c) => c.verdict === 'failed'))).toEqual(missing);
    const lacks = missing.map((what) => (what === 'user namespace' ? 'host capabilities' : what));
    for (const args of [['dump', 'tcp'], ['task'], ['record', 'task', '-o', '/tmp/never.itertop', '-n', '1']]) {
      const { status, stdout, stderr } = itertop(...args);
      expect([status, stdout]).toEqual([3, '']);
      const [first, ...rest] = stderr.split('\n');
      expect(first).toBe(
        `itertop: BPF_${missing.includes('CAP_BPF') || through.length > 0 ? 'MAP_CREATE' : 'PROG_LOAD'}: EPERM (1): not permitted; CAP_BPF and CAP_PERFMON are needed (or root)`,
      );
      expect(
        rest.filter((line) => line.startsWith('missing ')).map((line) => /^missing ([^:]+):/.exec(line)![1]),
      ).toEqual(lacks);
      expect(rest.join('\n')).toContain(
        through.length > 0 ? 'start it on the host' : 'sudo setcap cap_bpf,cap_perfmon=ep',
      );
    }
    expect(fs.existsSync('/tmp/never.itertop')).toBe(false);
  });

  it('where a policy forbids it, as the seccomp filter of a container does, capabilities are not asked for', async () => {
    await using child = await Child.start();
    const { status, stderr } = await child.run(
      ({ libc, node, kept }, [bpf, ...command]: [number, ...string[]]) => {
        // struct sock_filter { u16 code; u8 jt, jf; u32 k }: load the number; is it bpf? EPERM : allow.
        const filter = Buffer.alloc(32);
        for (const [at, [code, jt, jf, k]] of [
          [0x20, 0, 0, 0],
          [0x15, 0, 1, bpf],
          [0x06, 0, 0, 0x00050001],
          [0x06, 0, 0, 0x7fff0000],
        ].entries()) {
          filter.writeUInt16LE(code!, at * 8);
          filter.writeUInt8(jt!, at * 8 + 2);
          filter.writeUInt8(jf!, at * 8 + 3);
          filter.writeUInt32LE(k!, at * 8 + 4);
        }
        const program = Buffer.alloc(16);
        program.writeUInt16LE(4, 0);
        program.writeBigUInt64LE(kept.addressOf(filter), 8);
        libc('int prctl(int option, unsigned long a, void *b, unsigned long c, unsigned long d)')(22, 2, program, 0, 0);
        const { spawnSync } = node<typeof import('node:child_process')>('child_process');
        return spawnSync(command[0]!, command.slice(1), { encoding: 'utf8' });
      },
      [process.arch === 'x64' ? 321 : 280, process.execPath, PROGRAM, 'dump', 'task'] as [number, ...string[]],
    );
    expect([status, stderr]).toEqual([
      3,
      'itertop: BPF_MAP_CREATE: EPERM (1): not permitted although the capabilities are there: a policy of the kernel forbids it (lockdown, a security module, the seccomp filter of a container)\n',
    ]);
  });

  it('all that needs no program does work', () => {
    for (const args of [
      ['--version'],
      ['help'],
      ['templates'],
      ['templates', 'tcp', '--plan'],
      ['templates', 'check', 'task'],
    ])
      expect(itertopWith([], ...args), args.join(' ')).toMatchObject({ status: 0, stderr: '' });
    const sample = new URL('../../examples/recordings/sample.itertop', import.meta.url).pathname;
    expect(itertopWith([], 'dump', '--replay', sample, '-f', 'csv')).toMatchObject({ status: 0, stderr: '' });
  });
});

/** Columns that take more than CAP_BPF and CAP_PERFMON, with what they take and the words where it is not there. */
const DEARER: Readonly<Record<string, string>> = {
  'column bpf_prog.runs': 'BPF_ENABLE_STATS: EPERM (1): not permitted; CAP_SYS_ADMIN is needed',
  'column bpf_prog.run_time': 'BPF_ENABLE_STATS: EPERM (1): not permitted; CAP_SYS_ADMIN is needed',
};

describeKernel('CAP_BPF and CAP_PERFMON', () => {
  let root: { mainJob: boolean; checks: Check[] };
  let other: Child;
  let netns: string;
  beforeAll(async () => {
    root = JSON.parse(ends([process.execPath, PROGRAM, 'doctor', '--json']).stdout);
    other = await Child.start({ through: ['unshare', '-n'], argv0: 'a secret of root' });
    netns = String(fs.statSync(`/proc/${other.pid}/ns/net`).ino);
  });
  afterAll(() => other.end());

  it('every table is loaded and read, every column is there that root has but those that take more', () => {
    const few = doctor(['bpf', 'perfmon']);
    expect(few.mainJob).toBe(true);
    const loaded = (checks: readonly Check[]) => of(checks, 'target ').map(({ name, verdict }) => `${name} ${verdict}`);
    expect(loaded(few.checks)).toEqual(loaded(root.checks));
    const absent = of(few.checks, 'column ').filter((c) => !names(root.checks).includes(c.name));
    expect(Object.fromEntries(absent.map(({ name, found }) => [name, found]))).toEqual(DEARER);
  });

  it.each<[string[], string[]]>([
    [['bpf', 'perfmon', 'sys_admin'], []],
    [['sys_admin'], []],
    [['bpf', 'perfmon', 'sys_ptrace', 'net_admin', 'dac_read_search', 'syslog'], Object.keys(DEARER)],
  ])('with %j lacks %j', (capabilities, lacking) => {
    const { mainJob, checks } = doctor(capabilities);
    expect(mainJob).toBe(true);
    const absent = of(checks, 'column ').filter((c) => !names(root.checks).includes(c.name));
    expect(names(absent)).toEqual(lacking);
  });

  it('processes of root are shown whole: command line, executable, working directory, files, the struct itself', () => {
    const dump = (...args: string[]) => {
      const { status, stdout, stderr } = itertopWith(['bpf', 'perfmon'], 'dump', ...args, '--pid', String(other.pid));
      expect([status, stderr]).toEqual([0, '']);
      return stdout;
    };
    const [row] = JSON.parse(dump('task', '-f', 'json', '-c', 'pid,user,cmdline,exe,cwd')).rows;
    expect(row).toMatchObject({ pid: other.pid, user: 0, exe: process.execPath, cwd: process.cwd() });
    expect(row.cmdline).toMatch(/child-main\.mjs/);
    const { rows } = JSON.parse(dump('task_file', '-f', 'json', '-c', 'fd,name'));
    expect(rows.length).toBe(fs.readdirSync(`/proc/${other.pid}/fd`).length);
    expect(dump('task', '--struct')).toContain(`.tgid = (pid_t)${other.pid},`);
  });

  it.each<[string, string[], boolean]>([
    ['nothing more', [], false],
    ['CAP_SYS_PTRACE', ['sys_ptrace'], false],
    ['CAP_SYS_ADMIN', ['sys_admin'], false],
    ['CAP_NET_ADMIN', ['net_admin'], false],
    ['CAP_SYS_ADMIN and CAP_SYS_PTRACE', ['sys_admin', 'sys_ptrace'], true],
  ])(
    'and %s: the network namespaces of other users are entered, or it is said how many are not',
    (_, more, entered) => {
      const capabilities = ['bpf', 'perfmon', ...more];
      const all = itertopWith(capabilities, 'dump', 'ipv6_route');
      expect(all.status).toBe(0);
      const some = /^itertop .* (\d+) of (\d+) netns \(root sees all\) \[link\]/.exec(all.stdout);
      expect(some !== null).toBe(!entered);
      if (!entered) expect(Number(some![2])).toBeGreaterThan(Number(some![1]));
      const one = itertopWith(capabilities, 'dump', 'ipv6_route', '--netns', netns);
      if (entered) expect(one).toMatchObject({ status: 0, stderr: '' });
      else
        expect(one).toEqual({
          status: 2,
          stdout: '',
          stderr: `itertop: netns: ${netns} may not be entered: another network namespace takes CAP_SYS_ADMIN and CAP_SYS_PTRACE (sudo itertop has them)\n`,
        });
      expect(itertopWith(capabilities, 'dump', 'ipv6_route', '--netns', 'self').stdout).not.toContain('netns');
      const found = doctor(capabilities).checks.find((c) => c.name === 'netns')!;
      expect(found.verdict).toBe(entered ? 'ok' : 'warning');
    },
  );
});

describeKernel('CAP_BPF and CAP_PERFMON in the explorer', () => {
  it('the program that reads is shown with what the verifier and the kernel say of it', async () => {
    const [first, ...rest] = [...withCapabilities('bpf', 'perfmon'), process.execPath, PROGRAM, 'task', '-d', '0.5'];
    const terminal = new TestTerminal(first!, rest, { cols: 120, rows: 40, env: NO_HOME });
    try {
      await terminal.waitFor(/\d+ rows?/, 'the table', 60_000);
      for (const [keys, then] of [
        ['p', /bytecode/i],
        [KEY.tab, /accepted: every path ends/],
        [KEY.tab, /offset size type/],
        [KEY.tab, /program \d+ +itertop_task +tag [0-9a-f]{16}/],
      ] as const) {
        terminal.type(keys);
        await terminal.waitFor(then, String(then), 60_000);
      }
    } finally {
      terminal.kill();
      await terminal.exited;
    }
  }, 120_000);
});

describeKernel('the elements of maps', () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-caps-'));
  const at = path.join(dir, 'open', 'flows');
  const hidden = path.join(dir, 'closed', 'flows');
  const held: OwnedFd[] = [];
  let id = '';
  beforeAll(() => {
    execFileSync('mount', ['-t', 'bpf', '-o', 'mode=755', 'bpf', dir]);
    fs.mkdirSync(path.join(dir, 'open'), { mode: 0o755 });
    fs.mkdirSync(path.join(dir, 'closed'), { mode: 0o700 });
    const btf = flowTypes();
    const flows = map({
      type: MAP.hash,
      name: 't_flows',
      keySize: FLOW.key,
      valueSize: FLOW.value,
      maxEntries: 9,
      btf,
    });
    held.push(flows, btf.fd);
    put(flows, flowKey(1), flowValue({ packets: 77n }));
    for (const place of [at, hidden])
      bpf('BPF_OBJ_PIN', new Attr(16).pointer(0, Buffer.from(`${place}\0`)).u32(8, flows.fd));
    fs.chmodSync(at, 0o644);
    id = fdinfo('self', flows.fd)['map_id']!;
  });
  afterAll(() => {
    for (const fd of held) fd.close();
    execFileSync('umount', [dir]);
    fs.rmdirSync(dir);
  });

  const members = ['dump', 'bpf_map_elem', '-f', 'json', '-c', 'packets'];
  const bytes = ['dump', 'bpf_map_elem', '-f', 'json', '-c', 'n=bytes(value, 0, u64)'];
  const refusedById = (command: string) =>
    new RegExp(
      `^itertop: BPF_MAP_GET_${command}: EPERM \\(1\\): maps are opened by their id only with CAP_SYS_ADMIN \\(or root\\); a pinned one by its path\\n$`,
    );
  it.each<[string, string[], string[], () => string, number, RegExp]>([
    ['by id with CAP_SYS_ADMIN', ['bpf', 'perfmon', 'sys_admin'], members, () => id, 0, /"packets":\s*77\b/],
    ['by name with CAP_SYS_ADMIN', ['bpf', 'perfmon', 'sys_admin'], members, () => 't_flows', 0, /"packets":\s*77\b/],
    ['by id without', ['bpf', 'perfmon'], members, () => id, 3, refusedById('FD_BY_ID')],
    ['by name without', ['bpf', 'perfmon'], members, () => 't_flows', 3, refusedById('NEXT_ID')],
    ['by the path of a file that may be read', ['bpf', 'perfmon'], bytes, () => at, 0, /"n":\s*77\b/],
    ['the same without any capability', [], bytes, () => at, 0, /"n":\s*77\b/],
    [
      'its members then',
      ['bpf', 'perfmon'],
      members,
      () => at,
      2,
      /^itertop: map \d+ t_flows: keys and values as bytes, as its BTF tells .* CAP_SYS_ADMIN .*\n.*no column "packets"/,
    ],
    [
      'by the path of a file that may not',
      ['bpf', 'perfmon'],
      bytes,
      () => hidden,
      3,
      /^itertop: BPF_OBJ_GET: EACCES \(13\): .*\/closed\/flows cannot be opened/,
    ],
    ['the same with CAP_DAC_READ_SEARCH', ['bpf', 'perfmon', 'dac_read_search'], bytes, () => hidden, 0, /"n":\s*77\b/],
  ])('%s', (_, capabilities, args, name, status, words) => {
    const ended = itertopWith(capabilities, ...args, '--map', name());
    expect([ended.status, status === 0 ? ended.stdout : ended.stderr]).toEqual([status, expect.stringMatching(words)]);
  });

  it.each<[string, string[], string]>([
    ['what may be looked at', ['bpf', 'perfmon'], at],
    ['everything', ['bpf', 'perfmon', 'dac_read_search'], `${hidden}, ${at}`],
  ])('where it is pinned: %s', (_, capabilities, expected) => {
    const { stdout } = itertopWith(
      capabilities,
      'dump',
      'bpf_map',
      '-c',
      'id,pinned',
      '-w',
      `id == ${id}`,
      '-f',
      'json',
    );
    expect(JSON.parse(stdout).rows[0].pinned).toBe(expected);
  });
});
