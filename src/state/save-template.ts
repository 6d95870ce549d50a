/** Writes the table as it is arranged to the folder of the user's templates. */
import fs from 'node:fs';
import path from 'node:path';
import { BUILTIN } from '../templates/builtin/index.ts';
import { ownTemplate, templateText } from '../templates/own-template.ts';
import { allTemplates } from '../templates/registry.ts';
import { type Template, UsageError } from '../templates/template.ts';
import { AtomicFile } from './atomic-file.ts';
import { commandLine } from './command-line.ts';
import { makeFolder } from './make-folder.ts';
import type { SessionState } from './session.ts';
import { refuseForeign } from './settings-file.ts';
import { formatSort } from './sort.ts';

export interface SavedTemplate {
  readonly file: string;
  /** What the table has that a template does not hold; '' for nothing. */
  readonly without: string;
}

/** A name that is free: that of the template with what makes it the user's. */
export function nameFor(template: string, taken: (name: string) => boolean): string {
  const base = /_mine\d*$/.test(template) ? template.replace(/\d*$/, '') : `${template}_mine`;
  for (let n = 1; ; n++) {
    const name = n === 1 ? base : `${base}${n}`;
    if (!taken(name)) return name;
  }
}

/**
 * @param folder templateFolder()
 * @returns where it is. Throws UsageError where the name or the folder is none, FileExistsError where there is one of
 * that name and `overwrite` is not set
 */
export async function saveTemplate(
  state: SessionState,
  name: string,
  folder: string,
  overwrite: boolean,
): Promise<SavedTemplate> {
  const template = state.templates.get(state.template)!;
  const file = path.join(folder, `${name}.yaml`);
  check(name, template, file);
  const sort = formatSort(state.ungrouped?.sort ?? state.sort);
  const own = ownTemplate(template, name, { ...state, sort });
  const left = [
    ...Object.entries(state.filterTexts).map(([filter, text]) => `${filter} ${text}`),
    ...(state.where === '' ? [] : [`where ${state.where}`]),
    ...(state.groupBy === '' ? [] : [`group by ${state.groupBy}`]),
    ...(state.ungroup ? ['threads'] : []),
  ];
  const again = commandLine({ ...state, templates: new Map([[name, own]]), template: name }).join(' ');
  const comments = [
    `${name}: ${template.name} as it was arranged in itertop; \`itertop ${name}\` shows it.`,
    ...(left.length > 0 ? [`With the filters that it had: ${again}`] : []),
  ].map((line) => line.replaceAll('\n', ' '));
  const text = await templateText(own, comments);

  refuseForeign(file);
  makeFolder(folder);
  const output = new AtomicFile(file);
  try {
    output.write(text);
    output.commit(overwrite);
  } finally {
    output.discard();
  }
  return { file, without: left.join(', ') };
}

function check(name: string, template: Template, file: string): void {
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(name))
    throw new UsageError('a name has small letters, digits and _, and begins with a letter');
  if (template.map) throw new UsageError(`not saved: the columns of ${template.name} are those of one map`);
  // One of the user's may be written anew where it is in this very file.
  const another = allTemplates().some((each) => each.name === name) && !fs.existsSync(file);
  if (another || BUILTIN.some((each) => each.name === name))
    throw new UsageError(`not saved: there is a table ${name} already; choose another name`);
}
