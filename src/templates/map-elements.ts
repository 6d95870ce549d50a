/** Elements of a map that were read by bpf(2) -> records, as the program of the same plan would have written them. */
import { LITTLE } from '../bpf/host.ts';
import { dataOf, withRoom } from '../bpf/shared-memory.ts';
import type { Plan } from './compile.ts';
import { type BatchBuffers, FLAG_FOOTER, FOOTER_SIZE } from './record.ts';
import type { MemorySource } from './source.ts';
import { valueStride } from './template.ts';

/** From the key at `k` and the value at `v` into the record at `at`. */
type Put = (out: DataView, at: number, keys: DataView, k: number, values: DataView, v: number) => void;

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) => new DataView(buffer, byteOffset, byteLength);

export class ElementRecords {
  readonly #plan: Plan;
  readonly #puts: readonly Put[];
  /** Rows of an element, and from one value to the next. */
  readonly #rows: number;
  readonly #stride: number;
  readonly #cpus: readonly number[];
  readonly #keySize: number;
  readonly #valueBytes: number;
  readonly #buffers: BatchBuffers;
  #view: DataView;
  #cpu = 0;
  #count = 0;
  #used = 0;

  /** @param cpus numbers of the CPUs that per-CPU maps have values of */
  constructor(plan: Plan, buffers: BatchBuffers, cpus: readonly number[], each: boolean) {
    const map = plan.template.map!;
    this.#plan = plan;
    this.#buffers = buffers;
    this.#view = dataOf(buffers.bytes);
    this.#cpus = cpus;
    this.#rows = map.cpus > 0 && each ? map.cpus : 1;
    this.#stride = valueStride(map);
    this.#keySize = map.keySize;
    this.#valueBytes = map.cpus > 0 ? this.#stride * map.cpus : map.valueSize;
    this.#puts = plan.memory.map(({ field, source }): Put => {
      const to = field.offset;
      if (source.kind === 'cpu') return (out, at) => out.setUint32(at + to, this.#cpus[this.#cpu] ?? this.#cpu, LITTLE);
      return source.bits > 0 || source.cpus > 0 || source.swap ? number(source, field.size, to) : copy(source, to);
    });
  }

  /** As many keys and values behind one another. */
  append(keys: Buffer, values: Buffer, count: number): void {
    const size = this.#plan.layout.fixed;
    this.#reserve(count * this.#rows * size);
    const [k, v] = [viewOf(keys), viewOf(values)];
    for (let i = 0; i < count; i++) {
      for (let cpu = 0; cpu < this.#rows; cpu++) {
        this.#cpu = cpu;
        const value = i * this.#valueBytes + cpu * this.#stride;
        this.#view.setUint16(this.#used, size / 8, LITTLE);
        this.#view.setUint16(this.#used + 2, 0, LITTLE);
        for (const put of this.#puts) put(this.#view, this.#used, k, i * this.#keySize, v, value);
        this.#used += size;
      }
    }
    this.#count += count;
  }

  /** Writes the footer. @returns bytes in the buffers */
  end(): number {
    this.#reserve(FOOTER_SIZE);
    const now = process.hrtime.bigint();
    const view = this.#view;
    view.setUint16(this.#used, FOOTER_SIZE / 8, LITTLE);
    view.setUint16(this.#used + 2, FLAG_FOOTER, LITTLE);
    // No iterator, no session; and nobody tells jiffies.
    [BigInt(this.#count), 0n, 0n, now, now].forEach((word, i) => {
      view.setBigUint64(this.#used + 8 + i * 8, word, LITTLE);
    });
    this.#used += FOOTER_SIZE;
    return this.#used;
  }

  #reserve(more: number): void {
    if (this.#used + more <= this.#view.byteLength) return;
    const bytes = withRoom(this.#buffers.bytes, this.#used + more, this.#used);
    this.#buffers.bytes = bytes;
    this.#view = dataOf(bytes);
  }
}

function copy({ object, offset, size }: MemorySource, to: number): Put {
  const key = object === 'key';
  if (size === 4) {
    return (out, at, keys, k, values, v) =>
      out.setUint32(at + to, key ? keys.getUint32(k + offset, true) : values.getUint32(v + offset, true), true);
  }
  return (out, at, keys, k, values, v) => {
    const from = key ? keys : values;
    const start = (key ? k : v) + offset;
    let i = 0;
    for (; i + 4 <= size; i += 4) out.setUint32(at + to + i, from.getUint32(start + i, true), true);
    for (; i < size; i++) out.setUint8(at + to + i, from.getUint8(start + i));
  };
}

function readBits(from: DataView, at: number, size: number, little: boolean): bigint {
  if (size === 8) return from.getBigUint64(at, little);
  return BigInt(size === 4 ? from.getUint32(at, little) : size === 2 ? from.getUint16(at, little) : from.getUint8(at));
}

function writeBits(out: DataView, at: number, size: number, value: bigint): void {
  if (size === 8) out.setBigUint64(at, value, LITTLE);
  else if (size === 4) out.setUint32(at, Number(value), LITTLE);
  else if (size === 2) out.setUint16(at, Number(value), LITTLE);
  else out.setUint8(at, Number(value));
}

/** Bit-fields, big-endian numbers and sums. */
function number(source: MemorySource, width: number, to: number): Put {
  const { object, offset, size, swap, bits, shift, stride } = source;
  const signed = source.type.startsWith('i');
  const read = (from: DataView, at: number): bigint => {
    let n = readBits(from, at, size, swap ? false : LITTLE);
    if (bits > 0) n = BigInt.asUintN(bits, n >> BigInt(shift));
    return signed ? BigInt.asIntN(bits || size * 8, n) : n;
  };
  return (out, at, keys, k, values, v) => {
    const from = object === 'key' ? keys : values;
    const start = (object === 'key' ? k : v) + offset;
    let sum = read(from, start);
    for (let cpu = 1; cpu < source.cpus; cpu++) sum += read(from, start + cpu * stride);
    writeBits(out, at + to, width, BigInt.asUintN(width * 8, sum));
  };
}
