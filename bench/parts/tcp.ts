import { Btf } from '../../src/bpf/btf.ts';
import { Collector } from '../../src/state/collector.ts';
import { orderRows } from '../../src/state/order.ts';
import { tcp as template } from '../../src/templates/builtin/tcp.ts';
import { decodeTable, openReader, PLAIN } from '../decode.ts';
import { Load } from '../load.ts';
import { checkSame, compare, tool } from '../measure.ts';
import type { Result } from '../result.ts';
import { emptyWalk } from '../walk.ts';

const SOCKETS = 20_000;
/** What ss shows. */
const COLUMNS = ['state', 'rxq', 'txq', 'local', 'remote'];
const NUMBERS = ['state', 'rxq', 'txq', 'lport', 'rport'];
const SS = 'ss -tan';

export async function tcp(): Promise<Result[]> {
  await using _load = await Load.start('sockets', SOCKETS);
  const btf = Btf.vmlinux();
  using collector = new Collector(template, btf, PLAIN.userName, PLAIN.pageSize);
  const collect = () => collector.collect({ columns: COLUMNS, filters: {}, switches: {}, ungroup: false }).table;
  using reader = openReader(template, COLUMNS);
  using whole = new Collector(template, btf, PLAIN.userName, PLAIN.pageSize);
  const view = { columns: template.show, filters: {}, switches: {}, ungroup: false };

  using walks = new DisposableStack();
  const walk = emptyWalk(walks, 'tcp');

  const rows = await checkSame('sockets', () => collect().rows, SS);
  const ms = compare(15, {
    refresh: { run: () => decodeTable(collect(), NUMBERS), times: 5 },
    plain: {
      run: () => {
        const { batch } = reader.read();
        for (const { column } of batch.layout.fields) batch.numbers(column);
      },
      times: 5,
    },
    read: { run: () => reader.read(), times: 5 },
    empty: { run: walk, times: 5 },
    texts: { run: () => decodeTable(collect(), COLUMNS), times: 2 },
    view: {
      run: () => orderRows(whole.collect(view).table, [{ column: 'state', descending: false }], null, template.show),
      times: 2,
    },
    ss: { run: tool(SS) },
  });
  const what = `${rows.toLocaleString('en-US')} TCP sockets`;
  const than = `\`${SS}\``;
  return [
    { what: `${what}: open, read, decode`, own: ms.refresh, other: ms.ss, than, unit: 'ms', want: { faster: 6 } },
    {
      what: `${what}: the same`,
      own: ms.refresh,
      other: ms.empty,
      than: 'an empty program',
      unit: 'ms',
      want: { within: 1.5 },
    },
    {
      what: `${what}: without keys and derived columns`,
      own: ms.plain,
      other: ms.empty,
      than: 'an empty program',
      unit: 'ms',
    },
    { what: `${what}: open and read alone`, own: ms.read, other: ms.empty, than: 'an empty program', unit: 'ms' },
    { what: `${what}: an empty program, which is the floor`, own: ms.empty, other: ms.ss, than, unit: 'ms' },
    { what: `${what}: and every address as text`, own: ms.texts, other: ms.ss, than, unit: 'ms' },
    { what: `${what}: columns of the view, with owners, sorted`, own: ms.view, other: ms.ss, than, unit: 'ms' },
  ];
}
