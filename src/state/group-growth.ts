/** The leak watch of groups: in how many samples in a row their numbers grew, by what the groups are of. */
import type { GroupRuns, GroupTable } from './groups.ts';

/** Of the last refresh; each array has an entry for each group and watched column. */
interface Sample {
  readonly groups: ReadonlyMap<string, number>;
  readonly values: Float64Array;
  readonly runs: Float64Array;
}

const NONE: Sample = { groups: new Map(), values: new Float64Array(0), runs: new Float64Array(0) };

export class GroupGrowth {
  #asked = '';
  #read = -1;
  #last = NONE;

  /** What comes next follows nothing. */
  forget(): void {
    this.#last = NONE;
  }

  /**
   * As growth of rows: an equal sample neither adds nor resets, a smaller one resets, a group that was not there is new.
   * @param watched columns with totals
   * @param asked what the groups were made by; another one begins anew
   * @param read number of the refresh; the last one again adds no sample
   */
  sample(table: GroupTable, watched: readonly string[], asked: string, read: number): GroupRuns {
    const before = asked === this.#asked ? this.#last : NONE;
    const adds = asked !== this.#asked || read !== this.#read;
    const width = watched.length;
    const groups = new Map<string, number>();
    const values = new Float64Array(table.rows * width);
    const runs = new Float64Array(table.rows * width);
    const samples = new Float64Array(table.rows);
    const which = new Uint8Array(table.rows);
    for (let group = 0; group < table.rows; group++) {
      const key = table.key(group);
      groups.set(key, group);
      const old = before.groups.get(key);
      for (let at = 0; at < width; at++) {
        const place = group * width + at;
        values[place] = table.number(group, watched[at]);
        if (old !== undefined) {
          const then = old * width + at;
          const change = values[place] - before.values[then];
          if (change >= 0) runs[place] = before.runs[then] + (adds && change > 0 ? 1 : 0);
        }
        if (runs[place] <= samples[group]) continue;
        samples[group] = runs[place];
        which[group] = at;
      }
    }
    this.#asked = asked;
    this.#read = read;
    this.#last = { groups, values, runs };
    return { watched, samples, which };
  }
}
