/** The user's own ssh: which options it is given beside what their configuration says, and one connection for all. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { transportWords } from './remote-words.ts';

/** How a host is reached: words before `sh`. */
export interface Way {
  /** What keeps the connection, and what goes through it. */
  readonly keeper: readonly string[];
  readonly run: readonly string[];
  /** The connection may be somebody else's, too: it is not ended from here. */
  readonly shared: boolean;
  /** To be called when its keeper has ended. */
  released(): void;
}

/**
 * sockaddr_un has 108 bytes, and ssh binds a name with 17 more at first. The folder is one that others cannot enter.
 */
const MOST_PATH = 108 - 1 - 17 - '/999999'.length;

/** Made for the first connection, and gone with the last. */
let folder: string | undefined;
let sockets = 0;
const used = new Set<string>();

function socketPath(): string {
  if (folder === undefined) {
    const places = [process.env['XDG_RUNTIME_DIR'] ?? '', os.tmpdir(), '/tmp'];
    const place = places.find(
      (p) => path.isAbsolute(p) && p.length + '/itertop-ssh-XXXXXX'.length <= MOST_PATH && usable(p),
    );
    const made = fs.mkdtempSync(path.join(place ?? '/tmp', 'itertop-ssh-'));
    if (sockets === 0) process.once('exit', removed);
    folder = made;
  }
  const socket = `${folder}/${++sockets}`;
  used.add(socket);
  return socket;
}

function released(socket: string): void {
  used.delete(socket);
  if (used.size === 0) removed();
}

function removed(): void {
  if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true });
  folder = undefined;
}

function usable(place: string): boolean {
  try {
    fs.accessSync(place, fs.constants.W_OK | fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What ssh would do for a host. */
type Config = ReadonlyMap<string, string>;

function run(args: readonly string[]): Promise<{ failed: boolean; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile('ssh', args, { timeout: 15_000 }, (error, stdout, stderr) => {
      const missing = (error as NodeJS.ErrnoException | null)?.code === 'ENOENT';
      resolve({ failed: error !== null, stdout, stderr: missing ? 'there is no ssh here (openssh-client)' : stderr });
    });
  });
}

/** @throws Error with the reason */
async function configOf(name: string): Promise<Config> {
  const { failed, stdout, stderr } = await run(['-G', '--', name]);
  if (failed) throw new Error(transportWords(name, stderr.trim().split('\n')).why || 'ssh -G failed');
  return new Map(
    stdout.split('\n').map((line): [string, string] => {
      const at = line.indexOf(' ');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

/**
 * @param ask it may ask for passwords, passphrases and host keys on the terminal
 * @throws Error with the reason
 */
export async function sshWay(name: string, ask: boolean): Promise<Way> {
  const config = await configOf(name);
  const unset = (option: string) => ['0', 'none', undefined].includes(config.get(option));
  const option = (text: string) => ['-o', text];
  const base = [
    'ssh',
    // No terminal there, and nothing of ours for those who are root there.
    ...['-T', '-a', '-x'],
    ...option(`BatchMode=${ask ? 'no' : 'yes'}`),
    ...option('ClearAllForwardings=yes'),
    ...option('PermitLocalCommand=no'),
    ...option('RemoteCommand=none'),
    ...option('LogLevel=INFO'),
    ...(unset('connecttimeout') ? option('ConnectTimeout=10') : []),
    // A line that is dead is noticed within 15 s.
    ...(unset('serveraliveinterval') ? [...option('ServerAliveInterval=5'), ...option('ServerAliveCountMax=3')] : []),
  ];
  const tail = ['--', name];
  if (await hasOwn(name, config))
    return { keeper: [...base, ...tail], run: [...base, ...tail], shared: true, released: () => {} };
  const socket = socketPath();
  const through = [...option(`ControlPath=${socket.replaceAll('%', '%%')}`), ...option('ControlPersist=no')];
  return {
    keeper: [...base, ...option('ControlMaster=yes'), ...through, ...tail],
    run: [...base, ...option('ControlMaster=no'), ...through, ...tail],
    shared: false,
    released: () => released(socket),
  };
}

/** The user's configuration shares connections to this host already, or one is open. */
async function hasOwn(name: string, config: Config): Promise<boolean> {
  if ([undefined, 'none'].includes(config.get('controlpath'))) return false;
  if (!['false', 'no'].includes(config.get('controlmaster') ?? 'no')) return true;
  return !(await run(['-O', 'check', '--', name])).failed;
}
