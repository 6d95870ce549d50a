/** Graphs of characters: one a sample, the newest on the right. */
import type { Theme } from './theme.ts';

const BLOCKS = [...'▁▂▃▄▅▆▇█'];
const ASCII = [...' .:-=+*#'];

/** The last `width` values between the least and the greatest of those shown; blank where there is none. */
export function spark(theme: Theme, values: readonly number[], width: number): string {
  return graph(theme, values, width, 1)[0]!;
}

/** The same over several lines, the uppermost first. */
export function graph(theme: Theme, values: readonly number[], width: number, rows: number): string[] {
  const levels = theme.ascii ? ASCII : BLOCKS;
  const shown = values.slice(-width);
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of shown) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const steps = rows * levels.length - 1;
  const heights = shown.map((value) => (most > least ? Math.round(((value - least) / (most - least)) * steps) : 0));
  return Array.from({ length: rows }, (_, line) => {
    const below = (rows - 1 - line) * levels.length;
    const text = heights.map((height) => {
      // NaN: there was no value.
      if (!(height >= below)) return ' ';
      return levels[Math.min(height - below, levels.length - 1)]!;
    });
    return text.join('').padStart(width);
  });
}
