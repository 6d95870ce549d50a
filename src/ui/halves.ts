/** One table, or two: which are on the screen, and which one has the keys. */
import { createStore, type StoreApi } from 'zustand/vanilla';
import { follow, type SplitChoice, splitChoices } from '../state/split.ts';
import type { Reach, Split } from './actions.ts';
import { inStep } from './in-step.ts';
import type { Key } from './keys.ts';
import { type Area, layoutOf, within } from './layout.ts';
import { pointerOf } from './mouse.ts';
import { recordTwo } from './record-two.ts';

export interface Halves {
  readonly first: Reach;
  /** null: the first one has the screen. */
  readonly second: Reach | null;
  readonly focus: 'first' | 'second';
}

export type HalvesStore = StoreApi<Halves>;

/** A table by itself, and its end. */
export interface Table {
  readonly reach: Omit<Reach, 'split'>;
  close(): void;
}

/** @param begin makes a second table of a template */
export function createHalves(
  table: Table['reach'],
  begin: (template: string) => Table,
  choices: () => readonly SplitChoice[] = () => splitChoices(table.session.getState(), table.targets()),
): { readonly halves: HalvesStore; readonly split: Split } {
  let end = () => {};
  let shown: SplitChoice | undefined;
  let endRecording: (() => void) | undefined;
  const going = ({ session }: Reach) => session.getState().recording?.going === true;

  function stopRecording(): void {
    const { first, second } = halves.getState();
    for (const each of [first, second]) if (each && going(each)) each.effects.record('');
    endRecording?.();
    endRecording = undefined;
  }

  const split: Split = {
    choices,
    record(folder) {
      const { first, second } = halves.getState();
      if (!second || !shown) return;
      const goes = going(first) || going(second);
      stopRecording();
      if (!goes) endRecording = recordTwo(first, second, shown, begin, folder);
    },
    get open() {
      return halves.getState().second !== null;
    },
    show(choice: SplitChoice) {
      split.close();
      shown = choice;
      const { template, way } = choice;
      const { reach, close } = begin(template);
      const { first } = halves.getState();
      const replayed = reach.session.getState().replay !== null;
      const second: Reach = { ...reach, split, ...(replayed && { lead: first }) };
      const unstep = replayed ? inStep(first, second) : () => {};
      const unfollow = way ? follow(table.session, reach.session, way) : () => {};
      // Both have one theme, whichever of them is asked for another.
      const unsubscribe = reach.session.subscribe(({ theme }, before) => {
        if (theme !== before.theme) table.session.getState().setTheme(theme);
      });
      end = () => {
        unfollow();
        unstep();
        unsubscribe();
        close();
      };
      halves.setState({ second, focus: 'first' });
    },
    close() {
      if (!split.open) return;
      endRecording?.();
      endRecording = undefined;
      halves.setState({ second: null, focus: 'first' });
      end();
    },
    turn() {
      halves.setState(({ focus }) => ({ focus: focus === 'first' ? 'second' : 'first' }));
    },
  };
  const halves = createStore<Halves>()(() => ({ first: { ...table, split }, second: null, focus: 'first' }));
  return { halves, split };
}

export function focused({ first, second, focus }: Halves): Reach {
  return focus === 'second' && second ? second : first;
}

/** Who gets a key: the table that has them; a click in the other one gives them to that. */
export function receiver(halves: HalvesStore, key: Key): Reach {
  const { first, second, focus } = halves.getState();
  const pointer = pointerOf(key);
  const other = focus === 'first' ? second : first;
  const area = other && layoutOf(other.session).table;
  if (second && pointer && area && within(area, pointer.x, pointer.y)) second.split.turn();
  return focused(halves.getState());
}

/** From this width on two tables stand side by side. */
const SIDE_BY_SIDE = 160;

/** Lines that each of two tables needs to be of use, one above the other. */
const LEAST = 5;

export interface Divided {
  readonly beside: boolean;
  readonly first: Area;
  /** Without the line that says what it is, above it. */
  readonly second: Area;
}

/** A screen for both, the line of keys at its foot left out; undefined where there is no room. */
export function divideHalves(width: number, height: number): Divided | undefined {
  const rest = height - 1;
  if (width >= SIDE_BY_SIDE && rest > LEAST) {
    const left = Math.floor((width - 1) / 2);
    return {
      beside: true,
      first: { x: 0, y: 0, width: left, height: rest },
      second: { x: left + 1, y: 1, width: width - left - 1, height: rest - 1 },
    };
  }
  const upper = Math.ceil((rest - 1) / 2);
  const lower = rest - 1 - upper;
  if (lower < LEAST) return undefined;
  return {
    beside: false,
    first: { x: 0, y: 0, width, height: upper },
    second: { x: 0, y: upper + 1, width, height: lower },
  };
}
