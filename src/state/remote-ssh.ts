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
      (p) => path.isAbsolute(p) && p.length + '/itertop-ssh-XXXXXX'.length <= MOST_PATH && plain(p) && usable(p),
    );
    folder = fs.mkdtempSync(path.join(place ?? '/tmp', 'itertop-ssh-'));
    process.on('exit', removed);
    for (const signal of ENDING) process.prependListener(signal, killed);
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
  if (folder === undefined) return;
  fs.rmSync(folder, { recursive: true, force: true });
  folder = undefined;
  process.off('exit', removed);
  for (const signal of ENDING) process.off(signal, killed);
}

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Where nobody else waits for the signal, it ends this process as if nobody had. */
function killed(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  removed();
  process.kill(process.pid, signal);
}

/** ssh takes blanks and quotes in an option for its own. */
const plain = (place: string) => !/[\s'"\\$]/.test(place);

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

function answer(args: readonly string[]): Promise<{ failed: boolean; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile('ssh', args, { timeout: 15_000 }, (error, stdout, stderr) => {
      const missing = (error as NodeJS.ErrnoException | null)?.code === 'ENOENT';
      resolve({ failed: error !== null, stdout, stderr: missing ? 'there is no ssh here (openssh-client)' : stderr });
    });
  });
}

/** @throws Error with the reason */
async function configOf(name: string): Promise<Config> {
  const { failed, stdout, stderr } = await answer(['-G', '--', name]);
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
    ...option('ClearAllForwardings=yes'),
    ...option('PermitLocalCommand=no'),
    ...option('RemoteCommand=none'),
    ...option('LogLevel=INFO'),
    ...(unset('connecttimeout') ? option('ConnectTimeout=10') : []),
    // A line that is dead is noticed within 15 s.
    ...(unset('serveraliveinterval') ? [...option('ServerAliveInterval=5'), ...option('ServerAliveCountMax=3')] : []),
  ];
  // What goes through it asks nothing, where it has to connect by itself neither: it has no terminal.
  const keeper = [...base, ...option(`BatchMode=${ask ? 'no' : 'yes'}`)];
  const run = [...base, ...option('BatchMode=yes')];
  const tail = ['--', name];
  if (await hasOwn(name, config))
    return { keeper: [...keeper, ...tail], run: [...run, ...tail], shared: true, released: () => {} };
  const socket = socketPath();
  const through = [...option(`ControlPath=${socket.replaceAll('%', '%%')}`), ...option('ControlPersist=no')];
  return {
    keeper: [...keeper, ...option('ControlMaster=yes'), ...through, ...tail],
    run: [...run, ...option('ControlMaster=no'), ...through, ...tail],
    shared: false,
    released: () => released(socket),
  };
}

/** The user's configuration shares connections to this host already, or one is open. */
async function hasOwn(name: string, config: Config): Promise<boolean> {
  if ([undefined, 'none'].includes(config.get('controlpath'))) return false;
  if (!['false', 'no'].includes(config.get('controlmaster') ?? 'no')) return true;
  return !(await answer(['-O', 'check', '--', name])).failed;
}
