import type { Column } from '../template.ts';

/** The column of the leak watch: which of these amounts grows, and for how long. */
export function grew(...columns: readonly string[]): Column {
  return {
    name: 'grew',
    derive: `growth(${columns.join(', ')})`,
    as: 'text',
    width: 11,
    help: `which of ${columns.join(', ')} grew in the most samples in a row, and in how many; one that is equal neither adds nor resets, a smaller one resets`,
  };
}
