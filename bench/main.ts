/** `npm run bench [-- [PART...] [--json FILE]]`: itertop beside what a user would run instead. Timings decide nothing. */
import fs from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { bin } from './parts/bin.ts';
import { bytes } from './parts/bytes.ts';
import { files } from './parts/files.ts';
import { fleet } from './parts/fleet.ts';
import { hosts } from './parts/hosts.ts';
import { idle } from './parts/idle.ts';
import { keys } from './parts/keys.ts';
import { otlp } from './parts/otlp.ts';
import { record } from './parts/record.ts';
import { start } from './parts/start.ts';
import { tcp } from './parts/tcp.ts';
import { threads } from './parts/threads.ts';
import { holds, type Result, table } from './result.ts';

const PARTS: Readonly<Record<string, () => Promise<Result[]>>> = {
  threads,
  tcp,
  files,
  fleet,
  hosts,
  keys,
  idle,
  bytes,
  bin,
  otlp,
  record,
  start,
};

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } });
const unknown = positionals.filter((name) => !PARTS[name]);
if (unknown.length > 0) {
  process.stderr.write(`bench: there is no part ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}\n`);
  process.exit(2);
}

const results: Result[] = [];
for (const name of positionals.length > 0 ? positionals : Object.keys(PARTS)) {
  process.stderr.write(`${name} ...\n`);
  try {
    results.push(...(await PARTS[name]()));
  } catch (error) {
    process.stderr.write(`bench: ${name} could not run: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

const machine = `${os.cpus()[0]?.model.trim()}, ${os.cpus().length} cores, Linux ${os.release()}, Node ${process.versions.node}`;
process.stdout.write(`${table(results)}\n\n${machine}\n`);
if (values.json !== undefined) {
  const lines = results.map((result) => ({ ...result, holds: holds(result) }));
  fs.writeFileSync(values.json, `${JSON.stringify({ machine, results: lines }, null, 2)}\n`);
}
