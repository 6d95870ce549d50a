/** Where the row leads whose details are open: a line above them. */
import type { Part } from '../line.tsx';
import { arrange, Line } from '../line.tsx';
import type { Theme } from '../theme.ts';

export function Ways(props: { readonly theme: Theme; readonly ways: readonly Part[]; readonly width: number }) {
  const { theme, ways, width } = props;
  return <Line text={` ${arrange(theme, Math.max(0, width - 1), ways)}`} />;
}
