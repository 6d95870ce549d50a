/** ss(8) for families other than TCP: one line a socket. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface SsLine {
  readonly words: readonly string[];
  /** `name:value` of the words; those without a value are ''. */
  readonly info: Readonly<Record<string, string>>;
  /** skmem:(r0,rb212992,...) by name. */
  readonly memory: Readonly<Record<string, number>>;
  /** Who holds it, the lowest PID and descriptor first. */
  readonly users: readonly { readonly command: string; readonly pid: number; readonly fd: number }[];
}

/** What `held_by` shows of those who hold a socket; null where nobody does. */
export function heldBy(users: SsLine['users']): string | null {
  const names = [...new Set(users.map((u) => `${u.pid}/${u.command}`))];
  const more = names.length > 8 ? [`+${names.length - 8}`] : [];
  return [...names.slice(0, 8), ...more].join(', ') || null;
}

export function ssLines(...options: string[]): SsLine[] {
  // Into a file: a pipe of Node's is a pair of unix sockets, which would show.
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-ss-'));
  const file = path.join(folder, 'out');
  const fd = fs.openSync(file, 'w');
  try {
    execFileSync('ss', options, { stdio: ['ignore', fd, 'ignore'] });
    return fs
      .readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map(parse);
  } finally {
    fs.closeSync(fd);
    fs.rmSync(folder, { recursive: true });
  }
}

function parse(line: string): SsLine {
  const words = line.trim().split(/\s+/);
  const info: Record<string, string> = {};
  for (const word of words) {
    const at = word.indexOf(':');
    info[at < 0 ? word : word.slice(0, at)] = at < 0 ? '' : word.slice(at + 1);
  }
  const memory: Record<string, number> = {};
  for (const [, name, value] of (/skmem:\((.*?)\)/.exec(line)?.[1] ?? '').matchAll(/([a-z]+)(\d+)/g))
    memory[name] = Number(value);
  const users = [...line.matchAll(/\("([^"]*)",pid=(\d+),fd=(\d+)\)/g)]
    .map((m) => ({ command: m[1], pid: Number(m[2]), fd: Number(m[3]) }))
    .sort((a, b) => a.pid - b.pid || a.fd - b.fd);
  return { words, info, memory, users };
}

/** A table of /proc/net: the columns of each line behind the heading. */
export function lines(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().split(/\s+/));
}
