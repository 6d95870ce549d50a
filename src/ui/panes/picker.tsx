/** What can be viewed: the iterators of this kernel, and why some are not there. */
import type { TargetInfo } from '../../state/view.ts';
import type { Theme } from '../theme.ts';
import { ListWithFoot } from './list.tsx';

export function Picker(props: {
  readonly theme: Theme;
  readonly targets: readonly TargetInfo[];
  readonly index: number;
  readonly width: number;
  readonly height: number;
}) {
  const { theme, targets, index, width, height } = props;
  const name = Math.max(4, ...targets.map(({ template }) => template.length));
  const shows = ({ help, unavailable }: TargetInfo) => (unavailable === '' ? help : `not here: ${unavailable}`);
  const chosen = targets[index];
  return (
    <ListWithFoot
      theme={theme}
      columns={[
        { title: 'VIEW', width: Math.min(name, width - 1) },
        { title: 'SHOWS', width: Math.max(0, width - name - 2) },
      ]}
      rows={targets.map((target) => ({ cells: [target.template, shows(target)] }))}
      index={index}
      width={width}
      height={height}
      foot={chosen ? `${chosen.template}: ${shows(chosen)}` : ''}
    />
  );
}
