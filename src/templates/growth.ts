/**
 * Leak watch: in how many samples in a row an object's numbers grew. An equal sample neither adds nor resets, a smaller
 * one resets.
 */
import { parseDerive } from './columns.ts';
import type { Table } from './table.ts';
import { type Column, columnOf, type Template } from './template.ts';

/** `growth(fds, rss)`: what derived columns of that name are made of lies under names that no column can have. */
const GROWTH = 'growth';

/** For a call with these columns: samples of the longest run now, and which column has it. */
export const runsName = (args: readonly string[]) => `${GROWTH}(${args.join()})`;
export const whichName = (args: readonly string[]) => `${runsName(args)}#`;

/** The column of a template that watches for growth. */
export function growthColumn(template: Template): string | undefined {
  return template.columns.find(isGrowth)?.name;
}

/** Whether a column watches others for growth. */
export function isGrowth({ derive }: Column): boolean {
  return derive !== undefined && /^\s*growth\s*\(/.test(derive);
}

/** What it watches. */
export function growthColumns(template: Template): readonly string[] {
  const name = growthColumn(template);
  const { args } = name === undefined ? { args: [] } : parseDerive(template, name, columnOf(template, name)!.derive!);
  return args.filter((arg) => columnOf(template, arg));
}

/** Of one column that is watched, row by row of the batch that was read last. */
interface Run {
  readonly values: Float64Array;
  readonly samples: Float64Array;
}

/** What one template's objects have grown by, from refresh to refresh. */
export class Growth {
  #runs: ReadonlyMap<string, Run> = new Map();

  /**
   * Adds a sample for each column among `names` that watches for growth.
   * @param before per row its row in the batch of the last call, or -1; null where they cannot be compared
   */
  sample(table: Table, derived: Map<string, Float64Array>, names: readonly string[], before: Int32Array | null): void {
    const runs = new Map<string, Run>();
    for (const name of names) {
      const { derive } = columnOf(table.template, name)!;
      if (derive === undefined) continue;
      const call = parseDerive(table.template, name, derive);
      if (call.name !== GROWTH) continue;
      const longest = shared(table.rows);
      const which = shared(table.rows);
      for (const [at, arg] of call.args.entries()) {
        const run = runs.get(arg) ?? grown(table, arg, before, this.#runs.get(arg));
        runs.set(arg, run);
        for (let row = 0; row < table.rows; row++) {
          if (run.samples[row] <= longest[row]) continue;
          longest[row] = run.samples[row];
          which[row] = at;
        }
      }
      derived.set(runsName(call.args), longest);
      derived.set(whichName(call.args), which);
      // What the column is sorted by.
      derived.set(name, longest);
    }
    this.#runs = runs;
  }
}

function grown(table: Table, column: string, before: Int32Array | null, last: Run | undefined): Run {
  const values = new Float64Array(table.rows);
  const samples = new Float64Array(table.rows);
  for (let row = 0; row < table.rows; row++) {
    const value = table.number(row, column);
    values[row] = value;
    const old = last && before ? before[row] : -1;
    if (old < 0) continue;
    const then = last!.values[old];
    if (value >= then) samples[row] = last!.samples[old] + (value > then ? 1 : 0);
  }
  return { values, samples };
}

/** Numbers that both threads read. */
function shared(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(length * 8));
}
