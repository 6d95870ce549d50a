/**
 * Templates in YAML (of which JSON is a part), as people write them: the form of template.ts, where key, show, sort and
 * a column's help, format and width may be left out. Whatever a file holds, the outcome is templates or errors that say
 * where, in bounded time.
 */
import { type Btf, BtfError } from '../bpf/btf.ts';
import { findTarget, type Target } from '../bpf/targets.ts';
import type { Path, Problem } from './form.ts';
import { derivedAs, shownAs, widthOf } from './infer.ts';
import { resolveFirst, type Scope } from './source.ts';
import { type Column, type Template, TemplateError } from './template.ts';
import { checkForm, checkNames, checkSources } from './validate.ts';
import { parseYaml, TemplateFileError } from './yaml.ts';

/** A template of some hundred columns is a tenth of this. */
export const MAX_FILE_BYTES = 256 * 1024;
/** Of one file; the first mistakes explain the others. */
const MAX_PROBLEMS = 20;

export interface UserTemplates {
  readonly templates: readonly Template[];
  /** Why a template of the file is not among them. */
  readonly problems: readonly TemplateFileError[];
  /** What this kernel does not have of those that are. */
  readonly warnings: readonly TemplateFileError[];
}

/**
 * The templates of one file: a map, or a list of maps.
 * @param file its name, for messages
 * @param btf of the kernel that what is left out is taken from
 * @param find templates that joins may name
 */
export async function parseTemplates(
  text: string,
  file: string,
  btf: Btf,
  find: (name: string) => Template | undefined,
): Promise<UserTemplates> {
  const { value, errors, locate } = await parseYaml(text, file, 'template');
  if (errors.length > 0) return { templates: [], problems: errors.slice(0, MAX_PROBLEMS), warnings: [] };

  const templates: Template[] = [];
  const problems: TemplateFileError[] = [];
  const warnings: TemplateFileError[] = [];
  const seen = new Set<string>();
  const listed = Array.isArray(value);
  const candidates: readonly unknown[] = listed ? value : [value];
  const own = (name: string) => templates.find((t) => t.name === name) ?? find(name);
  if (candidates.length === 0)
    problems.push(new TemplateFileError(file, 1, 1, '', 'there is no template in this list'));

  for (const [i, candidate] of candidates.entries()) {
    const start: Path = listed ? [i] : [];
    const label = nameOf(candidate);
    const error = ({ path, message, ...place }: Problem) =>
      new TemplateFileError(
        file,
        ...locate({ ...place, path: [...start, ...path] }),
        label,
        within(candidate, path, message),
      );
    const wrongForm = checkForm(candidate);
    if (wrongForm.length > 0) {
      problems.push(...wrongForm.map(error));
      continue;
    }
    const template = complete(candidate as unknown as Written, btf, file);
    const sources = checkSources(template, btf);
    const wrong = [...checkNames(template, own), ...sources.filter((p) => p.fatal)];
    if (seen.has(template.name))
      wrong.push({ path: ['name'], message: `there are two templates "${template.name}" in this file` });
    seen.add(template.name);
    warnings.push(...sources.filter((p) => !p.fatal).map(error));
    if (wrong.length === 0) templates.push(template);
    else problems.push(...wrong.map(error));
  }
  return { templates, problems: unique(problems).slice(0, MAX_PROBLEMS), warnings: warnings.slice(0, MAX_PROBLEMS) };
}

function nameOf(candidate: unknown): string {
  const name = (candidate as { name?: unknown } | null)?.name;
  return typeof name === 'string' ? name : '';
}

/** Says which column is meant, where the problem lies within one that has a name. */
function within(candidate: unknown, path: Path, message: string): string {
  if (path[0] !== 'columns' || typeof path[1] !== 'number') return message;
  const name = nameOf((candidate as Written).columns[path[1]]);
  return name === '' || path.length < 3 ? message : `column ${name}: ${message}`;
}

function unique(errors: readonly TemplateFileError[]): TemplateFileError[] {
  return errors.filter((e, i) => errors.findIndex((other) => other.message === e.message) === i);
}

/** A template as it is written, its form checked. */
type Written = Pick<Template, 'name' | 'target'> &
  Partial<Omit<Template, 'columns'>> & { readonly columns: readonly (Omit<Column, 'help'> & { help?: string })[] };

/** With what was left out: by the types that BTF has, and a key that names any object of the target. */
function complete(written: Written, btf: Btf, file: string): Template {
  let scope: Scope | null = null;
  try {
    scope = { btf, target: findTarget(btf, written.target), casts: written.casts ?? {} };
  } catch (error) {
    if (!(error instanceof BtfError)) throw error;
  }
  const columns = written.columns.map(
    (c): Column => ({ ...c, help: c.help ?? c.derive ?? c.join ?? [c.from ?? ''].flat()[0] }),
  );
  const show = written.show ?? columns.map((c) => c.name);
  const key = written.key ?? defaultKey(scope?.target, columns);
  const draft: Template = {
    ...written,
    help: written.help ?? `${written.target}, by ${file}`,
    key,
    show,
    sort: written.sort ?? show[0] ?? '',
    columns,
  };
  // Formats of what comes from the kernel first: those of derived columns follow them.
  for (const kind of ['from', 'derive'] as const)
    for (const [i, column] of columns.entries())
      if (column[kind] !== undefined) columns[i] = { ...column, ...formatOf(draft, column, scope) };
  for (const [i, column] of columns.entries())
    columns[i] = { ...column, width: column.width ?? widthOf(column.as ?? 'int') };
  return draft;
}

function formatOf(template: Template, column: Column, scope: Scope | null): Pick<Column, 'as' | 'names'> {
  if (column.as !== undefined && (column.as !== 'enum' || column.names !== undefined)) return {};
  if (column.names !== undefined) return { as: 'enum' };
  try {
    if (column.derive !== undefined) return { as: derivedAs(template, column.name, column.derive) };
    if (scope === null) return {};
    const shown = shownAs(scope.btf, resolveFirst(scope, column.from!));
    if (column.as === undefined) return shown;
    return shown.names === undefined ? {} : { names: shown.names };
  } catch (error) {
    // Said by the checks that follow, with its place.
    if (error instanceof BtfError || error instanceof TemplateError) return {};
    throw error;
  }
}

/** What names an object better than its address: one struct may be filled anew for every row. Column -> source. */
const KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  task: { tid: 'task->pid', start_ns: 'task->start_boottime' },
  ksym: { address: 'ksym->value', pos: 'ksym->pos' },
};

/** The addresses of the objects and the numbers that come with them; columns for those that have none are added. */
function defaultKey(target: Target | undefined, columns: Column[]): string[] {
  const known = KEYS[target?.name ?? ''] ?? Object.fromEntries(target?.members.map((m) => [m.name, m.name]) ?? []);
  return Object.entries(known).map(([base, from]) => {
    const there = columns.find((c) => c.from === from);
    if (there) return there.name;
    let name = base;
    for (let n = 2; columns.some((c) => c.name === name); n++) name = `${base}_${n}`;
    columns.push({ name, from, help: `${from}: part of the key` });
    return name;
  });
}
