/**
 * `node bench/fleet.ts FOLDER [--hosts 1000] [--hours 24] [--every 1800] [--rows 40] [--begin 2026-01-05] [RECORDING...]`:
 * a data set of so many hosts, made of recordings: those that are named, or new ones of this machine while things come
 * and go on it. A sample each `every` seconds. What the views of `itertop query` say of it is as true as the recordings.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { recordHere } from './fleet/record.ts';
import { readRecorded } from './fleet/recorded.ts';
import { sizeOf, write } from './fleet/write.ts';

const REFRESHES = 24;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    hosts: { type: 'string', default: '1000' },
    hours: { type: 'string', default: '24' },
    every: { type: 'string', default: '1800' },
    rows: { type: 'string', default: '40' },
    begin: { type: 'string', default: '2026-01-05' },
  },
});
const [folder, ...given] = positionals;
if (folder === undefined) {
  process.stderr.write('fleet: node bench/fleet.ts FOLDER [--hosts N] [--hours N] [--every SECONDS] [RECORDING...]\n');
  process.exit(2);
}
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-fleet-'));
try {
  const files = given.length > 0 ? given : [...(await recordHere(scratch, REFRESHES)).values()];
  for (const file of files) {
    const recorded = readRecorded(file);
    const hosts = Number(values.hosts);
    const fleet = {
      hosts,
      begin: Date.parse(values.begin),
      span: Number(values.hours) * 3_600_000,
      every: Number(values.every) * 1000,
      rows: Number(values.rows),
      roll: { bytes: Number.POSITIVE_INFINITY, age: Number.POSITIVE_INFINITY },
    };
    let rows = 0;
    let host = 0;
    for (const written of write(folder, recorded, fleet)) {
      rows = written.rows;
      if (++host % 50 === 0 || host === hosts)
        process.stderr.write(`\r${recorded.template.name}: ${host} of ${hosts} hosts, ${rows} rows`);
    }
    const { files: count, bytes } = sizeOf(path.join(folder, `template=${recorded.template.name}`));
    process.stderr.write('\n');
    process.stdout.write(
      `${recorded.template.name}: ${rows} rows in ${count} files, ${bytes} bytes (${(bytes / rows).toFixed(1)} a row)\n`,
    );
  }
} finally {
  fs.rmSync(scratch, { recursive: true });
}
