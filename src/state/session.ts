/**
 * The session: one store with what is asked, what is seen and where we are. Everything here is plain state and pure
 * steps between states; reading the kernel and drawing happen elsewhere, by subscribing.
 */
import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Template } from '../templates/template.ts';
import { type AskedOptions, type AskedSlice, askedSlice, questionOf } from './asked.ts';
import { type ColumnsSlice, columnsSlice } from './columns-pane.ts';
import { type ComparingOptions, type ComparingSlice, comparingSlice } from './comparing.ts';
import { type DetailSlice, detailSlice } from './detail-slice.ts';
import { type GroupSlice, groupSlice } from './group-pane.ts';
import { type LeakWatchSlice, leakWatchSlice } from './leak-watch.ts';
import { type LookSlice, lookSlice } from './look.ts';
import { type MarkingSlice, markingSlice } from './marking.ts';
import { type NarrowingSlice, narrowingSlice } from './narrowing.ts';
import { type PickerSlice, pickerSlice } from './picker.ts';
import { type PlaceSlice, placeSlice } from './place.ts';
import { type ProgramSlice, programSlice } from './program-pane.ts';
import { type PromptSlice, promptSlice } from './prompt.ts';
import { type Replay, type ReplaySlice, replaySlice } from './replay.ts';
import { type SeenSlice, seenSlice } from './seen.ts';
import { type SplitSlice, splitSlice } from './split.ts';
import { type StructsSlice, structsSlice } from './structs-pane.ts';
import { type TrailSlice, trailSlice } from './trail.ts';
import { type TreeSlice, treeSlice } from './tree-slice.ts';

export { questionOf };

export type SessionState = AskedSlice &
  SeenSlice &
  ReplaySlice &
  TrailSlice &
  PickerSlice &
  SplitSlice &
  PromptSlice &
  DetailSlice &
  MarkingSlice &
  ComparingSlice &
  LeakWatchSlice &
  ColumnsSlice &
  GroupSlice &
  NarrowingSlice &
  ProgramSlice &
  StructsSlice &
  TreeSlice &
  LookSlice &
  PlaceSlice;
export type Session = StoreApi<SessionState>;

/** A slice: a part of the state that sees and sets the whole. */
export type Slice<T> = (set: Session['setState'], get: Session['getState']) => T;

export interface SessionOptions extends AskedOptions, ComparingOptions {
  /** All that can be picked; internal templates are not. */
  readonly templates: readonly Template[];
  /** Uid of a user name, for filters; undefined where there is no such user. */
  readonly user?: (name: string) => number | undefined;
  /** Name of the theme; the default one where absent. */
  readonly theme?: string | undefined;
  /** The recording that is looked at; the running kernel where absent. */
  readonly replay?: Replay | undefined;
  /** Throws UsageError for a condition that is wrong for a template. */
  readonly checkWhere?: (text: string, template: Template) => void;
}

/** Throws UsageError where a filter, the search, a column or the template's name is wrong. */
export function createSession(options: SessionOptions): Session {
  return createStore<SessionState>()((set, get) => {
    const asked = askedSlice(options)(set, get);
    return {
      ...asked,
      ...seenSlice(set, get),
      ...detailSlice(set, get),
      ...markingSlice(set, get),
      ...replaySlice(options)(set, get),
      ...comparingSlice(options, asked)(set, get),
      ...leakWatchSlice(set, get),
      ...lookSlice(options)(set, get),
      ...columnsSlice(set, get),
      ...trailSlice(set, get),
      ...groupSlice(set, get),
      ...narrowingSlice(set, get),
      ...programSlice(set, get),
      ...pickerSlice(set, get),
      ...splitSlice(set, get),
      ...promptSlice(set, get),
      ...structsSlice(set, get),
      ...treeSlice(set, get),
      ...placeSlice(set, get),
    };
  });
}
