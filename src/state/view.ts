/** What one refresh looks like: rows in their order, ready to be formatted where they are visible. */
import type { Value } from '../templates/table.ts';
import type { Format } from '../templates/template.ts';
import type { Changes } from './changes.ts';
import type { Cost } from './cost.ts';
import type { Grouped } from './grouping.ts';
import type { HostStatus } from './host-feed.ts';
import type { Position } from './player.ts';
import type { TreeRows } from './tree.ts';

export interface ViewColumn {
  readonly name: string;
  readonly title: string;
  readonly help: string;
  readonly format: Format;
  readonly align: 'left' | 'right';
  /** Cells to reserve. */
  readonly width: number;
  /** Why this kernel or this privilege cannot give it; its cells are empty. '' where it can. */
  readonly absent: string;
  /** Gives way to the last text, where that has no room. */
  readonly minor?: boolean;
}

/** Where a condition of the filter is evaluated. */
export interface Condition {
  /** As the user would write it: `port 443,8000-8100`. */
  readonly text: string;
  /** bpf_iter_link_info, the program, or this process after reading. */
  readonly where: 'link' | 'kernel' | 'user';
  /** About where all walks of a refresh look, joins included: rows are joined as if it were not there. */
  readonly scope?: true;
  /** Where it is of several network namespaces. */
  readonly netns?: Namespaces;
}

/** Of several network namespaces how many were walked. */
export interface Namespaces {
  readonly seen: number;
  readonly total: number;
}

/** How honest and how dear a refresh was. */
export interface RefreshStats {
  /** Milliseconds since the epoch, when the iterator was opened and when its last byte was read. */
  readonly begin: number;
  readonly end: number;
  /** Objects that the program ran for and records that it wrote; visited is -1 where the target does not tell. */
  readonly visited: number;
  readonly emitted: number;
  readonly bytes: number;
  readonly reads: number;
  /** Rows whose key an earlier row has: the object was seen twice (the walk is no atomic picture). */
  readonly doubles: number;
  /** Milliseconds: opening and reading the iterator; everything (joins, decoding, sorting included). */
  readonly readMs: number;
  readonly totalMs: number;
  /** Where refreshes follow one another by the clock. */
  readonly cost?: Cost;
  /** meta->session_id of the iterator. */
  readonly sessionId: number;
  readonly conditions: readonly Condition[];
  /** Of all hosts together; absent where there is but one. */
  readonly netns?: Namespaces;
}

/** How the rows of a view differ from those of a moment. */
export interface Compared {
  readonly came: number;
  readonly went: number;
  readonly changed: number;
  sign(row: number): '+' | '-' | '~';
  /** The cell as it was; undefined where it is the same, or is not compared. */
  before(row: number, column: ViewColumn): string | undefined;
}

export interface View {
  readonly template: string;
  readonly columns: readonly ViewColumn[];
  /** Every column that was read, shown or not, for the details of a row. */
  readonly details: readonly ViewColumn[];
  /** Rows shown, and rows read before the search narrowed them. */
  readonly count: number;
  readonly total: number;
  readonly stats: RefreshStats;
  /** Against the refresh before; absent where that was the answer to another question. */
  readonly changes?: Changes | undefined;
  /** Where rows are shown as a tree. */
  readonly tree?: TreeRows | undefined;
  /** Where a row is a group of rows. */
  readonly grouped?: Grouped | undefined;
  /** Where only what differs from a moment is shown. */
  readonly compared?: Compared | undefined;
  /** Keys that were marked and whose objects are gone since the refresh before. */
  readonly unmarked?: readonly string[];
  /** Of a view out of a recording. */
  readonly position?: Position | undefined;
  /** Where the rows are of several hosts: how these are. */
  readonly hosts?: readonly HostStatus[] | undefined;
  /** Whether a row is of a host that does not answer: it is as it was. */
  isOld?(row: number): boolean;
  /** Why a row has no value in a column; '' where it could have one. */
  absentAt?(row: number, column: ViewColumn): string;
  /** Formatted and safe to print: one line, no control characters. '' where the object has no such value. */
  cell(row: number, column: ViewColumn): string;
  /** The same with all digits of its number, in the unit of exports. */
  exactCell?(row: number, column: ViewColumn): string;
  /** A column's number, shown or not; NaN where there is none. */
  number(row: number, column: string): number;
  /** A column's value as it is, not made safe for a terminal; null where there is none. */
  value(row: number, column: string): Value;
  /** Names the object of a row for as long as it lives. */
  key(row: number): string;
  /** The row of a key, or -1. */
  rowOf(key: string): number;
  /** Of a group: the condition that its rows fulfil. */
  condition?(row: number): string;
}

export interface TargetInfo {
  readonly template: string;
  /** What it is about: processes, network, BPF, kernel; `yours` for a template of the user's. */
  readonly area: string;
  readonly help: string;
  /** '' where this kernel has it. */
  readonly unavailable: string;
}
