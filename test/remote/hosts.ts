/**
 * Hosts to be reached by ssh: network namespaces with an sshd and a hostname each, and an `ssh` in PATH that knows them
 * and the key for them. Nothing of the user's own is read or changed.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const SSHD = '/usr/sbin/sshd';

export interface TestHostOptions {
  /** Lines of its sshd_config. */
  readonly config?: readonly string[];
  /** Commands in its mount namespace before sshd starts; `$R` is its folder. */
  readonly before?: string;
  /** Scripts in a folder that its PATH begins with, by name. */
  readonly commands?: Readonly<Record<string, string>>;
  /** The only other commands that it has. */
  readonly only?: readonly string[];
  /** Lines for it in ssh_config. */
  readonly client?: readonly string[];
  /** Without one nothing answers. */
  readonly sshd?: false;
  /** Its key is not in known_hosts; or another one is. */
  readonly key?: 'unknown' | 'changed';
}

let count = 0;

export class TestHost {
  readonly name: string;
  readonly address: string;
  readonly folder: string;
  readonly namespace: string;
  readonly #link: string;
  #sshd: ChildProcess | undefined;

  constructor(name: string, address: string, gateway: string, folder: string, key: string, options: TestHostOptions) {
    this.name = name;
    this.address = address;
    this.folder = folder;
    const id = `${process.pid}-${++count}`;
    this.namespace = `itertop-${id}`;
    const link = `it${id}`;
    fs.mkdirSync(`${folder}/bin`, { recursive: true });
    fs.mkdirSync(`${folder}/home`);
    for (const [command, text] of Object.entries(options.commands ?? {}))
      fs.writeFileSync(`${folder}/bin/${command}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    this.#link = link;
    try {
      this.#start(gateway, key, options);
    } catch (error) {
      this.end();
      throw error;
    }
  }

  #start(gateway: string, key: string, options: TestHostOptions): void {
    const [link, name, address, folder] = [this.#link, this.name, this.address, this.folder];
    for (const command of options.only ?? [])
      fs.symlinkSync(execFileSync('which', [command], { encoding: 'utf8' }).trim(), `${folder}/bin/${command}`);
    const PATH = options.only ? `${folder}/bin` : `${folder}/bin:/usr/local/bin:/usr/bin:/bin`;
    ip('netns', 'add', this.namespace);
    ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.namespace);
    ip('addr', 'add', `${gateway}/30`, 'dev', link);
    ip('link', 'set', link, 'up');
    ip('-n', this.namespace, 'addr', 'add', `${address}/30`, 'dev', 'eth0');
    ip('-n', this.namespace, 'link', 'set', 'eth0', 'up');
    ip('-n', this.namespace, 'link', 'set', 'lo', 'up');
    if (options.sshd === false) return;
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', `${folder}/host`]);
    fs.writeFileSync(
      `${folder}/sshd_config`,
      [
        `ListenAddress ${address}:22`,
        `HostKey ${folder}/host`,
        // The first of a name counts.
        ...(options.config ?? []),
        `AuthorizedKeysFile ${key}.pub`,
        ...['StrictModes no', 'UsePAM no', 'PermitRootLogin yes', 'PidFile none', 'UseDNS no'],
        // Nor is anything of root's own run at the login.
        `SetEnv PATH=${PATH} HOME=${folder}/home`,
        '',
      ].join('\n'),
    );
    fs.mkdirSync('/run/sshd', { recursive: true });
    const start = `${options.before ?? ':'}; hostname ${name}; exec ${SSHD} -D -e -f ${folder}/sshd_config`;
    this.#sshd = spawn('ip', ['netns', 'exec', this.namespace, 'unshare', '-um', 'sh', '-c', start], {
      stdio: ['ignore', 'ignore', fs.openSync(`${folder}/log`, 'w')],
      env: { ...process.env, R: folder },
    });
    for (let i = 0; !/Server listening/.test(fs.readFileSync(`${folder}/log`, 'utf8')); i++) {
      if (i > 600 || !fs.existsSync(`/proc/${this.pid}/exe`))
        throw new Error(`sshd does not start: ${fs.readFileSync(`${folder}/log`, 'utf8')}`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }

  /** The key that its sshd shows, as known_hosts has it. */
  get key(): string {
    return fs.readFileSync(`${this.folder}/host.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
  }

  get pid(): number {
    return this.#sshd!.pid!;
  }

  /** What runs there beside the sshd that listens, as command lines. */
  processes(): string[] {
    return this.pids()
      .map((pid) => {
        try {
          return fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
        } catch {
          return '';
        }
      })
      .filter(Boolean);
  }

  pids(): number[] {
    const { stdout } = spawnSync('ip', ['netns', 'pids', this.namespace], { encoding: 'utf8' });
    return stdout
      .split('\n')
      .filter(Boolean)
      .map(Number)
      .filter((pid) => pid !== this.pid);
  }

  /** Connections to its sshd. */
  connections(): number {
    const { stdout } = spawnSync(
      'ip',
      ['netns', 'exec', this.namespace, 'ss', '-Htn', 'state', 'established', 'sport', '=', ':22'],
      { encoding: 'utf8' },
    );
    return stdout.split('\n').filter(Boolean).length;
  }

  /** What goes to it is lost from now on. */
  cut(): void {
    const [{ address }] = JSON.parse(
      execFileSync('ip', ['-n', this.namespace, '-j', 'link', 'show', 'dev', 'eth0'], { encoding: 'utf8' }),
    );
    ip('neigh', 'replace', this.address, 'lladdr', address, 'dev', this.#link, 'nud', 'permanent');
    ip('-n', this.namespace, 'addr', 'flush', 'dev', 'eth0');
  }

  end(): void {
    for (const pid of [...this.pids(), ...(this.#sshd ? [this.pid] : [])])
      try {
        process.kill(pid, 'SIGKILL');
      } catch {}
    spawnSync('ip', ['netns', 'del', this.namespace]);
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

export class TestHosts implements Disposable {
  readonly folder: string;
  readonly hosts: Readonly<Record<string, TestHost>>;
  readonly #path = process.env['PATH'];

  constructor(wanted: Readonly<Record<string, TestHostOptions>>) {
    // Who logs in has to be able to go there.
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-hosts-'));
    fs.chmodSync(this.folder, 0o755);
    const key = `${this.folder}/key`;
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const hosts: Record<string, TestHost> = {};
    this.hosts = hosts;
    const config: string[] = [];
    const known: string[] = [];
    try {
      Object.entries(wanted).forEach(([name, options]) => {
        // 198.18.0.0/15 is for tests; which part of it, this process alone knows.
        const net = (process.pid % 2000) * 64 + (count % 16) * 4;
        const address = (last: number) => `198.${18 + ((net >> 16) & 1)}.${(net >> 8) & 255}.${(net & 255) + last}`;
        const host = new TestHost(name, address(2), address(1), `${this.folder}/${name}`, key, options);
        hosts[name] = host;
        config.push(`Host ${name}`, `  HostName ${host.address}`, ...(options.client ?? []).map((line) => `  ${line}`));
        if (options.sshd !== false && options.key !== 'unknown')
          known.push(
            `${host.address} ${options.key === 'changed' ? fs.readFileSync(`${key}.pub`, 'utf8').split(' ').slice(0, 2).join(' ') : host.key}`,
          );
      });
      const all = [
        'Host *',
        `  IdentityFile ${key}`,
        '  IdentitiesOnly yes',
        '  User root',
        `  UserKnownHostsFile ${this.folder}/known`,
      ];
      fs.writeFileSync(`${this.folder}/config`, `${[...config, ...all].join('\n')}\n`);
      fs.writeFileSync(`${this.folder}/known`, `${known.join('\n')}\n`);
      fs.mkdirSync(`${this.folder}/bin`);
      fs.writeFileSync(`${this.folder}/bin/ssh`, `#!/bin/sh\nexec /usr/bin/ssh -F ${this.folder}/config "$@"\n`, {
        mode: 0o755,
      });
      process.env['PATH'] = `${this.folder}/bin:${this.#path}`;
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    process.env['PATH'] = this.#path;
    for (const host of Object.values(this.hosts)) host.end();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
