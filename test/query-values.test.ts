/** Times and lists in the answers of a query: for programs as a dump has them. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { write } from './support/dataset.ts';
import { PROGRAM } from './support/kernel.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-values-'));
afterAll(() => fs.rmSync(dir, { recursive: true }));
beforeAll(() =>
  write(dir, {
    ...{ template: 'task', key: ['tid'], host: 'a', time: '2026-11-27T03:15:02.902Z' },
    ...{ columns: { tid: { type: 'u32' } }, rows: [{ tid: 1 }] },
  }),
);

const SQL = `select timestamp as t, date_trunc('day', timestamp) as day, timestamptz 'infinity' as never, date as d,
  ['a, b', null, '"'] as texts, [timestamp] as times, [[1], []] as nested, null::varchar[] as none from task`;

const OBJECT =
  '{"t":"2026-11-27T03:15:02.902Z","day":"2026-11-27T00:00:00Z","never":"infinity","d":"2026-11-27",' +
  '"texts":["a, b",null,"\\""],"times":["2026-11-27T03:15:02.902Z"],"nested":[[1],[]],"none":null}';

test.each<[string, RegExp | string]>([
  ['json', `[\n${OBJECT}\n]\n`],
  ['ndjson', `${OBJECT}\n`],
  ['csv', /\n2026-11-27T03:15:02\.902Z,2026-11-27T00:00:00Z,infinity,2026-11-27,"\[/],
  ['table', /\n2026-11-27 03:15:02\.902\+00 +2026-11-27 00:00:00\+00 +infinity +2026-11-27 /],
])(
  '%s',
  (format, expected) => {
    const { stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'query', dir, SQL, '-f', format], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect([stdout, stderr]).toEqual([typeof expected === 'string' ? expected : expect.stringMatching(expected), '']);
  },
  70_000,
);
