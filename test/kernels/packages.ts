/**
 * Debian packages of any suite and architecture, from an apt of our own: its lists and downloads are in the cache, the
 * host's are not touched and nothing is installed. apt checks the signatures of the lists; each package is checked
 * against the SHA256 in them when it is downloaded, and again whenever it is taken from the cache.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

export const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const MIRROR = process.env['ITERTOP_DEBIAN_MIRROR'] ?? 'http://deb.debian.org';
/** For how long lists are taken for the newest. */
const DAY_MS = 24 * 3600 * 1000;

export interface Package {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  /** Where it is in the cache. */
  readonly file: string;
}

/** Neither the network nor the cache has a package. */
export class Unfetched extends Error {}

/** A package is not the one that Debian signed for. */
class Mismatch extends Error {}

type Stanza = Readonly<Record<string, string>>;

export class Suite {
  readonly name: string;
  readonly arch: string;
  readonly #dir: string;
  #updated = false;
  /** Tried once, for all that is taken. */
  #unreachable: Error | null = null;

  constructor(cache: string, name: string, arch: string) {
    this.name = name;
    this.arch = arch;
    this.#dir = path.join(cache, `${name}-${arch}`);
    for (const folder of ['lists/partial', 'archives/partial'])
      fs.mkdirSync(path.join(this.#dir, folder), { recursive: true });
    fs.writeFileSync(path.join(this.#dir, 'status'), '');
    const line = (at: string) => `deb [arch=${arch} signed-by=${KEYRING}] ${MIRROR}/${at} main`;
    const sources = [line(`debian ${name}`)];
    if (name !== 'sid') sources.push(line(`debian-security ${name}-security`));
    fs.writeFileSync(path.join(this.#dir, 'sources.list'), `${sources.join('\n')}\n`);
  }

  /**
   * What `choose` names, downloaded where the cache does not have it. Without a network the packages of the last time.
   * @param wish a name for the choice, which the cache remembers it by
   * @throws Unfetched @throws Error where one is not what the signed lists say
   */
  take(wish: string, choose: (apt: Suite) => readonly string[]): Package[] {
    const record = path.join(this.#dir, `${wish}.json`);
    const held = fs.existsSync(record) ? (JSON.parse(fs.readFileSync(record, 'utf8')) as Package[]) : null;
    const whole = held?.every((p) => fs.existsSync(p.file) && sha256(p.file) === p.sha256) ?? false;
    if (whole && Date.now() - fs.statSync(record).mtimeMs < DAY_MS) return held!;
    try {
      this.#update();
      const packages = this.#download(choose(this));
      fs.writeFileSync(record, JSON.stringify(packages, null, 1));
      return packages;
    } catch (error) {
      if (error instanceof Mismatch) throw error;
      if (!whole) throw new Unfetched(`neither the network nor ${this.#dir} has its packages: ${explained(error)}`);
      console.error(`${this.name}: no network (${explained(error)}); the packages of the last time are taken`);
      return held!;
    }
  }

  /** The newest version of a package as the lists have it. @throws Error where they do not */
  show(name: string): Stanza {
    return this.#showAll([name])[0];
  }

  /** One call for all of them: apt reads its lists anew each time. */
  #showAll(names: readonly string[]): Stanza[] {
    const text = this.#apt('apt-cache', '--no-all-versions', 'show', ...names);
    return text
      .trim()
      .split(/\n\n+/)
      .map((paragraph) => {
        const fields = paragraph.split(/\n(?! )/).map((field) => /^([\w-]+): ?([\s\S]*)$/.exec(field));
        return Object.fromEntries(fields.flatMap((f) => (f ? [[f[1], f[2]]] : [])));
      });
  }

  /** These packages and all that they depend on. */
  withDependencies(names: readonly string[]): string[] {
    const plan = this.#apt('apt-get', '-s', '--no-install-recommends', 'install', ...names);
    return [...plan.matchAll(/^Inst (\S+) \((\S+)/gm)].map(([, name, version]) => `${name}=${version}`);
  }

  #update(): void {
    if (this.#unreachable) throw this.#unreachable;
    if (this.#updated) return;
    try {
      retried(() => this.#apt('apt-get', '-qq', 'update', '-o', 'APT::Update::Error-Mode=any'));
    } catch (error) {
      this.#unreachable = error as Error;
      throw error;
    }
    this.#updated = true;
  }

  #download(names: readonly string[]): Package[] {
    const archives = path.join(this.#dir, 'archives');
    const wanted = this.#showAll(names).map((stanza) => {
      const { Package: name, Version: version, Architecture: arch, SHA256: sum } = stanza;
      const file = path.join(archives, `${name}_${version.replaceAll(':', '%3a')}_${arch}.deb`);
      return { name, version, sha256: sum, file };
    });
    const lacking = wanted.filter(({ file }) => !fs.existsSync(file)).map((p) => `${p.name}=${p.version}`);
    if (lacking.length > 0) retried(() => this.#apt('apt-get', '-qq', 'download', ...lacking));
    for (const { file, sha256: sum } of wanted) {
      if (sha256(file) === sum) continue;
      fs.rmSync(file);
      throw new Mismatch(`${path.basename(file)} is not what the package list says (SHA256); run it again`);
    }
    return wanted;
  }

  #apt(command: string, ...args: string[]): string {
    const { arch } = this;
    const options = {
      'Dir::Etc::SourceList': path.join(this.#dir, 'sources.list'),
      'Dir::Etc::SourceParts': '/dev/null',
      'Dir::Etc::Preferences': '/dev/null',
      'Dir::Etc::PreferencesParts': '/dev/null',
      'Dir::State': this.#dir,
      'Dir::State::Lists': path.join(this.#dir, 'lists'),
      'Dir::State::Status': path.join(this.#dir, 'status'),
      'Dir::Cache': this.#dir,
      'APT::Architecture': arch,
      'APT::Architectures': arch,
      'APT::Sandbox::User': 'root',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '2',
      'Acquire::http::Timeout': '30',
      'Debug::NoLocking': 'true',
    };
    return execFileSync(command, [...Object.entries(options).flatMap(([k, v]) => ['-o', `${k}=${v}`]), ...args], {
      cwd: path.join(this.#dir, 'archives'),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      timeout: 600_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
}

/** Puts the files of a package into a folder; links among its folders stay. */
export function unpack(file: string, into: string): void {
  const shell = 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"';
  const done = spawnSync('bash', ['-o', 'pipefail', '-c', shell, '-', file, into], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${file} cannot be unpacked: ${done.stderr}`);
}

/** Tries three times, with a pause in between. */
export function retried<T>(act: () => T): T {
  for (const pause of [2000, 8000]) {
    try {
      return act();
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
    }
  }
  return act();
}

export function sha256(file: string): string {
  return createHash('sha256').update(fs.readFileSync(file)).digest('hex');
}

/** What a tool said where it said something; else the error. */
export function explained(error: unknown): string {
  const { message, stderr = '' } = error as Error & { stderr?: string | Buffer };
  const lines = (String(stderr).trim() || message).split('\n');
  return lines.find((line) => /^E: /.test(line)) ?? lines[0];
}
