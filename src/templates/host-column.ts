/** Tables of several hosts: their rows also have the host that they are from. */
import { type Column, columnOf, type Related, type Template } from './template.ts';

export const HOST = 'host';

const COLUMN: Column = { name: HOST, derive: 'host()', as: 'text', width: 4, help: 'host that the row is from' };

export const isHost = ({ derive }: Column): boolean => derive === COLUMN.derive;

/** The same table with its host in front, which belongs to what names a row. */
export function withHost(template: Template): Template {
  if (columnOf(template, HOST)) return template;
  const { columns, key, show, related, label = show.slice(0, 1) } = template;
  return {
    ...template,
    columns: [COLUMN, ...columns],
    key: [HOST, ...key],
    show: [HOST, ...show],
    label: [HOST, ...label],
    ...(related ? { related: related.map(onSameHost) } : {}),
  };
}

/** Columns of rows of several hosts, whichever were asked for: a row without its host is nobody's. */
export function withWhose(columns: readonly string[]): readonly string[] {
  return columns.includes(HOST) ? columns : [HOST, ...columns];
}

/** What a row leads to is on its own host. */
function onSameHost(related: Related): Related {
  const same = `${HOST} == $${HOST}`;
  return { ...related, where: related.where ? `${same} && (${related.where})` : same };
}

/** Of columns those that a host is asked for. */
export function withoutHost(columns: readonly string[]): string[] {
  return columns.filter((name) => name !== HOST);
}
