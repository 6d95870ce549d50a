/**
 * The file of a recording: frames, one after another, only ever appended to.
 *
 *   file    magic 8 bytes · u32 version · u32 byte order (as this machine writes 1)
 *   frame   u32 mark · u32 payload bytes · u8 kind and, above it, u24 turn · u32 crc of the payload · f64 time, ms since
 *           the epoch · u32 rows · u32 crc of the 28 bytes before · payload, compressed by zstd; a difference with what
 *           came before it (payload-window.ts), where its segment says so
 *
 * Each frame is one write(2): what ends a program in the middle of one costs that frame and nothing before it. Where the
 * file system lets it, a new file has its name only once a refresh is in it. Opening looks at the frames' heads only. Where one is damaged the next is found by its mark and its crc.
 */
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { NamelessFile } from '../bpf/nameless-file.ts';
import { OwnedFd } from '../bpf/syscall.ts';
import { openRegular, reason } from '../bpf/user-file.ts';
import { UsageError } from '../templates/template.ts';
import { BadRecordingError } from './byte-stream.ts';
import { FileError } from './file-error.ts';
import { refuseOthers, refuseStat } from './own-file.ts';

/** What follows is read by it, until the next one: see recording.ts. */
export const SEGMENT = 1;
/** A refresh that stands by itself. */
export const KEY = 2;
/** A refresh as differences to the one before. */
export const DIFFERENCE = 3;

export const MAGIC = Buffer.from('\x89itertop', 'latin1');
const VERSION = 1;
export const FILE_HEAD = 16;
export const HEAD = 32;
const MARK = 0x72657469;
/** 100,000 rows with all their texts, uncompressed, are a tenth of it. */
const MAX_PAYLOAD = 1 << 29;
const MAX_PLAIN = 1 << 30;
/** Measured on 1,000 processes (`npm run bench -- record`): with what came before 9 gives 8% less than 3, alone 6 does. */
const LEVEL = { large: 3, alone: 6, difference: 9 } as const;
/** Of a payload for which that would take too long. */
const LARGE = 1 << 20;
const CHUNK = 1 << 20;

export interface Frame {
  readonly kind: number;
  /**
   * How many differences have followed the key frame, this one included; of a key frame segmentMark(): a frame that is
   * missing before this one shows.
   */
  readonly turn: number;
  /** Of its payload in the file. */
  readonly offset: number;
  readonly size: number;
  readonly crc: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly rows: number;
}

/** By which a key frame names its segment. @param crc of that segment's payload */
export const segmentMark = (crc: number) => crc & 0xffffff;

export type FrameHead = Pick<Frame, 'kind' | 'turn' | 'time' | 'rows'>;

/** What every recording begins with, in a file or in a pipe. */
export function fileHead(): Buffer {
  const head = Buffer.alloc(FILE_HEAD);
  MAGIC.copy(head);
  new Uint32Array(head.buffer, head.byteOffset + 8, 2).set([VERSION, 1]);
  return head;
}

/** @throws UsageError where this Node is too old */
function zstd(): Pick<typeof zlib, 'zstdCompressSync' | 'zstdDecompressSync'> {
  if (typeof zlib.zstdCompressSync !== 'function')
    throw new UsageError(`recordings need Node.js 22.15 or later; this is ${process.versions.node}`);
  return zlib;
}

let compressesWith: boolean | undefined;

/** Whether this Node can compress with what came before: since 22.19 and 24.6. @throws UsageError where it is too old */
export function canFollow(): boolean {
  const sample = Buffer.from('what came before, and came before');
  compressesWith ??= zstd().zstdCompressSync(sample, { dictionary: sample }).length < sample.length / 2;
  return compressesWith;
}

export interface WrittenFrame {
  readonly bytes: number;
  /** Of the payload. */
  readonly crc: number;
}

/** @param before what the payload is compressed with */
export function encodeFrame(
  { kind, turn, time, rows }: FrameHead,
  plain: Uint8Array,
  before?: Uint8Array,
): { frame: Buffer; crc: number } {
  const { ZSTD_c_compressionLevel: level } = zlib.constants;
  const params = { [level]: plain.length > LARGE ? LEVEL.large : before ? LEVEL.difference : LEVEL.alone };
  const payload = zstd().zstdCompressSync(plain, before ? { params, dictionary: before } : { params });
  const frame = Buffer.alloc(HEAD + payload.length);
  const words = new Uint32Array(frame.buffer, frame.byteOffset, HEAD / 4);
  const crc = zlib.crc32(payload);
  words.set([MARK, payload.length, kind | (turn << 8), crc]);
  new Float64Array(frame.buffer, frame.byteOffset + 16, 1)[0] = time;
  words[6] = rows;
  words[7] = zlib.crc32(frame.subarray(0, HEAD - 4));
  frame.set(payload, HEAD);
  return { frame, crc };
}

/**
 * @param before what it was compressed with
 * @param most bytes that it may have
 * @throws BadRecordingError for what is damaged, or larger; UsageError where this Node is too old
 */
export function decodePayload(bytes: Uint8Array, crc: number, before?: Uint8Array, most = MAX_PLAIN): Uint8Array {
  if (zlib.crc32(bytes) !== crc) throw new BadRecordingError('it is damaged');
  if (before && !canFollow())
    throw new UsageError(`this recording needs Node.js 22.19 or later; this is ${process.versions.node}`);
  try {
    const options = { maxOutputLength: most };
    return zstd().zstdDecompressSync(bytes, before ? { ...options, dictionary: before } : options);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new BadRecordingError(`it is damaged: ${(error as Error).message}`);
  }
}

function why(file: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    EEXIST: 'it exists already; choose another name, --force to replace it, or --append',
    ELOOP: 'it is a symbolic link',
    ENOENT: 'there is no such file or folder',
    EACCES: 'no permission',
    EPERM: 'no permission',
    EROFS: 'its file system is read-only',
    ENOSPC: 'the disk is full',
    EFBIG: 'it has grown as large as files may',
  };
  return Object.assign(new UsageError(`${file}: ${reasons[code ?? ''] ?? message}`), { code });
}

export interface CreateOptions {
  /** Replaces a file that is there. */
  readonly force?: boolean;
  /** Goes on after the last whole frame of a recording that is there. */
  readonly append?: boolean;
}

/** Appends frames. */
export class RecordingWriter implements Disposable {
  readonly path: string;
  readonly #file: OwnedFd;
  /** It has no name yet: that is given to it, or taken from a file that is to be replaced, with its first refresh. */
  #nameless: NamelessFile | undefined;
  readonly #force: boolean;
  /** No refresh is in it. */
  #empty = true;
  /** Of the file. */
  #size = 0;

  /**
   * @throws UsageError, with its code, where the file cannot be made; where it is there and neither option is set; where
   * it is another user's, or no file
   */
  constructor(file: string, { force = false, append = false }: CreateOptions = {}) {
    zstd();
    this.path = path.resolve(file);
    this.#force = force;
    const { O_RDWR, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = fs.constants;
    refuseOthers(this.path);
    try {
      const there = fs.lstatSync(this.path, { throwIfNoEntry: false });
      if (append && there) {
        const { end } = openRecordingFile(this.path, (opened) => opened);
        this.#file = new OwnedFd(fs.openSync(this.path, O_RDWR | O_NOFOLLOW));
        refuseStat(this.path, fs.fstatSync(this.#file.fd));
        fs.ftruncateSync(this.#file.fd, end);
        this.#size = end;
        this.#empty = false;
        return;
      }
      if (there && !force) throw Object.assign(new Error(), { code: 'EEXIST' });
      this.#nameless = NamelessFile.open(path.dirname(this.path));
      if (force && !this.#nameless) fs.rmSync(this.path, { force: true });
      this.#file =
        this.#nameless ?? new OwnedFd(fs.openSync(this.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw error instanceof BadRecordingError ? new UsageError(error.message) : why(file, error);
    }
    try {
      this.#append(fileHead());
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  /**
   * @param before what the payload is compressed with
   * @returns bytes written, and the crc of the payload
   * @throws FileError where the disk is full: the file then ends with the frame before
   */
  write(head: FrameHead, plain: Uint8Array, before?: Uint8Array): WrittenFrame {
    const { frame, crc } = encodeFrame(head, plain, before);
    this.#append(frame);
    if (head.kind !== SEGMENT && this.#empty) this.#name();
    return { bytes: frame.length, crc };
  }

  #name(): void {
    const nameless = this.#nameless;
    this.#empty = false;
    this.#nameless = undefined;
    try {
      if (this.#force) refuseOthers(this.path);
      if (this.#force) nameless?.replace(this.path);
      else nameless?.link(this.path);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new FileError(this.path, error);
    }
  }

  #append(bytes: Uint8Array): void {
    const { fd } = this.#file;
    let done = 0;
    try {
      while (done < bytes.length) done += fs.writeSync(fd, bytes, done, bytes.length - done, this.#size + done);
    } catch (error) {
      fs.ftruncateSync(fd, this.#size);
      throw new FileError(this.path, error);
    }
    this.#size += bytes.length;
  }

  close(): void {
    if (this.#file.closed) return;
    this.#file.close();
    if (this.#empty && !this.#nameless) fs.rmSync(this.path, { force: true });
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

export interface OpenedFile {
  readonly frames: readonly Frame[];
  /** Where the last whole frame ends. */
  readonly end: number;
  /** Bytes that belong to no frame: damaged, or the last one cut. */
  readonly lost: number;
  /** Places of such bytes that a frame follows: there each frame, one at least, is damaged. */
  readonly holes: number;
}

function opened(file: string): number {
  try {
    return openRegular(file);
  } catch (error) {
    throw new UsageError(`${file}: ${reason(error)}`);
  }
}

/** Reads a file's frames. */
export class RecordingFile implements Disposable {
  readonly path: string;
  readonly frames: readonly Frame[];
  readonly end: number;
  readonly lost: number;
  readonly holes: number;
  readonly #file: OwnedFd;

  /** @throws BadRecordingError for what is no recording; UsageError for what cannot be opened, or is no file */
  constructor(file: string) {
    this.path = file;
    this.#file = new OwnedFd(opened(file));
    try {
      const { size } = fs.fstatSync(this.#file.fd);
      checkHead(file, this.#read(0, Math.min(size, FILE_HEAD)));
      ({ frames: this.frames, end: this.end, lost: this.lost, holes: this.holes } = this.#scan(size));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #read(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    let done = 0;
    while (done < length) {
      const read = fs.readSync(this.#file.fd, bytes, done, length - done, offset + done);
      if (read === 0) throw new BadRecordingError(`${this.path}: it has become shorter`);
      done += read;
    }
    return bytes;
  }

  #scan(size: number): OpenedFile {
    const frames: Frame[] = [];
    const head = Buffer.alloc(HEAD);
    let lost = 0;
    let holes = 0;
    let end = FILE_HEAD;
    for (let at = FILE_HEAD; at < size; ) {
      const frame = fs.readSync(this.#file.fd, head, 0, HEAD, at) === HEAD ? frameOf(head, at, size) : undefined;
      if (frame) {
        frames.push(frame);
        at = frame.offset + frame.size;
        end = at;
        continue;
      }
      // What was damaged is one frame, and behind it is the next: a file of nothing is not read to its end.
      const next = this.#nextFrame(at + 1, Math.min(size, at + HEAD + MAX_PAYLOAD + HEAD), size);
      lost += (next ?? size) - at;
      if (next !== undefined) holes++;
      at = next ?? size;
    }
    return { frames, end, lost, holes };
  }

  /** Where the next frame begins that has a good head; undefined where none does before `to`. */
  #nextFrame(from: number, to: number, size: number): number | undefined {
    const mark = Buffer.from(new Uint32Array([MARK]).buffer);
    for (let at = from; at < to; at += CHUNK) {
      const chunk = this.#read(at, Math.min(CHUNK + HEAD, size - at));
      for (let i = chunk.indexOf(mark); i >= 0 && i < CHUNK; i = chunk.indexOf(mark, i + 1))
        if (i + HEAD <= chunk.length && frameOf(Buffer.from(chunk.subarray(i, i + HEAD)), at + i, size)) return at + i;
    }
    return undefined;
  }

  /** What a frame holds, compressed with what came before it. @throws BadRecordingError */
  payload({ offset, size, crc }: Frame, before?: Uint8Array): Uint8Array {
    const bytes = this.#read(offset, size);
    try {
      return decodePayload(bytes, crc, before);
    } catch (error) {
      if (!(error instanceof BadRecordingError)) throw error;
      throw new BadRecordingError(`${this.path}: the frame at byte ${offset}: ${error.message}`);
    }
  }

  close(): void {
    this.#file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Opens a file for as long as `use` takes. */
export function openRecordingFile<T>(file: string, use: (opened: RecordingFile) => T): T {
  using opened = new RecordingFile(file);
  return use(opened);
}

/** @param file what it is of, for the message @throws BadRecordingError */
export function checkHead(file: string, head: Buffer): void {
  if (head.length < FILE_HEAD || !head.subarray(0, MAGIC.length).equals(MAGIC))
    throw new BadRecordingError(`${file}: it is no recording of itertop's`);
  const [version, order] = new Uint32Array(head.buffer, head.byteOffset + 8, 2);
  if (order !== 1) throw new BadRecordingError(`${file}: it was made on a machine of the other byte order`);
  if (version !== VERSION)
    throw new BadRecordingError(`${file}: it has format ${version}, and this itertop reads format ${VERSION}`);
}

/** undefined for what is no head, or that of a frame which the file ends in. */
export function frameOf(head: Buffer, at: number, size: number): Frame | undefined {
  const words = new Uint32Array(head.buffer, head.byteOffset, HEAD / 4);
  const [mark, payload, kind, crc] = words;
  if (mark !== MARK || payload! > MAX_PAYLOAD || at + HEAD + payload! > size) return undefined;
  if (words[7] !== zlib.crc32(head.subarray(0, HEAD - 4))) return undefined;
  const time = new Float64Array(head.buffer, head.byteOffset + 16, 1)[0]!;
  if (!isTime(time)) return undefined;
  return { kind: kind! & 0xff, turn: kind! >>> 8, offset: at + HEAD, size: payload!, crc: crc!, time, rows: words[6]! };
}

/** Milliseconds that a Date takes. */
export const isTime = (ms: number): boolean => Math.abs(ms) <= 8.64e15;
