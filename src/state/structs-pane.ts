/** The pane of the kernel's structures: where one is in them, and what the selected row has there. */
import { Btf, BtfError } from '../bpf/btf.ts';
import { type Holder, type Member, Structures } from '../templates/members.ts';
import type { Template } from '../templates/template.ts';
import { findOf } from './narrowing.ts';
import type { Pane } from './panes.ts';
import { NO_STRUCTURES } from './replay.ts';
import type { SessionState, Slice } from './session.ts';
import type { StructAnswer, StructQuestion } from './struct-reader.ts';
import { moveBy } from './window.ts';

export type StructsPane = Extract<Pane, { name: 'structs' }>;
type Where = Pick<SessionState, 'panes' | 'templates' | 'template'>;

export interface StructsSlice {
  openStructs(): void;
  /** Back to the columns, wherever one is in the structures. */
  leaveStructs(): void;
  /** Looks into the chosen member. */
  intoMember(): void;
  /** Back to where one came from; at the start the pane closes. */
  outOfStruct(): void;
  /** What the kernel printed of the selected row. */
  valuesReceived(answer: StructAnswer): void;
}

const structures = new WeakMap<Template, Structures>();
const NOWHERE: Holder = { members: [], type: '', size: 0, pointer: '', struct: 0 };

/** @throws BtfError */
function structuresOf({ templates, template: name }: Where): Structures {
  const template = templates.get(name)!;
  const known = structures.get(template) ?? new Structures(template, Btf.vmlinux());
  structures.set(template, known);
  return known;
}

export function holderOf(state: Where, pane: StructsPane): Holder {
  try {
    return structuresOf(state).at(pane.at);
  } catch (error) {
    if (error instanceof BtfError) return NOWHERE;
    throw error;
  }
}

/** What was listed last: asked for again at each key. */
let listed: { of: Structures; at: string; find: string; members: readonly Member[] } | null = null;

/** The lines of the pane. */
export function memberLines(state: Where, pane: StructsPane): readonly Member[] {
  const find = findOf(state, pane).trim();
  if (find === '') return holderOf(state, pane).members;
  const of = structuresOf(state);
  if (listed?.of !== of || listed.at !== pane.at || listed.find !== find)
    listed = { of, at: pane.at, find, members: of.search(pane.at, find) };
  return listed.members;
}

/** The member that the top pane has chosen. */
export function chosenMember(state: SessionState): Member | undefined {
  const pane = state.panes.at(-1);
  return pane?.name === 'structs' ? memberLines(state, pane)[pane.index] : undefined;
}

/** What the selected row has in a member; '' where that is not known, or more than one value. */
export function printedValue({ answer }: StructsPane, { path, value }: Member): string {
  if (!answer || !path.startsWith(`${answer.root}->`)) return '';
  const within = path.slice(answer.root.length + 2);
  const found =
    answer.lines.find((line) => line.path === within && line.value !== '') ??
    // atomic_t and the like are structs around one number.
    (value ? answer.lines.find((line) => line.path.startsWith(`${within}.`) && line.value !== '') : undefined);
  return found?.value ?? '';
}

/** What the kernel is asked for: the struct of the selected row, or of the first one. */
export function structsQuestion(state: SessionState): StructQuestion | undefined {
  const pane = state.panes.find((each) => each.name === 'structs');
  const { view, cursor, template } = state;
  if (!pane || pane.pointer === '' || !view || view.count === 0) return undefined;
  return { template, key: cursor?.key ?? view.key(0), path: pane.pointer };
}

export const structsSlice: Slice<StructsSlice> = (set, get) => {
  const change = (next: (pane: StructsPane) => StructsPane) =>
    set(({ panes }) => ({ panes: panes.map((pane) => (pane.name === 'structs' ? next(pane) : pane)) }));

  /** The pane elsewhere: what was printed of the same struct still holds. */
  function moved(pane: StructsPane, at: string, index: number, find: string, trail: StructsPane['trail']): StructsPane {
    const { pointer } = structuresOf(get()).at(at);
    return { ...pane, at, index, find, trail, pointer, answer: pointer === pane.pointer ? pane.answer : null };
  }

  return {
    openStructs() {
      if (get().replay) return set({ notice: NO_STRUCTURES });
      try {
        const at = structuresOf(get()).start;
        const { pointer } = structuresOf(get()).at(at);
        const pane: StructsPane = { name: 'structs', index: 0, find: '', at, pointer, trail: [], answer: null };
        set((state) => ({
          panes: [...state.panes, pane],
          // Whose values are shown stays the same while the table goes on.
          ...(state.view && !state.cursor ? moveBy(state, state.view, 0) : {}),
        }));
      } catch (error) {
        if (!(error instanceof BtfError)) throw error;
        set({ notice: error.message });
      }
    },
    leaveStructs() {
      set(({ panes }) => ({ panes: panes.filter(({ name }) => name !== 'structs') }));
    },
    intoMember() {
      const member = chosenMember(get());
      if (!member) return;
      if (!member.opens) return set({ notice: `there is nothing in ${member.path}: Enter shows it as a column` });
      change((pane) => {
        const trail = [...pane.trail, { at: pane.at, index: pane.index, find: pane.find }];
        return moved(pane, member.path, 0, '', trail);
      });
    },
    outOfStruct() {
      const pane = get().panes.at(-1);
      if (pane?.name !== 'structs') return;
      const last = pane.trail.at(-1);
      if (last) change(() => moved(pane, last.at, last.index, last.find, pane.trail.slice(0, -1)));
      // From the only object to all that comes with it.
      else if (pane.at !== '') change(() => moved(pane, '', 0, '', []));
      else get().leaveStructs();
    },
    valuesReceived(answer) {
      if (answer.asked.template !== get().template) return;
      change((pane) => (answer.asked.path === pane.pointer ? { ...pane, answer } : pane));
    },
  };
};
