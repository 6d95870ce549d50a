import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Child } from '../support/child.ts';
import { describeKernel, eventually, output, ownNetwork, readOnce, rowsOf } from '../support/kernel.ts';
import * as proc from '../support/proc.ts';
import { SS_STATES } from '../support/sockets.ts';
import { prepare } from '../support/tcp-sockets.ts';

const numbers = (text: string) => text.trim().split(/\s+/).map(Number);

/**
 * Other processes come and go: what was there before and after has to be in the rows, and nothing may be in them that
 * was neither there before nor after.
 */
function expectBetween(rows: readonly number[], before: readonly number[], after: readonly number[]) {
  const got = new Set(rows);
  const then = new Set(before);
  const now = new Set(after);
  expect(rows.length).toBe(got.size);
  expect(before.filter((n) => now.has(n) && !got.has(n))).toEqual([]);
  expect(rows.filter((n) => !then.has(n) && !now.has(n))).toEqual([]);
}

describeKernel('all rows equal what the usual tools show', () => {
  // Some sandboxes keep PID 1 from iterators.
  const visible = (list: number[]) => list.filter((pid) => pid !== 1);

  test('task: the processes of ps -e', async () => {
    await eventually(() => {
      const before = visible(numbers(output('ps', '-e', '-o', 'pid=')));
      const { table, stats } = readOnce('task');
      const after = visible(numbers(output('ps', '-e', '-o', 'pid=')));
      const rows = visible(rowsOf(table).map((r) => r.number('pid')));
      expectBetween(rows, before, after);
      expect([stats.doubles, stats.emitted]).toEqual([0, table.rows]);
      expect(stats.visited).toBeGreaterThanOrEqual(table.rows);
    });
  });

  test('task, threads: the threads of ps -eL', async () => {
    await eventually(() => {
      const shown = () =>
        output('ps', '-eL', '-o', 'pid=,tid=')
          .trim()
          .split('\n')
          .map(numbers)
          .filter(([pid]) => pid !== 1)
          .map(([, tid]) => tid);
      const before = shown();
      const { table, stats } = readOnce('task', { columns: ['pid', 'tid', 'comm'], ungroup: true });
      const after = shown();
      const rows = rowsOf(table).filter((r) => r.number('pid') !== 1);
      expectBetween(
        rows.map((r) => r.number('tid')),
        before,
        after,
      );
      expect(stats.visited).toBe(table.rows);
    });
  });

  test('task: pid, parent, user, nice, threads and name of every process that stands still, as ps -eo', async () => {
    const read = () =>
      new Map(
        output('ps', '-e', '-o', 'pid=,ppid=,euid=,ni=,nlwp=,sid=,pgrp=,comm=')
          .trim()
          .split('\n')
          .map((line) => /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+(\d+)\s+(\d+)\s(.*?)( <defunct>)?$/.exec(line)!)
          .map((m) => [Number(m[1]), [m[2], m[3], m[4], m[5], m[6], m[7], m[8]].join(' ')] as const),
      );
    await eventually(() => {
      const before = read();
      const { table } = readOnce('task');
      const after = read();
      let compared = 0;
      for (const row of rowsOf(table)) {
        const shown = before.get(row.number('pid'));
        // ps writes - for a nice value that a real-time task does not use.
        if (shown === undefined || shown !== after.get(row.number('pid')) || shown.split(' ')[2] === '-') continue;
        compared++;
        const columns = ['ppid', 'user', 'nice', 'threads', 'sid', 'pgrp'].map((c) => row.number(c));
        const name = row.text('comm');
        // ps shows the names of kernel workers with what they do behind a + or -.
        const same = shown.split(' ').slice(0, 6).join(' ');
        expect([row.number('pid'), columns.join(' ')]).toEqual([row.number('pid'), same]);
        expect(shown.split(' ').slice(6).join(' ').startsWith(name.slice(0, 7))).toBe(true);
      }
      expect(compared).toBeGreaterThan(before.size / 2);
    });
  });

  test('task_file: the descriptors of a quiet tree of processes, as /proc and lsof have them', async () => {
    const shell = spawn(
      'sh',
      ['-c', 'exec 5</dev/null 6>/dev/null; sleep 60 7</proc/self/status & sleep 61 8<. & wait'],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
        detached: true,
      },
    );
    try {
      await eventually(() => {
        const tree = [shell.pid!, ...numbers(output('ps', '-o', 'pid=', '--ppid', String(shell.pid)))];
        expect(tree.length).toBe(3);
        const { table } = readOnce('task_file', { filters: { pid: tree.map((pid) => [pid, pid] as const) } });
        const rows = rowsOf(table).map((r) => `${r.number('pid')} ${r.number('fd')} ${r.text('path')}`);
        const expected = tree.flatMap((pid) =>
          proc.descriptors(pid).map((fd) => `${pid} ${fd} ${fs.readlinkSync(`/proc/${pid}/fd/${fd}`)}`),
        );
        expect(rows.sort()).toEqual(expected.sort());
        const lsof = output('lsof', '-nP', '-a', '-d', '0-999', '-F', 'f', '-p', tree.join());
        expect(lsof.split('\n').filter((l) => l.startsWith('f')).length).toBe(rows.length);
      });
    } finally {
      process.kill(-shell.pid!, 'SIGKILL');
    }
  });

  test('task_file: every descriptor of every process, as a walk through /proc finds them', async () => {
    const walk = () => {
      const found: string[] = [];
      for (const pid of visible(proc.pids())) {
        try {
          for (const fd of proc.descriptors(pid)) found.push(`${pid} ${fd}`);
        } catch {
          // It has ended.
        }
      }
      return new Set(found);
    };
    await eventually(() => {
      const before = walk();
      const { table } = readOnce('task_file', { columns: ['pid', 'tid', 'fd', 'inode'] });
      const after = walk();
      const rows = new Set(
        rowsOf(table)
          .filter((r) => r.number('pid') === r.number('tid') && r.number('pid') !== 1)
          .map((r) => `${r.number('pid')} ${r.number('fd')}`),
      );
      // This process itself opens what it walks and reads with.
      const own = (key: string) => key.startsWith(`${process.pid} `);
      expect([...before].filter((key) => after.has(key) && !rows.has(key) && !own(key))).toEqual([]);
      const strange = [...rows].filter((key) => !before.has(key) && !after.has(key) && !own(key));
      expect(strange.length).toBeLessThan(20);
      expect(rows.size).toBeGreaterThan(before.size / 2);
    });
  });
});

describeKernel('thousands of sockets', () => {
  const PAIRS = 1100;
  let child: Child;
  beforeAll(async () => {
    ownNetwork();
    child = await Child.start({ through: ['prlimit', '--nofile=8192:8192'] });
    await prepare(child);
    await child.run(({ kept }, pairs) => {
      const { tcp } = kept;
      const v4 = tcp.listener(4, 4096);
      const v6 = tcp.listener(6, 4096, 'any');
      kept.pairs = Array.from({ length: pairs }, (_, i) => (i % 3 === 0 ? tcp.pair(6, v6) : tcp.pair(4, v4)));
    }, PAIRS);
    await sleep(100);
  }, 30_000);
  afterAll(async () => {
    await child.end();
  });

  const fromSs = () =>
    output('ss', '-HtanO')
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .map(
        ([state, recv, send, local, remote]) =>
          `${SS_STATES[state]} ${recv} ${send} ${local.replace(/^\*/, '[::]')} ${remote.replace(/^\*/, '[::]')}`,
      )
      .sort();
  const fromRows = (readSize?: number) => {
    const { table, stats } = readOnce('tcp', readSize === undefined ? {} : { readSize });
    const lines = rowsOf(table).map(
      (r) =>
        `${r.cell('state')} ${r.number('rxq') || 0} ${r.number('txq') || 0} ${r.text('local')} ${r.text('remote')}`,
    );
    return { lines: lines.sort(), stats };
  };

  test('tcp: the rows of ss -Htan, with states, queues and ends', async () => {
    await eventually(() => {
      const { lines, stats } = fromRows();
      expect(lines.length).toBeGreaterThanOrEqual(PAIRS * 2 + 2);
      expect(lines).toEqual(fromSs());
      expect(stats.doubles).toBe(0);
      expect(stats.visited).toBe(lines.length);
      expect(stats.reads).toBeGreaterThan(10);
    });
  });

  test('tcp: with TIME_WAIT and half closed ones among them', async () => {
    await child.run(({ kept }) => {
      const { tcp } = kept;
      kept.pairs.slice(0, 300).forEach(([a, b]: number[], i: number) => {
        tcp.close(a);
        if (i % 2) tcp.close(b);
      });
    });
    await eventually(() => expect(fromRows().lines).toEqual(fromSs()));
    const states = new Set(fromRows().lines.map((line) => line.split(' ')[0]));
    for (const state of ['ESTABLISHED', 'LISTEN', 'TIME_WAIT', 'FIN_WAIT2', 'CLOSE_WAIT'])
      expect([...states]).toContain(state);
  });

  test.each([1, 7, 100, 4096, 32768, 65536])(
    'the same rows whatever is asked for per read(2): %d bytes',
    async (readSize) => {
      // Only what stands still is compared: minisocks run out by themselves.
      const still = (lines: string[]) => lines.filter((l) => /^(ESTABLISHED|LISTEN|CLOSE_WAIT)/.test(l));
      const columns = ['state', 'local', 'remote', 'inode', 'ca', 'rcvbuf', 'user'];
      const lines = (size?: number) => {
        const { table } = readOnce('tcp', { columns, ...(size === undefined ? {} : { readSize: size }) });
        return still(
          rowsOf(table)
            .map((r) => columns.map((c) => r.cell(c)).join(' '))
            .sort(),
        );
      };
      const whole = lines();
      expect(lines(readSize)).toEqual(whole);
      expect(whole.length).toBeGreaterThan(PAIRS);
    },
  );

  test('every socket has its owner, and PID filters find exactly those', () => {
    const rows = rowsOf(readOnce('tcp').table).filter((r) => r.value('inode') !== null);
    expect(rows.length).toBeGreaterThan(PAIRS);
    expect(new Set(rows.map((r) => r.number('pid')))).toEqual(new Set([child.pid]));
    const filtered = readOnce('tcp', { filters: { pid: [[child.pid, child.pid]] } }).table.rows;
    expect(filtered).toBe(rows.length);
    expect(readOnce('tcp', { filters: { pid: [[process.pid, process.pid]] } }).table.rows).toBe(0);
  });
});

describeKernel('record reassembly with texts and groups', () => {
  test.each([1, 7, 100, 65536])('task and task_file of one process, read %d bytes at a time', async (readSize) => {
    await using child = await Child.start();
    const filters = { pid: [[child.pid, child.pid]] as const };
    const steady = [
      'pid',
      'tid',
      'start_ns',
      'user',
      'threads',
      'virt',
      'oom_adj',
      'cgroup',
      'pidns',
      'comm',
      'exe',
      'cwd',
      'cmdline',
    ];
    const lines = (template: string, columns: readonly string[], size: number | undefined, ungroup = false) => {
      const { table } = readOnce(template, {
        columns,
        filters,
        ungroup,
        ...(size === undefined ? {} : { readSize: size }),
      });
      return rowsOf(table)
        .map((r) => columns.map((c) => String(r.value(c))).join('|'))
        .sort();
    };
    const files = ['pid', 'fd', 'type', 'path', 'inode', 'flags', 'fstype'];
    expect(lines('task', steady, readSize)).toEqual(lines('task', steady, undefined));
    expect(lines('task', steady, readSize, true)).toEqual(lines('task', steady, undefined, true));
    expect(lines('task_file', files, readSize)).toEqual(lines('task_file', files, undefined));
  });
});
