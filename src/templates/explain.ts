/** A plan in words: conditions, the record's layout, and each instruction with the column it serves. */
import { slotsOf } from '../bpf/asm.ts';
import { disassemble } from '../bpf/disasm.ts';
import type { Plan } from './compile.ts';

export function explainPlan(plan: Plan): string {
  const { template, layout } = plan;
  const lines: string[] = [];
  const say = (line = '') => lines.push(line);
  say(
    `template ${template.name} on iterator bpf_iter_${plan.target.name} (BTF id ${plan.target.attachBtfId})${plan.sleepable ? ', sleepable' : ''}`,
  );
  say(
    `${plan.assembly.slots} instruction slots, ${plan.stack} of 512 bytes of stack, maps: ${plan.assembly.maps.join(', ')}`,
  );
  say(
    plan.scratch > 0
      ? `records of ${layout.fixed} bytes and their texts, built in map scratch (per-CPU array, ${plan.scratch} bytes)`
      : `records of ${layout.fixed} bytes, built on the stack`,
  );
  if (plan.gather > 0) say(`records are gathered in map gather (array, ${plan.gather} bytes), which grows`);
  say();
  say('conditions');
  if (plan.conditions.length === 0) say('  none');
  for (const condition of plan.conditions) say(`  ${condition.text.padEnd(30)} ${condition.where}`);
  say();
  say('record: offset size type column');
  say(`  ${'0'.padStart(4)} ${'4'.padStart(4)} ${'u16 u16'.padEnd(8)} (length in 8 bytes, flags)`);
  for (const field of [...layout.fields].sort((a, b) => a.offset - b.offset)) {
    const notes = [
      field.offset >= layout.keyOffset && field.offset < layout.keyOffset + layout.keySize ? 'key' : '',
      layout.group?.totals.includes(field.column) ? 'summed over the group' : '',
      field.flag ? `with flag ${field.flag.toString(2)}b` : '',
      field.limit ? `text of up to ${field.limit} bytes` : '',
    ].filter((note) => note !== '');
    say(
      `  ${String(field.offset).padStart(4)} ${String(field.size).padStart(4)} ${field.type.padEnd(8)} ${field.column}${notes.length ? `  (${notes.join(', ')})` : ''}`,
    );
  }
  if (plan.absent.size > 0) {
    say();
    say('absent on this kernel');
    for (const [column, reason] of plan.absent) say(`  ${column}: ${reason}`);
  }
  say();
  say('program: slot, instruction, column, note');
  const texts = disassemble(plan.assembly.instructions, { labels: plan.assembly.labels });
  const labels = new Map<number, string[]>();
  for (const [name, slot] of plan.assembly.labels) labels.set(slot, [...(labels.get(slot) ?? []), name]);
  let slot = 0;
  plan.assembly.instructions.forEach((instruction, i) => {
    for (const label of labels.get(slot) ?? []) say(`${label}:`);
    say(
      `${String(slot).padStart(5)}: ${texts[i].padEnd(46)} ${(instruction.tag ?? '').padEnd(16)} ${instruction.note ?? ''}`.trimEnd(),
    );
    slot += slotsOf(instruction);
  });
  return `${lines.join('\n')}\n`;
}
