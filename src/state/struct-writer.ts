/** A dump of whole structs: for each row what the kernel prints of its object, as it prints it. */
import { Btf } from '../bpf/btf.ts';
import { Table } from '../templates/table.ts';
import { type Template, UsageError } from '../templates/template.ts';
import { sanitize } from '../templates/text.ts';
import type { NetScope } from './namespaces.ts';
import type { Snapshot, SnapshotWriter } from './snapshot.ts';
import { StructReader } from './struct-reader.ts';

/** Each is a walk of its own, so many are better asked for as columns. */
const MAX_OBJECTS = 1000;

export class StructWriter implements SnapshotWriter, Disposable {
  readonly #reader: StructReader;
  readonly #netns: NetScope;

  constructor(template: Template, netns: NetScope) {
    this.#reader = new StructReader(template, '', Btf.vmlinux(), false);
    this.#netns = netns;
  }

  /** Objects that went away meanwhile are left out. @throws BpfError, BtfError, TemplateError; UsageError for too many */
  *snapshot({ table, order }: Snapshot): Generator<string> {
    if (!(table instanceof Table))
      throw new UsageError('--struct prints objects, and a group is none: without --group');
    if (order.length > MAX_OBJECTS)
      throw new UsageError(
        `--struct prints at most ${MAX_OBJECTS} objects, these are ${order.length}; --pid, --port, --where narrow it down`,
      );
    for (const row of order) {
      const text = this.#reader.text(table.batch.key(row), this.#netns);
      for (const line of text.split('\n')) if (line !== '') yield `${sanitize(line)}\n`;
    }
  }

  end(): string {
    return '';
  }

  [Symbol.dispose](): void {
    this.#reader.close();
  }
}
