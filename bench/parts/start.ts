import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { median } from '../measure.ts';
import type { Result } from '../result.ts';
import { ITERTOP, processRow, Terminal } from '../terminal.ts';

const RUNS = 9;

export async function start(): Promise<Result[]> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-bench-'));
  const env = { HTOPRC: path.join(directory, 'htoprc') };
  const row = processRow(os.userInfo().username);
  const once = async (command: readonly string[]) => {
    using terminal = new Terminal(command, env);
    return (await terminal.until(row)) - terminal.started;
  };
  try {
    const own: number[] = [];
    const other: number[] = [];
    const node: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      own.push(await once(ITERTOP));
      other.push(await once(['htop']));
      node.push(await bare());
    }
    return [
      {
        what: 'start to the first live row',
        own: median(own),
        other: median(other),
        than: '`htop`',
        unit: 'ms',
        want: { below: 350 },
      },
      { what: 'of which Node needs to print a word', own: median(node), unit: 'ms' },
    ];
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

async function bare(): Promise<number> {
  using terminal = new Terminal([process.execPath, '-e', 'console.log("word")']);
  return (await terminal.until(/word/)) - terminal.started;
}
