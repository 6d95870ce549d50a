/** The user's templates: where their files are, reading them, and noticing that they changed. They are never written to. */
import fs from 'node:fs';
import path from 'node:path';
import type { Btf } from '../bpf/btf.ts';
import { readText, reason } from '../bpf/user-file.ts';
import { BUILTIN } from '../templates/builtin/index.ts';
import type { Template } from '../templates/template.ts';
import { sanitize } from '../templates/text.ts';
import { MAX_FILE_BYTES, parseTemplates } from '../templates/user.ts';
import type { TemplateFileError } from '../templates/yaml.ts';
import { refuseStrange } from './own-file.ts';
import { configFolder } from './settings-file.ts';

const ENDINGS: readonly string[] = ['.yaml', '.yml', '.json'];
/** Of the folder; what lies behind them in the order of names is not read. */
const MAX_FILES = 200;
/** What is wrong with a file that may be none of templates. */
const FEW = 3;
/** An editor writes in several steps: this long after the last of them the files are read. */
const SETTLE_MS = 150;

export interface Loaded {
  /** In the order of the files: those named on the command line, then those of the folder by name. */
  readonly templates: readonly Template[];
  /** The first one of the files that the command line names. */
  readonly first: string | undefined;
  /** `file:line:column: what is wrong`: templates that cannot be used. */
  readonly problems: readonly string[];
  /** The first of these, of files that the command line names and of which nothing can be used. */
  readonly unusable: readonly string[];
  /** The same of columns that this kernel lacks, with the name of their template. */
  readonly warnings: readonly TemplateFileError[];
}

/** $XDG_CONFIG_HOME/itertop/templates, ~/.config/itertop/templates where that is not set (XDG Base Directory). */
export function templateFolder(env: NodeJS.ProcessEnv = process.env): string {
  return path.join(configFolder(env), 'templates');
}

export class TemplateFiles {
  readonly #named: readonly string[];
  readonly #folder: string;
  readonly #btf: () => Btf;
  /** What a file last held that could be used: it stays while the file is wrong. */
  readonly #good = new Map<string, readonly Template[]>();

  /**
   * @param named files that the command line names
   * @param btf asked for only where there is a file
   */
  constructor(named: readonly string[], folder: string, btf: () => Btf) {
    this.#named = named;
    this.#folder = folder;
    this.#btf = btf;
  }

  /** A wrong file is reported and does not keep the others from being read. @throws BtfError */
  async load(): Promise<Loaded> {
    const templates: Template[] = [];
    const problems: string[] = [];
    const unusable: string[] = [];
    const warnings: TemplateFileError[] = [];
    const owners = new Map<string, string>();
    const files = this.#files(problems);
    for (const known of this.#good.keys()) if (!files.includes(known)) this.#good.delete(known);
    for (const file of files) {
      const found = await this.#read(file, templates);
      problems.push(...found.problems);
      warnings.push(...found.warnings);
      const good =
        found.problems.length === 0 ? found.templates : [...found.templates, ...this.#kept(file, found.templates)];
      this.#good.set(file, good);
      if (good.length === 0 && this.#named.includes(file)) unusable.push(...found.problems.slice(0, FEW));
      for (const template of good) {
        const owner = BUILTIN.some((b) => b.name === template.name) ? 'itertop itself' : owners.get(template.name);
        if (owner === undefined) {
          owners.set(template.name, file);
          templates.push(template);
        } else
          problems.push(`${file}: there is a template "${template.name}" already, of ${owner}; choose another name`);
      }
    }
    const first = templates.find((t) => this.#named.includes(owners.get(t.name) ?? ''))?.name;
    return { templates, first, problems: problems.map(sanitize), unusable: unusable.map(sanitize), warnings };
  }

  #kept(file: string, found: readonly Template[]): Template[] {
    return (this.#good.get(file) ?? []).filter((old) => !found.some((t) => t.name === old.name));
  }

  #files(problems: string[]): string[] {
    let names: string[] = [];
    try {
      names = fs
        .readdirSync(this.#folder)
        .filter((name) => ENDINGS.includes(path.extname(name)) && !name.startsWith('.'));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR')
        problems.push(`${this.#folder}: ${reason(error)}; going on without the templates there`);
    }
    if (names.length > MAX_FILES) problems.push(`${this.#folder}: ${names.length} files, only ${MAX_FILES} are read`);
    const own = names
      .sort()
      .slice(0, MAX_FILES)
      .map((name) => path.join(this.#folder, name));
    return [...new Set([...this.#named, ...own])];
  }

  async #read(
    file: string,
    before: readonly Template[],
  ): Promise<{ templates: readonly Template[]; problems: string[]; warnings: readonly TemplateFileError[] }> {
    let text: string;
    try {
      // Who names a file wants it; the others are read for where they lie.
      const look = this.#named.includes(file) ? undefined : refuseStrange;
      text = readText(file, MAX_FILE_BYTES, 'template', look);
    } catch (error) {
      return { templates: [], problems: [`${file}: ${reason(error)}`], warnings: [] };
    }
    const find = (name: string) => [...before, ...BUILTIN].find((t) => t.name === name);
    const { templates, problems, warnings } = await parseTemplates(text, file, this.#btf(), find);
    return { templates, problems: problems.map((error) => error.message), warnings };
  }

  /** Calls back some time after a file has changed, come or gone. Does not keep the process alive. */
  watch(changed: () => void): Disposable {
    let timer: NodeJS.Timeout | undefined;
    const settle = () => {
      clearTimeout(timer);
      timer = setTimeout(changed, SETTLE_MS);
      timer.unref();
    };
    const watchers: fs.FSWatcher[] = [];
    const look = (folder: string, matters: (name: string) => boolean) => {
      try {
        // The folder, not the file: editors write another file and rename it.
        const watcher = fs.watch(folder, { persistent: false }, (_, name) => {
          if (name === null || matters(name)) settle();
        });
        watcher.on('error', () => watcher.close());
        watchers.push(watcher);
      } catch {
        // No such folder, or no watches left: templates stay as they were read.
      }
    };
    look(this.#folder, (name) => ENDINGS.includes(path.extname(name)));
    const byFolder = Map.groupBy(this.#named, (file) => path.dirname(path.resolve(file)));
    for (const [folder, files] of byFolder) look(folder, (name) => files.some((file) => path.basename(file) === name));
    return {
      [Symbol.dispose]() {
        clearTimeout(timer);
        for (const watcher of watchers) watcher.close();
      },
    };
  }
}
