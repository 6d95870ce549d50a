/** A recording as it comes out of a pipe: refresh after refresh, whatever pieces its bytes arrive in. */
import { sanitize } from '../templates/text.ts';
import { BadRecordingError } from './byte-stream.ts';
import { follows } from './recording.ts';
import {
  checkHead,
  DIFFERENCE,
  decodePayload,
  FILE_HEAD,
  type Frame,
  frameOf,
  HEAD,
  KEY,
  MAGIC,
  SEGMENT,
} from './recording-file.ts';
import { type Refresh, RefreshReader } from './refresh-reader.ts';
import { decodeSegment, type Segment } from './segment.ts';

/** A frame of more bytes is refused, as it came and as it is without compression: 200,000 rows with their texts. */
const MOST_PACKED = 1 << 25;
const MOST_PLAIN = 1 << 27;
/** Words of the records of a walk, once differences are applied; walks of a table with its joins; what tells of them. */
const MOST_WORDS = MOST_PLAIN / 4;
const MOST_WALKS = 32;
const MOST_SEGMENT = 1 << 24;
/** So much of what is no recording is shown. */
const SHOWN = 60;

export class RefreshStream {
  #pieces: Buffer[] = [];
  #bytes = 0;
  #begun = false;
  /** Of the frame whose payload is waited for. */
  #frame: Frame | null = null;
  #segment: { readonly frame: Frame; readonly segment: Segment } | null = null;
  #next = -1;
  readonly #reader = new RefreshReader(MOST_WORDS);

  /**
   * @param received gets each refresh that these bytes complete; what it says is valid until the next one
   * @throws BadRecordingError for anything else than a whole recording: nothing after it can be trusted
   */
  push(bytes: Buffer, received: (refresh: Refresh) => void): void {
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    for (;;) {
      if (!this.#begun) {
        // What is no recording may be shorter than the head of one.
        const some = this.#bytes < FILE_HEAD ? this.#peek() : undefined;
        if (some && !looksLikeHead(some)) throw notOurs(some);
        const head = this.#take(FILE_HEAD);
        if (!head) return;
        if (!looksLikeHead(head)) throw notOurs(Buffer.concat([head, this.#peek()]));
        checkHead('what it sends', head);
        this.#begun = true;
      } else if (this.#frame) {
        const payload = this.#take(this.#frame.size);
        if (!payload) return;
        const frame = this.#frame;
        this.#frame = null;
        const before =
          this.#segment && frame.kind === DIFFERENCE ? this.#reader.before(this.#segment.segment) : undefined;
        const most = frame.kind === SEGMENT ? MOST_SEGMENT : MOST_PLAIN;
        this.#frameRead(frame, decodePayload(payload, frame.crc, before, most), received);
      } else {
        const head = this.#take(HEAD);
        if (!head) return;
        const frame = frameOf(head, 0, Number.POSITIVE_INFINITY);
        if (!frame) throw new BadRecordingError('what it sends is damaged');
        if (frame.size > MOST_PACKED) throw new BadRecordingError(`a refresh of ${frame.size} bytes is too large`);
        this.#frame = frame;
      }
    }
  }

  #frameRead(frame: Frame, plain: Uint8Array, received: (refresh: Refresh) => void): void {
    if (frame.kind === SEGMENT) {
      if (this.#segment && this.#next < 0) throw new BadRecordingError('what it sends begins again and again');
      const segment = decodeSegment(plain);
      if (segment.walks.length > MOST_WALKS) throw new BadRecordingError('what it sends has too many walks');
      this.#segment = { frame, segment };
      this.#next = -1;
      return;
    }
    const begun = this.#segment;
    if (!begun || !follows(frame, begun.frame, this.#next))
      throw new BadRecordingError('what it sends has a refresh without those that it follows');
    const whole = frame.kind === KEY;
    this.#next = whole ? 1 : this.#next + 1;
    received(this.#reader.read(begun.segment, whole, plain));
  }

  #peek(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  /** So many bytes in memory of their own; undefined where they are not there yet. */
  #take(count: number): Buffer | undefined {
    if (this.#bytes < count) return undefined;
    const taken = Buffer.alloc(count);
    let done = 0;
    while (done < count) {
      const piece = this.#pieces[0]!;
      const part = Math.min(piece.length, count - done);
      piece.copy(taken, done, 0, part);
      done += part;
      if (part === piece.length) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(part);
    }
    this.#bytes -= count;
    return taken;
  }
}

function looksLikeHead(bytes: Buffer): boolean {
  const some = Math.min(bytes.length, MAGIC.length);
  return bytes.subarray(0, some).equals(MAGIC.subarray(0, some));
}

/** What comes before it says most: a shell that greets, a message of a program. */
function notOurs(bytes: Buffer): BadRecordingError {
  const [line = ''] = bytes.toString('utf8').trimStart().split('\n');
  const text = sanitize(line.slice(0, SHOWN).trimEnd());
  return new BadRecordingError(`what it sends is no recording: ${text === '' ? 'unreadable bytes' : `"${text}"`}`);
}
