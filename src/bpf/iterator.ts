/** An iterator: one walk over all objects of a link's target. There is no seek: the next walk is a new iterator. */
import fs from 'node:fs';
import { seqBufferBytes } from './host.ts';
import type { Link } from './link.ts';
import { bytesOf, withRoom } from './shared-memory.ts';
import { Attr, BpfError, bpf, OwnedFd } from './syscall.ts';

/**
 * EAGAIN says that a million objects went by without a record; this many of them in a row without a byte is no
 * filter any more but a program that stops (returns 1) without its reader knowing.
 */
const MAX_EMPTY_READS = 4096;

/** Where records are gathered; grows by replacing `bytes`. */
export interface ReadTarget {
  bytes: SharedArrayBuffer;
}

export interface ReadOptions {
  /** Bytes asked for per read(2). */
  readonly readSize?: number;
  /**
   * Whether the program has ended the walk; asked after each read(2), also one that says EAGAIN, which by itself only
   * means that nothing passed the program's filter for long.
   */
  readonly stopped?: () => boolean;
  /** Bytes already in the target that stay in front. */
  readonly from?: number;
  /** Stop reading, and with it the walk, once this many bytes are there. */
  readonly maxBytes?: number;
}

export interface ReadResult {
  /** Bytes now in the target. */
  readonly used: number;
  /** read(2) calls. */
  readonly reads: number;
  /** The program asked to stop, or maxBytes was reached: not every object was visited. */
  readonly stopped: boolean;
}

export class IteratorFd extends OwnedFd {
  /** In the caller's network and PID namespace, which the iterator keeps. @throws BpfError */
  static create(link: Link): IteratorFd {
    return new IteratorFd(bpf('BPF_ITER_CREATE', new Attr(8).u32(0, link.fd)));
  }

  /** Reads to the end. Records may be split across reads; what is gathered is whole. @throws BpfError */
  readAll(into: ReadTarget, options: ReadOptions = {}): ReadResult {
    const { fd } = this;
    const readSize = Math.max(1, options.readSize ?? seqBufferBytes());
    const maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
    let view: Buffer = bytesOf(into.bytes);
    let used = options.from ?? 0;
    let reads = 0;
    let empty = 0;
    for (;;) {
      if (view.length - used < readSize) view = grow(into, used, readSize);
      let n: number;
      try {
        n = fs.readSync(fd, view, used, readSize, null);
      } catch (error) {
        const { code, errno } = error as NodeJS.ErrnoException;
        if (code === 'EINTR') continue;
        if (code === 'EAGAIN') {
          reads++;
          if (options.stopped?.()) return { used, reads, stopped: true };
          if (++empty < MAX_EMPTY_READS) continue;
        }
        throw new BpfError('read', Math.abs(errno ?? 0), readMeaning(code ?? ''));
      }
      reads++;
      empty = 0;
      used += n;
      if (options.stopped?.()) return { used, reads, stopped: true };
      if (n === 0) return { used, reads, stopped: false };
      if (used >= maxBytes) return { used, reads, stopped: true };
    }
  }
}

function grow(into: ReadTarget, used: number, readSize: number): Buffer {
  into.bytes = withRoom(into.bytes, used + readSize, used);
  return bytesOf(into.bytes);
}

function readMeaning(code: string): string {
  switch (code) {
    case 'E2BIG':
      return `the record of one object is larger than the kernel's buffer (${seqBufferBytes()} bytes); show fewer text columns`;
    case 'EAGAIN':
      return 'the program keeps returning 1 for an object, which means "try again"';
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
      return `this target cannot go on after a full buffer (${seqBufferBytes()} bytes); ask for fewer columns`;
    default:
      return '';
  }
}
