/** Who is at the other end, and who else holds a socket: with processes, forks and namespaces that the test makes. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LiveView, toWire } from '../../src/state/live-view.ts';
import { tcp } from '../../src/templates/builtin/tcp.ts';
import { unix } from '../../src/templates/builtin/unix.ts';
import { type Template, TemplateError } from '../../src/templates/template.ts';
import { Child } from '../support/child.ts';
import { collect, collector, describeKernel, eventually, ownNetwork, type Row, rowsOf } from '../support/kernel.ts';
import { heldObjects } from '../support/objects.ts';
import { register } from '../support/references.ts';
import { prepare } from '../support/tcp-sockets.ts';

const COLUMNS = ['local', 'remote', 'inode', 'pid', 'peer_pid', 'peer_command', 'peer_inode', 'held_by'];
const inodeOf = (pid: number, fd: number) => Number(/\d+/.exec(fs.readlinkSync(`/proc/${pid}/fd/${fd}`))![0]);
const commandOf = (pid: number) => fs.readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
const byInode = (rows: readonly Row[], inode: number) => rows.find((r) => r.number('inode') === inode)!;

describeKernel('peers', () => {
  let server: Child;
  let client: Child;
  /** Descriptors of both ends, by the way that they speak. */
  let pairs: Record<string, { client: number; server: number }>;
  const from = collector(tcp);
  const heirs: ChildProcess[] = [];

  beforeAll(async () => {
    ownNetwork();
    [server, client] = [await Child.start(), await Child.start()];
    await prepare(server);
    await prepare(client);
    pairs = {};
    for (const [name, listens, speaks, to] of [
      ['v4', 4, 4, 'loopback'],
      ['v6', 6, 6, 'loopback'],
      ['v4 to a listener of v6', 6, 4, 'loopback'],
      ['v6 mapped to a listener of v6', 6, 6, 'mapped'],
      ['v6 mapped to a listener of v4', 4, 6, 'mapped'],
    ] as const) {
      const port = await server.run(({ kept }, family) => {
        kept.listener = kept.tcp.listener(family, 8, 'any');
        return kept.tcp.port(kept.listener) as number;
      }, listens);
      const fd = await client.run(({ kept }, [family, port, to]) => kept.tcp.tryConnect(family, port, to) as number, [
        speaks,
        port,
        to,
      ] as const);
      pairs[name] = {
        client: fd,
        server: await server.run(({ kept }) => kept.tcp.accept(kept.listener, null, null, 0o2000000) as number),
      };
    }
  });
  afterAll(async () => {
    from.close();
    for (const heir of heirs) heir.kill('SIGKILL');
    await client.end();
    await server.end();
  });

  const ends = (name: string) => ({
    client: inodeOf(client.pid, pairs[name].client),
    server: inodeOf(server.pid, pairs[name].server),
  });
  const expectPair = (rows: readonly Row[], name: string) => {
    const inodes = ends(name);
    const peer = (inode: number) => {
      const row = byInode(rows, inode);
      return [row.value('pid'), row.value('peer_pid'), row.value('peer_command'), Number(row.value('peer_inode'))];
    };
    expect([name, ...peer(inodes.client)]).toEqual([
      name,
      client.pid,
      server.pid,
      commandOf(server.pid),
      inodes.server,
    ]);
    expect([name, ...peer(inodes.server)]).toEqual([
      name,
      server.pid,
      client.pid,
      commandOf(client.pid),
      inodes.client,
    ]);
  };

  test('of connections over loopback, in IPv4, IPv6 and mapped addresses', () => {
    const rows = rowsOf(collect(from, { columns: COLUMNS }).table);
    for (const name of Object.keys(pairs)) expectPair(rows, name);
    expect(byInode(rows, ends('v4 to a listener of v6').client).text('remote')).toMatch(/^127\.0\.0\.1:/);
    expect(byInode(rows, ends('v4 to a listener of v6').server).text('remote')).toMatch(/^\[::ffff:127\.0\.0\.1\]:/);
    for (const row of rows) if (row.text('remote').endsWith(':*')) expect(row.value('peer_pid')).toBe(null);
  });

  test('cost no further walk, unless a filter leaves ends out', () => {
    const programs = () => heldObjects().filter((o) => o.kind === 'prog').length;
    const before = programs();
    using one = collector(tcp);
    collect(one, { columns: COLUMNS });
    expect(programs() - before).toBe(2); // tcp, socket_owner
    collect(one, { columns: COLUMNS, where: `peer_pid == ${client.pid}` });
    expect(programs() - before).toBe(2);
    collect(one, { columns: COLUMNS, where: 'lport > 1' });
    expect(programs() - before).toBe(3);
    using two = collector(unix);
    const then = programs();
    collect(two, { columns: ['pid', 'peer_pid', 'held_by'] });
    expect(programs() - then).toBe(2);
  });

  test.each<[string, () => Parameters<typeof collect>[1]]>([
    ['lport', () => ({ filters: { lport: [[1, 65535]] } })],
    ['pid', () => ({ filters: { pid: [[client.pid, client.pid]] } })],
    ['user', () => ({ filters: { user: [[0, 0]] } })],
    ['a condition in the kernel', () => ({ where: 'lport > 1 && rport > 1' })],
  ])('are found with a filter, too: %s', (_, ask) => {
    const rows = rowsOf(collect(from, { columns: COLUMNS, ...ask() }).table);
    for (const name of Object.keys(pairs)) {
      const row = byInode(rows, ends(name).client);
      expect([row.number('pid'), row.number('peer_pid')]).toEqual([client.pid, server.pid]);
    }
  });

  test('a filter by one end keeps only rows of that end', () => {
    const port = Number(/:(\d+)$/.exec(byInode(rowsOf(collect(from).table), ends('v4').server).text('local'))![1]);
    const rows = rowsOf(collect(from, { columns: COLUMNS, filters: { rport: [[port, port]] } }).table);
    expect(rows.map((r) => [r.number('pid'), r.number('peer_pid')])).toEqual([[client.pid, server.pid]]);
    const both = collect(from, { columns: COLUMNS, where: `peer_pid == ${server.pid}` });
    expect(both.stats.conditions).toContainEqual({ text: `peer_pid == ${server.pid}`, where: 'user' });
  });

  test('cross threads with their view', () => {
    for (const filters of [{}, { pid: [[client.pid, client.pid]] as const }]) {
      const collected = collect(from, { columns: COLUMNS, filters });
      const order = Uint32Array.from({ length: collected.table.rows }, (_, row) => row);
      const wire = structuredClone(
        toWire(collected, COLUMNS, COLUMNS, { order, groups: null, tree: null }, order.length),
      );
      const view = new LiveView(wire);
      expect(view.count).toBeGreaterThan(0);
      for (let row = 0; row < view.count; row++)
        expect(view.columns.map((c) => view.cell(row, c))).toEqual(COLUMNS.map((c) => collected.table.cell(row, c)));
    }
  });

  test('a template of another name finds them in tcp', () => {
    const mine: Template = { ...tcp, name: 'mine' };
    register(mine);
    using other = collector(mine);
    const rows = rowsOf(collect(other, { columns: COLUMNS }).table);
    for (const name of Object.keys(pairs)) expectPair(rows, name);
    register();
  });

  test('joins that lead in a circle are refused', () => {
    const circle = (name: string, other: string): Template => ({
      ...tcp,
      name,
      joins: { other: { template: other, on: ['sk', 'sk'] } },
      filters: {},
      columns: [...tcp.columns.filter((c) => c.from), { name: 'x', help: '', join: 'other.x' }],
    });
    register(circle('one', 'two'), circle('two', 'one'));
    using from = collector('one');
    expect(() => collect(from, { columns: ['x'] })).toThrow(TemplateError);
    register();
  });

  test('an end that was not accepted yet belongs to nobody', async () => {
    const port = await server.run(({ kept }) => {
      kept.listener = kept.tcp.listener(4, 8);
      return kept.tcp.port(kept.listener) as number;
    });
    const fd = await client.run(({ kept }, port) => kept.tcp.tryConnect(4, port) as number, port);
    const peer = () =>
      byInode(rowsOf(collect(from, { columns: COLUMNS }).table), inodeOf(client.pid, fd)).value('peer_pid');
    expect(peer()).toBe(null);
    await server.run(({ kept }) => kept.tcp.accept(kept.listener, null, null, 0o2000000) as number);
    expect(peer()).toBe(server.pid);
  });

  test('held_by: all that inherited a descriptor, up to eight by name', async () => {
    const inherit = (count: number) =>
      client.run(
        ({ node }, [fd, count]) => {
          const { spawn } = node<typeof import('node:child_process')>('child_process');
          // Twice the same: one process all the same.
          return Array.from({ length: count }, () => spawn('sleep', ['60'], { stdio: [fd, fd, 'ignore'] }).pid!);
        },
        [pairs['v4'].client, count] as const,
      );
    const row = () => byInode(rowsOf(collect(from, { columns: COLUMNS }).table), ends('v4').client);
    const names = (pids: readonly number[]) => [
      `${client.pid}/${commandOf(client.pid)}`,
      ...pids.map((pid) => `${pid}/sleep`),
    ];
    const first = await inherit(2);
    try {
      await eventually(() => expect(row().text('held_by').split(', ').sort()).toEqual(names(first).sort()));
      // Asked for one of them, the others are still said.
      const filters = { pid: [[first[0], first[0]]] as const };
      const [shared, ...others] = rowsOf(collect(from, { columns: [...COLUMNS, 'holders'], filters }).table);
      expect(others).toEqual([]);
      expect([shared.number('pid'), shared.number('holders')]).toEqual([first[0], 2]);
      expect(shared.text('held_by').split(', ').sort()).toEqual(names(first).sort());
      expect(byInode(rowsOf(collect(from, { columns: COLUMNS }).table), ends('v4').server).number('peer_pid')).toBe(
        Math.min(client.pid, ...first),
      );
      first.push(...(await inherit(9)));
      await eventually(() => {
        const shown = row().text('held_by').split(', ');
        expect(shown.length).toBe(9);
        expect(shown[8]).toBe('+4');
        const all = names(first);
        for (const name of shown.slice(0, 8)) expect(all).toContain(name);
        expect(new Set(shown).size).toBe(9);
      });
    } finally {
      for (const pid of first) process.kill(pid, 'SIGKILL');
    }
    await eventually(() => expect(row().text('held_by')).toBe(names([])[0]));
  });

  test('unix: a pair of which another process has one end', async () => {
    const [kept, given, pid] = await client.run(({ libc, node }) => {
      const { spawn } = node<typeof import('node:child_process')>('child_process');
      const both = Buffer.alloc(8);
      libc('int socketpair(int, int, int, void *)')(1, 1 | 0o2000000, 0, both);
      const [kept, given] = [both.readInt32LE(0), both.readInt32LE(4)];
      const child = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', given] });
      return [kept, given, child.pid!];
    });
    try {
      const [mine, theirs] = [inodeOf(client.pid, kept), inodeOf(client.pid, given)];
      await client.run(({ libc }, fd) => libc('int close(int)')(fd), given);
      using from = collector(unix);
      for (const filters of [{}, { pid: [[client.pid, client.pid]] as const }])
        await eventually(() => {
          const row = byInode(rowsOf(collect(from, { filters }).table), mine);
          expect([row.number('pid'), row.number('peer_pid'), row.text('peer_command')]).toEqual([
            client.pid,
            pid,
            'sleep',
          ]);
          expect(row.number('peer_inode')).toBe(theirs);
        });
      const row = byInode(rowsOf(collect(from).table), theirs);
      expect([row.number('pid'), row.number('peer_pid'), row.text('held_by')]).toEqual([
        pid,
        client.pid,
        `${pid}/sleep`,
      ]);
    } finally {
      process.kill(pid, 'SIGKILL');
    }
  });

  test('not those of another namespace that have the same addresses and ports', async () => {
    const names = ['a', 'b'].map((end) => `itertop${process.pid}${end}`);
    const script = `const net = require('node:net');
      net.createServer((s) => { s.on('error', () => {}); console.log('up'); }).listen(4244, '127.0.0.1', () =>
        net.connect({ port: 4244, host: '127.0.0.1', localPort: 4245 }));`;
    try {
      const pids: number[] = [];
      for (const name of names) {
        execFileSync('ip', ['netns', 'add', name]);
        execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
        const child = spawn('ip', ['netns', 'exec', name, process.execPath, '-e', script], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        heirs.push(child);
        await new Promise((resolve, reject) => {
          child.stdout!.once('data', resolve);
          child.once('exit', () => reject(new Error(`${name} ended before it was connected`)));
        });
        pids.push(child.pid!);
      }
      using all = collector(tcp);
      const rows = rowsOf(
        all.collect({
          columns: [...COLUMNS, 'lport', 'netns'],
          filters: {},
          switches: {},
          ungroup: false,
          netns: 'all',
        }).table,
      ).filter((r) => /:424[45]$/.test(r.text('remote')));
      const ends = rows.map((r) => `${r.number('lport')} ${r.number('pid')} ${r.number('peer_pid')}`);
      expect(ends.sort()).toEqual(pids.flatMap((pid) => [`4244 ${pid} ${pid}`, `4245 ${pid} ${pid}`]).sort());
      expect(new Set(rows.map((r) => r.number('netns'))).size).toBe(2);
    } finally {
      for (const heir of heirs.splice(0)) heir.kill('SIGKILL');
      for (const name of names) execFileSync('ip', ['netns', 'del', name]);
    }
  });
});
