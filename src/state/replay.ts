/** Where we are in a recording, what is looked for in it; and what is being recorded. */
import { counted } from '../templates/counted.ts';
import { type Template, UsageError, ungroupedWord } from '../templates/template.ts';
import { APPEARED, type Finding, GONE, type Sought } from './finder.ts';
import { inputOf } from './input.ts';
import type { SessionOptions, SessionState, Slice } from './session.ts';
import { type Extent, parseMoment } from './span.ts';
import type { RecordingState } from './taping.ts';
import { chosenRow } from './trail.ts';
import type { View } from './view.ts';
import { moveTo } from './window.ts';

/** The recording that is looked at. */
export interface Replay extends Extent {
  readonly host: string;
  /** uname -r there */
  readonly kernel: string;
  readonly count: number;
  /** From when to when nothing was recorded. */
  readonly gaps: readonly (readonly [number, number])[];
  /** It came with the program, and says so. */
  readonly sample: boolean;
  /** One of two that were made at once. */
  readonly two?: boolean;
  /** It stands beside another one, which says at which moment both are. */
  readonly beside?: boolean;
  /** Each member of a group (threads) is a row. */
  readonly ungroup: boolean;
  /** Column -> why it is not in the recording. */
  readonly absent: ReadonlyMap<string, string>;
}

/** Why rows of a recording cannot be taken apart, or put together. @param ungroup whether they are apart */
export function notRecordedApart(template: Template, ungroup: boolean): string {
  const word = ungroupedWord(template);
  if (!word) return `the rows of ${template.name} are not grouped: nothing to take apart`;
  return ungroup
    ? `this was recorded with ${word}: that is how it is shown`
    : `this was recorded without ${word}: itertop record --threads has that`;
}

/** Why rows cannot be arranged by these columns; '' where they can. */
export function notRecorded({ replay }: Pick<SessionState, 'replay'>, names: readonly string[]): string {
  const name = names.find((each) => replay?.absent.has(each));
  return name === undefined ? '' : `column ${name}: ${replay!.absent.get(name)}`;
}

/** What is said to whoever asks a recording for them. */
export const NO_STRUCTURES = 'structures are those of a running kernel; a recording has its columns';

const LEAST_SPEED = 0.25;
const MOST_SPEED = 64;

export interface ReplaySlice {
  /** null: the running kernel is looked at. */
  readonly replay: Replay | null;
  readonly speed: number;
  /** The last search through it; null where there was none, or it was given up. */
  readonly finding: Finding | null;
  /** The last recording that was begun here. */
  readonly recording: RecordingState | null;

  openJump(): void;
  openWhen(): void;
  /** The moment that is typed. Throws UsageError. */
  jumpTo(): number;
  /** The condition that is typed, or what of the selected row. Throws UsageError. */
  findWhat(): Sought;
  stepSpeed(by: 1 | -1): void;
  found(finding: Finding | null): void;
  recorded(recording: RecordingState): void;
}

export function replaySlice(options: SessionOptions): Slice<ReplaySlice> {
  return (set, get) => {
    const typed = () => {
      const pane = get().panes.at(-1);
      return pane?.name === 'jump' || pane?.name === 'when' ? pane.input.text.trim() : '';
    };
    return {
      replay: options.replay ?? null,
      speed: 1,
      finding: null,
      recording: null,

      openJump() {
        set(({ panes }) => ({ panes: [...panes, { name: 'jump', input: inputOf(''), error: '' }] }));
      },
      openWhen() {
        const input = inputOf(get().finding?.where ?? '');
        set(({ panes }) => ({ panes: [...panes, { name: 'when', input, error: '' }] }));
      },
      jumpTo() {
        const { replay, view } = get();
        if (!replay) throw new UsageError('no recording is looked at');
        return parseMoment(typed(), replay, view?.stats.begin ?? replay.begin);
      },
      findWhat() {
        const { templates, template } = get();
        const where = typed();
        if (where === '') throw new UsageError('a condition is needed, as in rss > 1G or comm == "java"');
        if (where === APPEARED || where === GONE) {
          const chosen = chosenRow(get());
          if (!chosen || get().groupBy !== '') throw new UsageError(`${where} is of a row: select one first`);
          return { where, row: chosen.key };
        }
        options.checkWhere?.(where, templates.get(template)!);
        return { where };
      },
      stepSpeed(by) {
        set(({ speed }) => ({ speed: Math.max(LEAST_SPEED, Math.min(by > 0 ? speed * 2 : speed / 2, MOST_SPEED)) }));
      },
      found(finding) {
        set({ finding });
        if (!finding || finding.found === null) return;
        if (finding.error !== '') set({ notice: `find: ${finding.error.split('\n')[0]}` });
        else if (finding.found < 0) set({ notice: notFound(finding, get().view?.position?.index ?? 0) });
        else if (finding.where === APPEARED) set({ notice: 'from here on it is there' });
        else if (finding.where === GONE) set({ notice: 'here it is for the last time' });
        else set({ notice: `${finding.where}: from here on (= and Enter: the next one)` });
        set((state) => landed(state));
      },
      recorded(recording) {
        set({ recording });
        if (recording.going) return;
        const { path, refreshes, error } = recording;
        const what = counted(refreshes, 'refresh', 'refreshes');
        if (refreshes === 0 && error !== '') set({ notice: `not recorded: ${error}` });
        else if (refreshes === 0)
          set({ notice: `nothing was recorded${get().paused ? ': it is paused' : ', no refresh has come'}` });
        else set({ notice: `${what} recorded in ${folderOf(path) || path}${error === '' ? '' : ` (${error})`}` });
      },
    };
  };
}

/** `none` would be wrong where rows fulfil it before one's eyes. */
function notFound({ where, already }: Finding, from: number): string {
  if (where === GONE) return 'it is there up to the end';
  const anew = already ? 'already true here, not anew up to the end' : 'no further refresh up to the end';
  // The condition may be long, and is known.
  return `${anew}${from > 0 ? ' (T start, = for all)' : ''}: ${where}`;
}

/** That of a recording of two tables; '' where it is one file. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** Where a search has arrived: the first row in sight's order that it is about is selected, once. */
export function landed(state: SessionState): Partial<SessionState> {
  const { finding, view } = state;
  if (!finding || finding.rows.length === 0 || !view || view.position?.index !== finding.found) return {};
  const rows = finding.rows.map((key) => view.rowOf(key)).filter((row) => row >= 0);
  const reached = { finding: { ...finding, rows: [] } };
  return rows.length === 0 ? reached : { ...reached, ...moveTo(state, view, Math.min(...rows)) };
}

/** What a view changes that came out of a recording: at the end it stands still. */
export function replayed({ position }: View): Partial<SessionState> {
  if (!position) return {};
  const { skipped, index, count } = position;
  return {
    ...(index >= count - 1 ? { paused: true } : {}),
    ...(skipped > 0 ? { notice: skippedText(skipped) } : {}),
  };
}

export const skippedText = (count: number) =>
  `${counted(count, 'damaged refresh was', 'damaged refreshes were')} skipped`;
