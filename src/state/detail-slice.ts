/** What the keys do in the details. */
import {
  answered,
  cameBack,
  type DetailPane,
  entered,
  folded,
  found,
  pathOfMarked,
  withPart,
  withZeros,
} from './detail.ts';
import { inputOf } from './input.ts';
import type { Pane } from './panes.ts';
import { formatSearch, parseSearch } from './search.ts';
import type { Slice } from './session.ts';
import type { StructAnswer } from './struct-reader.ts';

export interface DetailSlice {
  /** The next (1) or previous (-1) part of the details. */
  turnPart(by: 1 | -1): void;
  /** Shows (true), hides (false) or turns over what is in the marked line. */
  fold(open?: boolean): void;
  /** Looks into the struct that the marked line points to, else folds it or unfolds it. */
  lookInto(): void;
  /** Back to the struct before. */
  lookBack(): void;
  toggleZeros(): void;
  openFind(): void;
  setFind(text: string): void;
  findNext(direction: 1 | -1): void;
  structReceived(answer: StructAnswer): void;
}

export const detailSlice: Slice<DetailSlice> = (set, get) => {
  /** Changes the details, wherever they lie among the panes. */
  const change = (next: (pane: DetailPane) => DetailPane) =>
    set(({ panes }) => ({ panes: panes.map((pane): Pane => (pane.name === 'detail' ? next(pane) : pane)) }));
  const details = () => get().panes.find((pane) => pane.name === 'detail');

  function find(pane: DetailPane, direction: 1 | -1): void {
    const { wanted } = pane;
    if (!wanted) {
      set({ notice: 'nothing is searched for: / searches in the details' });
      return;
    }
    try {
      const next = found(pane, wanted, direction);
      if (next) change(() => next);
      else set({ notice: `nothing here matches ${formatSearch(wanted)}` });
    } catch (error) {
      set({ notice: (error as Error).message });
    }
  }

  return {
    turnPart(by) {
      change((pane) => withPart(pane, by));
    },
    fold(open) {
      change((pane) => folded(pane, open));
    },
    lookInto() {
      change((pane) => {
        const path = pathOfMarked(pane);
        return path === undefined ? folded(pane) : entered(pane, path);
      });
    },
    lookBack() {
      change(cameBack);
    },
    toggleZeros() {
      change(withZeros);
    },
    openFind() {
      set(({ panes }) => ({ panes: [...panes, { name: 'find', input: inputOf(''), error: '' }] }));
    },
    setFind(text) {
      const wanted = parseSearch(text);
      change((pane) => ({ ...pane, wanted }));
      const pane = details();
      if (pane && wanted) find(pane, 1);
    },
    findNext(direction) {
      const pane = details();
      if (pane) find(pane, direction);
    },
    structReceived(answer) {
      if (answer.asked.template === get().template) change((pane) => answered(pane, answer));
    },
  };
};
