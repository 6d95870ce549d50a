import fs from 'node:fs';
import os from 'node:os';
import { type Arch, executable } from '../../build/executable.ts';
import { median } from '../measure.ts';
import type { Result } from '../result.ts';
import { ITERTOP, processRow, Terminal } from '../terminal.ts';

const RUNS = 9;

/** The single executable beside the bundle on Node. */
export async function bin(): Promise<Result[]> {
  const file = executable(process.arch as Arch);
  if (!fs.existsSync(file)) throw new Error('there is no executable; npm run build:bin makes it');
  const row = processRow(os.userInfo().username);
  const first = async (command: readonly string[]) => {
    using terminal = new Terminal(command);
    return (await terminal.until(row)) - terminal.started;
  };
  const own: number[] = [];
  const other: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    own.push(await first([file]));
    other.push(await first(ITERTOP));
  }
  return [
    {
      what: 'the executable: start to the first live row',
      own: median(own),
      other: median(other),
      than: 'the bundle on Node',
      unit: 'ms',
    },
    { what: 'its size', own: fs.statSync(file).size / 1e6, unit: 'MB' },
  ];
}
