/** A refresh that could not be written leaves nothing behind: the next one stands by itself. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Collector } from '../../src/state/collector.ts';
import { Player } from '../../src/state/player.ts';
import { OneFile, Recorder } from '../../src/state/recorder.ts';
import { RecordingWriter, SEGMENT } from '../../src/state/recording-file.ts';
import { cells, madeOrigin, OPTIONS, TEMPLATE } from '../support/recorded.ts';

const QUESTION = { ...OPTIONS, sort: 'id', interval: 1000 };

/** Refresh 2 of five fails as `fail` has it. @returns what was seen and what is in the file, of the other four */
function recorded(fail: (collector: Collector, writer: RecordingWriter) => Collector): [string[][][], string[][][]] {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-failure-'));
  const file = path.join(folder, 'made.itertop');
  try {
    const seen: string[][][] = [];
    const origin = madeOrigin();
    {
      using collector = new Collector(TEMPLATE, origin, () => undefined, 4096);
      const writer = new RecordingWriter(file);
      const host = { host: 'made', kernel: '6.0', pageSize: 4096, userName: () => undefined };
      using recorder = new Recorder(new OneFile(writer), host);
      for (origin.n = 0; origin.n < 5; origin.n++) {
        const collected = collector.collect(OPTIONS);
        const append = (of: Collector) => recorder.append(of, collected, QUESTION);
        if (origin.n === 2) {
          expect(() => append(fail(collector, writer))).toThrow();
          continue;
        }
        append(collector);
        seen.push(cells(collected));
      }
      expect(recorder.refreshes).toBe(4);
    }
    using player = new Player(file);
    const shown = seen.map((_, index) => {
      player.move({ by: index - player.index });
      return cells(player.collect(TEMPLATE, OPTIONS));
    });
    return [seen, shown];
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

const ids = (refreshes: string[][][]) => refreshes.map((rows) => rows.map(([id, value]) => `${id} ${value}`).sort());

test('records that are cut', () => {
  const [seen, shown] = recorded(({ template, hz, walked }) => {
    const [[key, walk]] = [...walked] as [[string, NonNullable<ReturnType<typeof walked.get>>]];
    const reading = { ...walk.reading, bytes: walk.reading.bytes - 4 };
    return { template, hz, walked: new Map([[key, { ...walk, reading }]]) } as unknown as Collector;
  });
  expect(ids(shown)).toEqual(ids(seen));
});

test('a beginning that could not be written', () => {
  const [seen, shown] = recorded((collector, writer) => {
    const write = writer.write.bind(writer);
    writer.write = (head, ...rest) => {
      writer.write = write;
      expect(head.kind).toBe(SEGMENT);
      void rest;
      throw new Error('full');
    };
    // Another clock, from now on, is another segment.
    return Object.defineProperty(collector, 'hz', { value: collector.hz + 1 });
  });
  expect(ids(shown)).toEqual(ids(seen));
});
