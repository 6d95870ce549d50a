/** What is run on a host: `itertop record` with the columns and conditions that a question needs there. */
import { formatRanges } from '../templates/filters.ts';
import { HOST, withoutHost } from '../templates/host-column.ts';
import { FILTER_NAMES, type Template } from '../templates/template.ts';
import { type Conjunct, columnsOf } from '../templates/where.ts';
import type { CollectOptions } from './collector.ts';
import { columnsText } from './command-line.ts';

export interface Pace {
  /** Milliseconds. */
  readonly interval: number;
  readonly maxCost?: number;
}

/**
 * The words behind `itertop`. What is said of hosts is looked at here, where they are known by the names that the user
 * gave them.
 */
export function remoteCommand(
  template: Template,
  options: CollectOptions,
  conjuncts: readonly Conjunct[],
  { interval, maxCost }: Pace,
): string[] {
  const { columns, filters, switches, ungroup, netns, order } = options;
  const there = conjuncts.filter(({ where }) => !columnsOf(where).includes(HOST));
  const used = there.flatMap(({ where }) => columnsOf(where));
  const own = withoutHost(columns);
  const valued: [name: string, value: string | undefined][] = [
    ['columns', columnsText(template, own.length > 0 ? own : withoutHost(template.key), used)],
    ['where', there.map(({ text }) => text).join(' && ') || undefined],
    ...FILTER_NAMES.map((name): [string, string | undefined] => [name, formatRanges(filters[name] ?? []) || undefined]),
    ['netns', template.netns && netns !== undefined ? String(netns) : undefined],
    ['order', template.order && order],
    ['interval', String(interval / 1000)],
    ['max-cost', maxCost === undefined ? undefined : Number.isFinite(maxCost) ? String(maxCost) : 'off'],
    ['output', '-'],
  ];
  return [
    'record',
    template.name,
    // Behind a blank a value that begins with a dash would be taken for an option.
    ...valued.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...(template.switches ?? []).map(({ name, on }) => `--${(switches[name] ?? on) ? '' : 'no-'}${name}`),
    ...(ungroup ? ['--threads'] : []),
  ];
}
