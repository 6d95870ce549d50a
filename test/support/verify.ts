/** Loads a plan's program for what the verifier says of it. */
import { Btf } from '../../src/bpf/btf.ts';
import { loadProgram } from '../../src/bpf/program.ts';
import { createMap } from '../../src/state/reader.ts';
import { compile, type Plan } from '../../src/templates/compile.ts';
import type { Template } from '../../src/templates/template.ts';

export interface Verified {
  readonly plan: Plan;
  /** Instructions and states, line by line. */
  readonly log: string;
  /** Instructions that the verifier went through, those that it came to again counted again. */
  readonly processed: number;
}

/** @throws BpfError where the verifier refuses it */
export function verify(template: Template, columns: readonly string[]): Verified {
  const plan = compile(template, { columns }, Btf.vmlinux());
  const maps = new Map(plan.assembly.maps.map((name) => [name, createMap(plan, name)]));
  try {
    using program = loadProgram({
      code: plan.assembly.encode(Object.fromEntries([...maps].map(([name, map]) => [name, map.fd]))),
      attachBtfId: plan.target.attachBtfId,
      name: 'itertop_verify',
      sleepable: plan.sleepable,
      logLevel: 2 | 4,
    });
    return { plan, log: program.log, processed: Number(/^processed (\d+) insns/m.exec(program.log)?.[1]) };
  } finally {
    for (const map of maps.values()) map.close();
  }
}
