/** The templates that there are in this thread: those built in, and those registered (the user's, or with columns of his). */
import { nearest } from '../bpf/nearest.ts';
import { BUILTIN } from './builtin/index.ts';
import { type Template, UsageError } from './template.ts';

let registered: readonly Template[] = [];

/** Replaces what was registered before. One with the name of a template built in takes its place. */
export function registerTemplates(templates: readonly Template[]): void {
  registered = templates;
}

export function registeredTemplates(): readonly Template[] {
  return registered;
}

/** Internal ones included, those built in first. */
export function allTemplates(): readonly Template[] {
  const own = new Map(registered.map((t) => [t.name, t]));
  const first = BUILTIN.map((t) => own.get(t.name) ?? t);
  return [...first, ...registered.filter((t) => !BUILTIN.some((b) => b.name === t.name))];
}

/** Those that can be picked and named on the command line. */
export function shownTemplates(): readonly Template[] {
  return allTemplates().filter((t) => !t.internal);
}

/** @throws UsageError with the nearest names */
export function findTemplate(name: string): Template {
  const all = allTemplates();
  const found = all.find((t) => t.name === name);
  if (found) return found;
  const names = all.filter((t) => !t.internal).map((t) => t.name);
  const close = nearest(name, names);
  throw new UsageError(
    `there is no template "${name}"; ${close.length ? `did you mean ${close.join(', ')}?` : `there are ${names.join(', ')}`}`,
  );
}
