import { nearest } from '../../bpf/nearest.ts';
import { type Template, UsageError } from '../template.ts';
import { task } from './task.ts';
import { socketOwner, taskFile } from './task-file.ts';
import { tcp } from './tcp.ts';

export const BUILTIN: readonly Template[] = [task, tcp, taskFile, socketOwner];

/** @throws UsageError with the nearest names */
export function findTemplate(name: string): Template {
  const found = BUILTIN.find((t) => t.name === name);
  if (found) return found;
  const names = BUILTIN.filter((t) => !t.internal).map((t) => t.name);
  const close = nearest(name, names);
  throw new UsageError(
    `there is no template "${name}"; ${close.length ? `did you mean ${close.join(', ')}?` : `there are ${names.join(', ')}`}`,
  );
}
