/** What is known of a program that reads: how it came to be, what the verifier and the kernel say of it. */
import os from 'node:os';
import { type Instruction, PSEUDO, slotsOf } from '../bpf/asm.ts';
import { decode, disassemble } from '../bpf/disasm.ts';
import type { BpfMap } from '../bpf/map.ts';
import { loadProgram, type Program } from '../bpf/program.ts';
import { calledNames, mapId, programInfo } from '../bpf/program-info.ts';
import type { Plan } from '../templates/compile.ts';
import { duration, localTime } from '../templates/format.ts';
import { codeLines, meaningOf, type ProgramLine, recordLines, recordPicture } from '../templates/program-text.ts';

export interface Inspected {
  /** The table, or the walk that joins it. */
  readonly label: string;
  readonly plan: Plan;
  /** What the kernel has of it now; null where it reads without a program. */
  readonly loaded: { readonly program: Program; readonly maps: ReadonlyMap<string, BpfMap> } | null;
}

export const PROGRAM_PARTS = ['bytecode', 'verifier', 'record', 'kernel'] as const;
export type ProgramPart = (typeof PROGRAM_PARTS)[number];

/** Plain data: it crosses threads. */
export interface ProgramReport {
  readonly label: string;
  readonly parts: Readonly<Record<ProgramPart, readonly ProgramLine[]>>;
  /** What lines are about -> a sentence. */
  readonly meanings: ReadonlyMap<string, string>;
}

/** Lines of a log that are kept at its beginning and at its end. */
const LOG_HEAD = 12_000;
const LOG_TAIL = 500;
/** Instructions and states, and the statistics (kernel/bpf/verifier.c). */
const LOG_ALL = 2 | 4;
const LOG_STATS = 4;
/** Longest programs that are laid side by side: the table of it has their product. */
const MAX_ALIGNED = 4096;

const line = (text: string, of = ''): ProgramLine => ({ text, of });
const NONE = [line('there is no program: the elements of this map are read by bpf(2)')];

/** Loads the program once more for the verifier's log. Never throws: what fails is said in its part. */
export function inspect({ label, plan, loaded }: Inspected): ProgramReport {
  const bytecode = codeLines(plan);
  const attempt = (part: () => ProgramLine[]): readonly ProgramLine[] => {
    try {
      return loaded ? part() : NONE;
    } catch (error) {
      return (error as Error).message.split('\n').map((text) => line(text));
    }
  };
  const record = [
    ...(plan.scratch > 0
      ? [line(`${plan.layout.fixed} bytes and its texts, built in map scratch (per-CPU array, ${plan.scratch} bytes)`)]
      : [line(`${plan.layout.fixed} bytes, built on the stack`)]),
    ...(plan.gather > 0 ? [line(`gathered in map gather (array, ${plan.gather} bytes), which grows`)] : []),
    line(''),
    ...recordPicture(plan),
    line(''),
    line('offset size type     column'),
    ...recordLines(plan),
    ...[...plan.absent].map(([column, why]) => line(`absent here: ${column}: ${why}`, column)),
  ];
  return {
    label,
    parts: {
      bytecode: loaded ? bytecode : NONE,
      verifier: attempt(() => verifierLines(plan, loaded!)),
      record,
      kernel: attempt(() => [...kernelLines(loaded!), ...conditionLines(plan), ...translatedLines(plan, loaded!)]),
    },
    meanings: new Map([...bytecode, ...record].map(({ of }) => [of, meaningOf(plan, of)])),
  };
}

function encoded(plan: Plan, { maps }: NonNullable<Inspected['loaded']>): Uint8Array {
  return plan.assembly.encode(Object.fromEntries([...maps].map(([name, map]) => [name, map.fd])));
}

/** What the verifier counts, in words; each only where this kernel says it. */
const STATISTICS: readonly (readonly [RegExp, (...found: string[]) => string])[] = [
  [
    /^verification time (\d+) usec/m,
    (us) => `verified in ${duration(Number(us) * 1000)}, the writing of this log included`,
  ],
  [/^stack depth (\S+)/m, (bytes) => `stack: ${bytes} of 512 bytes`],
  [
    /^processed (\d+) insns \(limit (\d+)\)/m,
    (n, limit) => `instructions walked through on all paths: ${n} of at most ${limit}`,
  ],
  [
    /max_states_per_insn (\d+) total_states (\d+) peak_states (\d+)/m,
    (most, total, peak) => `states kept: ${total} in all, ${peak} at once, ${most} at one instruction`,
  ],
  [/mark_read ([1-9]\d*)/m, (n) => `registers and stack slots marked as read: ${n}`],
];

function verifierLines(plan: Plan, loaded: NonNullable<Inspected['loaded']>): ProgramLine[] {
  const load = (logLevel: number) => {
    using program: Program = loadProgram({
      code: encoded(plan, loaded),
      attachBtfId: plan.target.attachBtfId,
      name: `itertop_${plan.template.name}`,
      sleepable: plan.sleepable,
      logLevel,
    });
    return program.log;
  };
  // A log that is too long is no log: then only what the verifier counted.
  const log = load(LOG_ALL) || load(LOG_STATS);
  const tags = new Map<number, string>();
  let slot = 0;
  for (const instruction of plan.assembly.instructions) {
    tags.set(slot, instruction.tag ?? '');
    slot += slotsOf(instruction);
  }
  const all = log.split('\n');
  const left = all.length - LOG_HEAD - LOG_TAIL;
  const kept =
    left > 0 ? [...all.slice(0, LOG_HEAD), `... ${left} lines are left out ...`, ...all.slice(-LOG_TAIL)] : all;
  return [
    line('accepted: every path ends, every access is within bounds, every pointer is checked'),
    ...STATISTICS.flatMap(([pattern, words]) => {
      const found = pattern.exec(log);
      return found ? [line(`  ${words(...found.slice(1))}`)] : [];
    }),
    line(''),
    line(
      all.length < tags.size
        ? 'its log is longer than is of use here; the end of it'
        : 'its log: each instruction it walked through, and what it then knew of the registers',
    ),
    ...kept.map((text) => {
      const at = /^\s*(?:from \d+ to )?(\d+): /.exec(text)?.[1];
      return line(text.trimEnd(), at === undefined ? '' : (tags.get(Number(at)) ?? ''));
    }),
  ];
}

function kernelLines({ program, maps }: NonNullable<Inspected['loaded']>): ProgramLine[] {
  const info = programInfo(program);
  const bootMs = Date.now() - os.uptime() * 1000;
  const runs =
    info.runs > 0
      ? `runs: ${info.runs}, ${duration(info.runNs)} in all, ${duration(info.runNs / info.runs)} each`
      : 'runs: not counted (kernel.bpf_stats_enabled is off)';
  return [
    line(`program ${info.id}  ${info.name}  tag ${info.tag}`),
    line(`  loaded ${localTime(bootMs + info.loadTime / 1e6)}`),
    line(
      `  ${info.xlatedBytes} bytes of bytecode after rewriting, ${info.jitedBytes > 0 ? `${info.jitedBytes} bytes of machine code` : 'interpreted: no machine code'}`,
    ),
    ...(info.verified > 0 ? [line(`  ${info.verified} instructions verified`)] : []),
    line(`  ${runs}`),
    ...[...maps].map(([name, map]) => {
      const { type, keySize, valueSize, maxEntries } = map.options;
      return line(`  map ${mapId(map)}  ${name}: ${type}, ${maxEntries} of key ${keySize} B, value ${valueSize} B`);
    }),
    line(''),
  ];
}

function conditionLines({ conditions }: Plan): ProgramLine[] {
  const WHERE = {
    link: 'link: the iterator visits nothing else',
    kernel: 'kernel: the program refuses other objects',
    user: 'user: after reading',
  };
  return [
    line('conditions, and where they are evaluated'),
    ...(conditions.length === 0 ? [line('  none')] : []),
    ...conditions.map(({ text, where }) => line(`  ${text.padEnd(30)} [${WHERE[where]}]`)),
    line(''),
  ];
}

/** The kernel's dump, each instruction with what it serves; `+` before what the verifier has put in or changed. */
function translatedLines(plan: Plan, { program, maps }: NonNullable<Inspected['loaded']>): ProgramLine[] {
  const { xlated } = programInfo(program);
  if (xlated.length === 0) return [line('this kernel does not show programs after rewriting')];
  const instructions = decode(xlated);
  const names = new Map([...maps].map(([name, map]) => [mapId(map), name]));
  const called = calledNames(new Set(instructions.filter(isKernelCall).map(({ imm }) => imm)));
  const texts = disassemble(instructions, {
    helperName: (imm) => called.get(imm) ?? 'helper',
    functionName: (imm) => called.get(imm),
    mapName: (imm) => names.get(imm) ?? `id:${imm}`,
  });
  const from = aligned(plan.assembly.instructions, instructions);
  let slot = 0;
  let of = '';
  return [
    line('after rewriting; + is not as it was loaded'),
    ...texts.map((text, i) => {
      const original = from?.[i] ?? -1;
      if (original >= 0) of = plan.assembly.instructions[original]!.tag ?? '';
      const mark = from && original < 0 ? '+' : ' ';
      const at = String(slot).padStart(5);
      slot += slotsOf(instructions[i]!);
      return line(`${mark}${at}: ${text.padEnd(46)} ${of}`.trimEnd(), of);
    }),
  ];
}

const CALL = 0x85;
/** Of a helper or of a kernel function: both are addresses here. */
const isKernelCall = ({ code, src }: Instruction) => code === CALL && src !== PSEUDO.CALL;

/** Of each translated instruction the one that it was loaded as, or -1: the longest common subsequence. */
function aligned(loaded: readonly Instruction[], translated: readonly Instruction[]): Int32Array | null {
  const [n, m] = [loaded.length, translated.length];
  if (n > MAX_ALIGNED || m > MAX_ALIGNED) return null;
  const [a, b] = [loaded.map(identity), translated.map(identity)];
  const lengths = new Uint16Array((n + 1) * (m + 1));
  for (let i = n - 1; i >= 0; i--)
    for (let j = m - 1; j >= 0; j--)
      lengths[i * (m + 1) + j] =
        a[i] === b[j]
          ? lengths[(i + 1) * (m + 1) + j + 1]! + 1
          : Math.max(lengths[(i + 1) * (m + 1) + j]!, lengths[i * (m + 1) + j + 1]!);
  const from = new Int32Array(m).fill(-1);
  for (let i = 0, j = 0; i < n && j < m; )
    if (a[i] === b[j]) from[j++] = i++;
    else if (lengths[(i + 1) * (m + 1) + j]! >= lengths[i * (m + 1) + j + 1]!) i++;
    else j++;
  return from;
}

/** What an instruction keeps through rewriting: not the distance of a jump or call, nor the number of a map. */
function identity({ code, dst, src, off, imm }: Instruction): string {
  const kind = code & 7;
  if (code === CALL) return `${code} ${src}`;
  if (code === 0x18) return `${code} ${dst} ${src}`;
  if (kind === 5 || kind === 6) return `${code} ${dst} ${src} ${imm}`;
  return `${code} ${dst} ${src} ${off} ${imm}`;
}
