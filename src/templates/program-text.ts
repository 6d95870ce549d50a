/** A program as people read it: its instructions with what each serves, and the record that it builds, as a picture. */
import { slotsOf } from '../bpf/asm.ts';
import { disassemble } from '../bpf/disasm.ts';
import type { Plan } from './compile.ts';
import type { Field } from './record.ts';
import { columnOf } from './template.ts';

export interface ProgramLine {
  readonly text: string;
  /** The column that the line is about, or what else it is for, in parentheses; '' where it is about nothing. */
  readonly of: string;
}

/** What instructions are for that serve no column. */
const PURPOSES: Readonly<Record<string, string>> = {
  '(prologue)': 'takes the objects from the context; where the object is NULL the walk is over: the footer is written',
  '(visited)': 'notes how many objects the program was run for: meta->seq_num, kept in map globals',
  '(record)': 'makes room for the record and fills it with zeros: what lies behind a NULL pointer stays zero',
  '(where)': 'refuses objects that do not fulfil the condition, before texts are fetched',
  '(group)': 'a member of a group (a thread) writes a short record with what is summed, and no more',
  '(texts)': 'r7 is where the next text goes, behind the fixed part',
  '(write)': 'hands the record to the kernel, which copies it into the buffer that read(2) empties',
  '(footer)': 'at the final call: how many objects were visited, the session, the clocks',
};

/** What a line is about, in a sentence. */
export function meaningOf(plan: Pick<Plan, 'template'>, of: string): string {
  const columns = of.split(' ').map((name) => columnOf(plan.template, name));
  if (columns.every((column) => column !== undefined)) {
    const [{ help, from = '' }, ...more] = columns;
    if (more.length === 0) return `${of}: ${help}; from ${[from].flat().join(' or ')}`;
    return columns.map((column) => `${column.name}: ${column.help}`).join('; ');
  }
  if (of === '') return '';
  return `${of} ${PURPOSES[of] ?? 'filter or cast: what the object has to be, or is seen as'}`;
}

/** Slot, instruction, column and note of each instruction, labels between them. */
export function codeLines(plan: Plan): ProgramLine[] {
  const { instructions, labels } = plan.assembly;
  const texts = disassemble(instructions, { labels });
  const at = Map.groupBy(labels, ([, slot]) => slot);
  const lines: ProgramLine[] = [];
  let slot = 0;
  for (const [i, instruction] of instructions.entries()) {
    for (const [label] of at.get(slot) ?? []) lines.push({ text: `${label}:`, of: '' });
    const { tag = '', note = '' } = instruction;
    const text = `${String(slot).padStart(5)}: ${texts[i]!.padEnd(46)} ${tag.padEnd(16)} ${note}`.trimEnd();
    lines.push({ text, of: tag });
    slot += slotsOf(instruction);
  }
  return lines;
}

const CELL = 7;
const WORD = 8;

interface Part {
  readonly from: number;
  readonly to: number;
  readonly label: string;
  readonly of: string;
}

/** What the bytes before the texts hold, in order, and what lies between. */
function partsOf(fields: readonly Field[], end: number): Part[] {
  const parts: Part[] = [
    { from: 0, to: 2, label: 'length/8', of: '' },
    { from: 2, to: 4, label: 'flags', of: '' },
  ];
  let at = 4;
  const pad = (to: number) => {
    if (to > at) parts.push({ from: at, to, label: `(${to - at} unused)`, of: '' });
  };
  for (const [{ offset, size, type, column }, ...twins] of Map.groupBy(fields, (field) => field.offset).values()) {
    pad(offset);
    const names = [column, ...twins.map((twin) => twin.column)].join(', ');
    const label = type === 'text' ? `${names}: length, place, length in the kernel` : names;
    parts.push({ from: offset, to: offset + size, label, of: column });
    at = offset + size;
  }
  pad(end);
  return parts;
}

/** Eight bytes a line. A line is about the first column in it. */
export function recordPicture(plan: Plan): ProgramLine[] {
  const { layout } = plan;
  const parts = partsOf(byOffset(layout.fields), layout.fixed);
  const header = Array.from({ length: WORD }, (_, i) => `+${i}`.padEnd(CELL + 1)).join('');
  const lines: ProgramLine[] = [{ text: `       ${header}`.trimEnd(), of: '' }];
  const rule = (cuts: ReadonlySet<number>) => {
    const corners = Array.from({ length: WORD + 1 }, (_, i) => (cuts.has(i) ? '+' : '-'));
    lines.push({ text: `      ${corners.join('-'.repeat(CELL))}`, of: '' });
  };
  let before = new Set([0, WORD]);
  for (let word = 0; word < layout.fixed; word += WORD) {
    const inside = parts.filter((part) => part.from < word + WORD && part.to > word);
    const of = inside.find((part) => part.of !== '')?.of ?? '';
    const cuts = new Set([0, WORD, ...inside.flatMap(({ from, to }) => [from - word, to - word])]);
    const [only, more] = inside;
    if (only && !more && only.from < word) {
      // The middle of a long field says nothing.
      const row = (word - only.from) / WORD;
      if (row === 1) lines.push({ text: `${String(word).padStart(5)} |${' ...'.padEnd(WORD * (CELL + 1) - 1)}|`, of });
      before = cuts;
      continue;
    }
    rule(new Set([...before, ...cuts]));
    const cells = inside.map(({ from, to, label }) => {
      const width = (Math.min(to, word + WORD) - Math.max(from, word)) * (CELL + 1) - 1;
      const text = from < word ? ' ...' : ` ${label}${to - from > WORD ? ` (${to - from} bytes)` : ''}`;
      return text.length <= width ? text.padEnd(width) : `${text.slice(0, width - 1)}~`;
    });
    lines.push({ text: `${String(word).padStart(5)} |${cells.join('|')}|`, of });
    before = cuts;
  }
  rule(before);
  for (const { column, limit, type } of layout.fields)
    if (type === 'text')
      lines.push({ text: `      : ${column}: its bytes, at most ${limit}, padded to 8`, of: column });
  return lines;
}

const byOffset = (fields: readonly Field[]) => [...fields].sort((a, b) => a.offset - b.offset);

/** The fields of the record, one a line. */
export function recordLines(plan: Plan): ProgramLine[] {
  const { layout } = plan;
  const line = (offset: number, size: number, type: string, rest: string) =>
    `${String(offset).padStart(6)} ${String(size).padStart(4)} ${type.padEnd(8)} ${rest}`;
  return [
    { text: line(0, 4, 'u16 u16', '(length in 8 bytes, flags)'), of: '' },
    ...byOffset(layout.fields).map((field): ProgramLine => {
      const first = layout.fields.find((other) => other.offset === field.offset)!;
      const notes = [
        first !== field ? `same as ${first.column}` : '',
        first === field && field.offset >= layout.keyOffset && field.offset < layout.keyOffset + layout.keySize
          ? 'key'
          : '',
        layout.group?.totals.includes(field.column) ? 'summed over the group' : '',
        field.flag ? `with flag ${field.flag.toString(2)}b` : '',
        field.limit ? `text of up to ${field.limit} bytes` : '',
      ].filter((note) => note !== '');
      const rest = `${field.column}${notes.length ? `  (${notes.join(', ')})` : ''}`;
      return { text: line(field.offset, field.size, field.type, rest), of: field.column };
    }),
  ];
}
