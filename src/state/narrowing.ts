/** Finding in the list of a pane: `/` types, the list follows, Esc takes it back and keeps the mark where it was. */
import { columnChoices } from './columns-pane.ts';
import { inputOf } from './input.ts';
import type { NarrowedPane, Pane } from './panes.ts';
import { pickerChoices } from './picker.ts';
import { matchFrom } from './program-pane.ts';
import type { SessionState, Slice } from './session.ts';
import { memberLines } from './structs-pane.ts';

export type Narrowed = Extract<Pane, NarrowedPane>;

export interface NarrowingSlice {
  /** Types what is to be found in the list of the top pane. */
  openNarrow(): void;
  /** What was typed holds for the list under it. */
  narrow(text: string): void;
}

/** What is to be found in a list: while that is typed, what is typed so far. */
export function findOf(state: Pick<SessionState, 'panes'>, pane: Narrowed): string {
  const over = state.panes[state.panes.indexOf(pane) + 1];
  return over?.name === 'narrow' ? over.input.text : pane.find;
}

/** The pane with its whole list, the mark on the line that it was on. */
export function widened(state: SessionState, pane: Narrowed): Pane {
  if (pane.name === 'program') return { ...pane, find: '' };
  if (pane.name === 'help') return { ...pane, find: '', index: 0 };
  if (pane.name === 'picker') {
    const target = pickerChoices(pane, pane.find)[pane.index];
    return { ...pane, find: '', index: target ? pane.targets.indexOf(target) : 0 };
  }
  if (pane.name === 'structs') {
    const member = memberLines(state, pane)[pane.index];
    const whole = { ...pane, find: '' };
    return {
      ...whole,
      index: Math.max(
        0,
        memberLines(state, whole).findIndex(({ path }) => path === member?.path),
      ),
    };
  }
  const chosen = columnChoices(state, pane.find)[pane.index];
  const index = chosen === undefined ? 0 : columnChoices(state, '').indexOf(chosen);
  return { ...pane, find: '', index };
}

export const narrowingSlice: Slice<NarrowingSlice> = (set) => ({
  openNarrow() {
    set(({ panes }) => {
      const top = panes.at(-1);
      if (!top || !('find' in top)) return {};
      return { panes: [...panes, { name: 'narrow', input: inputOf(top.find), error: '' }] };
    });
  },
  narrow(text) {
    set(({ panes }) => {
      const below = panes.at(-2);
      if (!below || !('find' in below)) return {};
      const find = text.trim();
      // A program is read as a whole: there the mark goes to what was found.
      const index = below.name === 'program' ? matchFrom(below, find, below.index, 1) : 0;
      return { panes: [...panes.slice(0, -2), { ...below, find, index: Math.max(0, index) }] };
    });
  },
});
