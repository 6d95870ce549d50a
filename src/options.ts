/** The command line as data. */
import { parseArgs } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import { nearest } from './bpf/nearest.ts';
import { checkOtlpOptions, MAX_GROUPS, OTLP_ENVIRONMENT } from './otlp-options.ts';
import { MAX_COST, parseMaxCost } from './state/cost.ts';
import { parseInterval } from './state/interval.ts';
import { SNAPSHOT_FORMATS, type SnapshotFormat } from './state/snapshot.ts';
import { parseRetention, parseSpan, type Retention } from './state/span.ts';
import { FILTER_NAMES, type FilterName, UsageError, WALK_ORDERS, type WalkOrder } from './templates/template.ts';

export interface Options {
  readonly command:
    | 'explore'
    | 'dump'
    | 'record'
    | 'replay'
    | 'templates'
    | 'query'
    | 'doctor'
    | 'completion'
    | 'help'
    | 'version';
  /** '' where none was named. */
  readonly template: string;
  /** As typed. */
  readonly filters: Partial<Readonly<Record<FilterName, string>>>;
  /** As typed; templates/adhoc.ts. */
  readonly columns: string | undefined;
  readonly sort: string | undefined;
  readonly group: string | undefined;
  readonly tree: boolean | undefined;
  readonly search: string | undefined;
  readonly where: string | undefined;
  /** The map whose elements are shown: an id, a name or a path; as typed. */
  readonly map: string | undefined;
  /** A snapshot's file to compare with. */
  readonly baseline: string | undefined;
  /** As typed; undefined: all where that is permitted. */
  readonly netns: string | undefined;
  readonly order: WalkOrder | undefined;
  /** Milliseconds. */
  readonly interval: number | undefined;
  /** Percent of the interval; Infinity: no limit. */
  readonly maxCost: number | undefined;
  readonly threads: boolean;
  readonly kthreads: boolean | undefined;
  readonly mouse: boolean | undefined;
  /** What to show beside the table. */
  readonly split: string | undefined;
  /** As typed: names, or files of them; host-options.ts. */
  readonly hosts: readonly string[];
  readonly via: string | undefined;
  readonly itertop: string | undefined;
  readonly copy: readonly string[];
  readonly sudo: boolean;
  /** Seconds that standard input may be silent; undefined: it is left alone. */
  readonly tether: number | undefined;
  readonly ascii: boolean | undefined;
  readonly theme: string | undefined;
  /** The settings file is read. */
  readonly settings: boolean;
  /** Refreshes of a dump; 0 goes on until it is ended. */
  readonly count: number;
  /** The count was named. */
  readonly counted: boolean;
  /** Lines of text instead of a screen. */
  readonly plain: boolean;
  readonly format: SnapshotFormat | undefined;
  /** Whole structs instead of columns. */
  readonly struct: boolean;
  readonly output: string | undefined;
  readonly force: boolean;
  /** `dump`, `query`: a folder of Parquet files. */
  readonly dataset: string | undefined;
  /** `query`: what is asked; undefined: what is there. */
  readonly sql: string | undefined;
  /** When the next file of it is begun. */
  readonly roll: Retention;
  /** `dump`: a collector of OpenTelemetry's, as typed; '' as the environment says. */
  readonly otlp: string | undefined;
  /** `dump`: more groups than this are not sent there. */
  readonly maxGroups: number;
  /** `dump`: only rows that came, went or changed. */
  readonly changes: boolean;
  /** `record`: goes on with a recording that is there. */
  readonly append: boolean;
  /** `record`: milliseconds; 0 goes on until it is ended. */
  readonly duration: number;
  /** `record`: a folder of parts, of which so much is kept. */
  readonly retention: Retention | undefined;
  /** The recording to be looked at; undefined: the running kernel. */
  readonly replay: string | undefined;
  /** The moment of it, as typed. */
  readonly at: string | undefined;
  /** `dump --replay`: each of its refreshes. */
  readonly all: boolean;
  readonly plan: boolean;
  /** Whose completions are written. */
  readonly shell: Shell | undefined;
  /** Of the programs that are loaded: what the verifier and the kernel say of them. */
  readonly log: boolean;
  readonly xlated: boolean;
  /** Files with templates. */
  readonly files: readonly string[];
  /** `templates check`: on which kernels columns are. */
  readonly check: boolean;
  /** Files with kernels' BTF. */
  readonly btf: readonly string[];
  /** `templates --new`: name and target of a template to start from. */
  readonly start: { readonly name: string; readonly target: string } | undefined;
  readonly json: boolean;
}

/** Asked for before anything is parsed, so that it works for a wrong command line too. */
export function wantsDebug(argv: readonly string[]): boolean {
  return argv.includes('--debug');
}

interface Spec {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly value?: string;
  readonly help: string;
  readonly multiple?: true;
  readonly where?: 'hosts' | 'dump' | 'record' | 'replay' | 'templates' | 'doctor';
  /** Further commands that take it. */
  readonly also?: readonly ('dump' | 'record' | 'templates' | 'query')[];
}

/** A data set's files are closed after this much of them. */
const ROLL = '128M,1h';

/** One table: parsing and help come from it. */
export const SPECS: Readonly<Record<string, Spec>> = {
  pid: { type: 'string', short: 'p', value: 'PID[,...]', help: 'these processes; for tcp the sockets they hold' },
  port: { type: 'string', value: 'PORT[,A-B]', help: 'local or remote port' },
  lport: { type: 'string', value: 'PORT[,A-B]', help: 'local port' },
  rport: { type: 'string', value: 'PORT[,A-B]', help: 'remote port' },
  user: { type: 'string', short: 'u', value: 'USER[,...]', help: 'user names or uids' },
  columns: {
    type: 'string',
    short: 'c',
    value: '[+]A,B,N=SOURCE',
    help: 'columns to show, in order (`itertop templates NAME` lists them), or new ones; + for further ones',
  },
  sort: { type: 'string', short: 's', value: '[-]COLUMN,...', help: 'sort by columns, `-` for descending' },
  group: { type: 'string', value: 'COLUMN', help: 'one row for each value of a column, with totals' },
  tree: { type: 'boolean', help: 'task, cgroup: each row under its parent; --no-tree as a list' },
  search: { type: 'string', value: '[!]REGEX', help: 'only rows that match; `!` for those that do not' },
  where: {
    type: 'string',
    short: 'w',
    value: 'CONDITION',
    help: "only rows for which it holds: 'rxq > 64K && state == ESTABLISHED'",
  },
  baseline: { type: 'string', value: 'FILE', help: 'show what differs from a snapshot (JSON or NDJSON) of this table' },
  map: { type: 'string', value: 'ID|NAME|PATH', help: 'bpf_map_elem: the map whose elements are shown' },
  order: { type: 'string', value: 'ORDER', help: `cgroup: ${WALK_ORDERS.join(', ')}` },
  netns: {
    type: 'string',
    value: 'all|self|INODE,...',
    help: 'network namespaces of sockets and routes (all, where permitted)',
  },
  interval: { type: 'string', short: 'd', value: 'SECONDS', help: 'time between refreshes (1); also 500ms, 1m' },
  'max-cost': {
    type: 'string',
    value: 'PERCENT|off',
    help: `share of that time that a refresh may take before the time is stretched (${MAX_COST})`,
  },
  threads: {
    type: 'boolean',
    short: 'H',
    help: 'task: threads instead of processes; bpf_map_elem: a row for each CPU',
  },
  kthreads: { type: 'boolean', help: 'task: with kernel threads; --no-kthreads without' },
  mouse: { type: 'boolean', help: 'wheel and clicks; --no-mouse leaves the mouse to the terminal' },
  split: {
    type: 'string',
    value: 'TABLE',
    help: 'a second table beside it: files, tcp, ... of the selected row, or any other; record: both, into a folder',
  },
  ascii: { type: 'boolean', help: 'draw with ASCII only' },
  plain: { type: 'boolean', help: 'lines of text and commands instead of a screen, for screen readers and logs' },
  settings: { type: 'boolean', help: 'as the settings file says (yes); --no-settings leaves it unread' },
  theme: {
    type: 'string',
    value: 'NAME',
    help: 'default, dark, light, contrast, plain, or one of your own (Ctrl-T: the next)',
  },
  template: {
    type: 'string',
    short: 't',
    value: 'FILE',
    multiple: true,
    help: 'also the templates in this file (YAML or JSON)',
  },
  host: {
    type: 'string',
    value: 'A,B|@FILE',
    multiple: true,
    help: 'rows of these hosts, each reached by ssh (localhost: this one), or of those in a file',
    where: 'hosts',
  },
  copy: {
    type: 'string',
    value: 'FILE',
    multiple: true,
    help: 'take this executable of itertop there (self: the one that runs), and remove it afterwards',
    where: 'hosts',
  },
  itertop: { type: 'string', value: 'COMMAND', help: 'what itertop is called there (itertop)', where: 'hosts' },
  sudo: { type: 'boolean', help: 'run it there with sudo, which may not ask for a password', where: 'hosts' },
  via: {
    type: 'string',
    value: 'COMMAND',
    help: "what runs sh on a host instead of ssh: 'kubectl exec -i {host} --'",
    where: 'hosts',
  },
  tether: {
    type: 'string',
    value: 'SECONDS',
    help: 'end when standard input ends or is silent so long, as what is run on other hosts does',
    where: 'hosts',
  },
  count: {
    type: 'string',
    short: 'n',
    value: 'N',
    help: 'number of refreshes (1; 0 goes on until it is ended, as record does)',
    where: 'dump',
    also: ['record'],
  },
  format: {
    type: 'string',
    short: 'f',
    value: SNAPSHOT_FORMATS.join('|'),
    help: 'what to write (table)',
    where: 'dump',
    also: ['query'],
  },
  struct: {
    type: 'boolean',
    help: 'of each row the whole struct as the kernel prints it, without members that are zero',
    where: 'dump',
  },
  output: {
    type: 'string',
    short: 'o',
    value: 'FILE',
    help: 'write to a file, whole or not at all; record: - writes into a pipe',
    where: 'dump',
    also: ['record', 'templates'],
  },
  force: {
    type: 'boolean',
    help: 'replace the file where it exists',
    where: 'dump',
    also: ['record', 'templates'],
  },
  dataset: {
    type: 'string',
    value: 'FOLDER',
    help: 'write Parquet files by table, host, date and hour into a folder',
    where: 'dump',
  },
  roll: {
    type: 'string',
    value: 'SIZE,AGE',
    help: `with --dataset: a new file after so much (${ROLL})`,
    where: 'dump',
  },
  otlp: {
    type: 'string',
    value: `URL|${OTLP_ENVIRONMENT}`,
    help: `send rows as logs, with --group gauges, to an OpenTelemetry collector; ${OTLP_ENVIRONMENT}: as OTEL_EXPORTER_OTLP_ENDPOINT says`,
    where: 'dump',
  },
  'max-groups': {
    type: 'string',
    value: 'N',
    help: `with --otlp and --group: the most groups that are sent (${MAX_GROUPS})`,
    where: 'dump',
  },
  changes: { type: 'boolean', help: 'only rows that came, went or changed since the refresh before', where: 'dump' },
  replay: { type: 'string', value: 'FILE', help: 'write rows of a recording: the last refresh', where: 'dump' },
  all: { type: 'boolean', help: 'with --replay: every refresh', where: 'dump' },
  for: { type: 'string', value: 'TIME', help: 'record so long: 90s, 10m, 1h', where: 'record' },
  append: { type: 'boolean', help: 'go on with the recording where it exists', where: 'record' },
  retain: {
    type: 'string',
    value: 'SIZE,AGE',
    help: 'record into a folder (-o) without end, keep that much of it: 200M,7d',
    where: 'record',
  },
  at: {
    type: 'string',
    value: 'TIME',
    help: 'start there: 14:03, 14:03:22, +5m, 50%, 2026-11-26T14:03 (dump --replay: write it)',
    where: 'replay',
    also: ['dump'],
  },
  plan: {
    type: 'boolean',
    help: 'show the generated program, the record and where each condition runs',
    where: 'templates',
  },
  log: {
    type: 'boolean',
    help: "load it, and the programs of its joins, and show the verifier's statistics and log",
    where: 'templates',
  },
  xlated: {
    type: 'boolean',
    help: 'load them and show what the kernel has: id, maps, instructions after rewriting',
    where: 'templates',
  },
  new: {
    type: 'string',
    value: 'NAME',
    help: 'write a template to start from, for --target (to -o FILE or standard output)',
    where: 'templates',
  },
  target: {
    type: 'string',
    value: 'TARGET',
    help: 'of the new template: task, tcp, ... (`itertop doctor`)',
    where: 'templates',
  },
  btf: {
    type: 'string',
    value: 'FILE...',
    multiple: true,
    help: "check against these kernels' BTF instead of the running one's",
    where: 'templates',
  },
  json: { type: 'boolean', help: 'the report as JSON', where: 'doctor' },
  debug: { type: 'boolean', help: "with an error also the verifier's whole log and where it happened" },
  help: { type: 'boolean', short: 'h', help: 'this text' },
  version: { type: 'boolean', short: 'V', help: 'version' },
};

export const COMMANDS = ['dump', 'record', 'replay', 'templates', 'query', 'doctor', 'completion', 'help'] as const;

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** How it is called: `itertop` and these words, and what comes of it. */
export const USAGE = [
  ['[TEMPLATE] [options]', 'explore on a terminal; elsewhere one plain table'],
  ['dump [TEMPLATE] [options]', 'write snapshots to a file or pipe'],
  ['record [TEMPLATE] [options]', 'keep every refresh in a file or folder'],
  ['replay FILE', 'explore a recording, anywhere; `sample` comes along'],
  ['templates [TEMPLATE]', 'what can be shown; how it is got: --plan, --log, --xlated'],
  ['templates check [TEMPLATE]', 'on which kernels columns are'],
  ['templates --new NAME', 'a template of your own to start from'],
  ['query FOLDER ["SELECT ..."]', 'SQL over a data set (with @duckdb/node-api)'],
  ['doctor [--json]', 'what this system has of what is needed'],
  ['completion SHELL', `words for Tab in ${SHELLS.slice(0, -1).join(', ')} or ${SHELLS.at(-1)}`],
] as const;

export const EXIT_CODES = ['done', 'failed', 'wrong usage', 'not permitted or not supported here'] as const;

/** A command takes options of its own, and those that are no command's. */
export function takes(command: Options['command'], { where, also }: Spec): boolean {
  if (where === undefined || where === command || (also as readonly string[] | undefined)?.includes(command))
    return true;
  if (where === 'hosts') return ['explore', 'dump', 'record'].includes(command);
  // Without a terminal, or with these, the explorer is a dump.
  return where === 'dump' && command === 'explore';
}

/** @throws UsageError */
export function parseOptions(argv: readonly string[]): Options {
  const options = Object.fromEntries(
    Object.entries(SPECS).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short && { short }), ...(multiple && { multiple }) },
    ]),
  );
  let parsed: { values: Record<string, string | string[] | boolean | undefined>; positionals: string[] };
  try {
    parsed = parseArgs({
      args: withBtf(withSort(argv)),
      options,
      allowPositionals: true,
      allowNegative: true,
      strict: true,
    }) as typeof parsed;
  } catch (error) {
    throw new UsageError(explain(error));
  }
  const { values, positionals } = parsed;
  const text = (name: string) => values[name] as string | undefined;
  const flag = (name: string) => values[name] as boolean | undefined;
  const several = (name: string) => (values[name] ?? []) as string[];

  let command: Options['command'] = 'explore';
  const words = [...positionals];
  if ((COMMANDS as readonly string[]).includes(words[0] ?? '')) command = words.shift() as Options['command'];
  if (flag('help')) command = 'help';
  if (flag('version')) command = 'version';
  const check = command === 'templates' && words[0] === 'check';
  if (check) words.shift();
  const shell = command === 'completion' ? (words.shift() as Shell | undefined) : undefined;
  if (command === 'completion' && (!SHELLS.includes(shell!) || words.length > 0))
    throw new UsageError(`completion takes one shell: itertop completion ${SHELLS.join('|')}`);
  const [queried, sql] = command === 'query' ? words.splice(0, 2) : [];
  if (command === 'query' && queried === undefined)
    throw new UsageError('query needs the folder of a data set: itertop query FOLDER "select ..."');
  if (command === 'query' && words.length > 0)
    throw new UsageError('the query is one argument: itertop query FOLDER "select ..." (in quotes)');
  if (words.length > 1 && command !== 'replay')
    throw new UsageError(`one template at a time, not ${words.join(' and ')}`);
  const file = command === 'replay' ? words.shift() : text('replay');
  if (command === 'replay' && file === undefined) throw new UsageError('replay needs a recording: itertop replay FILE');
  if (command === 'replay' && words.length > 0)
    throw new UsageError(`one recording at a time; ${words[0]} is too much`);
  const template = words[0] ?? '';
  if (template !== '' && command === 'doctor')
    throw new UsageError('`itertop doctor` looks at everything; it takes no template');
  for (const [name, spec] of Object.entries(SPECS)) {
    if (values[name] !== undefined && !takes(command, spec)) {
      throw new UsageError(
        `--${name} goes with ${spec.where === 'hosts' ? 'the explorer, dump and record' : `\`itertop ${spec.where}\``}`,
      );
    }
  }
  for (const name of ['copy', 'itertop', 'sudo', 'via'])
    if (values[name] !== undefined && values['host'] === undefined) throw new UsageError(`--${name} goes with --host`);
  if (values['host'] !== undefined && file !== undefined)
    throw new UsageError('--host: a recording is of the host that it was made on');
  if (text('itertop') === '') throw new UsageError('--itertop needs a command');
  const start = text('new');
  if (start !== undefined && text('target') === undefined)
    throw new UsageError('--new needs --target: a table of what? (`itertop doctor` lists the targets)');
  for (const name of ['target', 'output', 'force'])
    if (command === 'templates' && start === undefined && values[name] !== undefined)
      throw new UsageError(`--${name} goes with \`itertop templates --new NAME\``);
  if (several('btf').length > 0 && !check) throw new UsageError('--btf goes with `itertop templates check`');
  const shows = ['plan', 'log', 'xlated'].find(flag);
  if (start !== undefined && (check || template !== '' || shows))
    throw new UsageError('--new stands alone: itertop templates --new NAME --target TARGET');
  if (shows && (check || template === ''))
    throw new UsageError(`--${shows} goes with \`itertop templates NAME\`${check ? ', not with check' : ''}`);
  for (const name of ['at', 'all'])
    if (values[name] !== undefined && file === undefined)
      throw new UsageError(`--${name} goes with a recording: itertop dump --replay FILE --${name}`);
  if (text('at') !== undefined && flag('all')) throw new UsageError('--at is one refresh, --all is each of them');
  if (text('retain') !== undefined && (flag('append') || flag('force')))
    throw new UsageError('--retain adds a part to its folder; it takes neither --append nor --force');
  if (text('retain') !== undefined && text('output') === undefined)
    throw new UsageError('--retain needs a folder: -o FOLDER');
  const duration = text('for') === undefined ? 0 : parseSpan(text('for')!);
  if (duration === undefined || (text('for') !== undefined && duration < 1))
    throw new UsageError(`--for ${text('for')}: it is a time as in 90s, 10m, 1h30m`);
  const format = text('format');
  if (format !== undefined && !(SNAPSHOT_FORMATS as readonly string[]).includes(format)) {
    throw new UsageError(`--format ${format}: it is one of ${SNAPSHOT_FORMATS.join(', ')}`);
  }
  if (flag('struct') && format !== undefined)
    throw new UsageError("--struct writes the kernel's text; it has no --format");
  const dataset = queried ?? text('dataset');
  if (command === 'query' && (format === 'parquet' || format === 'openmetrics'))
    throw new UsageError('query writes table, csv, json or ndjson');
  for (const [name, given] of Object.entries({ output: text('output'), struct: flag('struct') }))
    if (text('dataset') !== undefined && given !== undefined)
      throw new UsageError(`--dataset names its files itself; it takes no --${name}`);
  if (text('dataset') !== undefined && (format ?? 'parquet') !== 'parquet')
    throw new UsageError(`--dataset writes Parquet, not ${format}`);
  if (dataset === '') throw new UsageError('--dataset needs a folder');
  if (text('roll') !== undefined && text('dataset') === undefined) throw new UsageError('--roll goes with --dataset');
  if (flag('changes') && flag('struct')) throw new UsageError('--changes compares columns; it takes no --struct');
  if (format === 'openmetrics') {
    if (text('group') === undefined)
      throw new UsageError(
        'openmetrics is for groups of rows: --group state, say, makes one time series for each state',
      );
    if (flag('changes') || ![undefined, '1'].includes(text('count')))
      throw new UsageError('openmetrics is one refresh: what reads it asks again; without --changes and --count');
  }
  checkOtlpOptions(values);
  const filters: Partial<Record<FilterName, string>> = {};
  for (const name of FILTER_NAMES) {
    const value = text(name);
    if (value === undefined) continue;
    if (value.trim() === '') throw new UsageError(`--${name} needs a value`);
    filters[name] = value;
  }
  return {
    command,
    template,
    filters,
    columns: text('columns'),
    sort: text('sort'),
    group: text('group'),
    tree: flag('tree'),
    search: text('search'),
    where: text('where'),
    baseline: text('baseline'),
    map: text('map'),
    netns: text('netns'),
    order: walkOrder(text('order')),
    interval: interval(text('interval')),
    maxCost: text('max-cost') === undefined ? undefined : parseMaxCost(text('max-cost')!),
    settings: flag('settings') ?? true,
    threads: flag('threads') ?? false,
    kthreads: flag('kthreads'),
    mouse: flag('mouse'),
    split: text('split'),
    hosts: several('host'),
    via: text('via'),
    itertop: text('itertop'),
    copy: several('copy'),
    sudo: flag('sudo') ?? false,
    tether: tetherSeconds(text('tether')),
    ascii: flag('ascii'),
    theme: text('theme'),
    count: whole('count', text('count'), command === 'record' ? 0 : 1),
    counted: text('count') !== undefined,
    plain: flag('plain') ?? false,
    format: format as SnapshotFormat | undefined,
    struct: flag('struct') ?? false,
    output: text('output'),
    dataset,
    sql,
    roll: parseRetention(text('roll') ?? ROLL, 'roll'),
    otlp: text('otlp') === OTLP_ENVIRONMENT ? '' : text('otlp'),
    maxGroups: whole('max-groups', text('max-groups'), MAX_GROUPS),
    changes: flag('changes') ?? false,
    force: flag('force') ?? false,
    append: flag('append') ?? false,
    duration,
    retention: text('retain') === undefined ? undefined : parseRetention(text('retain')!),
    replay: file,
    at: text('at'),
    all: flag('all') ?? false,
    plan: flag('plan') ?? false,
    shell,
    log: flag('log') ?? false,
    xlated: flag('xlated') ?? false,
    files: several('template'),
    check,
    btf: several('btf'),
    start: start === undefined ? undefined : { name: start, target: text('target')! },
    json: flag('json') ?? false,
  };
}

/** Where the rows of a dump go, and as what. @throws UsageError where a terminal would get bytes */
export function outputOf({ format, output, force, dataset, roll, otlp, maxGroups, changes }: Options) {
  const bytes = dataset !== undefined || format === 'parquet';
  if (bytes && dataset === undefined && output === undefined && process.stdout.isTTY)
    throw new UsageError('Parquet is bytes: write it with -o FILE, or into a pipe');
  return {
    format: bytes ? ('parquet' as const) : (format ?? (otlp === undefined ? 'table' : 'ndjson')),
    otlp: otlp === undefined ? undefined : { url: otlp || undefined, maxGroups, version: packageJson.version },
    dataset: dataset === undefined ? undefined : { folder: dataset, roll },
    ...{ output, force, changes },
  };
}

/** The template that is asked for. @throws UsageError where there is none of that name */
export function checkTemplate(name: string, templates: readonly string[]): string {
  if (templates.includes(name)) return name;
  const all = [...templates, ...COMMANDS];
  const near = nearest(name, all);
  throw new UsageError(
    `there is no template or command "${name}"; ${near.length ? `did you mean ${near.join(', ')}?` : `there are ${all.join(', ')}`}`,
  );
}

/** `--btf A B C`: what follows, up to the next option, are further files. */
function withBtf(argv: readonly string[]): string[] {
  const args: string[] = [];
  let files = false;
  for (const arg of argv) {
    if (arg.startsWith('-')) files = arg === '--btf';
    else if (files && args.at(-1) !== '--btf') args.push('--btf');
    args.push(arg);
  }
  return args;
}

/** A descending sort is a value that begins with a dash, which parseArgs takes only behind `=`. */
function withSort(argv: readonly string[]): string[] {
  const args: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    if ((argv[i] === '--sort' || argv[i] === '-s') && /^-[a-z]/.test(argv[i + 1] ?? ''))
      args.push(`--sort=${argv[++i]}`);
    else args.push(argv[i]);
  }
  return args;
}

function walkOrder(text: string | undefined): WalkOrder | undefined {
  if (text === undefined) return undefined;
  const order = WALK_ORDERS.find((o) => o === text);
  if (!order) throw new UsageError(`--order ${text}: it is one of ${WALK_ORDERS.join(', ')}`);
  return order;
}

function interval(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseInterval(text, '--interval');
}

function tetherSeconds(text: string | undefined): number | undefined {
  const seconds = text === undefined ? undefined : whole('tether', text, 0);
  if (seconds === 0) throw new UsageError('--tether 0: it is a number of seconds, 1 or more');
  return seconds;
}

function whole(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} ${text}: it is a whole number, 0 or more`);
  return Number(text);
}

/** node:util says which option it stumbled over; the nearest one is ours to say. */
function explain(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const option = /'(-[^' ]+)/.exec(message)?.[1] ?? '';
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const near = nearest(option.replace(/^--?(no-)?/, ''), Object.keys(SPECS));
    return `there is no option ${option}${near.length ? `; did you mean ${near.map((n) => `--${n}`).join(', ')}?` : '; `itertop help` lists them'}`;
  }
  if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') {
    const name = /--([\w-]+)/.exec(message)?.[1] ?? option;
    const spec = SPECS[name];
    if (spec?.type === 'boolean') return `--${name} takes no value`;
    return `--${name} needs a value${spec?.value ? `: --${name} ${spec.value}` : ''}; one that begins with a dash is written --${name}=-...`;
  }
  return message;
}

/** The heading of a command's options. */
export function optionsOf(where: NonNullable<Spec['where']>): string {
  return where === 'hosts' ? 'options for other hosts' : `options of ${where}`;
}

export function helpText(templates: readonly { readonly name: string; readonly help: string }[]): string {
  const lines = [
    'itertop: live tables from Linux BPF iterators',
    '',
    ...USAGE.map(([words, help], i) => `${i === 0 ? 'usage:' : '      '} itertop ${words.padEnd(32)} ${help}`),
    '',
    'templates',
    ...templates.map((t) => `  ${t.name.padEnd(12)} ${t.help}`),
    '',
    'options',
  ];
  for (const where of [undefined, 'hosts', 'dump', 'record', 'replay', 'templates', 'doctor'] as const) {
    if (where) lines.push('', optionsOf(where));
    for (const [name, spec] of Object.entries(SPECS)) {
      if (spec.where !== where) continue;
      const usage = `${spec.short ? `-${spec.short}, ` : '    '}--${name}${spec.value ? ` ${spec.value}` : ''}`;
      lines.push(`  ${usage.padEnd(34)} ${spec.help}`);
    }
  }
  lines.push('', `exit codes: ${EXIT_CODES.map((what, code) => `${code} ${what}`).join(', ')}`, '');
  return lines.join('\n');
}
