/** A release of this machine's architecture, quickly packed. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Arch } from '../../build/executable.ts';
import { checkVersion, RELEASE, release } from '../../build/release.ts';
import { billOfMaterials, bundled } from '../../build/third-party.ts';
import packageJson from '../../package.json' with { type: 'json' };

it('a version that is not the same everywhere is refused', () => {
  const changelog = '# Changelog\n\n## 1.2.3\n\n- x\n\n## 1.2.2\n';
  expect(() => checkVersion('1.2.3', '1.2.3', changelog, '1.2.3')).not.toThrow();
  expect(() => checkVersion('1.2.4', '1.2.4', changelog, '1.2.4')).toThrow('CHANGELOG.md 1.2.3');
  expect(() => checkVersion('1.2.3', '1.2.2', changelog, '1.2.3')).toThrow('package-lock.json 1.2.2');
  expect(() => checkVersion('1.2.3', '1.2.3', '', '1.2.3')).toThrow('CHANGELOG.md none');
});

it('the bill of materials has the bundled packages, koffi, Node and what is in Node, and is the same each time', () => {
  const text = billOfMaterials(['x64', 'arm64'], '2026-11-26');
  const bill = JSON.parse(text);
  const purls = bill.components.map((component: { purl: string }) => component.purl);
  expect(purls).toEqual(
    expect.arrayContaining(bundled().map(({ name, version }) => `pkg:npm/${name.replace('@', '%40')}@${version}`)),
  );
  for (const name of ['node', 'v8', 'openssl', 'uv', 'zlib', 'icu'])
    expect(purls).toContain(`pkg:generic/${name}@${process.versions[name]}`);
  for (const name of ['koffi', '%40koromix/koffi-linux-x64', '%40koromix/koffi-linux-arm64'])
    expect(purls.some((purl: string) => purl.startsWith(`pkg:npm/${name}@`))).toBe(true);
  for (const { hashes = [] } of bill.components)
    for (const { content } of hashes) expect(content).toMatch(/^[0-9a-f]{128}$/);
  const refs = bill.components.map((component: { 'bom-ref': string }) => component['bom-ref']);
  expect(new Set(refs).size).toBe(refs.length);
  for (const { dependsOn } of bill.dependencies) for (const ref of dependsOn) expect(refs).toContain(ref);
  expect(bill.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(billOfMaterials(['x64', 'arm64'], '2026-11-26')).toBe(text);
});

describe('a release', () => {
  const arch = process.arch as Arch;
  const name = `itertop-${packageJson.version}-linux-${arch}`;
  const prefix = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-prefix-'));
  let files: string[];
  beforeAll(() => {
    files = release({ arches: [arch], effort: 0 });
    const archive = path.join(RELEASE, `${name}.tar.xz`);
    execFileSync('tar', ['-xJf', archive, '-C', prefix, '--strip-components=1']);
  }, 400_000);
  afterAll(() => fs.rmSync(prefix, { recursive: true }));

  it('is these files, whose sums are right', () => {
    const { version } = packageJson;
    const names = [`itertop-${version}.tgz`, `itertop-${version}.cdx.json`, `${name}.tar.xz`, 'SHA256SUMS'];
    expect(files.map((file) => path.basename(file))).toEqual(names);
    const { stdout, status } = spawnSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: RELEASE, encoding: 'utf8' });
    expect([stdout, status]).toEqual([
      names
        .slice(0, 3)
        .map((each) => `${each}: OK\n`)
        .join(''),
      0,
    ]);
  });

  it('unpacks to a prefix that is ready', () => {
    const entries = fs.readdirSync(prefix, { recursive: true, withFileTypes: true });
    const found = entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(prefix, path.join(entry.parentPath, entry.name)));
    expect(found.sort()).toEqual([
      'bin/itertop',
      'share/bash-completion/completions/itertop',
      'share/doc/itertop/CHANGELOG.md',
      'share/doc/itertop/LICENSE',
      'share/doc/itertop/README.md',
      'share/doc/itertop/THIRD-PARTY.txt',
      'share/fish/vendor_completions.d/itertop.fish',
      'share/man/man1/itertop.1',
      'share/zsh/site-functions/_itertop',
    ]);
    for (const file of found) {
      const { mode } = fs.statSync(path.join(prefix, file));
      expect([file, (mode & 0o777).toString(8)]).toEqual([file, file === 'bin/itertop' ? '755' : '644']);
    }
    const notice = fs.readFileSync(path.join(prefix, 'share/doc/itertop/THIRD-PARTY.txt'), 'utf8');
    for (const word of ['Node.js', 'OpenSSL', 'libuv', 'koffi', 'yoga-layout']) expect(notice).toContain(word);
    const version = execFileSync(path.join(prefix, 'bin/itertop'), ['--version'], { encoding: 'utf8' });
    expect(version).toBe(`itertop ${packageJson.version}\n`);
  });
});
