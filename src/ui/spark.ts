/** Small graphs of one line: a character a sample, the newest on the right. */
import type { Theme } from './theme.ts';

const BLOCKS = [...'▁▂▃▄▅▆▇█'];
const ASCII = [...' .:-=+*#'];

/** The last `width` values between the least and the greatest of those shown; blank where there is none. */
export function spark(theme: Theme, values: readonly number[], width: number): string {
  const levels = theme.ascii ? ASCII : BLOCKS;
  const shown = values.slice(-width);
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of shown) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const graph = shown.map((value) => {
    if (Number.isNaN(value)) return ' ';
    return levels[most > least ? Math.round(((value - least) / (most - least)) * (levels.length - 1)) : 0]!;
  });
  return graph.join('').padStart(width);
}
