/** What npm installs: only what is needed, and it runs. ITERTOP_NODES=FILE:FILE names further Nodes to try it on. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundled } from '../../build/third-party.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { skip } from '../support/kernel.ts';
import { TestTerminal } from '../terminal/terminal.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const NODES = [process.execPath, ...(process.env['ITERTOP_NODES']?.split(':') ?? [])];

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

describe('the npm package', () => {
  const prefix = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-package-'));
  let packed: Packed;
  beforeAll(() => {
    const args = ['pack', '--json', '--silent', '--pack-destination', prefix];
    [packed] = JSON.parse(execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8' })) as [Packed];
    const install = ['install', '--global', '--prefix', prefix, '--prefer-offline', '--ignore-scripts', '--no-audit'];
    execFileSync('npm', [...install, path.join(prefix, packed.filename)], { stdio: 'pipe' });
  }, 300_000);
  afterAll(() => fs.rmSync(prefix, { recursive: true }));

  it('holds what it needs', () => {
    const files = packed.files.map((file) => file.path);
    expect(files.filter((file) => !/^(docs\/api|dist\/bpf)\//.test(file)).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'dist/bpf.js',
      'dist/itertop.js',
      'dist/otlp-library.js',
      'dist/parquet-library.js',
      'dist/program.js',
      'dist/reader.js',
      'dist/share/bash-completion/completions/itertop',
      'dist/share/doc/itertop/THIRD-PARTY.txt',
      'dist/share/fish/vendor_completions.d/itertop.fish',
      'dist/share/man/man1/itertop.1',
      'dist/share/zsh/site-functions/_itertop',
      'dist/worker.js',
      'docs/settings.schema.json',
      'docs/template.schema.json',
      'examples/recordings/sample-tcp.itertop',
      'examples/recordings/sample.itertop',
      'package.json',
    ]);
    for (const file of files) if (file.startsWith('dist/bpf/')) expect(file).toMatch(/\.d\.ts$/);
    expect(packed.size).toBeLessThan(2e6);
    expect(packed.unpackedSize).toBeLessThan(4e6);
  });

  it('installs koffi and nothing else', () => {
    const modules = path.join(prefix, 'lib/node_modules/itertop/node_modules');
    expect(
      fs
        .readdirSync(modules)
        .filter((name) => !name.startsWith('.'))
        .sort(),
    ).toEqual(['@koromix', 'koffi']);
  });

  it('names the licence of all that is bundled', () => {
    const text = fs.readFileSync(path.join(ROOT, 'dist/share/doc/itertop/THIRD-PARTY.txt'), 'utf8');
    expect(bundled().length).toBeGreaterThan(20);
    for (const { name, version, license } of bundled()) {
      expect(text).toContain(`${name} ${version} (${license})\n`);
      expect(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0']).toContain(license);
    }
  });

  describe.for(NODES)('on %s', (node) => {
    const program = path.join(prefix, 'bin/itertop');
    const run = (...args: string[]) => spawnSync(node, [program, ...args], { encoding: 'utf8', timeout: 60_000 });

    it('says its version', () => {
      expect(run('--version').stdout).toBe(`itertop ${packageJson.version}\n`);
    });

    it('replays the sample', () => {
      const sample = path.join(prefix, 'lib/node_modules/itertop/examples/recordings/sample.itertop');
      expect(run('dump', '--replay', sample).stdout).toMatch(/nginx/);
    });

    it.skipIf(skip)('dumps this host, as CSV and as Parquet', () => {
      const dumped = (format: string) => run('dump', 'task', '--pid', `${process.pid}`, '--format', format);
      expect(dumped('csv').stderr).toBe('');
      expect(dumped('csv').stdout).toMatch(new RegExp(`^${process.pid},`, 'm'));
      expect(dumped('parquet').stdout).toMatch(/^PAR1/);
    });

    it.skipIf(skip)(
      'is the explorer on a terminal',
      async () => {
        const terminal = new TestTerminal(node, [program]);
        try {
          await terminal.waitFor(/COMMAND/, undefined, 60_000);
          terminal.type('q');
          expect(await terminal.exited).toMatchObject({ exitCode: 0 });
        } finally {
          terminal.kill();
        }
      },
      90_000,
    );
  });
});
