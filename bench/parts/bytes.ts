import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../measure.ts';
import type { Result } from '../result.ts';
import { ITERTOP, processRow, Terminal } from '../terminal.ts';

const REFRESHES = 10;
const ROUNDS = 3;
/** The first paint, and the first one with CPU shares, which moves every row, are not counted. */
const SETTLE = 3000;

export async function bytes(): Promise<Result[]> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-bench-'));
  const env = { HTOPRC: path.join(directory, 'htoprc') };
  try {
    const own: number[] = [];
    const other: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      own.push(await perRefresh(ITERTOP, ''));
      // As htop comes it shows threads and no kernel threads: the keys make its list the same.
      other.push(await perRefresh(['htop', '-d', '10'], 'KH', env));
    }
    return [
      {
        what: 'bytes written a refresh, processes, 200x50',
        own: median(own),
        other: median(other),
        than: '`htop -d 10`',
        unit: 'bytes',
        want: { within: 1 },
      },
    ];
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

async function perRefresh(
  command: readonly string[],
  keys: string,
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  using terminal = new Terminal(command, env);
  await terminal.until(processRow(os.userInfo().username));
  terminal.write(keys);
  await sleep(SETTLE);
  const before = terminal.bytes;
  await sleep(REFRESHES * 1000);
  return (terminal.bytes - before) / REFRESHES;
}
