/**
 * `npm run build:bin [-- ARCH...]`: one executable for each architecture, dist/bin/itertop-linux-x64 and -arm64, that
 * runs on hosts without Node. It is Node's binary (elf.ts) with the bundles and koffi's native module in it.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import lock from '../package-lock.json' with { type: 'json' };
import { SAMPLES } from '../src/sample.ts';
import { Elf } from './elf.ts';

export const ARCHES = ['x64', 'arm64'] as const;
export type Arch = (typeof ARCHES)[number];

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export const executable = (arch: Arch) => path.join(ROOT, `dist/bin/itertop-linux-${arch}`);

const CACHES = ['program', 'reader', 'parquet-library', 'otlp-library'];

/** What the build made for src/bpf/bundle.ts. Code that V8 made here is for this architecture. */
const bundles = (arch: Arch) => [
  ...['worker.js', 'program.js', 'reader.js', 'parquet-library.js', 'otlp-library.js'],
  ...(arch === process.arch ? CACHES.map((name) => `${name}.cache`) : []),
];

/** What the executable has from npm's packages of that architecture. */
interface Parts {
  readonly node: string;
  readonly koffi: string;
}

/** Those of this machine are installed; others come from the registry, in the same versions. */
function partsFor(arch: Arch, folder: string): Parts {
  const native = `linux_${arch}/koffi.node`;
  if (arch === process.arch)
    return { node: process.execPath, koffi: path.join(ROOT, `node_modules/@koromix/koffi-linux-${arch}`, native) };
  const node = fetched(`node-linux-${arch}@${process.versions.node}`, folder);
  return {
    node: path.join(node, 'bin/node'),
    koffi: path.join(
      fetched(`@koromix/koffi-linux-${arch}@${lock.packages['node_modules/koffi'].version}`, folder),
      native,
    ),
  };
}

/** @returns the folder that the package was unpacked to; npm checks what it is */
function fetched(name: string, folder: string): string {
  const to = path.join(folder, name.replaceAll(/[^\w.]/g, '-'));
  fs.mkdirSync(to);
  execFileSync('npm', ['pack', '--silent', '--pack-destination', to, name], { stdio: ['ignore', 'ignore', 'inherit'] });
  execFileSync('tar', ['-xzf', fs.readdirSync(to)[0]], { cwd: to });
  return path.join(to, 'package');
}

/** What Node's package of that architecture has beside the binary. */
export function fetchedNode<T>(arch: Arch, use: (folder: string) => T): T {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-node-'));
  try {
    return use(fetched(`node-linux-${arch}@${process.versions.node}`, folder));
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

export interface Needs {
  /** Versions of the libraries, the lowest that will do. */
  readonly glibc: string;
  readonly libstdcxx: string;
}

/** What a host has to have, by the versions of symbols that are asked for. */
export function needs(...programs: readonly Elf[]): Needs {
  const asked = programs.flatMap((elf) => [...elf.versions().values()].flat());
  const highest = (prefix: string) =>
    asked
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length))
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
      .at(-1)!;
  return { glibc: highest('GLIBC_'), libstdcxx: highest('GLIBCXX_') };
}

/** Writes the executable. @returns its path */
export function buildExecutable(arch: Arch): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-build-'));
  try {
    const parts = partsFor(arch, folder);
    const config = path.join(folder, 'sea.json');
    const blob = path.join(folder, 'blob');
    fs.writeFileSync(
      config,
      JSON.stringify({
        // Its path is in the blob: the same wherever the sources are.
        main: 'dist/itertop.js',
        mainFormat: 'module',
        output: blob,
        disableExperimentalSEAWarning: true,
        // It is no Node: neither options nor NODE_OPTIONS reach it, and SIGUSR1 opens no debugger.
        execArgvExtension: 'none',
        execArgv: ['--disable-sigusr1'],
        assets: {
          ...Object.fromEntries(bundles(arch).map((name) => [name, path.join(ROOT, 'dist', name)])),
          'koffi.node': parts.koffi,
          ...Object.fromEntries(
            SAMPLES.map((name) => [`${name}.itertop`, path.join(ROOT, `examples/recordings/${name}.itertop`)]),
          ),
        },
      }),
    );
    execFileSync(process.execPath, ['--experimental-sea-config', config], { cwd: ROOT, stdio: 'pipe' });
    const { bytes } = new Elf(fs.readFileSync(parts.node))
      .stripped()
      .withoutLibatomic()
      .withBlob(fs.readFileSync(blob));
    const file = executable(arch);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.rmSync(file, { force: true });
    fs.writeFileSync(file, bytes, { mode: 0o755 });
    return file;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const asked = process.argv.slice(2) as Arch[];
  for (const arch of asked.length > 0 ? asked : ARCHES) {
    const file = buildExecutable(arch);
    const elf = new Elf(fs.readFileSync(file));
    const { glibc, libstdcxx } = needs(elf);
    process.stdout.write(
      `${path.relative(ROOT, file)}: ${(elf.bytes.length / 1e6).toFixed(1)} MB, runs with glibc ${glibc} and libstdc++ ${libstdcxx} or later\n`,
    );
  }
}
