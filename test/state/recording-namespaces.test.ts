/** A recording of sockets in several network namespaces: it opens, says how many there were, and joins as the live table did. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { Child } from '../support/child.ts';
import { describeKernel, PROGRAM } from '../support/kernel.ts';
import { ends } from '../support/unprivileged.ts';

vi.setConfig({ testTimeout: 180_000 });

describeKernel('a recording of several network namespaces', () => {
  it('has the process at the other end of a connection', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-netns-'));
    await using other = await Child.start({ through: ['unshare', '-n'] });
    await using child = await Child.start();
    const ports = await child.run(async ({ node, kept }) => {
      const net = node<typeof import('node:net')>('net');
      const { once } = node<typeof import('node:events')>('events');
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as import('node:net').AddressInfo;
      const client = net.connect(port, '127.0.0.1');
      kept.sockets = [server, client, ...(await once(server, 'connection'))];
      await once(client, 'connect');
      return [port, client.localPort!];
    });
    try {
      const file = path.join(folder, 'tcp.itertop');
      const itertop = (...args: string[]) => ends([process.execPath, PROGRAM, ...args]);
      expect(other.pid).toBeGreaterThan(0);
      const columns = ['--columns', 'state,lport,rport,pid,peer_pid'];
      expect(itertop('record', 'tcp', ...columns, '-n', '1', '-o', file)).toMatchObject({ status: 0 });
      const table = itertop('dump', '--replay', file, ...columns);
      expect([table.status, table.stderr]).toEqual([0, '']);
      expect(table.stdout).toMatch(/^itertop tcp .* \d+ netns \[link\]/);
      const { rows } = JSON.parse(itertop('dump', '--replay', file, ...columns, '-f', 'json').stdout) as {
        rows: { state: string; lport: number; pid: number; peer_pid: number }[];
      };
      const both = rows.filter((row) => row.state === 'ESTABLISHED' && ports.includes(row.lport));
      expect(both.map(({ pid, peer_pid }) => [pid, peer_pid])).toEqual([
        [child.pid, child.pid],
        [child.pid, child.pid],
      ]);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});
