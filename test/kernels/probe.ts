/** Run in a guest: loads and reads every table with every column, and maps of each kind that has an iterator. */
import { once } from 'node:events';
import net from 'node:net';
import os from 'node:os';
import { Btf } from '../../src/bpf/btf.ts';
import { pageSize } from '../../src/bpf/host.ts';
import type { OwnedFd } from '../../src/bpf/syscall.ts';
import { targetNames } from '../../src/bpf/targets.ts';
import { Collector } from '../../src/state/collector.ts';
import { tableOfMap } from '../../src/state/maps.ts';
import { BUILTIN } from '../../src/templates/builtin/index.ts';
import { genericTargets, genericTemplate } from '../../src/templates/generic.ts';
import type { Template } from '../../src/templates/template.ts';
import { BtfWriter } from '../bpf/btf-writer.ts';
import { BPF_F_NO_PREALLOC, btf, MAP, map, put } from '../support/bpf.ts';
import { fdinfo } from '../support/proc.ts';
import type { Found, FoundMap, FoundTable } from './found.ts';

const vmlinux = Btf.vmlinux();
const targets = targetNames(vmlinux);

function look(template: Template): FoundTable {
  const { name, target } = template;
  const columns = template.columns.map((c) => c.name);
  const found = { name, target, rows: 0, columns: columns.length, absent: {}, error: '' };
  if (!targets.includes(target)) return { ...found, state: 'absent' };
  const collector = new Collector(template, vmlinux, String, pageSize());
  try {
    const { table, absent } = collector.collect({ columns, filters: {}, where: '', ungroup: false, switches: {} });
    return { ...found, state: 'ok', rows: table.rows, absent: Object.fromEntries(absent) };
  } catch (error) {
    return { ...found, state: 'failed', error: (error as Error).message };
  } finally {
    collector.close();
  }
}

/** One element each; of the last three an open socket. */
async function maps(): Promise<FoundMap[]> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  await once(client, 'connect');
  const socket = Uint32Array.of((client as unknown as { _handle: { fd: number } })._handle.fd);
  const u32 = (n: number) => new Uint8Array(Uint32Array.of(n).buffer);
  const u64 = (n: number) => new Uint8Array(BigUint64Array.of(BigInt(n)).buffer);
  const w = new BtfWriter();
  const types = { key: w.int('int', 4, { signed: true }), value: w.int('unsigned long long', 8) };
  const described = { fd: btf(w.bytes()), ...types };
  const shape = { name: 't_probe', keySize: 4, valueSize: 8, maxEntries: 4 };
  const fd = new Uint8Array(socket.buffer);
  const kinds: [keyof typeof MAP, Uint8Array, Uint8Array, object?][] = [
    ['hash', u32(7), u64(7)],
    ['array', u32(0), u64(7), { maxEntries: 1 }],
    ['lru_hash', u32(7), u64(7)],
    ['sockmap', u32(1), u64(socket[0])],
    ['sockhash', u32(7), u64(socket[0])],
    ['sk_storage', fd, u64(7), { maxEntries: 0, flags: BPF_F_NO_PREALLOC, btf: described }],
  ];
  const found = kinds.map(([type, key, value, more]): FoundMap => {
    let made: OwnedFd | null = null;
    try {
      made = map({ ...shape, type: MAP[type], ...more });
      put(made, key, value);
      const template = tableOfMap(String(Number(fdinfo('self', made.fd)['map_id'])));
      const collector = new Collector(template, vmlinux, String, pageSize());
      try {
        const columns = template.columns.map((c) => c.name);
        const { table, stats } = collector.collect({ columns, filters: {}, where: '', ungroup: false, switches: {} });
        const by = stats.conditions.find((c) => c.text.startsWith('map '))?.where ?? '';
        return { type, by, rows: table.rows, error: '' };
      } finally {
        collector.close();
      }
    } catch (error) {
      return { type, by: '', rows: 0, error: (error as Error).message };
    } finally {
      made?.close();
    }
  });
  described.fd.close();
  client.destroy();
  server.close();
  return found;
}

const report: Found = {
  release: os.release(),
  arch: process.arch,
  targets,
  tables: BUILTIN.map(look),
  generic: genericTargets(vmlinux, []).map((target) => look(genericTemplate(vmlinux, target))),
  maps: await maps(),
};
process.stdout.write(JSON.stringify(report, null, 1));
