/** Recordings that somebody made up: every frame has a good head and crc, and what it holds is anything. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseOptions } from '../../src/options.ts';
import { dumpReplay } from '../../src/replay.ts';
import { SAMPLE, sampleFile } from '../../src/sample.ts';
import { BadRecordingError } from '../../src/state/byte-stream.ts';
import { PayloadWindow } from '../../src/state/payload-window.ts';
import {
  DIFFERENCE,
  type Frame,
  KEY,
  openRecordingFile,
  RecordingWriter,
  SEGMENT,
  segmentMark,
} from '../../src/state/recording-file.ts';
import { BadRecordError } from '../../src/templates/errors.ts';
import { TemplateError, UsageError } from '../../src/templates/template.ts';
import { fuzzSlowly, patience } from '../support/fuzz.ts';
import { HOSTILE_TEXTS, OBEYED } from '../support/hostile-texts.ts';
import { record } from '../support/recorded.ts';

interface Part {
  readonly frame: Frame;
  readonly plain: Buffer;
}

/** What a file holds, uncompressed; of its refreshes the first ones. */
function partsOf(file: string, most: number): Part[] {
  const window = new PayloadWindow();
  return openRecordingFile(file, (opened) =>
    opened.frames.slice(0, most).map((frame) => {
      if (frame.kind === KEY) window.clear();
      const plain = Buffer.from(opened.payload(frame, frame.kind === DIFFERENCE ? window.bytes : undefined));
      if (frame.kind !== SEGMENT) window.add(plain);
      return { frame, plain };
    }),
  );
}

function write(file: string, parts: readonly Part[]): void {
  using writer = new RecordingWriter(file, { force: true });
  let mark = 0;
  for (const { frame, plain } of parts) {
    const turn = frame.turn > 255 ? mark : frame.turn;
    const { crc } = writer.write({ ...frame, turn }, plain);
    if (frame.kind === SEGMENT) mark = segmentMark(crc);
  }
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** The place of every value, as the way to it. */
function placesOf(value: Json, at: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [at];
  const inner = Object.entries(value).flatMap(([name, each]) => placesOf(each, [...at, name]));
  return [at, ...inner];
}

const anything: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, true, false, 0, -1, 0.5, 1e308, 2 ** 31, 2 ** 53, [], {}, [null], [[[]]], { a: {} }),
  fc.constantFrom<Json>('', 'pid', 'id', 'value', 'name', 'u64', 'text', 'constructor', '__proto__', 'rate(rate)'),
  fc.constantFrom<Json>(...Object.values(HOSTILE_TEXTS)),
);

const change = fc.record({
  at: fc.nat(),
  how: fc.constantFrom('set', 'remove', 'double', 'swap', 'like', 'like', 'like', 'like', 'like'),
  value: anything,
  other: fc.nat(),
});

function changeJson(
  json: Json,
  { at, how, value, other }: typeof change extends fc.Arbitrary<infer T> ? T : never,
): Json {
  const places = placesOf(json);
  const place = places[at % places.length]!;
  if (place.length === 0) return how === 'set' && at % 5 === 0 ? value : json;
  const parent = place.slice(0, -1).reduce<Json>((of, name) => (of as { [name: string]: Json })[name]!, json);
  const name = place.at(-1)!;
  const holder = parent as { [name: string]: Json };
  if (how === 'remove') {
    if (Array.isArray(parent)) parent.splice(Number(name), 1);
    else delete holder[name];
  } else if (how === 'double' && Array.isArray(parent)) parent.push(structuredClone(holder[name]!));
  else if (how === 'swap' || how === 'like') {
    const all = places.map((from) => from.reduce<Json>((of, each) => (of as { [name: string]: Json })[each]!, json));
    // Of the same type it is more likely to be taken.
    const fit = all.filter(
      (each) => how === 'swap' || (typeof each === typeof holder[name] && typeof each !== 'object'),
    );
    if (fit.length > 0) holder[name] = structuredClone(fit[other % fit.length]!);
  } else holder[name] = value;
  return json;
}

describe.each(['made', 'sample'])('a recording (%s), made up', (which) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-crafted-'));
  const file = path.join(folder, 'crafted.itertop');
  const out = path.join(folder, 'out');
  let parts: readonly Part[] = [];
  beforeAll(() => {
    const whole = path.join(folder, 'whole.itertop');
    if (which === 'made') record(whole, 0, 6);
    parts = partsOf(which === 'made' ? whole : sampleFile(SAMPLE), 4);
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  /** Everything that is read of it without a terminal. */
  async function look(): Promise<'shown' | 'refused'> {
    let seen: 'shown' | 'refused' = 'refused';
    for (const more of [
      ['--format', 'csv'],
      ['--format', 'json'],
      ['--format', 'table', '--sort=-name'],
    ]) {
      fs.rmSync(out, { force: true });
      try {
        await dumpReplay(file, parseOptions(['dump', '--replay', file, '--all', '-o', out, ...more]));
        seen = 'shown';
        expect(fs.readFileSync(out, 'utf8')).not.toMatch(OBEYED);
      } catch (error) {
        const known = [UsageError, TemplateError, BadRecordingError, BadRecordError].some(
          (kind) => error instanceof kind,
        );
        if (!known) throw error;
        expect((error as Error).message).toMatch(/\w{3}/);
      }
    }
    return seen;
  }

  it('as it is, is shown', async () => {
    write(file, parts);
    expect(await look()).toBe('shown');
  });

  it('of a host and a kernel of any name shows none that is obeyed', async () => {
    for (const text of Object.values(HOSTILE_TEXTS)) {
      const crafted = parts.map((part) => {
        if (part.frame.kind !== SEGMENT) return part;
        const json = { ...JSON.parse(part.plain.toString()), host: text, kernel: text };
        return { ...part, plain: Buffer.from(JSON.stringify(json)) };
      });
      write(file, crafted);
      expect(await look()).toBe('shown');
    }
  });

  it('with another beginning is shown or refused', { timeout: patience(120_000) }, async () => {
    const tally = { shown: 0, refused: 0 };
    await fuzzSlowly(
      `beginnings of recordings (${which})`,
      250,
      fc.array(change, { minLength: 1, maxLength: 4 }),
      async (changes) => {
        const crafted = parts.map((part) => {
          if (part.frame.kind !== SEGMENT) return part;
          const json = changes.reduce((of, each) => changeJson(of, each), JSON.parse(part.plain.toString()) as Json);
          return { ...part, plain: Buffer.from(JSON.stringify(json)) };
        });
        write(file, crafted);
        tally[await look()]++;
      },
    );
    console.log(`fuzz: ${which}: ${tally.shown} shown, ${tally.refused} refused`);
  });

  it('with other records is shown or refused', { timeout: patience(120_000) }, async () => {
    const bytes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 20 });
    await fuzzSlowly(`records of recordings (${which})`, 150, fc.tuple(bytes, fc.nat(20)), async ([changes, cut]) => {
      const crafted = parts.map((part) => {
        if (part.frame.kind === SEGMENT) return part;
        const plain = Buffer.from(part.plain.subarray(0, cut < 2 ? (part.plain.length * cut) >> 1 : undefined));
        // The first bytes of a refresh are times and lengths: they are what matters most.
        if (plain.length > 0)
          for (const [at, value] of changes) plain[at % (at % 2 ? plain.length : Math.min(plain.length, 200))] = value;
        return { ...part, plain };
      });
      write(file, crafted);
      await look();
    });
  });
});
