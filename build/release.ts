/**
 * `npm run release [-- ARCH...]`: everything of a version, in dist/release. It publishes nothing: what is there is looked
 * at, tried and uploaded by a person.
 *
 *   itertop-VERSION-linux-ARCH.tar.xz   a prefix: bin/itertop, share/ with manual page, completions and documents
 *   itertop-VERSION.tgz                 the npm package
 *   itertop-VERSION.cdx.json            the bill of materials of the executables (CycloneDX)
 *   SHA256SUMS                          of all of them
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import packageJson from '../package.json' with { type: 'json' };
import lock from '../package-lock.json' with { type: 'json' };
import { ARCHES, type Arch, buildExecutable, fetchedNode } from './executable.ts';
import { changeDate, SHARE } from './share.ts';
import { billOfMaterials, bundled, koffiPackage, notices } from './third-party.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const RELEASE = path.join(ROOT, 'dist/release');

/** @throws Error where the places that name the version do not name the same one */
export function checkVersion(version: string, locked: string, changelog: string, said: string): void {
  const [, newest] = /^## (\S+)/m.exec(changelog) ?? [];
  const named = { 'package.json': version, 'package-lock.json': locked, 'CHANGELOG.md': newest, '--version': said };
  if (new Set(Object.values(named)).size === 1) return;
  const list = Object.entries(named).map(([where, what]) => `${where} ${what ?? 'none'}`);
  throw new Error(`these are not one version: ${list.join(', ')}`);
}

export interface ReleaseOptions {
  readonly arches: readonly Arch[];
  /** How hard xz tries, 0 to 9: beyond 6 it takes much memory for 1 %. */
  readonly effort: number;
}

/** @returns the files, SHA256SUMS last. @throws Error */
export function release({ arches, effort }: ReleaseOptions): string[] {
  const { version } = packageJson;
  const said = execFileSync(process.execPath, ['dist/itertop.js', '--version'], { cwd: ROOT, encoding: 'utf8' });
  const changelog = fs.readFileSync(path.join(ROOT, 'CHANGELOG.md'), 'utf8');
  checkVersion(version, lock.version, changelog, said.trim().replace(/^itertop /, ''));

  fs.rmSync(RELEASE, { recursive: true, force: true });
  fs.mkdirSync(RELEASE, { recursive: true });
  const date = changeDate();
  const files: string[] = [];
  const made = (name: string) => {
    files.push(path.join(RELEASE, name));
    return path.join(RELEASE, name);
  };
  // It builds, writes dist/share and packs.
  execFileSync('npm', ['pack', '--silent', '--pack-destination', RELEASE], { cwd: ROOT, stdio: 'pipe' });
  made(`itertop-${version}.tgz`);
  fs.writeFileSync(made(`itertop-${version}.cdx.json`), billOfMaterials(arches, date));
  for (const arch of arches) {
    const name = `itertop-${version}-linux-${arch}`;
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-release-'));
    try {
      fillPrefix(path.join(folder, name), arch);
      // The same bytes for the same sources: no times, no names, no order of the disk's.
      const same = ['--sort=name', `--mtime=${date} 00:00Z`, '--owner=0', '--group=0', '--numeric-owner'];
      const tar = path.join(folder, 'archive.tar');
      execFileSync('tar', ['-cf', tar, '-C', folder, ...same, '--mode=u+w,go=rX', name]);
      execFileSync('xz', ['-T2', `-${effort}`, tar]);
      fs.copyFileSync(`${tar}.xz`, made(`${name}.tar.xz`));
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  }
  const sums = files.map((file) => {
    const sum = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
    return `${sum}  ${path.basename(file)}\n`;
  });
  fs.writeFileSync(made('SHA256SUMS'), sums.join(''));
  return files;
}

/** What is unpacked to /usr/local, or anywhere. */
function fillPrefix(prefix: string, arch: Arch): void {
  const documents = path.join(prefix, 'share/doc/itertop');
  fs.mkdirSync(path.join(prefix, 'bin'), { recursive: true });
  fs.copyFileSync(buildExecutable(arch), path.join(prefix, 'bin/itertop'));
  fs.cpSync(SHARE, path.join(prefix, 'share'), { recursive: true });
  for (const name of ['README.md', 'CHANGELOG.md', 'LICENSE'])
    fs.copyFileSync(path.join(ROOT, name), path.join(documents, name));
  const node = fetchedNode(arch, (folder) => fs.readFileSync(path.join(folder, 'LICENSE'), 'utf8'));
  fs.writeFileSync(path.join(documents, 'THIRD-PARTY.txt'), notices([...bundled(), koffiPackage()], node));
}

if (import.meta.main) {
  const asked = process.argv.slice(2) as Arch[];
  for (const file of release({ arches: asked.length > 0 ? asked : ARCHES, effort: 6 }))
    process.stdout.write(`${path.relative(ROOT, file)}  ${(fs.statSync(file).size / 1e6).toFixed(1)} MB\n`);
}
