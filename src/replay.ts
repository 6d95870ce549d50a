/** A recording in the place of the kernel: explored, or written as rows. Nothing here needs privileges, BTF or Linux. */

import path from 'node:path';
import { type Options, outputOf, parseOptions } from './options.ts';
import { checkReplayOptions } from './replay-options.ts';
import { besideSample, isSample, sampleFile } from './sample.ts';
import { asShown } from './state/as-shown.ts';
import { readBaseline } from './state/baseline.ts';
import { BadRecordingError } from './state/byte-stream.ts';
import type { CollectOptions } from './state/collector.ts';
import { commandLine, shellQuoted } from './state/command-line.ts';
import { collectOptions, type DumpOptions, dump, type Feed } from './state/dump.ts';
import { shownTemplate } from './state/group-pane.ts';
import { groupedTemplate } from './state/grouping.ts';
import type { LiveView } from './state/live-view.ts';
import type { ExportChoice } from './state/panes.ts';
import { Player } from './state/player.ts';
import { notInRecording } from './state/recorded-source.ts';
import { Recording, twoOf } from './state/recording.ts';
import { type Replay, skippedText } from './state/replay.ts';
import { startSampler } from './state/sampler.ts';
import { formatSearch } from './state/search.ts';
import type { RecordedQuestion, Segment } from './state/segment.ts';
import { createSession, questionOf, type Session } from './state/session.ts';
import { formatSort, parseSort } from './state/sort.ts';
import { parseMoment } from './state/span.ts';
import { recordedChoices } from './state/split.ts';
import { withColumns } from './templates/adhoc.ts';
import { formatRanges } from './templates/filters.ts';
import { registeredTemplates, registerTemplates } from './templates/registry.ts';
import { type Column, type FilterName, type Filters, type Template, UsageError } from './templates/template.ts';
import { sanitize } from './templates/text.ts';
import { parseWhere } from './templates/where.ts';

import type { ExplorerOptions, TableParts } from './ui/run.tsx';

/** Longer than so many intervals nothing was recorded: a gap. */
const GAP = 3;

/** @throws UsageError, also for what is no recording */
function open(file: string): Recording {
  try {
    return new Recording(file);
  } catch (error) {
    throw error instanceof BadRecordingError ? new UsageError(error.message) : error;
  }
}

/** Which of two recordings that are seen at once; one that is alone is the first. */
type Turn = 'first of two' | 'second of two' | 'only';

function replayOf(recording: Recording, sample: boolean, turn: Turn): Replay {
  const { times, count } = recording;
  const { host, kernel, question } = recording.segment(count - 1);
  const gaps: [number, number][] = [];
  for (let i = 1; i < count; i++)
    if (times[i]! - times[i - 1]! > GAP * question.interval) gaps.push([times[i - 1]!, times[i]!]);
  const absent = notInRecording(recording.segment(count - 1));
  return {
    // Whoever made the file named them.
    host: sanitize(host),
    kernel: sanitize(kernel),
    begin: times[0]!,
    end: times[count - 1]!,
    count,
    gaps,
    sample,
    two: turn !== 'only',
    beside: turn === 'second of two',
    absent,
    ungroup: question.ungroup,
  };
}

/** As they would be typed. */
function textsOf(filters: Filters): Partial<Record<FilterName, string>> {
  return Object.fromEntries(Object.entries(filters).map(([name, ranges]) => [name, formatRanges(ranges)]));
}

/** What is asked of a recording: as it was recorded, where the command line does not say otherwise. */
function sessionOf(
  options: Options,
  recording: Recording,
  sample: boolean,
  marks?: boolean,
  turn: Turn = 'only',
): Session {
  const segment = recording.segment(recording.count - 1);
  const { question } = segment;
  let { template } = recording;
  let columns: readonly string[] = question.columns;
  if (options.columns !== undefined) {
    const find = (name: string) => segment.templates.find((t) => t.name === name);
    const noBtf = () => {
      throw new UsageError(
        '--columns: a recording has the columns that it was made with; no new ones can be made of it',
      );
    };
    ({ template, columns } = withColumns(template, options.columns, noBtf, find));
  }
  const own = [template, ...segment.templates.slice(1)];
  // Those of the other one stay.
  const others = turn === 'second of two' ? registeredTemplates() : [];
  registerTemplates([...own, ...others.filter(({ name }) => !own.some((each) => each.name === name))]);
  const replay = replayOf(recording, sample, turn);
  checkReplayOptions(options, template, segment, replay);
  const users = namesOf(recording);
  const { kthreads } = options;
  // What a script gets is what its command line says.
  const { group: grouped, tree: treed } = options.command === 'dump' ? {} : question;
  const group = options.group ?? (options.tree ? undefined : grouped);
  const tree = options.tree ?? (group ? undefined : treed);
  return createSession({
    templates: [template],
    template: template.name,
    columns,
    user: (name) => users.get(name),
    checkWhere: (text, of) => checkWhere(text, of, segment, users),
    sort: options.sort ?? recordedSort(template, columns, group, question),
    filters: { ...textsOf(question.filters), ...options.filters },
    switches: { ...question.switches, ...(kthreads === undefined ? {} : { kthreads }) },
    ungroup: question.ungroup,
    search: options.search,
    where: [question.where, options.where].filter((text) => text).join(' && '),
    theme: options.theme,
    paused: options.at !== undefined,
    marks,
    baseline: options.baseline === undefined ? undefined : path.basename(options.baseline),
    groupBy: group,
    tree,
    replay,
  });
}

/** The order that was recorded, where what is shown now has it; groups that were not recorded have one of their own. */
function recordedSort(
  template: Template,
  columns: readonly string[],
  group: string | undefined,
  question: RecordedQuestion,
): string | undefined {
  if (group && group !== question.group) return undefined;
  try {
    const { sort } = question;
    return formatSort(parseSort(group ? groupedTemplate(template, group, columns) : template, sort));
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

/** Uids by the names that the recording knows at its begin and at its end. */
function namesOf(recording: Recording): Map<string, number> {
  const names = new Map<string, number>();
  for (const index of [0, recording.count - 1]) {
    try {
      for (const [uid, name] of recording.read(index).users) names.set(name, uid);
    } catch (error) {
      // What is damaged is told of where it is looked at.
      if (!(error instanceof BadRecordingError)) throw error;
    }
  }
  return names;
}

/** @throws WhereError */
function checkWhere(text: string, template: Template, segment: Segment, users: ReadonlyMap<string, number>): void {
  const enumNames = ({ name }: Column) =>
    segment.walks.flatMap((walk) => walk.names).find(([column]) => column === name)?.[1];
  parseWhere(text, template, { user: (name) => users.get(name), enumNames, pageSize: segment.pageSize });
}

export interface ReplayOptions {
  /** Writes the rows that are seen; says so in one line. */
  exportView(session: Session, choice: ExportChoice): Promise<string>;
  readonly looks: NonNullable<ExplorerOptions['looks']>;
  /** Its name, where the recording came with the program. */
  readonly sample: string | undefined;
  /** What a refresh changed is marked; it is where absent. */
  readonly marks: boolean | undefined;
}

/** What a recording is of. @throws UsageError */
function tableOf(file: string): Template {
  using recording = open(file);
  return recording.template;
}

/** A recording as one of one or two tables on the screen. */
interface Half extends TableParts {
  /** When it is on the screen, or cannot be. */
  readonly begun: Promise<Error | null>;
  /** Of what is recorded: its own first, then those of its joins. */
  readonly templates: readonly Template[];
}

/** @throws UsageError */
function halfOf(file: string, options: Options, { exportView, sample, marks }: ReplayOptions, turn: Turn): Half {
  const recording = open(file);
  const session = sessionOf(options, recording, sample !== undefined, marks, turn);
  const state = () => session.getState();
  const { replay, templates, template } = state();
  const shown = shownTemplate(state())!;
  const baseline = options.baseline === undefined ? undefined : readBaseline(options.baseline, shown, state().groupBy);
  const at = options.at === undefined ? undefined : parseMoment(options.at, replay!, replay!.begin);
  const { promise: begun, resolve } = Promise.withResolvers<Error | null>();
  const receiver = {
    received(view: LiveView) {
      state().received(view);
      resolve(null);
    },
    failed(failure: Error) {
      state().failed(failure.message);
      resolve(failure);
    },
    explained: state().explained,
    finding: state().found,
    begunAnew: (why: string) => state().notify(`reading begins anew: ${why}`),
  };
  const all = [templates.get(template)!, ...recording.segment(0).templates.slice(1)];
  recording.close();
  const sampler = startSampler(receiver, all, file, baseline);
  sampler.ask(questionOf(state()));
  if (at !== undefined) sampler.go({ to: at });
  const refused = (why: string) => () => {
    throw new UsageError(why);
  };
  return {
    session,
    sampler,
    begun,
    templates: all,
    exportView: (choice) => exportView(session, choice),
    absentColumns: () => replay!.absent,
    commandLine: () => {
      // The table is the recording's own.
      const [itertop, command, , ...rest] = commandLine(asShown(state()));
      const moment = new Date(state().view!.stats.begin).toISOString();
      const name = sample !== undefined && isSample(sample) ? sample : shellQuoted(file);
      return [itertop!, command!, '--replay', name, '--at', moment, ...rest];
    },
    saveTemplate: async () => refused('a recording is of its own kernel: templates are saved of live tables')(),
    saveSettings: async () => refused('settings are those of live tables: W works there')(),
    addColumn: refused('a recording has the columns that it was made with'),
    openMap: refused('the elements of that map are not in this recording'),
  };
}

/** Two recordings that are seen at once. */
interface Two {
  readonly files: readonly [string, string];
  /** What the second one is called. */
  readonly word: string;
  /** Its name, where it came with the program. */
  readonly sample?: string;
}

function twoOfSample(file: string, name: string): Two | undefined {
  const beside = besideSample(name);
  return beside && { files: [file, sampleFile(beside.name)], word: beside.word, sample: beside.name };
}

/** @throws UsageError */
export async function runReplay(path: string, options: Options, more: ReplayOptions): Promise<void> {
  const two: Two | undefined = more.sample === undefined ? twoOf(path) : twoOfSample(path, more.sample);
  const [file, other] = two?.files ?? [path];
  const half = halfOf(file, options, more, two ? 'first of two' : 'only');
  const { session, sampler } = half;
  const state = () => session.getState();
  const { replay, templates } = state();
  const [{ runExplorer }, error] = await Promise.all([import('./ui/run.tsx'), half.begun]);
  if (error) {
    sampler.close();
    throw error;
  }
  const keys = `Space ${state().paused ? 'plays' : 'pauses'}, [ ] step, T jumps, = finds; ? shows all keys`;
  state().notify(
    more.sample !== undefined ? 'a sample recording, not this machine; the keys below go through it' : keys,
  );
  const openHalf = () => {
    if (!other) throw new UsageError('this recording has one table');
    // What the command line says of the first table says nothing of the second one.
    const asked = { ...parseOptions(['replay', other]), at: options.at, theme: state().theme };
    return halfOf(other, asked, { ...more, sample: two?.sample }, 'second of two');
  };
  const besides = other ? recordedChoices(half.templates[0]!, tableOf(other), replay!.ungroup, two!.word) : [];
  await runExplorer({
    ...half,
    targets: [...templates.values()].map((t) => ({
      template: t.name,
      area: t.area ?? 'yours',
      help: t.help,
      unavailable: '',
    })),
    kernel: replay!.kernel,
    openHalf,
    besides,
    split: options.split ?? besides[0]?.word,
    stdout: process.stdout,
    stdin: process.stdin,
    mouse: options.mouse,
    looks: more.looks,
  });
}

/** Rows of one refresh (the last one, or that of `--at`) or of each. @returns whether all of these could be read */
export async function dumpReplay(
  name: string,
  options: Options,
  say: (text: string) => void = () => {},
): Promise<boolean> {
  const file = isSample(name) ? sampleFile(name) : name;
  const recording = open(file);
  const state = sessionOf(options, recording, false).getState();
  const question = questionOf(state);
  const { count } = recording;
  const index =
    options.at === undefined
      ? count - 1
      : recording.indexAt(parseMoment(options.at, state.replay!, recording.times[0]!));
  const from = fromOf(recording, index);
  // At a moment that is named there may be all that there was.
  let damaged = options.at === undefined ? recording.missing : 0;
  recording.close();
  const dumped: DumpOptions = {
    ...question,
    template: state.templates.get(state.template)!,
    searchText: formatSearch(question.search),
    ...outputOf(options),
    say,
    count: options.all ? 0 : 1,
  };
  const [first, last] = options.all ? [0, count - 1] : [index, index];
  const feed = refreshes(file, dumped.template, collectOptions(dumped), first, last, (count) => {
    damaged += count;
  });
  await dump(dumped, process.stdout, feed, from);
  if (damaged > 0) say(`${file}: ${skippedText(damaged)}`);
  return damaged === 0;
}

/** The host of a refresh, and its kernel: another one after a restart. */
function fromOf(recording: Recording, index: number) {
  const { host, kernel, btf } = recording.segment(index);
  return { host, kernel, btf };
}

/** Several, or one: where that is damaged the nearest one. @param stepped told how many damaged ones are stepped over */
async function* refreshes(
  file: string,
  template: Template,
  options: CollectOptions,
  first: number,
  last: number,
  stepped: (damaged: number) => void,
): Feed {
  using player = new Player(file);
  for (let index = first; index <= last; index = player.index + 1) {
    player.move({ by: index - player.index });
    const collected = player.collect(template, options);
    const back = player.index < index;
    const skipped = back && first < last ? last - index + 1 : Math.abs(player.index - index);
    stepped(skipped);
    // At the end it goes back, to what was there before.
    if (back && first < last) return;
    yield { ...collected, skipped, host: fromOf(player.recording, player.index) };
    if (first === last) return;
  }
}
