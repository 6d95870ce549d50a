/** Refreshes out of the payloads of their frames, which are read in order: one that stands by itself, then differences. */
import { sanitize } from '../templates/text.ts';
import { BadRecordingError, ByteReader } from './byte-stream.ts';
import { PayloadWindow } from './payload-window.ts';
import { DiffReader } from './record-diff.ts';
import { isTime } from './recording-file.ts';
import type { Segment } from './segment.ts';

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
  #readers = new Map<string, DiffReader>();
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
    const from = new ByteReader(payload);
    if (whole) {
      this.#readers = new Map(
        segment.walks.map(({ key, near, byColumn, layout }) => [
          key,
          new DiffReader(near ? layout.fixed >> 2 : 0, byColumn, this.#mostWords),
        ]),
      );
      this.#users = new Map();
      this.#window.clear();
    }
    const walks = new Map<string, StoredWalk>();
    for (const { key } of segment.walks) {
      const [begin, end, ms, clockNs] = [from.double(), from.double(), from.double(), from.double()];
      if (!isTime(begin) || !isTime(end) || !Number.isFinite(ms) || !Number.isFinite(clockNs))
        throw new BadRecordingError('its times are none');
      const reads = from.varint();
      walks.set(key, { begin, end, ms, clockNs, reads, bytes: this.#readers.get(key)!.read(from, whole) });
    }
    const users = from.varint();
    for (let n = 0; n < users; n++) {
      const uid = from.varint();
      const name = sanitize(from.text());
      if (name.length > MOST_NAME) throw new BadRecordingError('the name of a user is too long');
      this.#users.set(uid, name);
      if (this.#users.size > MOST_USERS) throw new BadRecordingError('it has too many users');
    }
    if (segment.chained) this.#window.add(payload);
    return { segment, walks, users: new Map(this.#users) };
  }
}
