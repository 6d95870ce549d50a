/** What the explorer takes while nobody presses a key: memory with many rows, and CPU while paused. */
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Load } from '../load.ts';
import type { Result } from '../result.ts';
import { ITERTOP, Terminal } from '../terminal.ts';

const FILES = 100_000;
const FEW = 1000;
/** Refreshes of a second: buffers, both heaps and the collector have found their sizes. */
const WARM_UP_MS = 20_000;
/** Long enough that V8's one collection, which it makes after a quarter of a minute without work, is not all there is. */
const PAUSED_MS = 60_000;
/** USER_HZ of /proc/PID/stat. */
const TICK_MS = 10;
const MB = 1 << 20;

export async function idle(): Promise<Result[]> {
  const few = await withFew();
  await using _load = await Load.start('files', FILES);
  using terminal = new Terminal([...ITERTOP, 'task_file']);
  await terminal.until(/\d{3},\d{3} rows/);
  await sleep(WARM_UP_MS);
  const memory = memoryOf(terminal.pid);
  terminal.text = '';
  terminal.write(' ');
  await terminal.until(/PAUSED/);
  await sleep(1000);
  const before = cpuOf(terminal.pid);
  await sleep(PAUSED_MS);
  const paused = ((cpuOf(terminal.pid) - before) / PAUSED_MS) * 100;
  return [
    { what: 'memory of its own with 100,000 rows (RssAnon)', own: memory.RssAnon, unit: 'MB', want: { below: 150 } },
    { what: 'the same with the pages of Node on disk (VmRSS)', own: memory.VmRSS, unit: 'MB' },
    { what: 'memory of its own with 1,000 rows (RssAnon)', own: few.RssAnon, unit: 'MB' },
    { what: 'the same with the pages of Node on disk (VmRSS)', own: few.VmRSS, unit: 'MB' },
    { what: 'CPU while paused', own: paused, unit: '%', want: { below: 0.5 } },
  ];
}

async function withFew(): Promise<ReturnType<typeof memoryOf>> {
  await using _load = await Load.start('files', FEW);
  using terminal = new Terminal([...ITERTOP, 'task_file']);
  await terminal.until(/\d,\d{3} rows/);
  await sleep(WARM_UP_MS);
  return memoryOf(terminal.pid);
}

function memoryOf(pid: number): Record<'RssAnon' | 'VmRSS', number> {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name: string) => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)![1]) * 1024) / MB;
  return { RssAnon: of('RssAnon'), VmRSS: of('VmRSS') };
}

/** Milliseconds on a CPU, all threads. */
function cpuOf(pid: number): number {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
