/** Templates as somebody might write them who knows the kernel's types and has no fear: random, of one target. */
import type { Btf } from '../../src/bpf/btf.ts';
import { flatMembers } from '../../src/bpf/btf-path.ts';
import { findTarget, objectOf, type Target } from '../../src/bpf/targets.ts';

/** mulberry32: the same numbers for the same seed. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  /** Below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
  chance(p: number): boolean {
    return this.next() < p;
  }
}

export interface Written {
  name: string;
  target: string;
  key?: string[];
  show?: string[];
  sort?: string;
  columns: { name: string; from?: string; derive?: string; as?: string; join?: string; zeroIsNone?: boolean }[];
  casts?: Record<string, { of: string; as?: string; when?: { source: string; is: (string | number)[] } }>;
  joins?: Record<string, { template: string; on: [string, string] }>;
  filters?: Record<string, { any: string[] }>;
  only?: { source: string; mask: number; equals: number; except?: true }[];
  order?: string;
  gather?: boolean;
  repeatsLast?: boolean;
}

const NUMBER_FORMATS = [
  'int',
  'hex',
  'octal',
  'count',
  'ratio',
  'flag',
  'bytes',
  'pages',
  'ns',
  'ms',
  's',
  'uid',
  'dev',
];
const ANY_FORMATS = [...NUMBER_FORMATS, 'text', 'path', 'inet', 'hexbytes', 'jiffies', 'time', 'age', 'cputime'];
const DERIVES = ['rate', 'delta', 'sub', 'times', 'percent', 'share', 'change', 'bits', 'power2', 'ratio', 'endpoint'];
const FUNCTIONS = [
  'str',
  'sum',
  'sum',
  'node_sum',
  'percpu_sum',
  'deref',
  'd_path',
  'vfs_path',
  'kernfs_path',
  'pid_ns',
  'inet',
  'inet6',
  'sun_path',
  'queue_bytes',
  'free_objects',
  'cmdline',
  'special_mapping',
];
const IDENTITY: Readonly<Record<string, readonly string[]>> = {
  bpf_prog: ['prog->aux->id'],
  bpf_map: ['map->id'],
  // The program under a link may be another one.
  bpf_link: ['link->id', 'link->prog->aux->id'],
  ksym: ['ksym->name'],
  task: ['task->pid', 'task->start_boottime'],
  task_file: ['task->pid', 'task->start_boottime', 'file->f_inode->i_ino'],
  task_vma: ['task->pid', 'task->start_boottime', 'vma->vm_start'],
};
const MAX_STEPS = 7;
/** What functions that want one certain type are mostly given. */
const FITTING: Readonly<Record<string, readonly string[]>> = {
  d_path: ['file->f_path', 'task->fs->pwd', 'task->mm->exe_file->f_path', 'vma->vm_file->f_path'],
  vfs_path: ['file->f_path', 'task->fs->pwd', 'task->fs->root', 'unix_sk->path'],
  kernfs_path: ['task->cgroups->dfl_cgrp->kn', 'cgroup->kn', 'udp_sk->inet.sk.sk_cgrp_data.cgroup->kn'],
  pid_ns: ['task->thread_pid', 'unix_sk->sk.sk_peer_pid'],
  sun_path: ['unix_sk->addr'],
  queue_bytes: ['unix_sk->sk.sk_receive_queue', 'sk->sk.sk_receive_queue', 'udp_sk->inet.sk.sk_receive_queue'],
  free_objects: ['s->node[NODE]', 's->per_node[NODE].node'],
  percpu_sum: ['prog->stats, cnt', 'prog->stats, nsecs', 'cgroup->rstat_base_cpu, bstat.ntime'],
};

export class TemplateWriter {
  readonly random: Random;
  readonly #btf: Btf;

  constructor(seed: number, btf: Btf) {
    this.random = new Random(seed);
    this.#btf = btf;
  }

  write(targetName: string): Written {
    const { random } = this;
    const target = findTarget(this.#btf, targetName);
    const written: Written = { name: 'any', target: targetName, columns: [] };
    // What the target's walk asks of a program.
    if (targetName === 'cgroup') Object.assign(written, { order: 'descendants_pre', gather: true });
    if (targetName === 'ksym') written.repeatsLast = true;
    const objects = target.members.filter((m) => m.pointer).map((m) => m.name);
    if (random.chance(0.25)) {
      const of = this.#path(target, random.pick(objects), (type) => this.#pointsToStruct(type));
      written.casts = { cast: { of } };
      if (random.chance(0.2)) written.casts['cast'].as = random.pick(['task_struct', 'sock', 'inode', 'nowhere']);
      if (random.chance(0.3))
        written.casts['cast'].when = { source: `${of.includes('->') ? 'cast' : of}->flags`, is: [0, 1, 2] };
      objects.push('cast');
    }
    // What tells an object from another one that is given its memory later.
    const identity = IDENTITY[targetName]?.filter((from) => objects.includes(/^\w+/.exec(from)![0])) ?? [];
    const count = 1 + random.below(random.chance(0.1) ? 40 : 8);
    for (let n = 0; n < count; n++) {
      const column: Written['columns'][number] = { name: `c${n}`, from: this.#source(target, random.pick(objects)) };
      if (random.chance(0.2)) column.as = random.pick(random.chance(0.8) ? NUMBER_FORMATS : ANY_FORMATS);
      if (random.chance(0.1)) column.zeroIsNone = true;
      written.columns.push(column);
    }
    for (const [n, from] of identity.entries()) written.columns.push({ name: `id${n}`, from });
    for (let n = random.below(4); n > 0; n--) {
      const f = random.pick(DERIVES);
      const args = Array.from(
        { length: { bits: 3, sub: 2, times: 2, percent: 2, ratio: 2, endpoint: 2 }[f] ?? 1 },
        () => (random.chance(0.1) ? String(random.below(70)) : `c${random.below(count)}`),
      );
      written.columns.push({ name: `d${n}`, derive: `${f}(${args.join(', ')})` });
    }
    if (random.chance(0.2))
      written.key = [
        ...identity.map((_, n) => `id${n}`),
        `c${random.below(count)}`,
        ...(random.chance(0.5) ? [`c${random.below(count)}`] : []),
      ];
    if (random.chance(0.2)) written.sort = `-c${random.below(count)}`;
    if (random.chance(0.1)) {
      written.joins = { other: { template: 'task', on: [`c${random.below(count)}`, 'pid'] } };
      written.columns.push({ name: 'joined', join: random.pick(['other.comm', 'other.ppid', 'other.holders']) });
    }
    if (random.chance(0.2))
      written.only = [
        {
          source: this.#path(target, random.pick(objects)),
          mask: random.pick([1, 3, 255, -1]),
          equals: random.below(3),
          ...(random.chance(0.5) ? { except: true as const } : {}),
        },
      ];
    if (random.chance(0.2)) written.filters = { user: { any: [this.#path(target, random.pick(objects))] } };
    return written;
  }

  #source(target: Target, object: string): string {
    const { random } = this;
    if (random.chance(0.05)) return random.pick(target.members).name;
    if (random.chance(0.03)) return random.pick(['nowhere->at', `${object}->no_such`, `${object}->`, '', 'x y', 'f(']);
    if (!random.chance(0.3)) return this.#path(target, object);
    const f = random.pick(FUNCTIONS);
    const fitting = FITTING[f]?.filter((p) => target.members.some((m) => p.startsWith(`${m.name}->`)));
    if (fitting?.length && random.chance(0.6))
      return `${f}(${random.pick(fitting)}${f === 'queue_bytes' ? `, ${random.below(300)}` : ''})`;
    switch (f) {
      case 'str':
        return `str(${this.#path(target, object, random.chance(0.8) ? (type) => this.#isText(type) : undefined)})`;
      case 'deref':
        return `deref(${this.#path(target, object, (type) => this.#pointsTo(type, 'INT'))})`;
      case 'inet6':
        return `inet6(${this.#path(target, object, random.chance(0.7) ? (t) => this.#sizeOf(t) === 16 : undefined)})`;
      case 'inet':
        return `inet(${[2, 4, 16].map((size) => this.#path(target, object, (t) => this.#sizeOf(t) === size)).join(', ')})`;
      case 'sum':
        return `sum(${Array.from({ length: 1 + random.below(4) }, () => this.#path(target, object, random.chance(0.9) ? (t) => this.#btf.kind(this.#btf.strip(t)) === 'INT' : undefined)).join(', ')})`;
      case 'queue_bytes':
        return `queue_bytes(${this.#path(target, object)}, ${random.below(300)})`;
      case 'cmdline':
      case 'special_mapping':
        return `${f}(${object})`;
      default:
        return `${f}(${this.#path(target, object)})`;
    }
  }

  /** Members of members; `wanted` is tried for, not promised. */
  #path(target: Target, object: string, wanted?: (type: number) => boolean): string {
    let path = '';
    for (let attempt = 0; attempt < (wanted ? 40 : 1); attempt++) {
      const [text, type] = this.#walk(target, object);
      path = text;
      if (!wanted || wanted(type)) break;
    }
    return path;
  }

  #walk(target: Target, object: string): [string, number] {
    const { random } = this;
    const btf = this.#btf;
    let type = target.members.find((m) => m.name === object)?.type ?? objectOf(target).type;
    let text = object;
    let joint = '->';
    for (let step = 0; step < MAX_STEPS; step++) {
      const stripped = btf.strip(type);
      const kind = btf.kind(stripped);
      if (kind === 'STRUCT' || kind === 'UNION') {
        const names = [...flatMembers(btf, stripped).keys()];
        if (names.length === 0) break;
        const name = random.pick(names);
        text += `${joint}${name}`;
        type = flatMembers(btf, stripped).get(name)!.type;
        joint = '.';
      } else if (kind === 'ARRAY') {
        const { element, length } = btf.array(stripped);
        if (random.chance(0.5)) break;
        text += `[${random.chance(0.03) ? length + 1 : random.below(Math.max(1, Math.min(length, 4096)))}]`;
        type = element;
      } else if (kind === 'PTR' && this.#pointsToStruct(type) && random.chance(0.7)) {
        type = btf.pointee(stripped);
        joint = '->';
      } else break;
    }
    return [text, type];
  }

  #pointsTo(type: number, kind: string): boolean {
    const stripped = this.#btf.strip(type);
    return this.#btf.kind(stripped) === 'PTR' && this.#btf.kind(this.#btf.strip(this.#btf.pointee(stripped))) === kind;
  }
  #pointsToStruct(type: number): boolean {
    return this.#pointsTo(type, 'STRUCT') || this.#pointsTo(type, 'UNION');
  }
  #isText(type: number): boolean {
    const stripped = this.#btf.strip(type);
    const kind = this.#btf.kind(stripped);
    if (kind !== 'PTR' && kind !== 'ARRAY') return false;
    const chars = kind === 'PTR' ? this.#btf.pointee(stripped) : this.#btf.array(stripped).element;
    return this.#btf.kind(this.#btf.strip(chars)) === 'INT' && this.#sizeOf(chars) === 1;
  }
  #sizeOf(type: number): number {
    try {
      return this.#btf.sizeOf(type);
    } catch {
      return -1;
    }
  }
}
