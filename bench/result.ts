/** What the parts find out, and the table of it. */

type Unit = 'ms' | 'bytes' | 'MB' | '%';

export interface Result {
  readonly what: string;
  /** Of itertop. */
  readonly own: number;
  readonly other?: number;
  /** What `other` is. */
  readonly than?: string;
  readonly unit: Unit;
  /**
   * What is wanted: the other is at least that many times slower; or ours is at most that many times the other's; or
   * ours is below a number. Absent where the line only informs.
   */
  readonly want?: { readonly faster: number } | { readonly within: number } | { readonly below: number };
}

/** A result holds where what it wants does; undefined where it wants nothing. */
export function holds({ own, other = Number.NaN, want }: Result): boolean | undefined {
  if (!want) return undefined;
  if ('faster' in want) return other / own >= want.faster;
  if ('within' in want) return own / other <= want.within;
  return own < want.below;
}

const amount = (value: number | undefined, unit: Unit) => {
  if (value === undefined) return '';
  return unit === 'bytes' ? `${Math.round(value)} B` : `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`;
};

const times = (value: number) => value.toFixed(value < 10 ? 2 : 0);

function ratio({ own, other, want }: Result): string {
  if (other === undefined) return '';
  const share = want ? 'within' in want : own > other;
  return share ? `x ${times(own / other)}` : `${times(other / own)}x faster`;
}

function wanted({ want, unit }: Result): string {
  if (!want) return '';
  if ('faster' in want) return `${want.faster}x faster`;
  return 'within' in want ? `at most x ${want.within}` : `below ${amount(want.below, unit)}`;
}

export function table(results: readonly Result[]): string {
  const rows = [
    ['what', 'itertop', 'other', '', 'ratio', 'wanted', 'verdict'],
    ...results.map((r) => {
      const verdict = holds(r);
      return [
        r.what,
        amount(r.own, r.unit),
        amount(r.other, r.unit),
        r.than ?? '',
        ratio(r),
        wanted(r),
        verdict === undefined ? '' : verdict ? 'ok' : 'MISSED',
      ];
    }),
  ];
  const right = new Set([1, 2]);
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row
        .map((cell, c) => (right.has(c) ? cell.padStart(widths[c]) : cell.padEnd(widths[c])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
