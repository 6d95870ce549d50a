/** Commands, and the exit code and words with which each can end. */
import os from 'node:os';
import path from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { Btf, BtfError } from './bpf/btf.ts';
import { pageSize } from './bpf/host.ts';
import { describeMissing, missing } from './bpf/support.ts';
import { BpfError } from './bpf/syscall.ts';
import { targetNames } from './bpf/targets.ts';
import { completion } from './completion.ts';
import { hostNames } from './host-options.ts';
import { checkHosts, closeHosts, hostWords, openHosts } from './hosts.ts';
import { checkTemplate, helpText, type Options, outputOf, parseOptions, wantsDebug } from './options.ts';
import { type Beside, runRecord, tapeTexts } from './record.ts';
import { dumpReplay, runReplay } from './replay.ts';
import { isSample, SAMPLE, sampleFile, wantsSample } from './sample.ts';
import {
  intervalOf,
  maxCostOf,
  NO_SETTINGS,
  noTheme,
  ownKeys,
  parseSettings,
  type ReadSettings,
  type Settings,
  settledTemplates,
} from './settings.ts';
import { asShown } from './state/as-shown.ts';
import { AtomicFile } from './state/atomic-file.ts';
import { readBaseline } from './state/baseline.ts';
import { columnItems, commandLine } from './state/command-line.ts';
import { MAX_COST } from './state/cost.ts';
import { examine, reportText } from './state/doctor.ts';
import { type DumpOptions, dump, writerOf } from './state/dump.ts';
import { FileError } from './state/file-error.ts';
import { shownTemplate } from './state/group-pane.ts';
import type { SampledView } from './state/group-view.ts';
import { parseForHosts, userForHosts } from './state/hosts-collector.ts';
import { hostsFeed } from './state/hosts-dump.ts';
import type { ProgramPart } from './state/inspect.ts';
import { shortcomingOf, tableOfMap } from './state/maps.ts';
import { marksOf } from './state/marking.ts';
import { type NetScope, parseNetScope } from './state/namespaces.ts';
import type { ExportChoice } from './state/panes.ts';
import { programReport } from './state/program-report.ts';
import { type Receiver, type Sampler, startSampler } from './state/sampler.ts';
import { saveTemplate } from './state/save-template.ts';
import { formatSearch } from './state/search.ts';
import { createSession, questionOf, type Session, type SessionState } from './state/session.ts';
import { type Change, configFolder, readSettingsFile, saveSettings, withTilde } from './state/settings-file.ts';
import { formatSort, sortColumns } from './state/sort.ts';
import { recordedWord, splitChoice, splitChoices } from './state/split.ts';
import type { RecordingState } from './state/taping.ts';
import { TemplateFiles, templateFolder } from './state/template-files.ts';
import { userId } from './state/users.ts';
import type { TargetInfo } from './state/view.ts';
import { keepWorker, type WorkerThread } from './state/worker-thread.ts';
import { withColumns } from './templates/adhoc.ts';
import { availability, availabilityText, worksOn } from './templates/availability.ts';
import { bpfMap } from './templates/builtin/bpf-map.ts';
import { BUILTIN } from './templates/builtin/index.ts';
import { compile } from './templates/compile.ts';
import { counted } from './templates/counted.ts';
import { enumNamesOf } from './templates/enum-names.ts';
import { explainPlan } from './templates/explain.ts';
import { alignOf, unitOf } from './templates/format.ts';
import { genericTargets, genericTemplate } from './templates/generic.ts';
import { withHost, withWhose } from './templates/host-column.ts';
import { ELEMENTS } from './templates/map-template.ts';
import { columnOfPath } from './templates/path-column.ts';
import {
  allTemplates,
  findTemplate,
  registeredTemplates,
  registerTemplates,
  shownTemplates,
} from './templates/registry.ts';
import { starter } from './templates/starter.ts';
import { type Column, type Template, TemplateError, UsageError } from './templates/template.ts';
import { sanitize, sanitizeLines } from './templates/text.ts';
import { type Conjunct, parseWhere } from './templates/where.ts';
import { tether } from './tether.ts';
import { rebind } from './ui/keymap.ts';
import type { TableParts } from './ui/run.tsx';
import { themeOf } from './ui/theme.ts';
import { THEMES } from './ui/themes.ts';
import { welcome } from './ui/welcome.ts';

const tell = (text: string) => void process.stderr.write(`${sanitizeLines(text)}\n`);
const say = (text: string) => tell(`itertop: ${text}`);

const EXIT = { done: 0, failed: 1, usage: 2, unsupported: 3 } as const;

/** Commands that write text and end; rows have a way of their own to be written. */
const WRITE_TEXT: readonly Options['command'][] = ['help', 'version', 'doctor', 'completion', 'templates', 'query'];

/** @param early the thread that reads, where it is started already @returns the exit code */
export async function run(argv: readonly string[], early?: WorkerThread): Promise<number> {
  keepWorker(early);
  // Nobody is there to be told.
  process.stderr.on('error', () => {});
  try {
    const options = parseOptions(argv);
    if (options.tether !== undefined) tether(options.tether);
    await checkTheme(options);
    if (WRITE_TEXT.includes(options.command)) process.stdout.on('error', unwritable);
    switch (options.command) {
      case 'help':
        process.stdout.write(helpText(shownTemplates()));
        return EXIT.done;
      case 'version':
        process.stdout.write(`itertop ${packageJson.version}\n`);
        return EXIT.done;
      case 'doctor':
        return runDoctor(options);
      case 'completion':
        process.stdout.write(completion(options.shell!, BUILTIN));
        return EXIT.done;
      case 'templates':
        return options.start ? begin(options, options.start) : await runTemplates(options);
      case 'dump':
        return await runDump(options);
      case 'query':
        await (await import('./query.ts')).runQuery(options);
        return EXIT.done;
      case 'record': {
        const asked = await prepare(filesOf(options), options);
        complain(asked.said);
        const state = sessionOf(options, asked).getState();
        await runRecord(
          options,
          questionOf(state),
          options.split === undefined ? undefined : besideOf(state, options.split),
        );
        return EXIT.done;
      }
      case 'replay':
        return await replay(options.replay!, options);
      case 'explore':
        return options.plain || (await canExplore(options)) ? await exploreOrSample(options) : await runDump(options);
    }
  } catch (error) {
    return report(error, wantsDebug(argv));
  }
}

/** A reader may have enough; anything else is told. */
function unwritable(error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? EXIT.done : report(new FileError('standard output', error), false));
}

/** A pipe or a terminal without cursor movement gets one plain table. */
async function canExplore(options: Options): Promise<boolean> {
  const dumb = process.env['TERM'] === undefined || process.env['TERM'] === 'dumb';
  return (
    process.stdout.isTTY &&
    !dumb &&
    options.format === undefined &&
    options.output === undefined &&
    options.dataset === undefined &&
    options.otlp === undefined &&
    !options.struct &&
    !options.changes
  );
}

/** Says what went wrong, and for what the system lacks which command helps. */
function report(error: unknown, debug: boolean): number {
  if (debug) {
    const { log, stack } = error as Error & { log?: string };
    tell(`${log ? `${log}\n` : ''}${stack ?? ''}`);
  }
  if (error instanceof UsageError || error instanceof TemplateError) {
    say(error.message);
    return EXIT.usage;
  }
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (error instanceof BtfError || error instanceof BpfError || name === 'BpfError' || name === 'BtfError') {
    const lacks = missing();
    say(message);
    if (lacks.length > 0) {
      process.stderr.write(`${describeMissing(lacks)}\n`);
      return EXIT.unsupported;
    }
    return ['EPERM', 'ENOSYS', 'EINVAL', 'EACCES'].includes(code ?? '') || name === 'BtfError'
      ? EXIT.unsupported
      : EXIT.failed;
  }
  // V8's words, of an array that it finds no room for.
  say(error instanceof RangeError && /allocation failed/.test(message) ? 'out of memory' : message);
  return EXIT.failed;
}

/** What the command line asks for, after the user's files were read. */
interface Asked {
  readonly template: string;
  readonly columns: readonly string[] | undefined;
  /** Beside those that are built in. */
  readonly registered: readonly Template[];
  /** What is wrong with the files, and what this kernel lacks of what is asked for. */
  readonly said: readonly string[];
}

let generic: readonly Template[] | undefined;
/** Members that were added as columns, by template: they are there again when its file is read again. */
const paths = new Map<string, readonly string[]>();
/** The table of the map that was chosen last. */
let elements: Template | undefined;

/** Tables of this kernel's iterators that no template is made for. Looks through BTF, once. */
function genericTemplates(): readonly Template[] {
  const known = BUILTIN.map((t) => t.target);
  generic ??= genericTargets(Btf.vmlinux(), known).map((target) => genericTemplate(Btf.vmlinux(), target));
  return generic;
}

const filesOf = (options: Options) => new TemplateFiles(options.files, templateFolder(), () => Btf.vmlinux());

/**
 * Registers the user's templates, and columns that the command line makes.
 * @param say what is wrong with files where that may be why something is missing
 * @throws UsageError
 */
async function prepare(
  files: TemplateFiles,
  options: Options,
  read: ReadSettings = NO_SETTINGS,
  say = complain,
): Promise<Asked> {
  if (options.hosts.length > 0) return prepareForHosts(options, read);
  checkMap(options);
  const own = await files.load();
  if (own.unusable.length > 0) throw new UsageError(own.unusable.join('\n'));
  registerTemplates(own.templates);
  // BTF is looked through only where a name needs it.
  const known = options.template === '' || shownTemplates().some((t) => t.name === options.template);
  if (!known || options.command === 'templates') genericTemplates();
  if (options.map !== undefined) elements ??= tableOfMap(options.map);
  registerTemplates([...own.templates, ...(generic ?? []), ...(elements ? [elements] : [])]);
  const said = [...settle(read), ...(elements ? [shortcomingOf(elements)] : []).filter((text) => text !== '')];
  const problems = [...leftAside(read), ...own.problems, ...said];
  const loaded = { ...own, templates: registeredTemplates(), problems };
  try {
    const name = checkTemplate(
      options.template ||
        (options.map === undefined ? undefined : ELEMENTS) ||
        loaded.first ||
        read.settings.template ||
        'task',
      shownTemplates().map((t) => t.name),
    );
    const warnings = loaded.warnings.filter((w) => w.template === name).map((w) => w.message);
    const said = [...loaded.problems, ...warnings];
    const asked = { template: name, columns: undefined, registered: loaded.templates, said };
    if (options.columns === undefined) return asked;
    const { template, columns } = withColumns(findTemplate(name), options.columns, () => Btf.vmlinux(), anyTemplate);
    const registered = [...loaded.templates.filter((t) => t.name !== name), template];
    registerTemplates(registered);
    return { ...asked, columns, registered };
  } catch (error) {
    say(loaded.problems);
    throw error;
  }
}

/** Those built in, as every itertop has them: what files here say other hosts do not know. @throws UsageError */
function prepareForHosts(options: Options, read: ReadSettings): Asked {
  checkHosts(options);
  registerTemplates([]);
  const said = [...leftAside(read), ...settle(read)];
  registerTemplates(allTemplates().map(withHost));
  const names = shownTemplates().map((t) => t.name);
  const { template: preferred = '' } = read.settings;
  const name = checkTemplate(options.template || (names.includes(preferred) ? preferred : 'task'), names);
  const asked = { template: name, columns: undefined, registered: registeredTemplates(), said };
  if (options.columns === undefined) return asked;
  const { template, columns } = withColumns(findTemplate(name), options.columns, () => Btf.vmlinux(), anyTemplate);
  registerTemplates([...registeredTemplates().filter((t) => t.name !== name), template]);
  const apart = options.group === undefined && hostNames(options.hosts).length > 1;
  return { ...asked, columns: apart ? withWhose(columns) : columns, registered: registeredTemplates() };
}

const anyTemplate = (name: string) => allTemplates().find((t) => t.name === name);

const ASIDE = 'left aside: ';
/** Of the settings, which are none where anything in their file is wrong. */
const leftAside = ({ problems }: ReadSettings) => problems.map((problem) => ASIDE + problem);

/** Registers templates as the settings want them. @returns what is wrong with that */
function settle(read: ReadSettings): readonly string[] {
  const { templates, problems } = settledTemplates(shownTemplates(), read, () => Btf.vmlinux(), anyTemplate);
  if (templates.length > 0) {
    const changed = new Set(templates.map((t) => t.name));
    registerTemplates([...registeredTemplates().filter((t) => !changed.has(t.name)), ...templates]);
  }
  return problems;
}

/** Also where no screen shows it: a script's mistake is not found on a terminal first. @throws UsageError */
async function checkTheme({ theme, settings }: Options): Promise<void> {
  const names = Object.keys(THEMES);
  if (theme === undefined || names.includes(theme)) return;
  if (settings) names.push(...Object.keys((await readSettings()).settings.themes ?? {}));
  if (!names.includes(theme)) throw new UsageError(noTheme(theme, names));
}

/** A table of elements needs a map, and no other table takes one. */
function checkMap({ map, template }: Options): void {
  if (template === ELEMENTS && map === undefined) {
    throw new UsageError(
      `${ELEMENTS} shows the elements of one map: itertop ${ELEMENTS} --map ID, NAME or PATH (itertop bpf_map lists the maps; there Enter opens one)`,
    );
  }
  if (map !== undefined && template !== '' && template !== ELEMENTS)
    throw new UsageError(`--map goes with ${ELEMENTS}, not with ${template}`);
}

function complain(problems: readonly string[]): void {
  for (const problem of problems) say(problem);
}

/** Names of users and conditions: of this host, or of others that have their own users. */
const lookups = (over: boolean) =>
  over ? { user: userForHosts, checkWhere: parseForHosts } : { user: userId, checkWhere: parseCondition };

/** What the screen is to say: said without one where something ends the start before there is any. */
function untilScreen(problems: readonly string[]) {
  let left = problems;
  return {
    take() {
      const taken = left;
      left = [];
      return taken;
    },
    [Symbol.dispose]: () => complain(left),
  };
}

function sessionOf(options: Options, asked: Asked, settings: Settings = {}): Session {
  return createSession({
    templates: shownTemplates(),
    template: asked.template,
    ...lookups(options.hosts.length > 0),
    netns: netScope(options),
    order: options.order,
    columns: asked.columns,
    sort: options.sort,
    baseline: options.baseline === undefined ? undefined : path.basename(options.baseline),
    groupBy: options.group,
    tree: options.tree,
    filters: options.filters,
    ungroup: options.threads,
    search: options.search,
    where: options.where,
    theme: options.theme ?? settings.theme,
    interval: options.interval ?? intervalOf(settings),
    maxCost: options.maxCost ?? maxCostOf(settings) ?? MAX_COST,
    marks: settings.marks,
    ...(options.kthreads === undefined ? {} : { switches: { kthreads: options.kthreads } }),
  });
}

/** Of a table beside this one. */
function secondSession(state: SessionState, template: string, over = false): Session {
  return createSession({
    templates: shownTemplates(),
    template,
    ...lookups(over),
    ...{ netns: state.netns, order: state.order, interval: state.interval, maxCost: state.maxCost },
    ...{ theme: state.theme, marks: state.marks },
  });
}

/** What `record --split` records beside a table: the whole of what the explorer shows there. @throws UsageError */
function besideOf(state: SessionState, split: string): Beside {
  const choice = splitChoice(state, splitChoices(state, targets()), split);
  const question = questionOf(secondSession(state, choice.template).getState());
  return { question: { ...question, ungroup: choice.way?.ungroup ?? false }, word: recordedWord(choice) };
}

async function runDump(options: Options): Promise<number> {
  if (options.baseline !== undefined)
    throw new UsageError('--baseline goes with the explorer on a terminal: itertop TEMPLATE --baseline FILE');
  if (options.split !== undefined)
    throw new UsageError('--split is for two tables on a terminal, or in a recording: itertop record TEMPLATE --split');
  if (options.replay !== undefined) {
    const whole = await dumpReplay(options.replay, options, say).finally(() => leave(options));
    return whole ? EXIT.done : EXIT.failed;
  }
  const asked = await prepare(filesOf(options), options);
  complain(asked.said);
  const question = questionOf(sessionOf(options, asked).getState());
  const hosts = await openHosts(options);
  await using _connected = { [Symbol.asyncDispose]: () => closeHosts(hosts) };
  const abort = new AbortController();
  let stoppedBy: NodeJS.Signals | undefined;
  const stop = (signal: NodeJS.Signals) => {
    stoppedBy = signal;
    abort.abort();
  };
  const stops = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of stops) process.once(signal, stop);
  const dumped: DumpOptions = {
    ...question,
    template: findTemplate(question.template),
    searchText: formatSearch(question.search),
    ...outputOf(options),
    structs: options.struct,
    count: options.count,
    ascii: themeOf(process.env, options.ascii).ascii,
    say,
    signal: abort.signal,
  };
  const lacking = new Map<string, string>();
  const feed = hosts.length > 0 ? hostsFeed(hosts, dumped, (missing) => tellMissing(missing, lacking)) : undefined;
  await dump(dumped, process.stdout, feed).finally(() => {
    // Others still have to clear up behind them.
    if (hosts.length === 0) leave(options);
  });
  for (const signal of stops) process.off(signal, stop);
  // Its reader takes nothing: what is still to be written would keep the process alive, and is not whole.
  if (stoppedBy && process.stdout.writableNeedDrain) process.kill(process.pid, stoppedBy);
  return lacking.size > 0 ? EXIT.failed : EXIT.done;
}

/** Says which hosts do not answer any more, and which do again. @param lacking those that did not */
function tellMissing(missing: Readonly<Record<string, string>>, lacking: Map<string, string>): void {
  for (const name of lacking.keys()) {
    if (Object.hasOwn(missing, name)) continue;
    lacking.delete(name);
    say(`${name}: it answers again`);
  }
  for (const [name, why] of Object.entries(missing)) {
    if (lacking.get(name) !== why) say(`${name}: ${why}`);
    lacking.set(name, why);
  }
}

/** What OpenTelemetry's SDK would still try keeps nobody waiting: the exit code is there by then. */
function leave({ otlp }: Options): void {
  if (otlp !== undefined) setTimeout(() => process.exit(), 100).unref();
}

/** Where this system has nothing to explore, the sample is offered. */
async function exploreOrSample(options: Options): Promise<number> {
  try {
    return await explore(options);
  } catch (error) {
    const code = report(error, wantsDebug(process.argv));
    if (code !== EXIT.unsupported || !(await wantsSample())) return code;
    const { ascii, theme, settings, mouse } = options;
    return await replay(SAMPLE, { ...parseOptions(['replay', SAMPLE]), ascii, theme, settings, mouse }, true);
  }
}

/** @param offered the sample by its name, whatever else is called so */
async function replay(name: string, options: Options, offered = isSample(name)): Promise<number> {
  const [file, sample] = offered ? [sampleFile(name), name] : [name];
  const read = options.settings ? await readSettings() : NO_SETTINGS;
  const { settings } = read;
  complain(leftAside(read));
  rebind(ownKeys(settings));
  const looks = { ascii: options.ascii ?? settings.ascii, marks: settings.signs, themes: settings.themes };
  const { theme = settings.theme, mouse = settings.mouse } = options;
  await runReplay(file, { ...options, theme, mouse }, { exportView, looks, sample, marks: settings.marks });
  return EXIT.done;
}

/** What comes from the worker goes to the session. @param tapes recordings by their path */
function receiverOf(session: Session, tapes: Map<string, RecordingState>): Receiver {
  return {
    received: (view) => session.getState().received(view),
    failed: (failure) => session.getState().failed(failure.message),
    struct(answer) {
      session.getState().structReceived(answer);
      session.getState().valuesReceived(answer);
    },
    counted: (count) => session.getState().counted(count),
    explained: (reports, template) => session.getState().explained(reports, template),
    recording(state) {
      session.getState().recorded(state);
      tapes.set(state.path, state);
    },
    begunAnew: (why) => session.getState().notify(`reading begins anew, rates and comparisons with it: ${why}`),
  };
}

async function explore(options: Options): Promise<number> {
  const read = options.settings ? await readSettings() : NO_SETTINGS;
  const { settings } = read;
  const files = filesOf(options);
  const asked = await prepare(files, options, read);
  using unsaid = untilScreen(asked.said);
  const session = sessionOf(options, asked, settings);
  const baseline =
    options.baseline === undefined
      ? undefined
      : readBaseline(options.baseline, shownTemplate(session.getState())!, session.getState().groupBy);
  rebind(ownKeys(settings));
  const first = Promise.withResolvers<void>();
  const tapes = new Map<string, RecordingState>();
  let error: (Error & { code?: string }) | null = null;
  let seen = false;
  const receiver: Receiver = {
    ...receiverOf(session, tapes),
    received(view) {
      seen = true;
      session.getState().received(view);
      first.resolve();
    },
    failed(failure) {
      if (!seen) error = failure;
      session.getState().failed(failure.message);
      first.resolve();
    },
  };
  const hosts = await openHosts(options);
  await using _connected = { [Symbol.asyncDispose]: () => closeHosts(hosts) };
  const over = hosts.length > 0;
  // The worker reads while this thread loads what draws.
  const sampler = startSampler(receiver, asked.registered, undefined, baseline, hosts);
  using _reading = { [Symbol.dispose]: () => sampler.close() };
  sampler.ask(questionOf(session.getState()));
  const ui = options.plain ? undefined : import('./ui/run.tsx');
  await Promise.all([ui, first.promise]);
  if (error) throw error;
  const began = session.getState();
  let offered: TargetInfo[] | undefined;
  /** Tables on the screen. */
  const halves = [{ session, sampler }];
  /** @param by who has the templates already */
  const changed = (by: Session = session) => {
    offered = undefined;
    for (const half of halves) {
      if (half.session === by) continue;
      half.sampler.templates(registeredTemplates());
      half.session.getState().setTemplates(shownTemplates());
      half.sampler.ask(questionOf(half.session.getState()));
    }
  };
  const said = unsaid.take();
  if (said.length > 0) session.getState().notify(notice(said));
  else if (read === NO_SETTINGS && !over) session.getState().notify(welcome(session.getState()));
  using watched = watchTemplates(files, options, read, asked, session, sampler, changed);
  if (!ui) {
    complain(said);
    if (!over) offerGeneric(session, sampler, read, changed);
    const { runPlain } = await import('./ui/plain.ts');
    const { stdin, stdout } = process;
    const { ascii } = themeOf(process.env, options.ascii ?? settings.ascii);
    const count = options.counted ? options.count : undefined;
    await runPlain({ session, sampler, targets: targets(over), stdin, stdout, ascii, count });
    return EXIT.done;
  }
  const { runExplorer } = await ui;
  const effectsOf = (
    session: Session,
    sampler: Sampler,
    began: SessionState,
  ): Omit<TableParts, 'session' | 'sampler'> => ({
    exportView: (choice) => exportView(session, choice),
    absentColumns: () => (over ? new Map() : absentColumns(session)),
    async saveTemplate(name, overwrite) {
      if (over) throw new UsageError('templates are saved of tables of this host');
      return saveOwn(session, watched, name, overwrite);
    },
    addColumn: (path) => addColumn(session, sampler, path),
    commandLine: () =>
      commandLine(
        asShown(session.getState()),
        options.files.map((file) => path.resolve(file)),
        hostWords(options),
      ),
    async saveSettings() {
      if (over) throw new UsageError('not saved: settings are those of tables of this host');
      return saveTable(session, began, options.mouse);
    },
    openMap: (map) => {
      if (over) throw new UsageError('the elements of a map are read on the host that it is on: itertop there');
      elements = tableOfMap(map);
      registerTemplates([...registeredTemplates().filter((t) => t.name !== ELEMENTS), elements]);
      sampler.templates(registeredTemplates());
      session.getState().enter(elements, {}, shownTemplates());
      changed(session);
    },
  });
  const explorer = runExplorer({
    session,
    sampler,
    get targets() {
      offered ??= targets(over);
      return offered;
    },
    kernel: os.release(),
    ...effectsOf(session, sampler, began),
    openHalf(template) {
      const state = session.getState();
      const other = secondSession(state, template, over);
      const its = startSampler(receiverOf(other, tapes), registeredTemplates(), undefined, undefined, hosts);
      const parts = { session: other, sampler: its };
      halves.push(parts);
      const close = () => {
        halves.splice(halves.indexOf(parts), 1);
        its.close();
      };
      return { ...parts, ...effectsOf(other, its, other.getState()), sampler: { ...its, close } };
    },
    split: options.split,
    stdout: process.stdout,
    stdin: process.stdin,
    mouse: options.mouse ?? settings.mouse,
    looks: { ascii: options.ascii ?? settings.ascii, marks: settings.signs, themes: settings.themes },
  });
  // What looks through BTF comes after the first picture.
  const more = setImmediate(() => {
    if (!over) offerGeneric(session, sampler, read, changed);
  });
  await explorer.finally(() => clearImmediate(more));
  for (const text of tapeTexts(tapes.values())) tell(text);
  return EXIT.done;
}

/** Adds the tables of iterators that no template is made for. */
function offerGeneric(session: Session, sampler: Sampler, read: ReadSettings, changed: () => void): void {
  const known = new Set(shownTemplates().map((t) => t.name));
  const added = genericTemplates().filter((t) => !known.has(t.name));
  if (added.length === 0) return;
  registerTemplates([...registeredTemplates(), ...added]);
  settle(read);
  sampler.templates(registeredTemplates());
  session.getState().setTemplates(shownTemplates());
  sampler.ask(questionOf(session.getState()));
  changed();
}

interface WatchedTemplates extends Disposable {
  /** Does something to the files that is not to be noticed by itself, and then reads them again. */
  change(action: () => Promise<void>): Promise<void>;
}

/** Reads the user's files again when they change, on both threads, and has the question answered anew. */
function watchTemplates(
  files: TemplateFiles,
  options: Options,
  read: ReadSettings,
  asked: Asked,
  session: Session,
  sampler: Sampler,
  changed: () => void,
): WatchedTemplates {
  let before = JSON.stringify(asked.registered);
  let last = Promise.resolve();
  const reload = async () => {
    let said: readonly string[];
    try {
      ({ said } = await prepare(files, { ...options, template: asked.template }, read, () => {}));
    } catch (error) {
      // What was asked for at the start is not there any more; the others are.
      said = [(error as Error).message.split('\n')[0]];
    }
    for (const [name, list] of paths) for (const path of list) registerPath(name, path);
    // From here on without a pause: a view that is on its way belongs to the templates of before.
    const registered = registeredTemplates();
    const now = JSON.stringify(registered);
    const state = session.getState();
    if (now !== before) {
      before = now;
      sampler.templates(registered);
      state.setTemplates(shownTemplates());
      sampler.ask(questionOf(session.getState()));
      changed();
    }
    state.notify(said.length > 0 ? notice(said) : 'templates were read again');
  };
  const again = () => {
    last = last.then(reload);
    return last;
  };
  let watch = files.watch(again);
  return {
    async change(action) {
      // A folder that comes with the file could not be watched before; and what we write is no news.
      watch[Symbol.dispose]();
      try {
        await action();
      } finally {
        watch = files.watch(again);
      }
      await again();
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

/** The table as it is arranged, as a template that can be picked at once. */
async function saveOwn(session: Session, watched: WatchedTemplates, name: string, overwrite: boolean): Promise<string> {
  let said = '';
  await watched.change(async () => {
    const { file, without } = await saveTemplate(session.getState(), name, templateFolder(), overwrite);
    const left = without === '' ? '' : ` without ${without}`;
    said = `saved as ${name}${left}, v shows it; in ${withTilde(path.dirname(file))}`;
  });
  return said;
}

/** One line: the first thing that is wrong, by the name of its file. */
function notice(said: readonly string[]): string {
  const where = said[0].startsWith(ASIDE) ? '' : ': itertop templates';
  const more = said.length > 1 ? ` (and ${said.length - 1} more${where})` : '';
  return said[0].replace(`${templateFolder()}/`, '').replace(`${configFolder()}/`, '') + more;
}

/** Throws UsageError where the file is there and cannot be read. */
async function readSettings(): Promise<ReadSettings> {
  const found = readSettingsFile();
  if (found?.strange) return { ...NO_SETTINGS, problems: [`${found.file}: ${found.strange}`] };
  return found ? await parseSettings(found.text, found.file) : NO_SETTINGS;
}

/**
 * Saves how the table looks that is looked at, and what was changed of all tables since `began`.
 * @param mouse as the command line has it
 * @returns what it did. Throws UsageError where the file is wrong or not ours
 */
async function saveTable(session: Session, began: SessionState, mouse: boolean | undefined): Promise<string> {
  const state = session.getState();
  const { template, columns, sort, ungrouped, groupBy, tree, order, widths, theme, interval, marks } = state;
  if (findTemplate(template).map) throw new UsageError(`not saved: the columns of ${template} are those of one map`);
  const found = readSettingsFile();
  if (found?.strange) throw new UsageError(`not saved: ${found.file}: ${found.strange}`);
  const [problem] = found ? (await parseSettings(found.text, found.file)).problems : [];
  if (problem !== undefined) throw new UsageError(`not saved: ${problem}`);
  const at = ['tables', template];
  const wanted = ungrouped?.sort ?? sort;
  const changes: Change[] = [
    { path: [...at, 'columns'], value: columnItems(findTemplate(template), columns, sortColumns(wanted)) },
    { path: [...at, 'sort'], value: formatSort(wanted) },
    { path: [...at, 'group'], value: groupBy || undefined },
    { path: [...at, 'tree'], value: (tree && groupBy === '') || undefined },
    ...(order && findTemplate(template).order ? [{ path: [...at, 'order'], value: order }] : []),
    { path: [...at, 'widths'], value: Object.keys(widths).length > 0 ? widths : undefined },
    ...(theme === began.theme ? [] : [{ path: ['theme'], value: theme }]),
    ...(interval === began.interval ? [] : [{ path: ['interval'], value: interval / 1000 }]),
    ...(marks === began.marks ? [] : [{ path: ['marks'], value: marks }]),
    // As the command line says.
    ...(mouse === undefined ? [] : [{ path: ['mouse'], value: mouse }]),
  ];
  const file = await saveSettings(changes, found);
  const also = changes.filter(({ path: [first] }) => first !== 'tables').map(({ path: [first] }) => first);
  return `saved in ${withTilde(file)}: columns and order of ${template}${also.map((word) => `, ${word}`).join('')}`;
}

/** What the picker offers, and why something cannot be picked here. @param over hosts are looked at: they tell */
function targets(over = false): TargetInfo[] {
  if (over)
    return shownTemplates()
      .filter((t) => t.name !== ELEMENTS)
      .map((t) => ({ template: t.name, area: t.area ?? 'yours', help: t.help, unavailable: '' }));
  const there = new Set(targetNames(Btf.vmlinux()));
  const infoOf = (t: Template): TargetInfo => ({
    template: t.name,
    area: t.area ?? (generic?.includes(t) ? 'kernel' : 'yours'),
    help: t.help,
    unavailable: there.has(t.target) ? '' : `this kernel has no iterator for ${t.target}`,
  });
  const unavailable = 'Enter on a map of bpf_map opens it';
  const ofMap = elements
    ? infoOf(findTemplate(ELEMENTS))
    : { template: ELEMENTS, area: bpfMap.area!, help: 'the elements of one map', unavailable };
  const offered = shownTemplates().filter((t) => t.name !== ELEMENTS);
  // Behind the table that leads to it.
  return offered.flatMap((t) => (t.name === bpfMap.name ? [infoOf(t), ofMap] : [infoOf(t)]));
}

const absences = new WeakMap<Template, ReadonlyMap<string, string>>();

/** What BTF says of all columns, and what the last refresh found of those that it read. */
function absentColumns(session: Session): ReadonlyMap<string, string> {
  const { template: name, view } = session.getState();
  const template = findTemplate(name);
  const known = absences.get(template) ?? availability(template, Btf.vmlinux(), findTemplate);
  absences.set(template, known);
  const read = (view?.details ?? []).map((column) => [column.name, column.absent] as const);
  return new Map([...known, ...read].filter(([, why]) => why !== ''));
}

/** Gives a template its column for the path back, where its file, read again, leaves a place for it. */
function registerPath(name: string, path: string): void {
  const template = shownTemplates().find((t) => t.name === name);
  if (!template) return;
  const find = (other: string) => allTemplates().find((t) => t.name === other);
  try {
    const made = columnOfPath(template, path, () => Btf.vmlinux(), find).template;
    registerTemplates([...registeredTemplates().filter((t) => t.name !== name), made]);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
  }
}

/** Shows a member of the kernel's in the table that is looked at. @throws UsageError where that is no single value */
function addColumn(session: Session, sampler: Sampler, path: string): string {
  const name = session.getState().template;
  const find = (other: string) => allTemplates().find((t) => t.name === other);
  const { template, column, item } = columnOfPath(findTemplate(name), path, () => Btf.vmlinux(), find);
  if (template !== findTemplate(name)) {
    registerTemplates([...registeredTemplates().filter((t) => t.name !== name), template]);
    sampler.templates(registeredTemplates());
    paths.set(name, [...(paths.get(name) ?? []), path]);
  }
  session.getState().gainColumn(column, shownTemplates());
  return `shown now: --columns '+${item}'`;
}

/** Writes what is seen. Its memory is used again by later refreshes, so nothing is awaited once it is looked at. */
async function exportView(session: Session, choice: ExportChoice): Promise<string> {
  const writer = await writerOf({ format: choice.format, count: 1 });
  const state = session.getState();
  const view = state.view as SampledView | null;
  if (!view) throw new UsageError('there is nothing to write yet');
  const file = new AtomicFile(choice.path);
  try {
    const all = choice.rows === 'all';
    const marks = choice.rows === 'marked' ? marksOf(state) : undefined;
    const { table, order } = view.rowsToWrite(all, marks);
    const columns = view.columns.map((c) => c.name);
    const snapshot = {
      table,
      grouped: view.grouped,
      order,
      columns,
      stats: view.stats,
      absent: new Map(view.columns.map((c) => [c.name, c.absent])),
      filters: state.filters,
      search: choice.rows === 'shown' ? formatSearch(state.search) : '',
      where: state.where,
      ...(state.replay ? { host: state.replay } : {}),
    };
    for (const piece of writer.snapshot(snapshot)) file.write(piece);
    file.write(writer.end());
    file.commit(choice.overwrite);
    return `${counted(order.length, 'row')} written to ${file.path}`;
  } finally {
    file.discard();
  }
}

function runDoctor(options: Options): number {
  const found = examine();
  process.stdout.write(options.json ? `${JSON.stringify(found, null, 2)}\n` : reportText(found));
  return found.mainJob ? EXIT.done : EXIT.unsupported;
}

/** `templates --new`: to standard output, or to a file that is not there yet. */
function begin(options: Options, { name, target }: { name: string; target: string }): number {
  const text = starter(name, target, Btf.vmlinux());
  if (options.output === undefined) process.stdout.write(text);
  else {
    const file = new AtomicFile(options.output);
    try {
      file.write(text);
      file.commit(options.force);
    } finally {
      file.discard();
    }
  }
  return EXIT.done;
}

async function runTemplates(options: Options): Promise<number> {
  const files = filesOf(options);
  if (options.template === '') {
    const { templates, problems, unusable, warnings } = await files.load();
    if (unusable.length > 0 && !options.check) throw new UsageError(unusable.join('\n'));
    registerTemplates(templates);
    complain([...problems, ...warnings.map((w) => w.message)]);
    if (options.check) return check(shownTemplates(), options.btf) && problems.length === 0 ? EXIT.done : EXIT.failed;
    process.stdout.write(listTemplates());
    return EXIT.done;
  }
  const asked = await prepare(files, options);
  complain(asked.said);
  if (options.check) return check([findTemplate(asked.template)], options.btf) ? EXIT.done : EXIT.failed;
  const { plan, log, xlated } = options;
  process.stdout.write(plan || log || xlated ? programs(options, asked) : listColumns(asked.template));
  return EXIT.done;
}

/** Says on which kernels columns are. @returns whether the keys are on all of them @throws UsageError for what is no BTF */
function check(templates: readonly Template[], files: readonly string[]): boolean {
  const kernels = files.map((file) => {
    try {
      return { label: sanitize(file), btf: Btf.fromFile(file) };
    } catch (error) {
      throw error instanceof BtfError ? new UsageError(`--btf: ${error.message}`) : error;
    }
  });
  if (kernels.length === 0) kernels.push({ label: os.release(), btf: Btf.vmlinux() });
  let works = true;
  for (const template of templates) {
    const checked = kernels.map(({ label, btf }) => ({ label, columns: availability(template, btf, findTemplate) }));
    process.stdout.write(`${availabilityText(template, checked)}\n`);
    works &&= worksOn(template, checked);
  }
  return works;
}

function listTemplates(): string {
  return shownTemplates()
    .map((t) => `${t.name.padEnd(12)} ${t.help}\n`)
    .join('');
}

function listColumns(name: string): string {
  const template = findTemplate(name);
  const lines = [`${template.name}: ${template.help}`, ''];
  for (const column of template.columns) {
    const format = column.as ?? 'int';
    const unit = unitOf(format);
    const marks = [
      template.show.includes(column.name) ? '*' : ' ',
      template.key.includes(column.name) ? 'k' : ' ',
    ].join('');
    lines.push(
      `${marks} ${column.name.padEnd(14)} ${column.help}${unit && alignOf(format) === 'right' ? ` [${unit}]` : ''}`,
    );
  }
  lines.push('', '* shown at first, k part of the key', '');
  return lines.join('\n');
}

/** @throws WhereError */
function parseCondition(text: string, template: Template): Conjunct[] {
  const enumNames = (column: Column) => enumNamesOf(Btf.vmlinux(), column);
  return parseWhere(text, template, { user: userId, enumNames, pageSize: pageSize() });
}

/** All that may be entered: the table says how many may not. */
function netScope(options: Options): NetScope {
  return options.netns === undefined ? 'all' : parseNetScope(options.netns);
}

/** How a table is read: the plan, which needs no privileges, and what is said of the programs that are loaded for it. */
function programs(options: Options, asked: Asked): string {
  const question = questionOf(sessionOf(options, asked).getState());
  const template = findTemplate(question.template);
  const where = parseCondition(question.where, template);
  const plan = options.plan ? explainPlan(compile(template, { ...question, where }, Btf.vmlinux())) : '';
  const parts: ProgramPart[] = [
    ...(options.log ? ['verifier' as const] : []),
    ...(options.xlated ? ['kernel' as const] : []),
  ];
  if (parts.length === 0) return plan;
  return `${plan}${plan && '\n'}${programReport(template, question, parts, Btf.vmlinux())}`;
}
