/** Comparing with a moment: kept, then shown against, then let go of. */
import type { Comparison } from './moment.ts';
import type { Question } from './question.ts';
import { type Scoped, scopeOf } from './scope.ts';
import { formatSearch } from './search.ts';
import type { SessionState, Slice } from './session.ts';

interface Kept extends Comparison {
  /** Which rows it is of: see scopeOf(). */
  readonly scope: string;
  /** Groups are of the rows that were found: with another search they are others. '' where rows are compared. */
  readonly search: string;
  /** When it was, or the name of its file. */
  readonly label: string;
}

export interface ComparingSlice {
  readonly kept: Kept | null;

  /** Keeps this moment; shows what has changed since; back to all rows. */
  toggleCompare(): void;
  stopComparing(): void;
}

export interface ComparingOptions {
  /** Name of a snapshot's file to compare with from the start. */
  readonly baseline?: string | undefined;
}

/** What is compared with in the table that is looked at. */
export function comparing(state: Scoped & Pick<SessionState, 'kept' | 'search'>): Kept | undefined {
  const { kept } = state;
  return kept && kept.scope === scopeOf(state) && kept.search === searched(state) ? kept : undefined;
}

function searched({ groupBy, search }: Pick<SessionState, 'groupBy' | 'search'>): string {
  return groupBy === '' ? '' : formatSearch(search);
}

export function compareQuestion(state: SessionState): Pick<Question, 'compare' | 'kept'> {
  const kept = comparing(state);
  if (kept) return { compare: { moment: kept.moment, shown: kept.shown } };
  return state.kept ? { kept: state.kept.moment } : {};
}

function clock(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}

/** @param began what is looked at at first, which the file is of */
export function comparingSlice(
  { baseline }: ComparingOptions,
  began: Scoped & Pick<SessionState, 'search'>,
): Slice<ComparingSlice> {
  return (set) => {
    let moments = 0;
    return {
      kept:
        baseline === undefined
          ? null
          : { scope: scopeOf(began), search: searched(began), label: baseline, moment: 0, shown: true },

      toggleCompare() {
        set((state) => {
          const kept = comparing(state);
          if (kept) return { kept: kept.shown ? null : { ...kept, shown: true } };
          if (!state.view) return state;
          const label = clock(state.view.stats.end);
          return {
            kept: { scope: scopeOf(state), search: searched(state), label, moment: ++moments, shown: false },
            notice: `the ${state.groupBy === '' ? 'rows' : 'groups'} of ${label} are kept: C shows what has changed since then`,
          };
        });
      },
      stopComparing() {
        set({ kept: null });
      },
    };
  };
}
