/** What is taken from the surroundings: settings and templates, modules, the environment. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { installedIn } from '../../src/bpf/native.ts';
import { describeKernel, PROGRAM, root } from '../support/kernel.ts';
import { ends, NO_HOME, withCapabilities } from '../support/unprivileged.ts';
import { KEY, TestTerminal } from '../terminal/terminal.ts';

// The program is started again and again, on machines that do other things as well.
vi.setConfig({ testTimeout: 180_000 });

/** Neither root nor nobody. */
const STRANGER = 1;
const REPOSITORY = new URL('../..', import.meta.url).pathname;

describe.skipIf(!root)('settings and templates that lie where ours would (needs root)', () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-config-'));
  const folder = path.join(home, 'itertop');
  const settings = path.join(folder, 'settings.yaml');
  const template = path.join(folder, 'templates/strange.yaml');
  const files = [folder, path.dirname(template), settings, template];
  beforeEach(() => {
    fs.mkdirSync(path.dirname(template), { recursive: true });
    fs.writeFileSync(settings, 'template: strange\n', { mode: 0o644 });
    fs.writeFileSync(template, 'name: strange\nhelp: x\ntarget: task\ncolumns: [{ name: pid, from: task->tgid }]\n');
    for (const file of files) {
      fs.chmodSync(file, 0o755);
      fs.chownSync(file, 0, 0);
    }
  });
  afterAll(() => fs.rmSync(home, { recursive: true }));

  const itertop = (env: Record<string, string>, ...args: string[]) =>
    ends([process.execPath, PROGRAM, ...args], { XDG_CONFIG_HOME: home, SUDO_UID: '', ...env });
  const listed = (env: Record<string, string> = {}) => itertop(env, 'templates');

  it.each<[string, () => void, Record<string, string>, string]>([
    ['our own', () => {}, {}, ''],
    ['of who says sudo', () => fs.chownSync(template, STRANGER, 0), { SUDO_UID: String(STRANGER) }, ''],
    [
      "a stranger's",
      () => fs.chownSync(template, STRANGER, 0),
      {},
      'it is not read: it belongs to daemon, not to root',
    ],
    [
      "a stranger's, for another who says sudo",
      () => fs.chownSync(template, STRANGER, 0),
      { SUDO_UID: '2' },
      'it is not read: it belongs to daemon, not to root',
    ],
    [
      'written to by anybody',
      () => fs.chmodSync(template, 0o666),
      {},
      'it is not read: anybody may write to it (chmod o-w)',
    ],
  ])('a template: %s', (_, change, env, refused) => {
    change();
    const { status, stdout, stderr } = listed(env);
    expect([status, stderr]).toEqual([0, refused === '' ? '' : `itertop: ${template}: ${refused}\n`]);
    expect(/^strange /m.test(stdout)).toBe(refused === '');
  });

  it("a stranger's is read where somebody names it: it is data, and runs nothing", () => {
    fs.chownSync(template, STRANGER, 0);
    expect(itertop({ XDG_CONFIG_HOME: '/nonexistent' }, 'templates', 'strange', '-t', template)).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  it.each<[string, () => void, string]>([
    ["a stranger's", () => fs.chownSync(settings, STRANGER, 0), 'it is not read: it belongs to daemon, not to root'],
    [
      'written to by anybody',
      () => fs.chmodSync(settings, 0o646),
      'it is not read: anybody may write to it (chmod o-w)',
    ],
  ])('settings: %s: left alone, said, and not written', (_, change, words) => {
    change();
    const { stdout, stderr } = itertop({}, '--plain', '-n', '1');
    expect(stderr).toContain(`${settings}: ${words}`);
    expect(stdout).not.toContain('strange');
    expect(fs.readFileSync(settings, 'utf8')).toBe('template: strange\n');
  });
});

describe('modules', () => {
  it.each([
    ['/opt/itertop/dist/itertop.js', '/opt/itertop'],
    ['/usr/src/itertop/src/bpf/native.ts', '/usr/src/itertop'],
    ['/home/u/dist/itertop/src/bpf/native.ts', '/home/u/dist/itertop'],
    ['/usr/lib/node_modules/itertop/dist/worker.js', '/usr/lib'],
    ['/a/node_modules/.pnpm/itertop@1/node_modules/itertop/dist/bpf.js', '/a'],
    ['/dist/itertop.js', ''],
    ['/itertop.js', '/'],
  ])('%s is installed in %j', (file, folder) => {
    expect(installedIn(file)).toBe(folder);
  });

  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-modules-'));
  const evil = "require('node:fs').writeFileSync(process.env.HOME + '/taken', ''); module.exports = {};";
  beforeAll(() => {
    for (const folder of ['node_modules/koffi', '.node_modules/koffi']) {
      fs.mkdirSync(path.join(home, folder), { recursive: true });
      fs.writeFileSync(path.join(home, folder, 'index.js'), evil);
    }
    fs.cpSync(path.join(REPOSITORY, 'dist'), path.join(home, 'itertop/dist'), {
      recursive: true,
      filter: (file) => !file.includes('/dist/bin'),
    });
  });
  afterAll(() => fs.rmSync(home, { recursive: true }));

  it.each<[string, Record<string, string>]>([
    ['above the program', {}],
    ['of NODE_PATH', { NODE_PATH: path.join(home, 'node_modules') }],
    ['of HOME', {}],
  ])('%s are not loaded in the place of those that belong to it', (where, env) => {
    if (where === 'of HOME') fs.rmSync(path.join(home, 'node_modules'), { recursive: true });
    const program = path.join(home, 'itertop/dist/itertop.js');
    const { stderr } = ends([process.execPath, program, 'dump', 'task'], { HOME: home, ...env });
    expect(stderr).toMatch(/koffi is not installed in .*\/itertop, and that of .*node_modules is not loaded/);
    expect(fs.existsSync(path.join(home, 'taken'))).toBe(false);
  });
});

describeKernel('the script of SECURITY.md', () => {
  it('gives whoever says sudo the two capabilities, and nothing else of root', () => {
    const page = fs.readFileSync(path.join(REPOSITORY, 'SECURITY.md'), 'utf8');
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-sudo-'));
    try {
      fs.chmodSync(folder, 0o777);
      const program = path.join(folder, 'itertop');
      fs.writeFileSync(program, `#!/bin/sh\nexec ${process.execPath} ${PROGRAM} "$@"\n`, { mode: 0o755 });
      const script = /^```sh\n(.*?)^```/ms.exec(page)![1]!.replace('/usr/local/bin/itertop', program);
      fs.writeFileSync(path.join(folder, 'caps'), script, { mode: 0o755 });
      const env = { SUDO_UID: '65534', SUDO_GID: '65534' };
      const at = path.join(folder, 'a.json');
      const dump = ['dump', 'task', '-f', 'json', '-c', 'pid,user,cmdline', '-o', at];
      expect(ends([path.join(folder, 'caps'), ...dump], env)).toMatchObject({ status: 0, stderr: '' });
      expect(fs.statSync(at)).toMatchObject({ uid: 65534, gid: 65534 });
      expect(JSON.parse(fs.readFileSync(at, 'utf8')).rows.length).toBeGreaterThan(3);
      fs.writeFileSync(program, '#!/bin/sh\ngrep ^Cap /proc/self/status\n');
      const sets = Object.fromEntries(
        [...ends([path.join(folder, 'caps')], env).stdout.matchAll(/^Cap(\w+):\t0*(\w+)$/gm)].map(([, set, bits]) => [
          set,
          bits,
        ]),
      );
      const both = ((1n << 38n) | (1n << 39n)).toString(16);
      expect(sets).toEqual({ Inh: both, Prm: both, Eff: both, Bnd: both, Amb: both });
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});

const setcap = spawnSync('setcap', ['-h']).error === undefined;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-setcap-'));
const nosuid = /\bnosuid\b/.test(
  spawnSync('findmnt', ['-no', 'OPTIONS', '-T', folder], { encoding: 'utf8' }).stdout ?? '',
);

describeKernel('a copy of Node that has the capabilities', () => {
  const node = path.join(folder, 'node');
  beforeAll(() => {
    fs.chmodSync(folder, 0o777);
    fs.copyFileSync(process.execPath, node);
    if (setcap) execFileSync('setcap', ['cap_bpf,cap_perfmon=ep', node]);
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  /** As from a shell: whatever capabilities who starts it had are gone with a program in between. */
  const shell = [...withCapabilities('bpf', 'perfmon').filter((word) => !/inh|ambient/.test(word)), 'env'];

  it.skipIf(!setcap || nosuid)('is enough, for somebody who has none', () => {
    const at = path.join(folder, 'a.json');
    expect(ends([...shell, process.execPath, PROGRAM, 'dump', 'task'])).toMatchObject({ status: 3 });
    const dump = ['dump', 'task', '-c', 'pid,rss,cmdline,exe', '-f', 'json', '-o', at];
    expect(ends([...shell, node, PROGRAM, ...dump])).toMatchObject({ status: 0, stderr: '' });
    const { rows } = JSON.parse(fs.readFileSync(at, 'utf8')) as { rows: { pid: number; exe: string }[] };
    expect(rows.find((row) => row.pid === process.pid)?.exe).toBe(process.execPath);
    expect(ends([...shell, node, PROGRAM, 'doctor'])).toMatchObject({ status: 0 });
  });

  it.skipIf(!setcap || nosuid)(
    'shows all in the explorer',
    async () => {
      const [first, ...rest] = [...shell, node, PROGRAM, 'task', '--pid', String(process.pid), '-d', '0.5'];
      const terminal = new TestTerminal(first!, rest, { cols: 120, rows: 40, env: NO_HOME });
      try {
        await terminal.waitFor(/1 row/, 'the table', 60_000);
        for (const [keys, then] of [
          ['d', /Structure/],
          [KEY.tab, /struct task_struct/],
          [KEY.escape, /^ *PID/m],
          [`:bpf_map name == itertop_globals${KEY.enter}`, /itertop_globals/],
          [`:ipv6_route${KEY.enter}`, /^ipv6_route/m],
        ] as const) {
          terminal.type(keys);
          await terminal.waitFor(then, String(then), 60_000);
        }
      } finally {
        terminal.kill();
        await terminal.exited;
      }
    },
    120_000,
  );

  const packed = path.join(REPOSITORY, `dist/bin/itertop-linux-${process.arch}`);
  it.skipIf(!setcap || nosuid || !fs.existsSync(packed))('and so is the single executable', () => {
    const program = path.join(folder, 'itertop');
    fs.copyFileSync(packed, program);
    execFileSync('setcap', ['cap_bpf,cap_perfmon=ep', program]);
    expect(ends([...shell, program, 'dump', 'tcp'])).toMatchObject({ status: 0, stderr: '' });
    expect(ends([...shell, program, 'doctor'])).toMatchObject({ status: 0 });
  });

  it.skipIf(!setcap || nosuid)('does not heed what the environment would have it load', () => {
    const script = path.join(folder, 'evil.cjs');
    fs.writeFileSync(script, `require('node:fs').writeFileSync(${JSON.stringify(path.join(folder, 'taken'))}, '');`);
    const env = { ...NO_HOME, NODE_OPTIONS: `--require ${script}`, LD_PRELOAD: '/nonexistent/evil.so' };
    const set = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const run = (...command: string[]) => ends([...shell, ...set, ...command]);
    expect(run(node, PROGRAM, 'dump', 'task', '-c', 'pid')).toMatchObject({ status: 0, stderr: '' });
    expect(fs.existsSync(path.join(folder, 'taken'))).toBe(false);
    // The same Node without capabilities does: what is tested is told apart.
    expect(run(process.execPath, PROGRAM, '--version').stderr).toContain('/nonexistent/evil.so');
    expect(fs.existsSync(path.join(folder, 'taken'))).toBe(true);
  });
});
