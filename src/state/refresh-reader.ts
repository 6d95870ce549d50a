/** Refreshes out of the payloads of their frames, which are read in order: one that stands by itself, then differences. */
import { sanitize } from '../templates/text.ts';
import { BadRecordingError, ByteReader } from './byte-stream.ts';
import { CodedReader } from './coded-diff.ts';
import { CodedTimes } from './coded-times.ts';
import { PayloadWindow } from './payload-window.ts';
import { RangeDecoder } from './range-coder.ts';
import { DiffReader } from './record-diff.ts';
import { isTime } from './recording-file.ts';
import type { RecordedWalk, Segment } from './segment.ts';

/** A walk as it was recorded. `bytes` are valid until another refresh is read. */
export interface StoredWalk {
  readonly bytes: Uint8Array;
  readonly begin: number;
  readonly end: number;
  readonly ms: number;
  readonly clockNs: number;
  readonly reads: number;
}

export interface Refresh {
  readonly segment: Segment;
  readonly walks: ReadonlyMap<string, StoredWalk>;
  /** Names of the users that its rows have. */
  readonly users: ReadonlyMap<number, string>;
}

/** Of a host, whose users have names of a few letters. */
const MOST_USERS = 1 << 18;
const MOST_NAME = 1 << 10;

export class RefreshReader {
  #walks = new Map<string, (payload: Payload, whole: boolean) => StoredWalk>();
  #users = new Map<number, string>();
  readonly #window = new PayloadWindow();
  readonly #mostWords: number | undefined;

  /** @param mostWords that the records of a walk may have; absent: as many as a recording may */
  constructor(mostWords?: number) {
    this.#mostWords = mostWords;
  }

  /** What the next difference was compressed with; undefined where it was compressed by itself. */
  before(segment: Segment): Uint8Array | undefined {
    return segment.chained ? this.#window.bytes : undefined;
  }

  /** @param whole it stands by itself @throws BadRecordingError; the next one then has to stand by itself */
  read(segment: Segment, whole: boolean, payload: Uint8Array): Refresh {
    if (whole) {
      this.#walks = new Map(segment.walks.map((walk) => [walk.key, this.#walk(segment, walk)]));
      this.#users = new Map();
      this.#window.clear();
    }
    const parts = segment.coded ? codedPayload(payload) : { bytes: payload, from: new ByteReader(payload) };
    const walks = new Map<string, StoredWalk>();
    for (const { key } of segment.walks) {
      const walk = this.#walks.get(key)!(parts, whole);
      const { begin, end, ms, clockNs, reads } = walk;
      if (!isTime(begin) || !isTime(end) || ![ms, clockNs, reads].every(Number.isFinite))
        throw new BadRecordingError('its times are none');
      walks.set(key, walk);
    }
    const { from } = parts;
    const users = from.varint();
    for (let n = 0; n < users; n++) {
      const uid = from.varint();
      const name = sanitize(from.text());
      if (name.length > MOST_NAME) throw new BadRecordingError('the name of a user is too long');
      this.#users.set(uid, name);
      if (this.#users.size > MOST_USERS) throw new BadRecordingError('it has too many users');
    }
    if (segment.chained) this.#window.add(parts.bytes);
    return { segment, walks, users: new Map(this.#users) };
  }

  /** What reads the walks of one key, refresh after refresh. */
  #walk(
    { coded }: Segment,
    { near, byColumn, layout }: RecordedWalk,
  ): (payload: Payload, whole: boolean) => StoredWalk {
    if (coded) {
      const reader = new CodedReader(layout, this.#mostWords);
      const times = new CodedTimes();
      return ({ coder, from }, whole) => ({ ...times.read(coder!), bytes: reader.read(coder!, from, whole) });
    }
    const reader = new DiffReader(near ? layout.fixed >> 2 : 0, byColumn, this.#mostWords);
    return ({ from }, whole) => {
      const [begin, end, ms, clockNs] = [from.double(), from.double(), from.double(), from.double()];
      const reads = from.varint();
      return { begin, end, ms, clockNs, reads, bytes: reader.read(from, whole) };
    };
  }
}

/** What is coded, and the bytes that are not. */
interface Payload {
  /** Of recordings of before all of them. */
  readonly bytes: Uint8Array;
  readonly from: ByteReader;
  readonly coder?: RangeDecoder;
}

/** How long what is coded is, what is not, and what is. @throws BadRecordingError */
function codedPayload(payload: Uint8Array): Payload {
  const all = new ByteReader(payload);
  const coded = all.varint();
  const bytes = all.bytes(all.left - coded);
  return { bytes, from: new ByteReader(bytes), coder: new RangeDecoder(all.bytes(coded)) };
}
