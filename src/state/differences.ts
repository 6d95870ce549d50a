/** What differs from one refresh to the next, row by row: for logs, where whole snapshots would say the same again. */
import { alignOf } from '../templates/format.ts';
import type { Kind, Rows, Value } from '../templates/table.ts';
import { type Column, columnOf, type Format, identityOf, type Template, titleOf } from '../templates/template.ts';
import { fit, textWidth } from '../templates/text.ts';
import { GroupTable } from './groups.ts';
import type { Snapshot, SnapshotWriter } from './snapshot.ts';

/** `present`: there at the first refresh. */
type Change = 'present' | 'added' | 'removed' | 'changed';

const CHANGE: Column = {
  name: 'change',
  help: 'present at the first refresh, or added, removed, changed since',
  as: 'text',
};
const CHANGED: Column = { name: 'changed', help: 'the columns whose values changed', as: 'text' };

const MIN_WIDTH = 8;

/** A row as it was. */
interface Kept {
  readonly values: readonly Value[];
  /** Where they are for the eye. */
  readonly cells: readonly string[] | null;
  /** Texts of columns that are lists. */
  readonly lists: readonly (readonly string[] | null)[];
}

interface Difference extends Kept {
  readonly change: Change;
  readonly changed: readonly string[];
}

/** Rows that differ, as a table. */
class Differences implements Rows {
  readonly template: Template;
  readonly #of: Rows;
  readonly #rows: readonly Difference[];
  readonly #at: ReadonlyMap<string, number>;

  constructor(of: Rows, columns: readonly string[], rows: readonly Difference[]) {
    this.#of = of;
    this.#rows = rows;
    this.#at = new Map(columns.map((name, i) => [name, i]));
    this.template = { ...of.template, columns: [CHANGE, CHANGED, ...of.template.columns] };
  }

  get rows(): number {
    return this.#rows.length;
  }
  formatOf(column: string): Format {
    return column === CHANGE.name || column === CHANGED.name ? 'text' : this.#of.formatOf(column);
  }
  isText(column: string): boolean {
    return this.formatOf(column) === 'text' || this.#of.isText(column);
  }
  number(row: number, column: string): number {
    const value = this.value(row, column);
    return value === null || typeof value === 'string' ? Number.NaN : Number(value);
  }
  cell(row: number, column: string): string {
    if (column === CHANGE.name) return this.#rows[row].change;
    if (column === CHANGED.name) return this.#rows[row].changed.join(' ');
    return this.#rows[row].cells![this.#at.get(column)!];
  }
  value(row: number, column: string): Value {
    if (column === CHANGE.name || column === CHANGED.name) return this.cell(row, column) || null;
    return this.#rows[row].values[this.#at.get(column)!];
  }
  kind(column: string): Kind {
    if (column === CHANGE.name) return 'text';
    return column === CHANGED.name ? 'texts' : this.#of.kind(column);
  }
  texts(row: number, column: string): readonly string[] | null {
    if (column !== CHANGED.name) return this.#rows[row].lists[this.#at.get(column)!];
    const { changed } = this.#rows[row];
    return changed.length > 0 ? changed : null;
  }
}

/** Remembers the rows of the refresh before. */
export class Differ {
  readonly #forMachines: boolean;
  #before: Map<string, Kept> | null = null;

  /** @param forMachines columns that name a row come first, where they are not shown anyway, and no cells are printed */
  constructor(forMachines: boolean) {
    this.#forMachines = forMachines;
  }

  /** The same snapshot with only what differs; all rows at first. */
  next(snapshot: Snapshot): Snapshot {
    const { table, order } = snapshot;
    const identity = this.#forMachines && !(table instanceof GroupTable) ? identityOf(table.template) : [];
    const columns = [...new Set([...identity, ...snapshot.columns])];
    const lists = columns.map((name) => table.kind(name) === 'texts');
    const now = new Map<string, Kept>();
    const found: Difference[] = [];
    const continued = this.#before !== null;
    for (const row of order) {
      const key = keyOf(table, row);
      // An object that was seen twice counts once.
      if (now.has(key)) continue;
      const kept: Kept = {
        values: columns.map((name) => table.value(row, name)),
        cells: this.#forMachines ? null : columns.map((name) => table.cell(row, name)),
        lists: columns.map((name, i) => (lists[i] ? table.texts(row, name) : null)),
      };
      now.set(key, kept);
      const before = this.#before?.get(key);
      this.#before?.delete(key);
      if (!before) found.push({ ...kept, change: this.#before ? 'added' : 'present', changed: [] });
      else {
        const changed = columns.filter((_, i) => differs(kept, before, i));
        if (changed.length > 0) found.push({ ...kept, change: 'changed', changed });
      }
    }
    for (const gone of this.#before?.values() ?? []) found.push({ ...gone, change: 'removed', changed: [] });
    this.#before = now;
    return {
      ...snapshot,
      table: new Differences(table, columns, found),
      order: Uint32Array.from(found, (_, i) => i),
      columns: [CHANGE.name, ...columns, CHANGED.name],
      tree: null,
      continued,
    };
  }
}

/** Of a list all texts count, not only those that its value names. */
function differs({ values, lists }: Kept, before: Kept, column: number): boolean {
  if (!Object.is(values[column], before.values[column])) return true;
  const [now, then] = [lists[column], before.lists[column]];
  return now !== then && now?.join('\0') !== then?.join('\0');
}

function keyOf(table: Rows, row: number): string {
  if (table instanceof GroupTable) return table.key(row);
  return table.template.key.map((name) => table.value(row, name)).join('\0');
}

/** Lines of a log: a heading once, then a line for each row that differs. Cells are padded, never cut. */
export class ChangeLines implements SnapshotWriter<string> {
  #widths: readonly number[] | null = null;

  *snapshot({ table, order, columns, stats }: Snapshot): Generator<string> {
    const time = new Date(stats.begin).toISOString();
    if (!this.#widths) {
      const titles = columns.map((name) => titleOf(columnOf(table.template, name)!));
      this.#widths = columns.map((name, i) =>
        Math.max(columnOf(table.template, name)!.width ?? MIN_WIDTH, titles[i].length),
      );
      yield this.#line(table, columns, 'TIME'.padEnd(time.length), titles);
    }
    for (const row of order)
      yield this.#line(
        table,
        columns,
        time,
        columns.map((name) => table.cell(row, name)),
      );
  }

  end(): string {
    return '';
  }

  #line(table: Rows, columns: readonly string[], time: string, cells: readonly string[]): string {
    const padded = cells.map((cell, i) => {
      const width = this.#widths![i];
      return textWidth(cell) >= width ? cell : fit(cell, width, alignOf(table.formatOf(columns[i])));
    });
    return `${[time, ...padded].join(' ').trimEnd()}\n`;
  }
}
