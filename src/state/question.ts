/** What the user wants to see, as plain data: it travels to the worker that answers it with views. */

import type { Filters, WalkOrder } from '../templates/template.ts';
import type { Marked } from './marking.ts';
import type { Comparison } from './moment.ts';
import type { NetScope } from './namespaces.ts';
import type { Sort } from './sort.ts';
import type { StructQuestion } from './struct-reader.ts';

export interface Search {
  /** A regular expression over the shown cells of a row, case-insensitive unless it has a capital letter. */
  readonly pattern: string;
  /** Keep the rows that do not match. */
  readonly invert: boolean;
}

export interface Question {
  readonly template: string;
  /** Shown columns, in order. */
  readonly columns: readonly string[];
  /** Every column of the template is read (details are open), not only what is shown or sorted by. */
  readonly all: boolean;
  /** Templates whose rows are counted, one after another between refreshes. */
  readonly count?: readonly string[];
  /** Columns that are read beside those shown: what a row leads to is found by their values. */
  readonly also?: readonly string[];
  readonly sort: Sort;
  /** Rows that have the same in this column are one row; '' for no grouping. */
  readonly groupBy: string;
  /** Groups are watched for growth: a column says what of them grew. */
  readonly watch?: true;
  /** Each row under its parent; without what hangs below rows of these keys. */
  readonly tree?: { readonly folded: readonly string[] };
  readonly filters: Filters;
  /** Template.switches by name. */
  readonly switches: Readonly<Record<string, boolean>>;
  /** Each member of a group is a row (threads). */
  readonly ungroup: boolean;
  readonly search: Search | null;
  /** A condition over columns (templates/where.ts); '' for none. */
  readonly where: string;
  /** Rows are compared with those of the refresh before. */
  readonly marks?: boolean;
  /** Network namespaces that are read, where the template has those. */
  readonly netns: NetScope;
  /** For a target that walks in an order; the template's where absent. */
  readonly order?: WalkOrder;
  /** What rows are compared with. */
  readonly compare?: Comparison;
  /** A moment that is kept for rows that are not looked at now. */
  readonly kept?: number;
  /** Rows that the user has marked. */
  readonly marked?: Marked;
  /** An object whose struct is looked at. */
  readonly struct?: StructQuestion;
  /** The programs are asked for, too: what they are and what the kernel says of them. */
  readonly explain?: true;
  /** Milliseconds between the starts of two refreshes. */
  readonly interval: number;
  /** Percent of the interval that a refresh may take before the interval is stretched; absent: any. */
  readonly maxCost?: number;
  readonly paused: boolean;
  /** Of a recording: how many times as fast as it was; 1 where absent. */
  readonly speed?: number;
}
