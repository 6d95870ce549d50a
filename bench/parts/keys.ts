import { setTimeout as sleep } from 'node:timers/promises';
import { Load } from '../load.ts';
import { quantile } from '../measure.ts';
import type { Result } from '../result.ts';
import { ITERTOP, Terminal } from '../terminal.ts';

const FILES = 100_000;
const PRESSES = 320;
const DOWN = 'j';
const UP = 'k';
const HOME = '\x1b[H';
const PAGE_DOWN = '\x1b[6~';
const SORT_RIGHT = '>';
const SORT_LEFT = '<';
/** From the first row; each one changes what is selected. */
const MOVES = [PAGE_DOWN, DOWN, UP, DOWN, DOWN, UP, PAGE_DOWN, UP];
/** Reverse video: the selected row, or the heading of the column that is sorted by. A refresh alone writes neither. */
const ANSWER = /\x1b\[7m/;
/** Between presses, ms; uneven, so that they meet every moment of a refresh. */
const PAUSE = 25;
const SPREAD = 50;
/** Sorting by a text sends the rows a second time, when they are sorted. */
const SORT_PAUSE = 1200;
/** What this key writes must not be taken for the answer to the next one. */
const HOME_PAUSE = 200;

export async function keys(): Promise<Result[]> {
  await using _load = await Load.start('files', FILES);
  using terminal = new Terminal([...ITERTOP, 'task_file']);
  await terminal.until(/\d{3},\d{3} rows/);
  await sleep(2500);
  const moves: number[] = [];
  const sorts: number[] = [];
  for (let i = 0; i < PRESSES; i++) {
    const sort = i % 20 === 19;
    const key = sort ? (i % 40 === 19 ? SORT_RIGHT : SORT_LEFT) : MOVES[(i % 20) % MOVES.length];
    terminal.text = '';
    const pressed = performance.now();
    terminal.write(key);
    (sort ? sorts : moves).push((await terminal.until(ANSWER)) - pressed);
    if (sort) {
      await sleep(SORT_PAUSE);
      // The selected object went where it belongs, perhaps to an end of the table where a key moves nothing.
      terminal.write(HOME);
      await sleep(HOME_PAUSE);
    }
    await sleep(PAUSE + Math.random() * SPREAD);
  }
  const all = [...moves, ...sorts];
  const what = 'key press to bytes written, 100,000 rows a second';
  return [
    { what: `${what}: p99 of ${PRESSES}`, own: quantile(all, 0.99), unit: 'ms', want: { below: 16 } },
    { what: `${what}: p50`, own: quantile(all, 0.5), unit: 'ms', want: { below: 8 } },
    { what: `${what}: longest move`, own: Math.max(...moves), unit: 'ms' },
    { what: `${what}: longest of ${sorts.length} sortings`, own: Math.max(...sorts), unit: 'ms' },
  ];
}
