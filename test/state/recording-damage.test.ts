/** A recording that was cut anywhere, or in which any byte is another: what is whole is shown, the rest is told. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BadRecordingError, ByteReader } from '../../src/state/byte-stream.ts';
import { Player } from '../../src/state/player.ts';
import { DiffReader } from '../../src/state/record-diff.ts';
import { checkAppend } from '../../src/state/recorder.ts';
import { DamagedError, Recording } from '../../src/state/recording.ts';
import { KEY, openRecordingFile, RecordingWriter } from '../../src/state/recording-file.ts';
import { UsageError } from '../../src/templates/template.ts';
import { patience, SEED, times } from '../support/fuzz.ts';
import { cells, OPTIONS, record, START, TEMPLATE } from '../support/recorded.ts';

describe('a recording', () => {
  let folder = '';
  let file = '';
  let whole: Buffer;
  let shown: string[][][];

  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-damage-'));
    file = path.join(folder, 'whole.itertop');
    shown = record(file, 0, 8);
    whole = fs.readFileSync(file);
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  /** What can be seen of these bytes: a picture of each refresh, null for one that says it is damaged. */
  function look(bytes: Buffer): { indexes: (number | null)[]; lost: number } | 'nothing' {
    const damaged = path.join(folder, 'damaged.itertop');
    fs.writeFileSync(damaged, bytes);
    try {
      using recording = new Recording(damaged);
      const indexes = Array.from({ length: recording.count }, (_, index) => {
        try {
          const { walks } = recording.read(index);
          // The footer's session is the number of the refresh.
          return Number(Buffer.from(walks.get('')!.bytes).readBigUInt64LE(walks.get('')!.bytes.length - 32));
        } catch (error) {
          if (!(error instanceof DamagedError)) throw error;
          expect(error.resume).toBeGreaterThan(error.first);
          return null;
        }
      });
      return { indexes, lost: recording.lost };
    } catch (error) {
      if (!(error instanceof UsageError || error instanceof BadRecordingError)) throw error;
      expect(error.message).toContain('damaged.itertop');
      return 'nothing';
    }
  }

  test('cut at any byte it opens without repair and has every refresh that is whole', () => {
    const ends = openRecordingFile(file, ({ frames }) =>
      frames.filter(({ kind }) => kind >= KEY).map(({ offset, size }) => offset + size),
    );
    expect(ends.length).toBe(8);
    // Every byte of the last two refreshes, and some of all before.
    for (let length = 0; length <= whole.length; length += length < ends.at(-3)! - 16 ? 11 : 1) {
      const kept = ends.filter((end) => end <= length).length;
      const seen = look(whole.subarray(0, length));
      if (kept === 0) expect(seen, `${length} bytes`).toBe('nothing');
      else expect(seen, `${length} bytes`).toMatchObject({ indexes: [...Array(kept).keys()] });
    }
  });

  test('with any byte changed no refresh is shown as another one, and those of the other segment are there', () => {
    const other = openRecordingFile(file, ({ frames }) => frames.findLast(({ kind }) => kind === KEY)!.offset);
    for (let at = 0; at < whole.length; at += at < 64 || Math.abs(at - other) < 80 ? 1 : 7) {
      const bytes = Buffer.from(whole);
      bytes[at] ^= 1 << (at % 8);
      const seen = look(bytes);
      if (at < 16) continue;
      if (seen === 'nothing') throw new Error(`byte ${at}: nothing is seen`);
      const numbers = seen.indexes.filter((n) => n !== null);
      expect(numbers, `byte ${at}`).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      if (at > other) expect(numbers.slice(0, 4), `byte ${at}`).toEqual([0, 1, 2, 3]);
      if (at < other - 700) expect(numbers.slice(-4), `byte ${at}`).toEqual([4, 5, 6, 7]);
      expect(numbers.length, `byte ${at}`).toBeLessThan(8);
    }
  });

  test('of a recording of before, records made up of anything are refused, not followed', {
    timeout: patience(30_000),
  }, () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 8 }),
        fc.boolean(),
        (bytes, whole, near, byColumn) => {
          try {
            new DiffReader(near, byColumn).read(new ByteReader(bytes), whole);
          } catch (error) {
            expect(error).toBeInstanceOf(BadRecordingError);
          }
        },
      ),
      { seed: SEED, numRuns: times(500) },
    );
  });

  test('rates have a base wherever one jumps to; what is damaged is stepped over', () => {
    const ask = (player: Player) => cells(player.collect(TEMPLATE, OPTIONS));
    {
      using player = new Player(file);
      for (const index of [0, 5, 2, 3, 7, 6, 4]) {
        player.move({ by: index - player.index });
        expect(ask(player), `refresh ${index}`).toEqual(shown[index]);
      }
      player.move({ to: START + 2500 });
      expect([player.index, ask(player)]).toEqual([2, shown[2]]);
    }
    const { offset } = openRecordingFile(file, ({ frames }) => frames.filter(({ kind }) => kind >= KEY)[2]!);
    const bytes = Buffer.from(whole);
    bytes[offset + 9]! ^= 4;
    const damaged = path.join(folder, 'skip.itertop');
    fs.writeFileSync(damaged, bytes);
    using player = new Player(damaged);
    player.move({ by: 1 });
    ask(player);
    player.move({ by: 1 });
    ask(player);
    expect(player.position).toMatchObject({ index: 4, skipped: 2 });
    player.move({ by: -1 });
    expect(ask(player)).toEqual(shown[1]);
    expect(player.position).toMatchObject({ index: 1, skipped: 2 });
  });

  test('is never written over unasked; appended to, a cut end goes first', () => {
    expect(() => new RecordingWriter(file)).toThrow(/exists already.*--force.*--append/s);
    const link = path.join(folder, 'link.itertop');
    fs.symlinkSync(path.join(folder, 'elsewhere'), link);
    expect(() => new RecordingWriter(link)).toThrow(UsageError);
    const cut = path.join(folder, 'cut.itertop');
    fs.writeFileSync(cut, whole.subarray(0, -3));
    expect(() => checkAppend(cut, { ...TEMPLATE, name: 'other' }, { append: true })).toThrow(
      /is a recording of made, not of other/,
    );
    record(cut, 20, 23, new RecordingWriter(cut, { append: true }));
    expect(look(fs.readFileSync(cut))).toEqual({ indexes: [0, 1, 2, 3, 4, 5, 6, 20, 21, 22], lost: 0 });
    record(cut, 0, 2, new RecordingWriter(cut, { force: true }));
    expect(look(fs.readFileSync(cut))).toMatchObject({ indexes: [0, 1] });
    expect(fs.statSync(cut).mode & 0o777).toBe(0o600);
    const text = path.join(folder, 'text.itertop');
    fs.writeFileSync(text, 'no recording, but a text of more than sixteen bytes');
    expect(() => new RecordingWriter(text, { append: true })).toThrow(/no recording of itertop's/);
  });
});
