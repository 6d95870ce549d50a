import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Btf } from '../../src/bpf/btf.ts';
import { Collector } from '../../src/state/collector.ts';
import { Delivery } from '../../src/state/otlp-delivery.ts';
import { sentColumns } from '../../src/state/otlp-names.ts';
import { Records } from '../../src/state/otlp-records.ts';
import { type Snapshot, snapshotWriter } from '../../src/state/snapshot.ts';
import { tcp } from '../../src/templates/builtin/tcp.ts';
import { PLAIN } from '../decode.ts';
import { Load } from '../load.ts';
import { median } from '../measure.ts';
import type { Result } from '../result.ts';

const SOCKETS = 10_000;
const ROUNDS = 9;

/** A collector that takes everything and looks at nothing; in a process of its own, for ours is measured. */
const DRAIN = `require('node:http').createServer((request, response) => {
  request.resume().on('end', () => response.end());
}).listen(0, '127.0.0.1', function () { console.log(this.address().port); })`;

export async function otlp(): Promise<Result[]> {
  await using _load = await Load.start('sockets', SOCKETS);
  const drain = spawn(process.execPath, ['-e', DRAIN], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [port] = (await once(drain.stdout, 'data')) as [Buffer];
    using collector = new Collector(tcp, Btf.vmlinux(), PLAIN.userName, PLAIN.pageSize);
    const columns = sentColumns(tcp, tcp.show);
    const { table, stats } = collector.collect({ columns, filters: {}, switches: {}, ungroup: false });
    const order = Uint32Array.from({ length: SOCKETS }, (_, i) => i);
    const of = (shown: readonly string[]): Snapshot => {
      return { table, order, columns: shown, stats, filters: {}, where: '', search: '' };
    };
    const records = new Records({ 'host.name': 'bench' }, { name: 'itertop', version: '0' });
    const bytes = { own: 0, other: 0 };
    const ndjson = () => {
      bytes.other = 0;
      for (const piece of snapshotWriter('ndjson', true).snapshot(of(tcp.show)))
        bytes.other += Buffer.from(piece).length;
    };
    const made = () => {
      bytes.own = 0;
      for (const request of records.requests(of(columns), tcp.show, null)) bytes.own += request.bytes.length;
    };
    const sent = async () => {
      const delivery = new Delivery('logs', `http://127.0.0.1:${Number(port)}`, true, () => {}, undefined);
      for (const request of records.requests(of(columns), tcp.show, null)) await delivery.offer(request);
      const { taken, problem } = await delivery.end();
      if (taken !== SOCKETS) throw new Error(`${taken} records were taken: ${problem}`);
    };
    const ms = { ndjson: [] as number[], made: [] as number[], sent: [] as number[] };
    for (let round = 0; round <= ROUNDS; round++)
      for (const [name, run] of [
        ['ndjson', ndjson],
        ['made', made],
        ['sent', sent],
      ] as const) {
        const before = process.cpuUsage();
        await run();
        const { user, system } = process.cpuUsage(before);
        if (round > 0) ms[name].push((user + system) / 1000);
      }
    const what = `${SOCKETS.toLocaleString('en-US')} TCP sockets as OTLP log records`;
    const than = 'as NDJSON';
    return [
      { what: `${what}, sent: CPU`, own: median(ms.sent), other: median(ms.ndjson), than, unit: 'ms' },
      { what: `${what}, made: CPU`, own: median(ms.made), other: median(ms.ndjson), than, unit: 'ms' },
      { what: 'bytes of each', own: bytes.own / SOCKETS, other: bytes.other / SOCKETS, than, unit: 'bytes' },
    ];
  } finally {
    drain.kill();
  }
}
