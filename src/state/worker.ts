/** The other thread: reads, decodes, joins, derives and sorts, so that a slow refresh never delays a key. */
import { parentPort, workerData } from 'node:worker_threads';
import { Btf } from '../bpf/btf.ts';
import { noteHeldIn } from '../bpf/held.ts';
import { pageSize } from '../bpf/host.ts';
import { giveMemoryBack } from '../bpf/malloc.ts';
import type { Plan } from '../templates/compile.ts';
import { MergedTable } from '../templates/merged-table.ts';
import { findTemplate, registerTemplates } from '../templates/registry.ts';
import type { KeyedRows, Table } from '../templates/table.ts';
import type { Template } from '../templates/template.ts';
import { type Arranged, arrange, arrangedBuffers } from './arrange.ts';
import type { Baseline } from './baseline.ts';
import { changesOf } from './changes.ts';
import { type Collected, type CollectOptions, Collector } from './collector.ts';
import { CpuMeter, Stopwatch, stretched } from './cost.ts';
import { Counter, type RowCount } from './counter.ts';
import { Finder, type Finding, type Sought } from './finder.ts';
import { GroupGrowth } from './group-growth.ts';
import { readColumns } from './grouping.ts';
import { allGroups, GroupTable } from './groups.ts';
import { type FromHosts, PortHosts, type ToHosts } from './host-port.ts';
import { HostsCollector, type MergedCollected } from './hosts-collector.ts';
import { inspect, type ProgramReport } from './inspect.ts';
import { type HostsWire, toWire, type ViewWire } from './live-view.ts';
import { type Comparison, Moment, type MomentWire } from './moment.ts';
import { passingRows } from './order.ts';
import { type Move, Player } from './player.ts';
import type { Question } from './question.ts';
import { scratch } from './scratch.ts';
import { type StructAnswer, StructReader } from './struct-reader.ts';
import { type RecordingState, Taping } from './taping.ts';
import { userName } from './users.ts';

export type ToWorker =
  | { readonly type: 'ask'; readonly question: Question }
  /** Replaces what is registered; views from now on say so by this number. */
  | { readonly type: 'templates'; readonly templates: readonly Template[]; readonly generation: number }
  /** Rows of a file, to compare with. */
  | { readonly type: 'baseline'; readonly baseline: Baseline }
  | { readonly type: 'refresh' }
  /** From here on a recording is looked at instead of the running kernel. */
  | { readonly type: 'replay'; readonly path: string }
  /** From here on these hosts are looked at instead. */
  | { readonly type: 'hosts'; readonly names: readonly string[] }
  | FromHosts
  /** To another moment of the recording. */
  | { readonly type: 'go'; readonly move: Move }
  /** Goes forward to the first refresh in which a row fulfils the condition that did not before; '' leaves it. */
  | { readonly type: 'find'; readonly sought: Sought }
  /** Writes each refresh from now on to a new file; '' ends it. */
  | { readonly type: 'record'; readonly path: string }
  /** The view has arrived: its predecessor's memory may be used again. */
  | { readonly type: 'taken' }
  | { readonly type: 'close' };
export type FromWorker =
  | { readonly type: 'view'; readonly wire: ViewWire; readonly generation: number }
  | ToHosts
  | { readonly type: 'struct'; readonly answer: StructAnswer }
  /** What reads: asked for by Question.explain, and sent again whenever it is another program. */
  | { readonly type: 'programs'; readonly reports: readonly ProgramReport[]; readonly template: string }
  /** What the views that follow are compared with. */
  | { readonly type: 'moment'; readonly moment: MomentWire }
  | { readonly type: 'counted'; readonly count: RowCount }
  | { readonly type: 'failed'; readonly error: Failure }
  | { readonly type: 'finding'; readonly finding: Finding }
  | { readonly type: 'recording'; readonly recording: RecordingState };

/** Memory for what a view says of its rows: as long as the batch is; of several hosts each has batches of its own. */
function integersOf(table: Table | MergedTable, length: number): Int32Array {
  return table instanceof MergedTable
    ? new Int32Array(new SharedArrayBuffer(length * 4))
    : table.batch.integers(length);
}

/** What decides which rows are shown, and in which order. */
function rowsAsked(q: Question): string {
  const marked = q.marked?.only ? q.marked.keys : null;
  return JSON.stringify({
    ...q,
    all: false,
    explain: false,
    count: [],
    kept: 0,
    struct: null,
    interval: 0,
    maxCost: 0,
    paused: false,
    marks: true,
    marked,
  });
}

/** What decides what is in the groups. */
function groupsAsked({ template, groupBy, filters, switches, ungroup, search, where, netns }: Question): string {
  return JSON.stringify([template, groupBy, filters, switches, ungroup, search, where, netns]);
}

/** An error in a form that crosses threads. */
export type Failure = Pick<Error, 'name' | 'message'> & { readonly code: string; readonly log: string };

/** Milliseconds after which it is looked whether hosts have answered; what several of them say is shown at once. */
const HOSTS_AGAIN = 50;

/** Milliseconds between two counts, and until what was counted is looked at again. */
const COUNT_GAP = 20;
const COUNT_AGAIN = 1000;

export function serve(port: NonNullable<typeof parentPort>): void {
  let generation = 0;
  let question: Question | null = null;
  let collector: Collector | HostsCollector | null = null;
  let collected: Collected | (Omit<MergedCollected, 'hosts'> & { readonly hosts: HostsWire }) | null = null;
  let structs: StructReader | null = null;
  let timer: NodeJS.Timeout | undefined;
  /** A view is under way; until it is taken nothing is read, and what comes due meanwhile waits. */
  let sent = false;
  let due: 'read' | 'order' | null = null;
  const growth = new GroupGrowth();
  let reads = 0;
  const meter = new CpuMeter();
  const counter = new Counter();
  let counting: NodeJS.Timeout | undefined;
  /** Milliseconds that the last refresh took. */
  let spent = 0;
  let baseline: Baseline | null = null;
  let moment: Moment | null = null;
  /** What was sent last, and which question that answered. */
  let shown: { readonly asked: string; readonly order: Uint32Array } | null = null;
  const kept = scratch((length) => new Uint32Array(length));
  /** What was last said of the programs. */
  let explained: readonly Plan[] | null = null;

  /** The recording to be looked at; undefined: the running kernel. */
  let replay: string | undefined;
  let player: Player | null = null;
  let finder: Finder | null = null;
  let taping: Taping | null = null;
  /** Other hosts to be looked at. */
  let hosts: PortHosts | null = null;
  let news: NodeJS.Timeout | undefined;

  const post = (message: FromWorker) => port.postMessage(message);
  const fail = (error: unknown) => {
    const { name = 'Error', message = String(error), code = '', log = '' } = error as Partial<Failure>;
    post({ type: 'failed', error: { name, message, code, log } });
  };

  function detailsOf(q: Question): readonly string[] {
    const all = findTemplate(q.template).columns.map((c) => c.name);
    return q.all ? all : [...new Set([...q.columns, ...(q.also ?? [])])];
  }

  function neededBy(q: Question): string[] {
    return [...new Set([...detailsOf(q), ...readColumns(findTemplate(q.template), q)])];
  }

  /** Says what reads, where that is asked for and not said yet. */
  function explain(q: Question): void {
    if (!q.explain || collector?.template?.name !== q.template) {
      explained = null;
      return;
    }
    const programs = collector.programs();
    const before = explained;
    explained = programs.map(({ plan }) => plan);
    if (before?.length === programs.length && explained.every((plan, i) => plan === before[i])) return;
    post({ type: 'programs', reports: programs.map(inspect), template: q.template });
  }

  function onlyMarked(keys: readonly string[], passing: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
    const marked = new Set(keys.map((key) => collector!.rowOf(key)));
    return passing.filter((row) => marked.has(row));
  }

  /** Keys that the batch before had, and this one has not. */
  function goneKeys(keys: readonly string[]): string[] {
    return keys.filter((key) => collector!.rowOf(key) < 0 && collector!.rowOf(key, 'before') >= 0);
  }

  function optionsOf(q: Question): CollectOptions {
    return {
      columns: neededBy(q),
      filters: q.filters,
      switches: q.switches,
      ungroup: q.ungroup,
      where: q.where,
      netns: q.netns,
      matched: q.marks ?? false,
      ...(q.order ? { order: q.order } : {}),
    };
  }

  /** undefined while they have not answered. */
  function collectHosts(q: Question, { hosts: all }: PortHosts) {
    const template = findTemplate(q.template);
    const merged = collector instanceof HostsCollector ? collector : new HostsCollector(all, lookAgain);
    collector = merged;
    const { interval, maxCost } = q;
    merged.ask(template, optionsOf(q), { interval, ...(maxCost === undefined ? {} : { maxCost }) });
    if (!merged.ready) {
      lookAgain();
      return undefined;
    }
    const made = merged.collect(template, optionsOf(q));
    if (q.paused && merged.allSettled) merged.rest();
    const users = new Map(all.map(({ name }) => [name, merged.usersOf(name)]));
    return { ...made, hosts: { nowMs: Date.now(), status: made.hosts, users } };
  }

  function lookAgain(): void {
    clearTimeout(news);
    news = setTimeout(() => run('read'), HOSTS_AGAIN);
  }

  function collect(q: Question): typeof collected | undefined {
    if (hosts) return collectHosts(q, hosts);
    if (replay !== undefined) {
      player ??= new Player(replay);
      const made = player.collect(findTemplate(q.template), optionsOf(q));
      // Changes are against the refresh before, which after a jump was not on the screen.
      if (!player.stepped) {
        shown = null;
        growth.forget();
      }
      collector = player.collector;
      return made;
    }
    let own = collector instanceof Collector ? collector : null;
    if (own?.template.name !== q.template) {
      own?.close();
      collected = null;
      own = new Collector(findTemplate(q.template), Btf.vmlinux(), userName, pageSize());
      collector = own;
    }
    const made = own.collect(optionsOf(q));
    taping?.append(own, made, q);
    return made;
  }

  /** In the recording, from where we are. */
  function find(sought: Sought): void {
    const { where } = sought;
    finder?.close();
    finder = null;
    if (where === '' || !question || !player) return;
    try {
      finder = new Finder(replay!, findTemplate(question.template), sought, player.index, optionsOf(question));
    } catch (error) {
      const { index, position } = player;
      const { message } = error as Error;
      post({ type: 'finding', finding: { where, index, count: position.count, found: -1, rows: [], error: message } });
      return;
    }
    finder.run((finding) => {
      if (finding.found !== null) {
        finder?.close();
        finder = null;
        if (finding.found >= 0) {
          player!.move({ by: finding.found - player!.index });
          run('read');
        }
      }
      post({ type: 'finding', finding });
    });
  }

  function tape(path: string): void {
    taping?.end();
    taping = null;
    if (path === '' || !question) return;
    if (hosts) {
      const error = 'a recording is of one host: itertop record there, or itertop dump --host ... --dataset';
      post({ type: 'recording', recording: { path, refreshes: 0, bytes: 0, going: false, error } });
      return;
    }
    try {
      taping = new Taping(path, question.template, (recording) => post({ type: 'recording', recording }));
    } catch (error) {
      const { message } = error as Error;
      post({ type: 'recording', recording: { path, refreshes: 0, bytes: 0, going: false, error: message } });
    }
  }

  /**
   * The moment to compare with: the file's, or this one where the question names a new one.
   * @param all rows, or groups, that are there
   */
  function momentOf({ moment: id }: Comparison, rows: KeyedRows, all: Uint32Array, names: readonly string[]): Moment {
    if (moment?.id === id) return moment;
    moment = id === 0 && baseline ? Moment.ofFile(id, baseline, rows) : Moment.now(id, rows, all, names);
    post({ type: 'moment', moment: moment.wire });
    return moment;
  }

  /** What of the rows, or groups, differs from the moment; nothing where that is not asked for yet. */
  function comparedWith(
    compare: Comparison,
    q: Question,
    { rows, order }: Arranged,
    passing: Uint32Array,
  ): Partial<ReturnType<Moment['compare']>> {
    const all = rows instanceof GroupTable ? allGroups(rows) : passing;
    const names = rows instanceof GroupTable ? rows.template.show : q.columns;
    const kept = momentOf(compare, rows, all, names);
    return compare.shown ? kept.compare(rows, all, order, names) : {};
  }

  function publish(q: Question, started: Stopwatch | null): void {
    if (!collected) return;
    const passing = passingRows(collected.table, collected.after);
    const total = passing.length;
    const { table } = collected;
    const { compare, marked } = q;
    const { tree: _, ...flat } = q;
    // Sorting works in the memory of `passing`.
    const all = compare ? passing.slice() : passing;
    // What differs is no tree: the rows between are not there.
    const whole = arrange(table, compare?.shown ? flat : q, passing, {
      chosen: marked?.only && q.groupBy === '' ? onlyMarked(marked.keys, passing) : undefined,
      only: marked?.only ? new Set(marked.keys) : undefined,
      growth: q.watch && { runs: growth, asked: groupsAsked(q), read: reads },
    });
    const arranged = { ...whole, ...(compare && comparedWith(compare, q, whole, all)) };
    if (!compare && moment?.id !== q.kept) moment = null;
    // What a refresh costs includes its first sorting; sorting again later is no refresh.
    if (started !== null) {
      const totalMs = started.ms;
      const cost = { cpu: meter.lap(), every: stretched(q.interval, totalMs, q.maxCost) };
      collected = { ...collected, stats: { ...collected.stats, totalMs, cost } } as typeof collected;
    }
    const asked = rowsAsked(q);
    const comparable = q.marks && !arranged.compared && started !== null && collected.before && shown?.asked === asked;
    // Of groups the view finds them itself.
    const rowsOnly = arranged.groups ? new Uint32Array(0) : arranged.order;
    const changes = comparable
      ? changesOf(rowsOnly, collected.before!, shown!.order, integersOf(table, rowsOnly.length))
      : null;
    // A group is what it is of, and may come back; in a recording one may go back.
    const lasting = player || arranged.groups || started === null || shown?.asked !== asked;
    const unmarked = lasting ? [] : goneKeys(marked?.keys ?? []);
    const plain = toWire(collected, q.columns, detailsOf(q), arranged, total, changes, unmarked, player?.position);
    const wire = { ...plain, compared: arranged.compared ?? null };
    const order = kept(rowsOnly.length);
    order.set(rowsOnly);
    shown = { asked, order };
    sent = true;
    port.postMessage({ type: 'view', wire, generation } satisfies FromWorker, arrangedBuffers(arranged));
  }

  function run(what: 'read' | 'order'): void {
    const q = question;
    if (!q) return;
    if (sent) {
      due = due === 'read' ? 'read' : what;
      return;
    }
    due = null;
    const started = new Stopwatch();
    try {
      if (what === 'read' || !collected) {
        const made = collect(q);
        if (made === undefined) return;
        collected = made;
        reads++;
      }
      publish(q, what === 'read' ? started : null);
    } catch (error) {
      // What an earlier question gave is no answer to this one.
      collected = null;
      shown = null;
      fail(error);
    }
    if (collected !== null) lookBeside(q, what === 'read');
    if (what === 'read') {
      spent = started.ms;
      schedule(spent);
    }
  }

  /** What is shown beside the table; where that fails the table goes on. */
  function lookBeside(q: Question, struct: boolean): void {
    try {
      if (struct) lookAtStruct(q);
      if (collected !== null) explain(q);
    } catch (error) {
      fail(error);
    }
  }

  /** What the kernel prints of the object that is looked at; nothing is held while no one looks. */
  function lookAtStruct(q: Question): void {
    const { struct } = q;
    if (!struct || structs?.path !== struct.path || structs.template !== findTemplate(q.template)) {
      structs?.close();
      structs = null;
    }
    if (!struct || struct.template !== q.template) return;
    if (replay !== undefined || hosts) {
      const error = `what the kernel prints of an object is not ${hosts ? 'taken from other hosts' : 'in a recording'}`;
      post({ type: 'struct', answer: { asked: struct, root: '', type: '', lines: [], others: [], cut: false, error } });
      return;
    }
    structs ??= new StructReader(findTemplate(q.template), struct.path, Btf.vmlinux());
    post({ type: 'struct', answer: structs.read(struct.key, q.netns) });
  }

  /** Counts one table, and then the next; what comes from the user meanwhile goes first. */
  function count(): void {
    clearTimeout(counting);
    const { count: names = [], netns } = question ?? {};
    // Of a recording there is what was recorded; of hosts each table would be asked for by itself.
    if (names.length === 0 || player || hosts) return;
    const name = counter.next(names);
    if (name !== undefined) {
      const counted = counter.count(findTemplate(name), Btf.vmlinux(), pageSize(), netns ?? 'self');
      post({ type: 'counted', count: counted });
    }
    counting = setTimeout(count, name === undefined ? COUNT_AGAIN : COUNT_GAP);
  }

  /** The interval counts from the start of a refresh to the start of the next; a dear one is followed by a longer pause. */
  function schedule(elapsed: number): void {
    clearTimeout(timer);
    if (!question || question.paused) return;
    if (player) {
      if (player.atEnd) return;
      const { delay, index } = player.next(question.speed ?? 1);
      timer = setTimeout(
        () => {
          player!.move({ by: index - player!.index });
          run('read');
        },
        Math.max(0, delay - elapsed),
      );
      return;
    }
    const every = stretched(question.interval, spent, question.maxCost);
    timer = setTimeout(() => run('read'), Math.max(0, every - elapsed));
  }

  function ask(next: Question): void {
    const before = question;
    question = next;
    const same = (of: (q: Question) => unknown) =>
      before !== null && JSON.stringify(of(before)) === JSON.stringify(of(next));
    const readable = (q: Question) => [
      q.template,
      q.columns,
      q.all,
      q.also,
      q.filters,
      q.switches,
      q.ungroup,
      q.where,
      q.netns,
      q.order,
    ];
    const known = () => before !== null && neededBy(next).every((column) => neededBy(before).includes(column));
    if (!same(readable) || collected === null || !known()) run('read');
    else {
      if (
        !same((q) => [
          q.sort,
          q.groupBy,
          q.watch,
          q.tree,
          q.search,
          q.marked?.only ? q.marked.keys : null,
          q.compare,
          q.kept,
        ])
      )
        run('order');
      lookBeside(next, !same((q) => q.struct));
    }
    if (next.paused && !before?.paused && collector instanceof HostsCollector) collector.rest();
    if (!same((q) => [q.interval, q.maxCost, q.paused, q.speed])) schedule(0);
    if (!same((q) => q.count)) {
      clearTimeout(counting);
      counting = setTimeout(count, COUNT_GAP);
    }
  }

  port.on('message', (message: ToWorker) => {
    if (message.type === 'ask') ask(message.question);
    else if (message.type === 'templates') {
      generation = message.generation;
      registerTemplates(message.templates);
      counter.forget();
      // The next question, which follows, is answered by what the templates are now.
      clearTimeout(timer);
      collector?.close();
      collector = null;
      collected = null;
      shown = null;
    } else if (message.type === 'baseline') baseline = message.baseline;
    else if (message.type === 'refresh') run('read');
    else if (message.type === 'go') {
      player?.move(message.move);
      run('read');
    } else if (message.type === 'replay') replay = message.path;
    else if (message.type === 'hosts') hosts = new PortHosts(message.names, post);
    else if (message.type === 'hostSent' || message.type === 'hostEnded') hosts?.received(message);
    else if (message.type === 'find') find(message.sought);
    else if (message.type === 'record') tape(message.path);
    else if (message.type === 'taken') {
      sent = false;
      if (due) run(due);
    } else {
      clearTimeout(timer);
      taping?.end();
      finder?.close();
      player?.close();
      clearTimeout(counting);
      clearTimeout(news);
      collector?.close();
      structs?.close();
      port.close();
    }
  });
}

if (parentPort) {
  noteHeldIn(workerData.held);
  giveMemoryBack();
  try {
    // Most questions need it. Where it is not there the first one says so.
    Btf.vmlinux();
  } catch {}
  serve(parentPort);
}
