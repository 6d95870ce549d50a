/** The pane of programs as text: what the verifier and the kernel say of the programs that read a table. */
import type { Btf } from '../bpf/btf.ts';
import { pageSize } from '../bpf/host.ts';
import type { Template } from '../templates/template.ts';
import { sanitize } from '../templates/text.ts';
import { type CollectOptions, Collector } from './collector.ts';
import { inspect, type ProgramPart } from './inspect.ts';
import { userName } from './users.ts';

/**
 * Loads the programs of a table and of its joins, reads once, and tells these parts of each.
 * @throws BpfError, TemplateError, UsageError
 */
export function programReport(
  template: Template,
  options: CollectOptions,
  parts: readonly ProgramPart[],
  btf: Btf,
): string {
  using collector = new Collector(template, btf, userName, pageSize());
  collector.collect(options);
  const lines: string[] = [];
  for (const program of collector.programs()) {
    const report = inspect(program);
    for (const part of parts)
      lines.push(`${report.label}: ${part}`, ...report.parts[part].map(({ text }) => sanitize(text)), '');
  }
  return lines.map((line) => `${line}\n`).join('');
}
