/** A struct as the worker sends it, of values known beforehand. */
import type { StructAnswer } from '../../src/state/struct-reader.ts';
import { parseStructText } from '../../src/templates/struct-text.ts';
import type { StructLine } from '../../src/templates/struct-tree.ts';

type Printed = NonNullable<ReturnType<typeof parseStructText>>;

/** Lines of a text as bpf_seq_printf_btf writes it, typed by the text alone. */
export function fakeLines(text: string): StructLine[] {
  const lines: StructLine[] = [];
  const add = (member: Printed, depth: number, path: string) => {
    const at = lines.length;
    const own = path === '' ? member.name : `${path}.${member.name}`;
    lines.push(null as never);
    for (const each of member.members) add(each, depth + 1, own);
    const { name, type, value } = member;
    const zero = member.members.length === 0 ? value === '0' : lines.slice(at + 1).every((line) => line.zero);
    const opens = type.endsWith('*') && !zero;
    lines[at] = {
      depth,
      name,
      type,
      value,
      key: `/${own.replaceAll('.', '/')}`,
      path: own,
      end: lines.length,
      opens,
      zero,
    };
  };
  for (const member of parseStructText(text)!.members) add(member, 0, '');
  return lines;
}

export const TASK_TEXT = `(struct task_struct){
 .__state = (unsigned int)1,
 .se = (struct sched_entity){
  .load = (struct load_weight){
   .weight = (long unsigned int)1048576,
   .inv_weight = (u32)4194304,
  },
  .on_rq = (unsigned char)1,
  .depth = (int)0,
 },
 .mm = (struct mm_struct *)0xffff888100000000,
 .utime = (u64)123,
 .exit_code = (int)0,
 .comm = (char[])[
  'b',
  'a',
  's',
  'h',
 ],
}
`;

export function fakeAnswer(
  key: string,
  more: Partial<StructAnswer> & { text?: string; path?: string } = {},
): StructAnswer {
  const { text = TASK_TEXT, path = '', ...rest } = more;
  return {
    asked: { template: 'task', key, path },
    root: path || 'task',
    type: 'struct task_struct',
    lines: fakeLines(text),
    others: [],
    cut: false,
    error: '',
    ...rest,
  };
}
