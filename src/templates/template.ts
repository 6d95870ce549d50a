/** A template: what to show of one bpf_iter target, as plain data. Built-in and user templates have the same form. */

/**
 * How a column's value is shown. The raw value (and the unit a snapshot's header gives for it) is in brackets.
 *
 * int, hex, octal: a number as it is · count: a number with thousands scaled · ratio: two decimals · flag: yes/no ·
 * bytes: B/K/M/G [bytes] · pages: the same from 4 KiB pages [pages] · percent [%] · rate [1/s] · byterate [bytes/s] ·
 * ns, us, ms, s: a duration [that unit] · cputime: h:mm:ss.cc [ns] · jiffies: a duration [jiffies] ·
 * time: wall clock [ns since boot] · age: time since [ns since boot] · uid: user name [uid] · dev: major:minor [dev_t] ·
 * enum: a name from `names` [number] · text, path: text · inet: an IPv4 or IPv6 address ·
 * hexbytes: an array of bytes as hex digits
 */
export const FORMATS = [
  'int',
  'hex',
  'octal',
  'count',
  'ratio',
  'flag',
  'bytes',
  'pages',
  'percent',
  'rate',
  'byterate',
  'ns',
  'us',
  'ms',
  's',
  'cputime',
  'jiffies',
  'time',
  'age',
  'uid',
  'dev',
  'enum',
  'text',
  'path',
  'inet',
  'hexbytes',
] as const;
export type Format = (typeof FORMATS)[number];

export interface Column {
  /** Name in the command line, exports, sorting; [a-z][a-z0-9_]*. */
  readonly name: string;
  /** One line: what it is, in which unit, and what to know about it. */
  readonly help: string;
  /** Heading; the name in capitals where absent. */
  readonly title?: string;
  /**
   * Where the kernel has it: a BTF member path that starts at a context member or a cast (`task->mm->total_vm`), or one
   * of the source functions of source.ts (`d_path(file->f_path)`). Alternatives are tried in order, for members that
   * were renamed; where none resolves on this kernel the column is absent, with that reason.
   */
  readonly from?: string | readonly string[];
  /** Computed after reading from other columns: `rate(bytes_in)`; functions in derive.ts. */
  readonly derive?: string;
  /** A text column shown in brackets where this one has nothing (a kernel thread has no command line). */
  readonly fallback?: string;
  /** A column of a joined template: `owner.pid`; `owner.holders` counts the rows that match. */
  readonly join?: string;
  /** Of `join` the texts of all rows that match, each once, not only of the first. */
  readonly list?: boolean;
  readonly as?: Format;
  /**
   * For `as: 'enum'`: value -> name; or the name of an enum in the kernel's BTF, whose enumerators are the names, in
   * small letters and without the prefix that they share (`bpf_prog_type`: BPF_PROG_TYPE_XDP is xdp).
   */
  readonly names?: Readonly<Record<number, string>> | string;
  /** The kernel counts this only while asked to (BPF_ENABLE_STATS): done as long as the column is read, and no longer. */
  readonly needs?: 'run_stats';
  /** A zero means "none" and is shown as an empty cell. */
  readonly zeroIsNone?: boolean;
  /** Of a column made on the spot: the item of `--columns` that made it. */
  readonly typed?: string;
  /** In grouped mode (see Template.group) the sum over the group's members. A 64-bit number. */
  readonly total?: boolean;
  /** Whether a sum over rows says something, where they are grouped by a column; where absent its format decides. */
  readonly adds?: boolean;
  /** Added once to a group's total: what members that ended have left behind. */
  readonly groupBase?: string;
  /** Cells to reserve, without the gap. Text columns grow into what is left. */
  readonly width?: number;
  /** Where the screen is too narrow for the last text, this gives way to it. */
  readonly minor?: boolean;
}

/** Helpers that see an object as what it is, or as what belongs to it. */
export const CAST_CALLS = [
  'skc_to_tcp_sock',
  'skc_to_tcp_timewait_sock',
  'skc_to_tcp_request_sock',
  'sock_from_file',
] as const;

/** A further pointer to take columns from; where it is NULL its columns are empty. */
export interface Cast {
  /** A helper (its name without `bpf_`) that is called with the context member `of`. */
  readonly call?: (typeof CAST_CALLS)[number];
  /** With `call` a context member; without it the path of a pointer, or an object. */
  readonly of: string;
  /** The struct that `call` gives. */
  readonly type?: string;
  /**
   * Seen as this struct, of which the pointer's own is the first member (struct bpf_iter_link begins with a struct
   * bpf_link); where it is another member: `bpf_uprobe_multi_link.link`. By bpf_rdonly_cast (Linux 6.2).
   */
  readonly as?: string;
  /**
   * Without `call`: taken only where a number in the object that it points to is one of these, or of the enumerators of
   * these names. With `as` in the object before the cast.
   */
  readonly when?: { readonly source: string; readonly is: readonly (number | string)[] };
}

/** A column, or several that count together. */
export type JoinKey = string | readonly string[];

/**
 * Rows of another template, found by equal values in both; costs one extra iterator, however many joins read it. Joined
 * with itself a template costs none, unless filters leave rows out.
 */
export interface Join {
  /** Name of the template that is read. */
  readonly template: string;
  /**
   * Columns of this template and of the joined one that must be equal, as many on either side. A zero matches nothing,
   * unless it is an address; an IPv4 address equals the same one mapped into IPv6.
   */
  readonly on: readonly [JoinKey, JoinKey];
}

export const WALK_ORDERS = ['self', 'descendants_pre', 'descendants_post', 'ancestors_up'] as const;
export type WalkOrder = (typeof WALK_ORDERS)[number];

export type FilterName = 'pid' | 'port' | 'lport' | 'rport' | 'user';
export const FILTER_NAMES: readonly FilterName[] = ['pid', 'port', 'lport', 'rport', 'user'];

/** How a filter reaches the kernel. */
export interface FilterRule {
  /** Sources of which one must be within one of the ranges; evaluated in the program. */
  readonly any?: readonly string[];
  /** bpf_iter_link_info's task filter serves a single value. */
  readonly link?: 'pid';
  /** Evaluated through a join: its rows are read first with the same filter, and what they hold of the join's column
   * becomes a set in a hash map that the program looks this source up in. */
  readonly through?: { readonly join: string; readonly source: string };
}

/** Objects that a key hides or shows; tested in the program. */
export interface Switch {
  readonly name: string;
  readonly help: string;
  /** Shown without being asked. */
  readonly on: boolean;
  /** While off, objects are skipped for which (source & mask) is not 0. */
  readonly hides: { readonly source: string; readonly mask: number };
}

/** The map whose elements a table shows. */
export interface MapOf {
  readonly id: number;
  /** How it was asked for: with a path it is opened there, by a name it is found again after it was replaced. */
  readonly path?: string;
  readonly byName?: true;
  readonly name: string;
  /** As in enum bpf_map_type, in small letters. */
  readonly type: string;
  readonly keySize: number;
  /** Bytes of a value, on each CPU for per-CPU maps. */
  readonly valueSize: number;
  /** CPUs that each have a value; 0 where all share one. */
  readonly cpus: number;
  /** It has BTF, which may not be opened. */
  readonly closed?: true;
}

/** Another table, restricted to what has to do with the object of a row. */
export interface Related {
  /** What is found there, in one or two words: `files`, `memory map`. */
  readonly word: string;
  readonly template: string;
  /** Filter of the other table -> the column whose value it gets. */
  readonly filters?: Partial<Readonly<Record<FilterName, string>>>;
  /** A condition over the other table's columns, `$name` standing for the row's value of a column: `inode == $inode`. */
  readonly where?: string;
  /** Further columns without whose values a row does not lead there. */
  readonly needs?: readonly string[];
  /** Columns shown there, in order; those that the table has at first where absent. */
  readonly show?: readonly string[];
  /** Its groups are taken apart (threads). */
  readonly ungroup?: boolean;
}

export const AREAS = ['processes', 'network', 'BPF', 'kernel'] as const;

export interface Template {
  readonly name: string;
  /** One line for the picker. */
  readonly help: string;
  /** bpf_iter_<target> in the kernel's BTF. */
  readonly target: string;
  /** Columns that together name one object for as long as it lives. */
  readonly key: readonly string[];
  /** Columns shown at first, in order. */
  readonly show: readonly string[];
  /** First sort: a column, `-` before it for descending. */
  readonly sort: string;
  readonly columns: readonly Column[];
  readonly casts?: Readonly<Record<string, Cast>>;
  readonly joins?: Readonly<Record<string, Join>>;
  readonly filters?: Partial<Readonly<Record<FilterName, FilterRule>>>;
  readonly switches?: readonly Switch[];
  /** Only objects for which the source, masked, equals the value are read; with `except` all but those. */
  readonly only?: readonly {
    readonly source: string;
    readonly mask: number;
    readonly equals: number;
    readonly except?: true;
  }[];
  /**
   * Objects that belong together (threads of a process): `member` equals `by` for the one that stands for the group.
   * Ungrouped (every object a row) on request, under the name `ungroup` (threads).
   */
  readonly group?: { readonly by: string; readonly member: string; readonly ungroup: string };
  /**
   * Rows as a tree: `parent` is the number by which a row names its parent's `id` (0: it has none); the lines are drawn
   * before the text of `indent`. Of a group's members (threads) each hangs under the one that stands for the group.
   */
  readonly tree?: { readonly id: string; readonly parent: string; readonly indent: string };
  /** Each network namespace has its own objects; an iterator sees those of one. */
  readonly netns?: boolean;
  /**
   * Its objects are the elements of this map. Numbers of a per-CPU map that have a `total` are summed over the CPUs;
   * ungrouped each CPU's values are a row.
   */
  readonly map?: MapOf;
  /** The column with the id of a map, whose elements a row leads to. */
  readonly elements?: string;
  /** Where a row leads; nine at most, as there are digits. */
  readonly related?: readonly Related[];
  /** What it is about, for the list of tables; the user's own are where absent. */
  readonly area?: (typeof AREAS)[number];
  /** Other words for the table on the command line: `ps`. */
  readonly aliases?: readonly string[];
  /** What words after the table's name on the command line are looked up in: filters and columns, in this order. */
  readonly finds?: readonly string[];
  /** Columns that say which object a row is; the first shown one where absent. */
  readonly label?: readonly string[];
  /** How the user has saved it, beyond what it shows and sorts by: a column to group by ('': none), as a tree, cells of columns. */
  readonly saved?: {
    readonly group: string;
    readonly tree: boolean;
    readonly widths: Readonly<Record<string, number>>;
  };
  /** Not offered in the picker; read for joins only. */
  readonly internal?: boolean;
  /** The order in which a target walks that has to be told (cgroup), unless another one is asked for. */
  readonly order?: WalkOrder;
  /** The target's final call comes with the last object once more instead of NULL (ksym). */
  readonly repeatsLast?: boolean;
  /** The target cannot go on after a full buffer: records are gathered in a map instead, and read from there. */
  readonly gather?: boolean;
}

/** Inclusive range of unsigned 32-bit values. */
export type Range = readonly [number, number];
/** What the user filters by; every named condition must hold, one of its ranges is enough. */
export type Filters = Partial<Readonly<Record<FilterName, readonly Range[]>>>;

/** `message` says which template and column, what is wrong and how to mend it. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly template: string;
  /** '' where the template itself is meant. */
  readonly column: string;
  /** Without the template's and the column's name. */
  readonly problem: string;
  constructor(template: string, column: string, problem: string) {
    super(`template ${template}${column ? `, column ${column}` : ''}: ${problem}`);
    this.problem = problem;
    this.template = template;
    this.column = column;
  }
}

/** Wrong command line or wrong value typed; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What the rows are when they are ungrouped (threads); undefined for a template without groups. */
export function ungroupedWord(template: Template): string | undefined {
  if (template.map && template.map.cpus > 0) return 'a row for each CPU';
  return template.group?.ungroup;
}

/** Bytes from one CPU's value to the next one's (kernel/bpf/syscall.c: round_up(value_size, 8)). */
export function valueStride(map: MapOf): number {
  return Math.ceil(map.valueSize / 8) * 8;
}

export function columnOf(template: Template, name: string): Column | undefined {
  return template.columns.find((c) => c.name === name);
}

/** Columns by which rows of several refreshes, and of other tables, are known again. */
export function identityOf(template: Template): readonly string[] {
  return [...template.key, 'cookie'].filter((name) => columnOf(template, name));
}

/** The heading of a column. */
export function titleOf(column: Column): string {
  return column.title ?? column.name.toUpperCase();
}
