/** What was recorded of one host, decoded once: refreshes as columns of values, to be told again as those of many hosts. */
import { Player } from '../../src/state/player.ts';
import { registerTemplates } from '../../src/templates/registry.ts';
import type { Kind, Rows, Value } from '../../src/templates/table.ts';
import { type Format, identityOf, type Template } from '../../src/templates/template.ts';

/** One refresh. */
export interface Refresh {
  readonly rows: number;
  /** Column by column, as in `columns`. */
  readonly values: readonly (readonly Value[])[];
  readonly lists: readonly ((readonly string[] | null)[] | null)[];
  /** Per row a number of its own for each object, and whether that was there from the first refresh to the last. */
  readonly objects: Uint32Array;
}

export interface Recorded {
  readonly template: Template;
  readonly kernel: string;
  /** Those that name a row first. */
  readonly columns: readonly string[];
  readonly formats: readonly Format[];
  readonly kinds: readonly Kind[];
  readonly refreshes: readonly Refresh[];
  /** By the numbers of `objects`. */
  readonly stays: readonly boolean[];
  /** Milliseconds that were recorded. */
  readonly span: number;
}

/** The first refresh has no rates, and is left out. @throws UsageError for what is no recording of three refreshes or more */
export function readRecorded(file: string): Recorded {
  using player = new Player(file);
  const { recording } = player;
  const { templates, question, kernel } = recording.segment(recording.count - 1);
  const [template] = templates as [Template];
  registerTemplates(templates);
  const columns = [...new Set([...identityOf(template), ...question.columns])];
  const options = { ...question, columns, filters: {}, where: '', netns: 'self' } as const;
  const objects = new Map<string, { readonly n: number; seen: number }>();
  let formats: readonly Format[] = [];
  let kinds: readonly Kind[] = [];
  const refreshes: Refresh[] = [];
  for (let index = 0; index < recording.count; index++) {
    player.move({ by: index - player.index });
    const { table } = player.collect(template, options);
    if (index === 0) continue;
    formats = columns.map((name) => table.formatOf(name));
    kinds = columns.map((name) => table.kind(name));
    refreshes.push(decoded(table, columns, kinds, objects));
  }
  const stays = [...objects.values()].map(({ seen }) => seen >= refreshes.length);
  return {
    template,
    kernel,
    columns,
    formats,
    kinds,
    refreshes,
    stays,
    span: recording.times.at(-1)! - recording.times[0]!,
  };
}

function decoded(
  table: Rows,
  columns: readonly string[],
  kinds: readonly Kind[],
  known: Map<string, { readonly n: number; seen: number }>,
): Refresh {
  const rows = Array.from({ length: table.rows }, (_, row) => row);
  const objects = Uint32Array.from(rows, (row) => {
    const key = table.template.key.map((name) => table.value(row, name)).join();
    let object = known.get(key);
    if (!object) {
      object = { n: known.size, seen: 0 };
      known.set(key, object);
    }
    object.seen++;
    return object.n;
  });
  return {
    rows: table.rows,
    values: columns.map((name) => rows.map((row) => table.value(row, name))),
    lists: columns.map((name, c) => (kinds[c] === 'texts' ? rows.map((row) => table.texts(row, name)) : null)),
    objects,
  };
}
