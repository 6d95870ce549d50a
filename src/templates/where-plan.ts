/** Where each part of a condition runs: in the link, in the program, or after reading. */
import { isConstant, joinNeeds, parseDerive } from './columns.ts';
import { NUMERIC } from './derive.ts';
import { INTEGER, type Integer, wideColumns } from './integer.ts';
import type { Field } from './record.ts';
import { columnOf, type Template, UsageError } from './template.ts';
import { type Conjunct, columnsOf, type Where } from './where.ts';
import { type KernelColumn, type KernelWhere, kernelWhere } from './where-emit.ts';

export interface KernelCondition {
  readonly text: string;
  readonly test: KernelWhere;
  /** Columns of the record that it looks at. */
  readonly columns: readonly string[];
}

export interface WherePlan {
  /** For bpf_iter_link_info. */
  readonly pid: { readonly value: number; readonly text: string } | undefined;
  readonly kernel: readonly KernelCondition[];
  readonly after: readonly Conjunct[];
}

export interface WhereScope {
  readonly template: Template;
  readonly absent: ReadonlyMap<string, string>;
  /** undefined for what is no column of the record. */
  readonly fieldOf: (column: string) => Field | undefined;
  /** Columns of which the program has only a part: totals over a group. */
  readonly totals: readonly string[];
  /** Whether a PID may go into the link. */
  readonly linkPid: boolean;
}

/** @throws UsageError for a column that this kernel does not have */
export function planWhere(conjuncts: readonly Conjunct[], scope: WhereScope): WherePlan {
  const { template } = scope;
  const kernel: KernelCondition[] = [];
  const after: Conjunct[] = [];
  let pid: WherePlan['pid'];
  for (const conjunct of conjuncts) {
    const { where, text } = conjunct;
    const names = columnsOf(where);
    for (const name of names) {
      const reason = reasonOfAbsence(template, name, scope.absent);
      if (reason) throw new UsageError(`where: ${text}: column ${name} is not there on this kernel: ${reason}`);
    }
    const value = scope.linkPid && !pid ? linkPid(template, where) : undefined;
    if (value !== undefined) {
      pid = { value, text };
      continue;
    }
    const test = kernelWhere(where, {
      find: (name) => kernelColumn(name, scope),
      fieldOf: (name) => scope.fieldOf(name)!,
    });
    if (test === undefined) after.push(conjunct);
    else {
      const columns = names.flatMap((name) => [name, ...argumentsOf(template, name)]);
      kernel.push({ text, test, columns: [...new Set(columns)].filter((name) => scope.fieldOf(name) !== undefined) });
    }
  }
  return { pid, kernel, after };
}

/** Column names that a derived column is computed from; [] for any other. */
function argumentsOf(template: Template, name: string): string[] {
  const column = columnOf(template, name);
  if (!column?.derive) return [];
  return parseDerive(template, name, column.derive).args.filter((arg) => !isConstant(arg));
}

/** '' where this kernel has what the column is made of. */
function reasonOfAbsence(template: Template, name: string, absent: ReadonlyMap<string, string>): string {
  const reason = absent.get(name);
  if (reason !== undefined) return reason;
  const column = columnOf(template, name)!;
  const first = (names: readonly string[]) =>
    names.reduce((found, other) => found || reasonOfAbsence(template, other, absent), '');
  if (column.join) return first(joinNeeds(template, name, column.join));
  if (!column.derive || NUMERIC[parseDerive(template, name, column.derive).name]?.some) return '';
  return first(argumentsOf(template, name));
}

function kernelColumn(name: string, { template, fieldOf, totals }: WhereScope): KernelColumn | undefined {
  if (totals.includes(name)) return undefined;
  const column = columnOf(template, name)!;
  const field = fieldOf(name);
  if (field) return { column, field };
  if (!column.derive) return undefined;
  const call = parseDerive(template, name, column.derive);
  if (!Object.hasOwn(INTEGER, call.name)) return undefined;
  const columns = call.args.filter((arg) => !isConstant(arg));
  const fields = new Map(columns.map((arg) => [arg, totals.includes(arg) ? undefined : fieldOf(arg)]));
  for (const of of fields.values()) if (!of || !/^[ui](8|16|32|64)$/.test(of.type)) return undefined;
  const made = INTEGER[call.name](
    ...call.args.map((arg): Integer => (isConstant(arg) ? Number(arg) : { column: arg })),
  );
  if (made === undefined) return undefined;
  const quotient = made !== null && typeof made === 'object' && 'per' in made ? made : { value: made, per: 1 };
  if (wideColumns(quotient.value).some((arg) => fields.get(arg)!.size > 4)) return undefined;
  return { column, ...quotient };
}

/** The one PID that a condition is fulfilled by, where the link can do the same. */
function linkPid(template: Template, where: Where): number | undefined {
  const rule = template.filters?.pid;
  if (rule?.link !== 'pid' || where.kind !== 'in' || where.ranges.length !== 1) return undefined;
  const [{ low, high }] = where.ranges;
  const from = columnOf(template, where.column)?.from;
  const same = typeof from === 'string' && rule.any?.length === 1 && rule.any[0] === from;
  // A PID fits an int, and 0 would mean any.
  if (!same || low !== high || typeof low !== 'number' || !Number.isInteger(low) || low < 1 || low > 0x7fffffff)
    return undefined;
  return low;
}
