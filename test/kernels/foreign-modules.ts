/** What node_modules of another architecture has in place of this one's: Node itself, and the parts in machine code. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { retried } from './packages.ts';

const LOCK = new URL('../../package-lock.json', import.meta.url);

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly cpu?: readonly string[];
  readonly os?: readonly string[];
  readonly libc?: readonly string[];
  readonly optional?: boolean;
}

/**
 * @param into a copy of node_modules
 * @param wanted whether it has what is in that folder
 * @throws Error for a package that is not the one of package-lock.json
 */
export function foreignModules(into: string, arch: string, cache: string, wanted: (folder: string) => boolean): void {
  const { packages } = JSON.parse(fs.readFileSync(LOCK, 'utf8')) as { packages: Record<string, Locked> };
  for (const [place, one] of Object.entries(packages)) {
    if (!one.optional || !one.cpu?.includes(arch) || !one.os?.includes('linux') || one.libc?.includes('musl')) continue;
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (!wanted(name.split('/')[0])) continue;
    install(`${name}@${one.version}`, one.integrity, path.join(into, '..', place), cache);
  }
  const node = packages['node_modules/node'].version;
  const unpacked = path.join(into, '.node');
  install(`node-linux-${arch}@${node}`, undefined, unpacked, cache);
  fs.copyFileSync(path.join(unpacked, 'bin/node'), path.join(into, 'node/bin/node'));
  fs.rmSync(unpacked, { recursive: true });
}

/** npm checks what it downloads against the registry; the lock's sum, where there is one, is checked here. */
function install(spec: string, integrity: string | undefined, into: string, cache: string): void {
  const options = { cwd: cache, encoding: 'utf8', maxBuffer: 1 << 26 } as const;
  const packed = retried(() => execFileSync('npm', ['pack', '--silent', '--json', spec], options));
  const [{ filename }] = Object.values(JSON.parse(packed) as { filename: string }[]);
  const file = path.join(cache, filename);
  const sum = `sha512-${createHash('sha512').update(fs.readFileSync(file)).digest('base64')}`;
  if (integrity !== undefined && sum !== integrity) throw new Error(`${spec} is not what package-lock.json says`);
  fs.mkdirSync(into, { recursive: true });
  execFileSync('tar', ['-xzf', file, '--strip-components=1', '-C', into]);
  fs.rmSync(file);
}
