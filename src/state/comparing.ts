/** Comparing with a moment: kept, then shown against, then let go of. */
import type { Comparison } from './moment.ts';
import type { SessionState, Slice } from './session.ts';

interface Kept extends Comparison {
  /** A moment is one table's. */
  readonly template: string;
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
  readonly template: string;
  /** Name of a snapshot's file to compare with from the start. */
  readonly baseline?: string | undefined;
}

/** What is compared with in the table that is looked at. */
export function comparing(state: Pick<SessionState, 'kept' | 'template' | 'groupBy'>): Kept | undefined {
  return state.kept?.template === state.template && state.groupBy === '' ? state.kept : undefined;
}

export function compareQuestion(state: SessionState): Comparison | undefined {
  const kept = comparing(state);
  return kept && { moment: kept.moment, shown: kept.shown };
}

function clock(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}

export function comparingSlice({ template, baseline }: ComparingOptions): Slice<ComparingSlice> {
  return (set) => {
    let moments = 0;
    return {
      kept: baseline === undefined ? null : { template, label: baseline, moment: 0, shown: true },

      toggleCompare() {
        set((state) => {
          const kept = comparing(state);
          if (kept) return { kept: kept.shown ? null : { ...kept, shown: true } };
          if (state.groupBy !== '') return { notice: 'groups are not compared: Esc shows the rows' };
          if (!state.view) return state;
          const label = clock(state.view.stats.end);
          return {
            kept: { template: state.template, label, moment: ++moments, shown: false },
            notice: `the rows of ${label} are kept: C shows what has changed since then`,
          };
        });
      },
      stopComparing() {
        set({ kept: null });
      },
    };
  };
}
