import { Btf } from '../../src/bpf/btf.ts';
import { Collector } from '../../src/state/collector.ts';
import { orderRows } from '../../src/state/order.ts';
import { taskFile } from '../../src/templates/builtin/task-file.ts';
import { decodeTable, openReader, PLAIN } from '../decode.ts';
import { Load } from '../load.ts';
import { compare, lines, tool } from '../measure.ts';
import type { Result } from '../result.ts';
import { emptyWalk } from '../walk.ts';

const FILES = 50_000;
/** What lsof shows. */
const COLUMNS = ['pid', 'comm', 'fd', 'type', 'size', 'inode', 'path'];
const LSOF = 'lsof -nP';

export async function files(): Promise<Result[]> {
  await using _load = await Load.start('files', FILES);
  using reader = openReader(taskFile, COLUMNS);
  using collector = new Collector(taskFile, Btf.vmlinux(), PLAIN.userName, PLAIN.pageSize);
  const collect = () => collector.collect({ columns: COLUMNS, filters: {}, switches: {}, ungroup: false }).table;
  using paths = openReader(taskFile, ['path']);
  using walks = new DisposableStack();
  const walk = emptyWalk(walks, 'task_file');
  const { rows } = reader.read().batch;
  const found = lines(LSOF);
  // lsof also lists what is mapped, the working directory and the program.
  if (rows > found) throw new Error(`itertop has ${rows} open files, lsof only ${found}`);

  const ms = compare(5, {
    refresh: { run: () => decodeTable(collect(), ['pid', 'fd', 'size', 'inode']), times: 4 },
    read: { run: () => reader.read(), times: 4 },
    paths: { run: () => paths.read(), times: 4 },
    empty: { run: walk, times: 4 },
    texts: { run: () => decodeTable(collect(), COLUMNS), times: 2 },
    sorted: { run: () => orderRows(collect(), [{ column: 'pid', descending: false }], null, COLUMNS), times: 2 },
    lsof: { run: tool(LSOF) },
  });
  const what = `${rows.toLocaleString('en-US')} open files`;
  const than = `\`${LSOF}\``;
  return [
    { what: `${what}: open, read, decode`, own: ms.refresh, other: ms.lsof, than, unit: 'ms', want: { faster: 60 } },
    { what: `${what}: the same`, own: ms.refresh, other: ms.empty, than: 'an empty program', unit: 'ms' },
    { what: `${what}: open and read alone`, own: ms.read, other: ms.lsof, than, unit: 'ms' },
    { what: `${what}: paths alone, which are the floor`, own: ms.paths, other: ms.lsof, than, unit: 'ms' },
    { what: `${what}: an empty program`, own: ms.empty, other: ms.lsof, than, unit: 'ms' },
    { what: `${what}: and every name, type and path as text`, own: ms.texts, other: ms.lsof, than, unit: 'ms' },
    { what: `${what}: whole refresh, sorted by pid`, own: ms.sorted, other: ms.lsof, than, unit: 'ms' },
  ];
}
