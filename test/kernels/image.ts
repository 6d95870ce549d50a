/**
 * The disks of a guest. The first has a Debian with the tools that the tests compare with, and node_modules: it is made
 * once and kept. The second has this repository with what was built of it, made for each run.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BUNDLES, bundle } from './bundle.ts';
import { foreignModules } from './foreign-modules.ts';
import { type Suite, unpack } from './packages.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const TOOLS = [
  ...['bash', 'coreutils', 'findutils', 'grep', 'sed', 'util-linux', 'mount', 'tar', 'ncurses-base', 'base-passwd'],
  ...['procps', 'iproute2', 'lsof', 'bpftool', 'libstdc++6', 'libatomic1'],
];
/** Of node_modules, what nothing in a guest runs. */
const NOT_NEEDED =
  /^(typescript|@typescript|@biomejs|@types|@?esbuild|@rolldown|rolldown|vite|lightningcss.*|es-toolkit|node-bin-.*|\..*)$/;
const HEADROOM = 1.25;

const sum = (of: unknown) => createHash('sha256').update(JSON.stringify(of)).digest('hex');

/** The disk with the tools, for this architecture. */
export function rootDisk(suite: Suite, cache: string): string {
  const packages = suite.take(`root-${sum(TOOLS).slice(0, 8)}`, (apt) => apt.withDependencies(TOOLS));
  const key = createHash('sha256')
    .update(JSON.stringify(packages.map((p) => p.sha256)))
    .update(fs.readFileSync(path.join(ROOT, 'package-lock.json')))
    .update(fs.readFileSync(new URL(import.meta.url)))
    .digest('hex')
    .slice(0, 16);
  const disk = path.join(cache, `root-${suite.arch}-${key}.ext4`);
  if (fs.existsSync(disk)) return disk;
  for (const old of fs.readdirSync(cache))
    if (old.startsWith(`root-${suite.arch}-`) && old.endsWith('.ext4')) fs.rmSync(path.join(cache, old));
  const files = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-root-'));
  for (const dir of [
    'proc',
    'sys',
    'dev',
    'tmp',
    'run',
    'repo',
    'root',
    'etc',
    'usr/bin',
    'usr/sbin',
    'usr/lib',
    'usr/lib64',
  ])
    fs.mkdirSync(path.join(files, dir), { recursive: true });
  for (const dir of ['bin', 'sbin', 'lib', 'lib64']) fs.symlinkSync(`usr/${dir}`, path.join(files, dir));
  for (const { file } of packages) unpack(file, files);
  fs.symlinkSync('bash', path.join(files, 'usr/bin/sh'));
  for (const name of ['passwd', 'group'])
    fs.copyFileSync(path.join(files, 'usr/share/base-passwd', `${name}.master`), path.join(files, 'etc', name));
  fs.writeFileSync(path.join(files, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n');
  for (const dir of ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/info'])
    fs.rmSync(path.join(files, dir), { recursive: true, force: true });
  copyModules(path.join(files, 'node_modules'), suite.arch, cache);
  makeDisk(files, disk);
  fs.rmSync(files, { recursive: true });
  return disk;
}

function copyModules(into: string, arch: string, cache: string): void {
  const from = path.join(ROOT, 'node_modules');
  fs.mkdirSync(into);
  const wanted = (folder: string) => !NOT_NEEDED.test(folder);
  const folders = fs.readdirSync(from).filter(wanted);
  execFileSync('cp', ['-a', '--reflink=auto', ...folders.map((name) => path.join(from, name)), into]);
  const own = process.arch === 'x64' ? 'amd64' : process.arch;
  if (arch !== own) foreignModules(into, arch, cache, wanted);
}

/**
 * The disk with this repository: what git knows of, `dist` with the executable for this architecture, and what runs in
 * the guest, bundled.
 */
export async function repositoryDisk(
  disk: string,
  arch: string,
  steps: readonly string[],
  tests: readonly string[],
): Promise<void> {
  const files = `${disk}.files`;
  fs.mkdirSync(path.join(files, 'node_modules'), { recursive: true });
  const listed = execFileSync(
    'git',
    ['-c', 'safe.directory=*', '-C', ROOT, 'ls-files', '-co', '--exclude-standard', '-z'],
    {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    },
  );
  const list = listed.split('\0').filter((f) => f !== '' && fs.existsSync(path.join(ROOT, f)));
  const built = fs.readdirSync(path.join(ROOT, 'dist')).filter((name) => /\.(js|cache)$/.test(name));
  const executable = `bin/itertop-linux-${arch === 'amd64' ? 'x64' : arch}`;
  if (steps.includes('executable')) built.push(executable);
  list.push(...built.map((name) => `dist/${name}`));
  execFileSync('tar', ['-xC', files], {
    input: execFileSync('tar', ['-cC', ROOT, '--null', '-T', '-'], { input: list.join('\0'), maxBuffer: 1 << 29 }),
  });
  await bundle(['test/kernels/probe.ts', 'test/kernels/screen.ts', ...tests], files);
  for (const [name, lines] of Object.entries({ steps, tests }))
    fs.writeFileSync(path.join(files, BUNDLES, name), lines.map((line) => `${line}\n`).join(''));
  makeDisk(files, disk);
  fs.rmSync(files, { recursive: true });
}

function makeDisk(files: string, disk: string): void {
  const [used] = execFileSync('du', ['-sk', '--apparent-size', files], { encoding: 'utf8' }).split('\t');
  const size = Math.ceil(Number(used) * HEADROOM) + 64 * 1024;
  const made = `${disk}.${process.pid}`;
  execFileSync('/sbin/mkfs.ext4', ['-q', '-F', '-O', '^orphan_file,^metadata_csum', '-d', files, made, `${size}k`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  fs.renameSync(made, disk);
}
