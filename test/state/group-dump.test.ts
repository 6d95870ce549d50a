/** Groups of what the kernel has now, against the rows themselves. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeKernel, eventually, ownNetwork, PROGRAM } from '../support/kernel.ts';

function dump(...args: string[]) {
  const { stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'dump', ...args, '--format', 'json'], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as { header: Record<string, unknown>; rows: Record<string, unknown>[] };
}

describeKernel('dump --group', () => {
  // Ports are this test's alone.
  beforeAll(ownNetwork);

  const accepted: net.Socket[] = [];
  const server = net.createServer((socket) => accepted.push(socket));
  let clients: net.Socket[] = [];
  let port = 0;

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as net.AddressInfo);
    clients = Array.from({ length: 7 }, () => net.connect(port, '127.0.0.1'));
    await Promise.all(clients.map((client) => once(client, 'connect')));
    // Before that no process has them.
    await eventually(() => expect(accepted.length).toBe(7));
  });
  afterAll(() => {
    for (const socket of [...clients, ...accepted]) socket.destroy();
    server.close();
  });

  /** Sockets of this test alone: elsewhere others may have that port at one of their ends. */
  const own = () => ['--netns', 'self', '--port', String(port)];

  test('sockets by state: as many as there are rows, with the sums of theirs', () => {
    const columns = ['--columns', 'state,lport,rxq,pid'];
    const { rows } = dump('tcp', ...own(), ...columns);
    const groups = dump('tcp', ...own(), ...columns, '--group', 'state');
    expect(groups.header).toMatchObject({
      group: 'state',
      grouped: 15,
      rows: 2,
      columns: ['state', 'count', 'rxq', 'lport', 'pid'],
    });
    const expected = [...Map.groupBy(rows, ({ state }) => state)].map(([state, of]) => ({
      state,
      count: of.length,
      rxq: of.reduce((sum, { rxq }) => sum + Number(rxq), 0),
      lport: of.every(({ lport }) => lport === port) ? port : null,
      pid: process.pid,
    }));
    expect(groups.rows).toEqual(expected.sort((a, b) => b.count - a.count));
    expect(groups.rows.map(({ count }) => count)).toEqual([14, 1]);
  });

  test('another order, and a search that narrows what is grouped', () => {
    const args = ['tcp', '--netns', 'self', '--port', String(port), '--columns', 'lport,rport', '--group', 'state'];
    expect(dump(...args, '--sort', 'count').rows.map(({ state }) => state)).toEqual(['LISTEN', 'ESTABLISHED']);
    const found = dump(...args, '--search', `ESTABLISHED.* ${clients[3]!.localPort} `);
    // The two ends of one connection.
    expect(found.header).toMatchObject({ grouped: 2, rows: 1 });
    expect(found.rows).toEqual([{ state: 'ESTABLISHED', count: 2, lport: null, rport: null }]);
  });

  test('processes by a column that is not shown, over two readings', () => {
    const { rows } = dump(
      'task',
      '--pid',
      `${process.pid},${process.ppid}`,
      '--columns',
      'cpu',
      '--group',
      'pid',
      '--sort',
      'pid',
    );
    expect(rows.map(({ pid }) => pid)).toEqual([process.pid, process.ppid].sort((a, b) => a - b));
    for (const row of rows) expect(row).toMatchObject({ count: 1, cpu: expect.any(Number) });
  });

  test('the table says what it is', () => {
    const args = ['dump', 'tcp', ...own(), '--columns', 'state', '--group', 'state'];
    const { stdout } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' });
    expect(stdout).toMatch(/^itertop tcp {2}by state: 2 groups of 15 rows of \d+ visited/);
    expect(stdout.split('\n').slice(1)).toEqual(['STATE       COUNT', 'ESTABLISHED    14', 'LISTEN          1', '']);
  });

  test.each([
    ['rss', 'rss is an amount: task can be grouped by pid, user'],
    ['nothing', "task has no column 'nothing'"],
  ])('%s is refused', (column, message) => {
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, 'dump', 'task', '--group', column], {
      encoding: 'utf8',
    });
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });
});
