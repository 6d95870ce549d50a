/**
 * What a day of recording takes: 1,000 processes of which some work, some come and go, and most sleep. Eleven minutes
 * are recorded for it, and taken as often as a day has them, what comes once at the begin included.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Btf } from '../../src/bpf/btf.ts';
import { Collector } from '../../src/state/collector.ts';
import { OneFile, Recorder, thisHost } from '../../src/state/recorder.ts';
import { Recording } from '../../src/state/recording.ts';
import { RecordingWriter } from '../../src/state/recording-file.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { PLAIN } from '../decode.ts';
import type { Result } from '../result.ts';

/** Longer than a key frame is followed by differences, so that the stretch is like any other of a day. */
const SECONDS = 660;
const DAY = 86_400;
const ROWS = 1000;
/** Awake each second; a new process each second; asleep. Kernel threads come on top, up to ROWS. */
const CHURN = `
for ((i = 0; i < 100; i++)); do (exec {fd}<> <(:); while read -t 1 -u $fd; [ $? -gt 128 ]; do :; done) & done
for ((i = 0; i < 10; i++)); do (while sleep 1; do :; done) & done
for ((i = 0; i < 2; i++)); do (while :; do :; done) & done
for ((i = 0; i < $0; i++)); do sleep 1000 & done
echo ready; read -r _; kill 0`;

export async function record(): Promise<Result[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-bench-'));
  const columns = task.columns.map((c) => c.name);
  const already = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length;
  const load = spawn('bash', ['-c', CHURN, String(Math.max(0, ROWS - already - 230))], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  try {
    await once(load.stdout!, 'data');
    using recordings = new DisposableStack();
    const made = (
      [
        ['columns of the view', task.show],
        ['all columns', columns],
      ] as const
    ).map(([what, asked]) => {
      const file = path.join(folder, `${asked.length}.itertop`);
      const collector = recordings.use(new Collector(task, Btf.vmlinux(), PLAIN.userName, PLAIN.pageSize));
      const writer = recordings.use(new RecordingWriter(file));
      const recorder = recordings.use(new Recorder(new OneFile(writer), thisHost(PLAIN.pageSize, PLAIN.userName)));
      const options = { columns: asked, filters: {}, switches: {}, ungroup: false, where: '', netns: 'self' } as const;
      const question = { ...options, sort: task.sort, interval: 1000 };
      let rows = 0;
      let ms = 0;
      const append = () => {
        const collected = collector.collect(options);
        const read = performance.now();
        recorder.append(collector, collected, question);
        ms += performance.now() - read;
        rows += collected.table.rows;
      };
      return { what, file, writer, append, total: () => ({ rows, ms }) };
    });
    // Both of the same stretch of time.
    for (let second = 0; second < SECONDS; second++) {
      const started = performance.now();
      for (const { append } of made) append();
      await sleep(Math.max(0, 1000 - (performance.now() - started)));
    }
    const results: Result[] = [];
    for (const { what, file, writer, total } of made) {
      const { rows, ms } = total();
      using recording = new Recording(file);
      const from = performance.now();
      for (let n = 0; n < recording.count; n++) recording.read(n);
      const each = (performance.now() - from) / recording.count;
      const of = `${Math.round(rows / SECONDS)} tasks each second, ${what}`;
      results.push(
        { what: `${of}: a day`, own: (writer.size / SECONDS) * DAY, unit: 'bytes', want: { below: 200e6 } },
        { what: `${of}: to write a refresh`, own: ms / SECONDS, unit: 'ms' },
        { what: `${of}: to read a refresh`, own: each, unit: 'ms' },
      );
    }
    return results;
  } finally {
    const ended = once(load, 'exit');
    process.kill(-load.pid!, 'SIGKILL');
    await ended;
    fs.rmSync(folder, { recursive: true });
  }
}
