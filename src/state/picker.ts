/** The pane of what can be viewed: tables by what they are about, each with how many rows it has now. */
import { AREAS } from '../templates/template.ts';
import type { RowCount } from './counter.ts';
import type { SessionState, Slice } from './session.ts';
import type { TargetInfo } from './view.ts';

export interface PickerPane {
  readonly name: 'picker';
  /** Chosen line, of those that are not headings. */
  readonly index: number;
  /** What the pane offers, in its order. */
  readonly targets: readonly TargetInfo[];
  /** Only tables that have this in their name or help are listed; '' for all. */
  readonly find: string;
}

export interface PickerSlice {
  /** What was counted last, by template. */
  readonly counts: ReadonlyMap<string, RowCount>;
  openPicker(targets: readonly TargetInfo[]): void;
  counted(count: RowCount): void;
}

/** Counted last: these may have a million rows. */
const DEAR = ['task_file', 'task_vma', 'ksym'];

/** By their areas, within one as they were. */
export function inAreas(targets: readonly TargetInfo[]): TargetInfo[] {
  const order: readonly string[] = [...AREAS, 'yours'];
  const rank = ({ area }: TargetInfo) => order.indexOf(area);
  return [...targets].sort((a, b) => rank(a) - rank(b));
}

/** Tables that the pane lists. */
export function pickerChoices({ targets }: Pick<PickerPane, 'targets'>, find: string): readonly TargetInfo[] {
  const wanted = find.toLowerCase();
  return targets.filter(({ template, help, area }) =>
    [template, help, area].some((text) => text.toLowerCase().includes(wanted)),
  );
}

/** The lines of the pane: of each table its index; null for the heading of an area. */
export function pickerLines(choices: readonly TargetInfo[]): (number | null)[] {
  return choices.flatMap(({ area }, index) => (area === choices[index - 1]?.area ? [index] : [null, index]));
}

/** Templates that are counted while the pane is open, in this order. */
export function countable(state: Pick<SessionState, 'panes'>): readonly string[] {
  const pane = state.panes.find(({ name }) => name === 'picker');
  if (pane?.name !== 'picker') return [];
  const names = pane.targets.filter(({ unavailable }) => unavailable === '').map(({ template }) => template);
  return [...names.filter((name) => !DEAR.includes(name)), ...names.filter((name) => DEAR.includes(name))];
}

export const pickerSlice: Slice<PickerSlice> = (set) => ({
  counts: new Map(),

  openPicker(offered) {
    set(({ panes, template }) => {
      const targets = inAreas(offered);
      const index = Math.max(
        0,
        targets.findIndex((target) => target.template === template),
      );
      return { panes: [...panes, { name: 'picker', index, targets, find: '' }] };
    });
  },
  counted(count) {
    set(({ counts }) => ({ counts: new Map(counts).set(count.template, count) }));
  },
});
