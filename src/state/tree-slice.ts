/** The tree on and off, and what of it is folded. */
import type { Place } from './asked.ts';
import { notRecorded } from './replay.ts';
import type { Slice } from './session.ts';
import { hasBelow, isLead, treeColumns } from './tree.ts';

/** The part of a place that the tree is about. */
export interface Treeing {
  /** Each row under its parent. */
  readonly tree: boolean;
  /** Keys of rows whose descendants are not shown. */
  readonly folded: readonly string[];
}

export const NO_TREE: Pick<Place, keyof Treeing> = { tree: false, folded: [] };

export interface TreeSlice {
  toggleTree(): void;
  /** Hides what hangs below the selected row, or shows it again. */
  toggleFold(): void;
}

export const treeSlice: Slice<TreeSlice> = (set, get) => ({
  toggleTree() {
    const { templates, template, groupBy, tree } = get();
    const why = notRecorded(get(), treeColumns(templates.get(template)!));
    if (!templates.get(template)?.tree) set({ notice: `${template} is no tree: its rows have no parents` });
    else if (groupBy !== '') set({ notice: 'groups are no tree: Esc puts the rows apart' });
    else if (!tree && why !== '') set({ notice: `no tree: ${why}` });
    else set(({ cursor }) => ({ tree: !tree, ...(cursor ? {} : { top: 0 }) }));
  },
  toggleFold() {
    if (!get().cursor) get().move(0);
    const { view, cursor, folded } = get();
    if (!view?.tree) return set({ notice: 'there is nothing to fold: t shows the rows as a tree, where they are one' });
    if (!cursor || view.count === 0) return;
    const key = view.key(cursor.row);
    if (isLead(view.tree, cursor.row)) set({ notice: 'what was found hangs below this row: it stays open' });
    else if (folded.includes(key)) set({ folded: folded.filter((each) => each !== key) });
    else if (hasBelow(view.tree, cursor.row)) set({ folded: [...folded, key] });
    else set({ notice: 'nothing hangs below this row' });
  },
});
