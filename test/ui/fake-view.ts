/** Views and templates of known cells, so that the UI can be tried without a kernel. */
import type { RefreshStats, View, ViewColumn } from '../../src/state/view.ts';
import type { Template } from '../../src/templates/template.ts';

export interface FakeRow {
  readonly key: string;
  readonly cells: Readonly<Record<string, string>>;
}

const STATS: RefreshStats = {
  begin: new Date(2026, 10, 26, 14, 3, 21, 900).getTime(),
  end: new Date(2026, 10, 26, 14, 3, 22).getTime(),
  visited: 0,
  emitted: 0,
  bytes: 0,
  reads: 1,
  doubles: 0,
  readMs: 2.5,
  totalMs: 3.14,
  sessionId: 1,
  conditions: [],
};

export class FakeView implements View {
  readonly template: string;
  readonly columns: readonly ViewColumn[];
  readonly details: readonly ViewColumn[];
  readonly total: number;
  readonly stats: RefreshStats;
  /** How many cells were formatted. */
  formatted = 0;
  readonly #rows: readonly FakeRow[];

  constructor(
    template: string,
    columns: readonly ViewColumn[],
    rows: readonly FakeRow[],
    more: { total?: number; details?: readonly ViewColumn[]; stats?: Partial<RefreshStats> } = {},
  ) {
    this.template = template;
    this.columns = columns;
    this.details = more.details ?? columns;
    this.#rows = rows;
    this.total = more.total ?? rows.length;
    this.stats = { ...STATS, visited: this.total, emitted: this.total, ...more.stats };
  }

  get count(): number {
    return this.#rows.length;
  }
  cell(row: number, column: ViewColumn): string {
    this.formatted++;
    return this.#rows[row]!.cells[column.name] ?? '';
  }
  number(row: number, column: string): number {
    return Number(this.#rows[row]?.cells[column] || Number.NaN);
  }
  value(row: number, column: string): string | number | null {
    const cell = this.#rows[row]?.cells[column];
    if (cell === undefined || cell === '') return null;
    return Number.isNaN(Number(cell)) ? cell : Number(cell);
  }
  key(row: number): string {
    return this.#rows[row]!.key;
  }
  rowOf(key: string): number {
    return this.#rows.findIndex((row) => row.key === key);
  }
}

export function fakeColumn(name: string, more: Partial<ViewColumn> = {}): ViewColumn {
  return {
    name,
    title: name.toUpperCase(),
    help: `what ${name} means`,
    format: 'int',
    align: 'right',
    width: 5,
    absent: '',
    ...more,
  };
}

const text = { format: 'text', align: 'left' } as const;

export const TASK_COLUMNS: readonly ViewColumn[] = [
  fakeColumn('pid', { width: 7 }),
  fakeColumn('user', { ...text, format: 'uid', width: 8 }),
  fakeColumn('cpu', { title: 'CPU%', format: 'percent' }),
  fakeColumn('rss', { format: 'pages', width: 6 }),
  fakeColumn('threads', { title: 'THR', width: 4 }),
  fakeColumn('state', { ...text, format: 'enum', title: 'S', width: 1 }),
  fakeColumn('time', { format: 'cputime', title: 'TIME+', width: 10 }),
  fakeColumn('comm', { ...text, width: 15 }),
  fakeColumn('cmdline', { ...text, title: 'COMMAND', width: 16 }),
];

export const TASK: Template = {
  name: 'task',
  help: 'processes and threads',
  target: 'task',
  key: ['pid'],
  show: TASK_COLUMNS.map((column) => column.name),
  sort: '-cpu',
  columns: TASK_COLUMNS.map(({ name, help, format }) => ({ name, help, as: format })),
  filters: { pid: { any: ['task->tgid'], link: 'pid' }, user: { any: ['task->cred->uid.val'] } },
  switches: [{ name: 'kthreads', help: 'kernel threads', on: true, hides: { source: 'task->flags', mask: 1 } }],
  group: { by: 'task->tgid', member: 'task->pid', ungroup: 'threads' },
};

export const TCP_COLUMNS: readonly ViewColumn[] = [
  fakeColumn('laddr', { ...text, format: 'inet', width: 15 }),
  fakeColumn('lport', { width: 5 }),
  fakeColumn('raddr', { ...text, format: 'inet', width: 15 }),
  fakeColumn('rport', { width: 5 }),
  fakeColumn('state', { ...text, format: 'enum', width: 11 }),
  fakeColumn('rx', { title: 'RX/s', format: 'byterate', width: 6 }),
  fakeColumn('tx', { title: 'TX/s', format: 'byterate', width: 6 }),
  fakeColumn('retrans', { format: 'count', width: 7, absent: 'tcp_sock has no member total_retrans here' }),
  fakeColumn('comm', { ...text, width: 15 }),
];

export const TCP: Template = {
  name: 'tcp',
  help: 'TCP sockets: addresses, states, rates, owners',
  target: 'tcp',
  key: ['cookie'],
  show: TCP_COLUMNS.map((column) => column.name),
  sort: '-rx',
  columns: [
    ...TCP_COLUMNS.map(({ name, help, format }) => ({ name, help, as: format })),
    { name: 'cookie', help: 'socket cookie', as: 'int' },
  ],
  filters: {
    pid: { any: [], through: { join: 'owner', source: 'sk' } },
    port: { any: ['sk->sport', 'sk->dport'] },
    lport: { any: ['sk->sport'] },
    rport: { any: ['sk->dport'] },
    user: { any: ['uid'] },
  },
};

export const KSYM: Template = {
  name: 'ksym',
  help: 'kernel symbols',
  target: 'ksym',
  key: ['address'],
  show: ['address', 'name'],
  sort: 'address',
  columns: [
    { name: 'address', help: 'where it is', as: 'hex' },
    { name: 'name', help: 'what it is called', as: 'text' },
  ],
};

export const TEMPLATES: readonly Template[] = [TASK, TCP, KSYM];

export const TARGETS = [
  { template: 'task', area: 'processes', help: TASK.help, unavailable: '' },
  { template: 'tcp', area: 'network', help: TCP.help, unavailable: '' },
  { template: 'ksym', area: 'kernel', help: KSYM.help, unavailable: '' },
  {
    template: 'dmabuf',
    area: 'kernel',
    help: 'DMA buffers',
    unavailable: 'this kernel has no bpf_iter_dmabuf (since 6.16)',
  },
];

const NAMES = ['systemd', 'sshd', 'nginx', 'postgres', 'kworker/0:1', 'bash', 'node', 'containerd', 'dockerd', 'cron'];
const USERS = ['root', 'root', 'www-data', 'postgres', 'root', 'alice'];

/** `count` tasks, the same at each call with the same `round`; cpu differs from round to round. */
export function taskRows(count: number, round = 0): FakeRow[] {
  return Array.from({ length: count }, (_, index) => {
    const comm = NAMES[index % NAMES.length]!;
    const cpu = (((index * 7919 + round * 104729) % 1000) / 10).toFixed(1);
    return {
      key: String(1000 + index),
      cells: {
        pid: String(1000 + index),
        user: USERS[index % USERS.length]!,
        cpu,
        rss: `${(index * 37) % 900}M`,
        threads: String((index % 12) + 1),
        state: 'SRSDI'[index % 5]!,
        time: `${index % 9}:0${index % 6}:1${index % 10}.0${index % 7}`,
        comm,
        cmdline: `/usr/sbin/${comm} --config /etc/${comm}/${comm}.conf --worker ${index}`,
      },
    };
  });
}

const byCpu = (a: FakeRow, b: FakeRow) => Number(b.cells['cpu']) - Number(a.cells['cpu']);

export function taskView(count = 40, round = 0, more: ConstructorParameters<typeof FakeView>[3] = {}): FakeView {
  return new FakeView('task', TASK_COLUMNS, taskRows(count, round).sort(byCpu), more);
}

export function tcpView(count = 12): FakeView {
  const rows = Array.from({ length: count }, (_, index) => ({
    key: `c${index}`,
    cells: {
      laddr: index % 3 === 0 ? 'fe80::5054:ff:fe12:3456' : '192.168.122.15',
      lport: index % 2 === 0 ? '443' : String(40000 + index),
      raddr: `10.0.${index}.17`,
      rport: String(50000 + index * 3),
      state: ['ESTABLISHED', 'LISTEN', 'TIME_WAIT'][index % 3]!,
      rx: `${900 - index * 70}K`,
      tx: `${index * 3}K`,
      comm: NAMES[index % NAMES.length]!,
    },
  }));
  return new FakeView('tcp', TCP_COLUMNS, rows, {
    stats: {
      conditions: [
        { text: 'pid 1234', where: 'link' },
        { text: 'port 443,8000-8100', where: 'kernel' },
      ],
    },
  });
}
