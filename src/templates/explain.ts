/** A plan in words: conditions, the record's layout, and each instruction with the column it serves. */
import type { Plan } from './compile.ts';
import { codeLines, recordLines } from './program-text.ts';

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
  for (const { text } of recordLines(plan)) say(text);
  if (plan.absent.size > 0) {
    say();
    say('absent on this kernel');
    for (const [column, reason] of plan.absent) say(`  ${column}: ${reason}`);
  }
  say();
  say('program: slot, instruction, column, note');
  for (const { text } of codeLines(plan)) say(text);
  return `${lines.join('\n')}\n`;
}
