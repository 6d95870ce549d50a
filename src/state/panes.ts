/** What lies over the table: each pane with what is chosen or typed in it, which goes away with it. */
import type { FilterName } from '../templates/template.ts';
import type { DetailPane } from './detail.ts';
import type { Input } from './input.ts';
import type { ProgramPart, ProgramReport } from './inspect.ts';
import type { PickerPane } from './picker.ts';
import type { PromptPane } from './prompt.ts';
import type { SplitPane } from './split.ts';
import type { StructAnswer } from './struct-reader.ts';

export const EXPORT_FORMATS = ['csv', 'json', 'ndjson', 'parquet'] as const;

export interface ExportChoice {
  readonly format: (typeof EXPORT_FORMATS)[number];
  /** Rows as shown, those that are marked, or every row that was read. */
  readonly rows: 'shown' | 'marked' | 'all';
  readonly path: string;
  readonly overwrite: boolean;
}

/** The table as a template in a file. */
export interface TemplateChoice {
  readonly template: string;
  readonly path: string;
  readonly overwrite: boolean;
}

interface ListPane {
  /** Chosen line. */
  readonly index: number;
}

interface TextPane {
  readonly input: Input;
  /** Why the last Enter was refused. */
  readonly error: string;
}

interface FilterField extends TextPane {
  readonly name: FilterName;
}

/** Lines of the export pane, by their index. */
export const EXPORT_LINES = ['format', 'rows', 'path'] as const;

/** A list that `/` narrows. */
export interface NarrowedPane extends ListPane {
  /** Only lines that have this in them are listed; '' for all. */
  readonly find: string;
}

export type Pane =
  | ({ readonly name: 'sort' | 'group' | 'hosts' } & ListPane)
  | ({ readonly name: 'help' } & NarrowedPane)
  | PickerPane
  | SplitPane
  | DetailPane
  | PromptPane
  | ({
      readonly name: 'columns';
      /** Column -> why it is not here, of all that the template has. */
      readonly absent: ReadonlyMap<string, string>;
    } & NarrowedPane)
  | {
      readonly name: 'command';
      /** Of a command line, as the shell takes them. */
      readonly words: readonly string[];
      /** What of the screen it does not say: see notInCommand(). */
      readonly without: readonly string[];
      /** Whether the terminal was told to copy it, or why not. */
      readonly copied: string;
    }
  | ({
      readonly name: 'program';
      readonly part: ProgramPart;
      /** The table's own is the first, those of its joins follow. */
      readonly program: number;
      /** null until the worker has answered. */
      readonly reports: readonly ProgramReport[] | null;
    } & NarrowedPane)
  | ({
      readonly name: 'structs';
      /** What is looked into: a path from an object of the iterator; '' for all of its objects. */
      readonly at: string;
      /** The pointer that this starts from, whose members the kernel prints. */
      readonly pointer: string;
      /** Where one came from, with the line that was chosen there. */
      readonly trail: readonly { readonly at: string; readonly index: number; readonly find: string }[];
      /** Values in the selected row; null until they come. */
      readonly answer: StructAnswer | null;
    } & NarrowedPane)
  /** What the list below it is narrowed to. */
  | ({ readonly name: 'narrow' } & TextPane)
  | ({ readonly name: 'search' | 'interval' | 'jump' | 'when' | 'where' | 'find' } & TextPane)
  | ({ readonly name: 'filter'; readonly fields: readonly FilterField[] } & ListPane)
  | ({
      readonly name: 'export';
      readonly format: ExportChoice['format'];
      readonly rows: ExportChoice['rows'];
    } & ListPane &
      TextPane)
  /** The name under which the table is saved. */
  | ({ readonly name: 'saveas' } & TextPane)
  | { readonly name: 'overwrite'; readonly choice: ExportChoice | TemplateChoice };

export type PaneName = 'table' | Pane['name'];

/** What each pane is: a list of which a line is chosen, a form that is typed into, the command line, or an answer to wait for. */
const KINDS = {
  picker: 'list',
  split: 'list',
  sort: 'list',
  group: 'list',
  hosts: 'list',
  columns: 'list',
  structs: 'list',
  program: 'list',
  detail: 'list',
  help: 'list',
  search: 'form',
  where: 'form',
  find: 'form',
  filter: 'form',
  interval: 'form',
  jump: 'form',
  when: 'form',
  narrow: 'form',
  saveas: 'form',
  export: 'form',
  prompt: 'prompt',
  command: 'answer',
  overwrite: 'answer',
} as const satisfies Readonly<Record<Pane['name'], string>>;

type Kind = (typeof KINDS)[Pane['name']];

/** The panes of a kind. */
export function panesOf(kind: Kind): readonly PaneName[] {
  return (Object.keys(KINDS) as Pane['name'][]).filter((name) => KINDS[name] === kind);
}

const kindOf = (pane: PaneName) => (pane === 'table' ? undefined : KINDS[pane]);

/** The pane that typed text goes into is one of these. */
export function takesText(pane: PaneName): boolean {
  return kindOf(pane) === 'form' || kindOf(pane) === 'prompt';
}

export function isList(pane: PaneName): boolean {
  return kindOf(pane) === 'list';
}

/** The input that is being typed into, if there is one. */
export function inputOfPane(pane: Pane | undefined): Input | undefined {
  if (pane?.name === 'filter') return pane.fields[pane.index]?.input;
  if (pane?.name === 'export' && EXPORT_LINES[pane.index] !== 'path') return undefined;
  return pane && 'input' in pane ? pane.input : undefined;
}

/** The pane with another input, its error forgotten. */
export function withInput(pane: Pane, input: Input): Pane {
  if (pane.name === 'filter')
    return { ...pane, fields: pane.fields.with(pane.index, { ...pane.fields[pane.index]!, input, error: '' }) };
  if (pane.name === 'prompt') return { ...pane, input, error: '', completing: null };
  return 'input' in pane ? { ...pane, input, error: '' } : pane;
}
