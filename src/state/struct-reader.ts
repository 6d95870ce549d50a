/** One object as the kernel prints it, again and again; owns the program, its link and maps. */
import type { Btf } from '../bpf/btf.ts';
import { BtfError } from '../bpf/btf.ts';
import { LITTLE, seqBufferBytes } from '../bpf/host.ts';
import { IteratorFd } from '../bpf/iterator.ts';
import { Link, type LinkInfo } from '../bpf/link.ts';
import { BpfMap } from '../bpf/map.ts';
import type { NetNamespace } from '../bpf/netns.ts';
import { loadProgram, type Program } from '../bpf/program.ts';
import { BpfError } from '../bpf/syscall.ts';
import { compileStructDump, type StructDump } from '../templates/struct-dump.ts';
import { parseStructText } from '../templates/struct-text.ts';
import { type StructLine, structTree } from '../templates/struct-tree.ts';
import { type Template, TemplateError, UsageError } from '../templates/template.ts';
import { Namespaces, type NetScope } from './namespaces.ts';

/** What is looked at, as plain data. */
export interface StructQuestion {
  readonly template: string;
  /** As View.key() gives it. */
  readonly key: string;
  /** Member path of a pointer to a struct, or another object of the target; '' for the object itself. */
  readonly path: string;
}

export interface StructAnswer {
  readonly asked: StructQuestion;
  /** What paths of its members start with; '' where there is no struct. */
  readonly root: string;
  /** `struct tcp_sock`. */
  readonly type: string;
  readonly lines: readonly StructLine[];
  /** Other objects that come with it: looked at by their path. */
  readonly others: readonly { readonly path: string; readonly type: string }[];
  /** The text was too long with the members that are zero: they are not here. */
  readonly cut: boolean;
  /** Why there is no struct; '' where there is one. */
  readonly error: string;
}

const EXPECTED = [BpfError, BtfError, TemplateError, UsageError];
const ZERO_KEY = Buffer.alloc(4);
const FIRST_BYTES = 65536;

export class StructReader implements Disposable {
  readonly template: Template;
  readonly path: string;
  readonly #btf: Btf;
  readonly #namespaces: Namespaces;
  readonly #into = { bytes: new SharedArrayBuffer(FIRST_BYTES) };
  #dump: StructDump | null = null;
  #program: Program | null = null;
  #maps = new Map<string, BpfMap>();
  #link: Link | null = null;
  #key: string | null = null;
  #zeros: boolean;
  #plain = false;

  /**
   * @param path see StructQuestion
   * @param zeros with members that are zero, as long as they fit
   */
  constructor(template: Template, path: string, btf: Btf, zeros = true) {
    this.#zeros = zeros;
    this.template = template;
    this.path = path;
    this.#btf = btf;
    this.#namespaces = new Namespaces(btf);
  }

  /** Never throws for what the kernel lacks or refuses: the answer says it. */
  read(key: string, netns: NetScope): StructAnswer {
    const asked: StructQuestion = { template: this.template.name, key, path: this.path };
    const none = { asked, root: '', type: '', lines: [], others: [], cut: false };
    try {
      const text = this.text(key, netns);
      const { roots, others } = this.#dump!;
      const typed = others.map(({ path, type }) => ({ path, type: this.#btf.typeName(type) }));
      const printed = parseStructText(text);
      if (!printed) return { ...none, others: typed, error: missing(this.path) };
      const root = roots.find(({ type }) => this.#btf.typeName(type) === printed.type) ?? roots.at(-1)!;
      const lines = structTree(printed, root.type, this.#btf);
      const type = this.#btf.typeName(root.type);
      return { asked, root: root.path, type, lines, others: typed, cut: !this.#zeros, error: '' };
    } catch (error) {
      if (!EXPECTED.some((kind) => error instanceof kind)) throw error;
      return { ...none, error: (error as Error).message };
    }
  }

  /** As the kernel prints it; '' where the object is not there. @throws BpfError, BtfError, TemplateError */
  text(key: string, netns: NetScope): string {
    for (;;) {
      try {
        this.#load();
        this.#want(key);
        return this.#link ? this.#walk(netns) : '';
      } catch (error) {
        // Once more without what may be too much: zeros for the kernel's buffer, the larger struct for the verifier.
        if (error instanceof BpfError && error.code === 'E2BIG' && error.command === 'read' && this.#zeros)
          this.#zeros = false;
        else if (error instanceof BpfError && error.command === 'BPF_PROG_LOAD' && error.log !== '' && !this.#plain)
          this.#plain = true;
        else if (error instanceof BpfError && error.code === 'E2BIG' && error.command === 'read')
          throw new BpfError(
            'read',
            error.errno,
            `the kernel prints at most ${seqBufferBytes() >> 10} KiB of an object, and this one has more`,
          );
        else throw error;
        this.#unload();
      }
    }
  }

  #load(): void {
    if (this.#program) return;
    const dump = compileStructDump(
      this.template,
      { path: this.path, zeros: this.#zeros, plain: this.#plain },
      this.#btf,
    );
    const { plan } = dump;
    const sizes: Readonly<Record<string, number>> = { globals: plan.globals.size, wanted: dump.keySize };
    try {
      for (const name of plan.assembly.maps) {
        const type = name === 'scratch' || name === 'percpu' ? 'percpu_array' : 'array';
        const valueSize = sizes[name] ?? (name === 'scratch' ? plan.scratch : 8);
        this.#maps.set(name, BpfMap.create({ type, keySize: 4, valueSize, maxEntries: 1, name: `itertop_${name}` }));
      }
      this.#program = loadProgram({
        code: plan.assembly.encode(Object.fromEntries([...this.#maps].map(([name, map]) => [name, map.fd]))),
        attachBtfId: plan.target.attachBtfId,
        name: 'itertop_struct',
        sleepable: plan.sleepable,
      });
    } catch (error) {
      this.#unload();
      throw error;
    }
    this.#dump = dump;
    this.#key = null;
  }

  /** Another object: another value of the map, and of tasks another link. */
  #want(key: string): void {
    if (key === this.#key && this.#link) return;
    const { keySize, tidAt, plan } = this.#dump!;
    const bytes = Buffer.from(key, 'latin1');
    if (bytes.length !== keySize)
      throw new TemplateError(
        this.template.name,
        '',
        'its key is not that of the row; close the details and open them again',
      );
    this.#maps.get('wanted')!.update(ZERO_KEY, bytes);
    const info: LinkInfo | undefined =
      tidAt >= 0 ? { tid: new DataView(bytes.buffer, bytes.byteOffset).getUint32(tidAt, LITTLE) } : plan.link;
    if (!this.#link || tidAt >= 0) {
      this.#link?.close();
      this.#link = null;
      try {
        this.#link = Link.create(this.#program!, info);
      } catch (error) {
        // The thread has ended.
        if (!(error instanceof BpfError) || error.code !== 'ESRCH') throw error;
      }
    }
    this.#key = key;
  }

  #walk(netns: NetScope): string {
    const namespaces: readonly (NetNamespace | null)[] = this.template.netns ? this.#namespaces.list(netns) : [];
    for (const namespace of namespaces.length > 0 ? namespaces : [null]) {
      const create = () => IteratorFd.create(this.#link!);
      using iterator = namespace ? namespace.run(create) : create();
      if (!iterator) continue;
      const { used } = iterator.readAll(this.#into);
      if (used > 0) return Buffer.from(this.#into.bytes, 0, used).toString('latin1');
    }
    return '';
  }

  #unload(): void {
    this.#link?.close();
    this.#link = null;
    this.#program?.close();
    this.#program = null;
    for (const map of this.#maps.values()) map.close();
    this.#maps.clear();
  }

  close(): void {
    this.#unload();
    this.#namespaces.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function missing(path: string): string {
  return path === '' ? 'the object is gone' : `${path} is NULL or leads nowhere, or the object that has it is gone`;
}
