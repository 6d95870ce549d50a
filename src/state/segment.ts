/** What the refreshes of a recording have in common: enough to show them without the kernel that they are of. */
import type { EnumNames } from '../templates/enum-names.ts';
import type { RecordLayout } from '../templates/record.ts';
import type { Filters, Template, WalkOrder } from '../templates/template.ts';
import { BadRecordingError } from './byte-stream.ts';
import type { NetScope } from './namespaces.ts';
import { checkedSegment } from './segment-form.ts';
import type { Condition } from './view.ts';

/** What was asked for while recording. */
export interface RecordedQuestion {
  /** Shown. */
  readonly columns: readonly string[];
  /** As in Template.sort. */
  readonly sort: string;
  readonly filters: Filters;
  readonly switches: Readonly<Record<string, boolean>>;
  readonly ungroup: boolean;
  readonly where: string;
  readonly netns: NetScope;
  readonly order?: WalkOrder;
  /** Rows were seen in groups of what they have in this column, or as a tree; `sort` is of these. */
  readonly group?: string;
  readonly tree?: boolean;
  /** Milliseconds. */
  readonly interval: number;
}

export interface RecordedWalk {
  /** BASE_WALK, or of a walk for joins. */
  readonly key: string;
  readonly template: string;
  readonly layout: RecordLayout;
  /** Column -> why the kernel did not have it. */
  readonly absent: readonly (readonly [string, string])[];
  readonly names: readonly (readonly [string, EnumNames])[];
  readonly by?: 'kernel' | 'user';
  /** New records are differences to those before them: record-diff.ts. Some recordings of before have it. */
  readonly near?: boolean;
  /** Differences are written column by column. Some recordings of before have it. */
  readonly byColumn?: boolean;
}

export interface Segment {
  readonly host: string;
  /** uname -r */
  readonly kernel: string;
  /** As btfId() has it. Recordings of before have none. */
  readonly btf?: string;
  readonly pageSize: number;
  /** Jiffies a second; 0 where not known. */
  readonly hz: number;
  /** That of the table first, then those joined. */
  readonly templates: readonly Template[];
  readonly question: RecordedQuestion;
  /** Evaluated before anything was recorded. */
  readonly conditions: readonly Condition[];
  readonly walks: readonly RecordedWalk[];
  /** Differences are compressed with what came before them: payload-window.ts. Recordings of before have none. */
  readonly chained?: boolean;
  /** Records and times are coded by what is known of those before: coded-diff.ts. Recordings of before have none. */
  readonly coded?: boolean;
}

export function encodeSegment(segment: Segment): Uint8Array {
  return Buffer.from(JSON.stringify(segment));
}

/** @throws BadRecordingError for what could not be read by */
export function decodeSegment(bytes: Uint8Array): Segment {
  let segment: unknown;
  try {
    segment = JSON.parse(Buffer.from(bytes).toString());
  } catch (error) {
    throw new BadRecordingError(`it begins with what is no JSON: ${(error as Error).message}`);
  }
  return checkedSegment(segment);
}
