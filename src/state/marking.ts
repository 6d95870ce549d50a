/** Rows that the user has marked, by the keys of their objects; and cells shown with all their digits. */
import { type Scoped, scopeOf } from './scope.ts';
import type { SessionState, Slice } from './session.ts';
import type { View } from './view.ts';
import { moveBy } from './window.ts';

/** What the worker is told of them. */
export interface Marked {
  readonly keys: readonly string[];
  /** No other rows are shown. */
  readonly only: boolean;
}

export interface MarkingSlice {
  /** By scopeOf(). */
  readonly marked: ReadonlyMap<string, ReadonlySet<string>>;
  /** The scope of which only marked rows are shown; '' for none. */
  readonly onlyMarked: string;
  /** Numbers are shown with all their digits, in the unit of exports. */
  readonly exact: boolean;

  /** Marks the selected row, or takes its mark away, and goes on to the next. */
  toggleMark(): void;
  toggleOnlyMarked(): void;
  dropMarks(): void;
  toggleExact(): void;
}

const NONE: ReadonlySet<string> = new Set();

/** Keys of the rows that are marked in the table that is looked at. */
export function marksOf(state: Scoped & Pick<SessionState, 'marked'>): ReadonlySet<string> {
  return state.marked.get(scopeOf(state)) ?? NONE;
}

/** Whether no others are shown. */
export function onlyMarks(state: Scoped & Pick<SessionState, 'marked' | 'onlyMarked'>): boolean {
  return state.onlyMarked === scopeOf(state) && marksOf(state).size > 0;
}

export function markedQuestion(state: SessionState): Marked | undefined {
  const keys = marksOf(state);
  return keys.size === 0 ? undefined : { keys: [...keys], only: onlyMarks(state) };
}

function withMarks(state: SessionState, keys: ReadonlySet<string>): Pick<SessionState, 'marked' | 'onlyMarked'> {
  return {
    marked: new Map(state.marked).set(scopeOf(state), keys),
    onlyMarked: keys.size > 0 ? state.onlyMarked : '',
  };
}

/** Takes the marks from what the view says is gone, and says so. */
export function withoutGone(state: SessionState, view: View): Partial<SessionState> {
  const kept = marksOf(state);
  const gone = (view.unmarked ?? []).filter((key) => kept.has(key));
  if (gone.length === 0) return {};
  const notice = gone.length === 1 ? '1 marked row is gone' : `${gone.length} marked rows are gone`;
  return { ...withMarks(state, kept.difference(new Set(gone))), notice };
}

export const markingSlice: Slice<MarkingSlice> = (set) => ({
  marked: new Map(),
  onlyMarked: '',
  exact: false,

  toggleMark() {
    set((state) => {
      const { view } = state;
      if (!view || view.count === 0) return { notice: 'there is no row to mark' };
      const at = state.cursor ? {} : moveBy(state, view, 0);
      const { key } = { ...state, ...at }.cursor!;
      const keys = new Set(marksOf(state));
      if (!keys.delete(key)) keys.add(key);
      return { ...withMarks(state, keys), ...moveBy({ ...state, ...at }, view, 1) };
    });
  },
  toggleOnlyMarked() {
    set((state) => {
      if (marksOf(state).size === 0) return { notice: 'no row is marked: m marks one' };
      return { onlyMarked: onlyMarks(state) ? '' : scopeOf(state) };
    });
  },
  dropMarks() {
    set((state) => withMarks(state, NONE));
  },
  toggleExact() {
    set(({ exact }) => ({ exact: !exact }));
  },
});
