/** Times, taken in turns so that a noisy moment meets every contender. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

export const median = (values: readonly number[]) => quantile(values, 0.5);

export interface Contender {
  readonly run: () => void;
  /** Runs in each round; more for what is short. */
  readonly times?: number;
}

/** Milliseconds: for each contender the median of all its runs, after one round that is not counted. */
export function compare<N extends string>(
  rounds: number,
  contenders: Readonly<Record<N, Contender>>,
): Record<N, number> {
  const names = Object.keys(contenders) as N[];
  const taken = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<N, number[]>;
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length];
      const { run, times = 1 } = contenders[name];
      for (let i = 0; i < times; i++) {
        const started = performance.now();
        run();
        if (round > 0) taken[name].push(performance.now() - started);
      }
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(taken[name])])) as Record<N, number>;
}

/** The usual tool, its output to /dev/null, which is the fastest that it can be. @throws Error where it is not there */
export function tool(command: string): () => void {
  const [file, ...args] = command.split(' ');
  return () => {
    const { error, signal } = spawnSync(file, args, { stdio: 'ignore' });
    if (error || signal) throw new Error(`${command}: ${error?.message ?? signal}`);
  };
}

/** That both list the same things, up to what comes and goes. @throws Error where they do not, also after a while */
export async function checkSame(what: string, count: () => number, command: string): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const own = count();
    const other = lines(command);
    if (Math.abs(own - other) <= own / 100) return own;
    if (attempt === 5) throw new Error(`itertop has ${own} ${what}, \`${command}\` has ${other}`);
    await sleep(1000);
  }
}

/** Lines that it prints, without the heading. */
export function lines(command: string): number {
  const [file, ...args] = command.split(' ');
  const { stdout, error } = spawnSync(file, args, {
    encoding: 'latin1',
    maxBuffer: 1 << 30,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (error) throw new Error(`${command}: ${error.message}`);
  return stdout.split('\n').length - 2;
}
