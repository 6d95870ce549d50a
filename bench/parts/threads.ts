import { Btf } from '../../src/bpf/btf.ts';
import { Collector } from '../../src/state/collector.ts';
import { orderRows } from '../../src/state/order.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { decodeAll, openReader, PLAIN } from '../decode.ts';
import { Load } from '../load.ts';
import { checkSame, compare, tool } from '../measure.ts';
import type { Result } from '../result.ts';
import { emptyWalk } from '../walk.ts';

const THREADS = 10_000;
const COLUMNS = ['pid', 'tid', 'comm', 'time'];
const PS = 'ps -eLo pid,tid,comm,time';

export async function threads(): Promise<Result[]> {
  await using _load = await Load.start('threads', THREADS);
  using reader = openReader(task, COLUMNS, true);
  using collector = new Collector(task, Btf.vmlinux(), PLAIN.userName, PLAIN.pageSize);
  const ask = { columns: COLUMNS, filters: {}, switches: {}, ungroup: true };
  const shown = { columns: task.show, filters: {}, switches: {}, ungroup: true };
  using walks = new DisposableStack();
  const rows = await checkSame('threads', () => reader.read().batch.rows, PS);

  const ms = compare(9, {
    empty: { run: emptyWalk(walks, 'task'), times: 5 },
    refresh: { run: () => decodeAll(task, reader.read().batch, COLUMNS), times: 5 },
    sorted: {
      run: () => orderRows(collector.collect(ask).table, [{ column: 'time', descending: true }], null, COLUMNS),
      times: 5,
    },
    ps: { run: tool(PS) },
  });
  using whole = new Collector(task, Btf.vmlinux(), PLAIN.userName, PLAIN.pageSize);
  const all = compare(5, {
    view: {
      run: () => orderRows(whole.collect(shown).table, [{ column: 'cpu', descending: true }], null, task.show),
      times: 3,
    },
  });
  const what = `${rows.toLocaleString('en-US')} threads`;
  const than = `\`${PS}\``;
  return [
    { what: `${what}: open, read, decode`, own: ms.refresh, other: ms.ps, than, unit: 'ms', want: { faster: 80 } },
    { what: `${what}: an empty program, which is the floor`, own: ms.empty, other: ms.ps, than, unit: 'ms' },
    { what: `${what}: whole refresh, sorted by time`, own: ms.sorted, other: ms.ps, than, unit: 'ms' },
    { what: `${what}: whole refresh, columns of the view`, own: all.view, other: ms.ps, than, unit: 'ms' },
  ];
}
