/** What the last refreshes gave. */
import { refreshed } from './detail.ts';
import { withoutGone } from './marking.ts';
import { landed, replayed } from './replay.ts';
import type { Slice } from './session.ts';
import type { View } from './view.ts';
import { overView } from './window.ts';

export interface SeenSlice {
  /** The last good refresh of this template; null before the first. */
  readonly view: View | null;
  /** Why the refresh after it failed; '' where none did. */
  readonly error: string;
  /** Said once, until the next key. */
  readonly notice: string;

  received(view: View): void;
  failed(message: string): void;
  notify(notice: string): void;
}

export const seenSlice: Slice<SeenSlice> = (set, get) => ({
  view: null,
  error: '',
  notice: '',

  received(view) {
    set((state) => {
      // The answer to what was asked before the template or the grouping changed, or before there was nothing to ask.
      if (state.about?.nothing) return state;
      if (view.template !== state.template || (view.grouped?.by ?? '') !== state.groupBy) return state;
      const panes = state.panes.map((pane) => {
        if (pane.name !== 'detail') return pane;
        return refreshed(pane, view);
      });
      const seen = { view, error: '', panes, ...overView(state, view), ...withoutGone(state, view), ...replayed(view) };
      return { ...seen, ...landed({ ...state, ...seen }) };
    });
    get().arrived();
  },
  failed(message) {
    set({ error: message, awaited: null });
  },
  notify(notice) {
    set({ notice });
  },
});
