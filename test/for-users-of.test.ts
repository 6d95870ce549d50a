/** docs/for-users-of.md: each line of it, run with objects that the test makes, which both tools have to show. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OwnedFd } from '../src/bpf/syscall.ts';
import { MAP, map, put } from './support/bpf.ts';
import { Child } from './support/child.ts';
import { collect, collector, describeKernel, PROGRAM, root } from './support/kernel.ts';
import { FLOW, flowKey, flowTypes, flowValue } from './support/maps.ts';
import { NO_HOME } from './support/unprivileged.ts';

const page = fs.readFileSync(new URL('../docs/for-users-of.md', import.meta.url), 'utf8');

interface Question {
  readonly tool: string;
  readonly question: string;
  readonly theirs: string;
  readonly ours: string;
}

/** The commands in a cell or a text. */
const commands = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!.replaceAll('\\|', '|'));

const questions = page.split(/^## /m).flatMap((section): Question[] => {
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(2).map((row) => {
    const [question = '', theirs = '', ours = ''] = row
      .slice(1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim());
    return { tool: section.split(/\s/, 1)[0]!, question, theirs: commands(theirs)[0]!, ours: commands(ours)[0]! };
  });
});
/** Outside of the tables. */
const others = page
  .split('\n')
  .filter((line) => !line.startsWith('| ') && !line.includes('...'))
  .flatMap((line) => [...commands(line), ...(line.startsWith('itertop ') ? [line] : [])])
  .filter((command) => command.startsWith('itertop ') && !/^itertop \.\.\./.test(command));

/** Old versions of bpftrace find no iterators on new kernels. */
const installed = (tool: string) => {
  const probe = tool === 'bpftrace' ? `bpftrace -e 'iter:task { exit(); }'` : `command -v ${tool}`;
  return spawnSync('sh', ['-c', probe], { timeout: 60_000 }).status === 0;
};

it('the page has questions for each of the tools', () => {
  expect(new Set(questions.map((q) => q.tool))).toEqual(new Set(['ss', 'lsof', 'ps', 'bpftool', 'bpftrace']));
  expect(questions.length).toBeGreaterThan(40);
  for (const { theirs, ours, tool } of questions) {
    expect(theirs.startsWith(`${tool} `), theirs).toBe(true);
    expect(ours).toMatch(/^itertop /);
  }
  expect(others.length).toBeGreaterThanOrEqual(7);
});

describeKernel('docs/for-users-of.md', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-users-'));
  const file = path.join(folder, 'app.log');
  const name = `ff_${process.pid}`;
  const held: OwnedFd[] = [];
  /** Two programs with links: of each kind of object there are then at least two, a list of them has lines. */
  const readings = [collector('task'), collector('bpf_map')];
  let child: Child;
  let port = 0;

  beforeAll(async () => {
    child = await Child.start();
    port = await child.run(async ({ node, kept }, at) => {
      const fs = node<typeof import('node:fs')>('fs');
      const net = node<typeof import('node:net')>('net');
      const { once } = node<typeof import('node:events')>('events');
      kept.fd = fs.openSync(at, 'w');
      kept.both = fs.openSync(`${at}.both`, 'w+');
      kept.read = fs.openSync(`${at}.both`, 'r');
      kept.gone = fs.openSync(`${at}.gone`, 'w');
      fs.unlinkSync(`${at}.gone`);
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as import('node:net').AddressInfo;
      const { createSocket } = node<typeof import('node:dgram')>('dgram');
      kept.sockets = [server, net.connect(port, '127.0.0.1'), createSocket('udp4').bind(0, '127.0.0.1')];
      await once(server, 'connection');
      return port;
    }, file);
    const btf = flowTypes();
    const flows = map({ type: MAP.hash, name, keySize: FLOW.key, valueSize: FLOW.value, maxEntries: 9, btf });
    held.push(flows, btf.fd);
    collect(readings[0]!, { columns: ['pid'] });
    collect(readings[1]!, { columns: ['id'] });
    put(flows, flowKey(1), flowValue({ packets: 4711n }));
  });
  afterAll(async () => {
    await child.end();
    for (const fd of [...held, ...readings]) fd.close();
    fs.rmSync(folder, { recursive: true });
  });

  /** What stands for something, and what that is here. */
  const meant = (): [RegExp, string][] => [
    [/\b1234\b/g, String(child.pid)],
    [/\b5432\b/g, String(port)],
    [/\/var\/log\/app\.log/g, file],
    [/\/var\/log/g, folder],
    [/\bflows\b/g, name],
  ];
  const run = (command: string) => {
    const script = meant().reduce((text, [what, is]) => text.replace(what, is), command);
    const env = { ...process.env, ...NO_HOME, N: process.execPath, P: PROGRAM, COLUMNS: '500' };
    const { status, stdout, stderr } = spawnSync('sh', ['-c', `itertop() { "$N" "$P" "$@"; }; ${script}`], {
      encoding: 'utf8',
      env,
      timeout: 60_000,
      maxBuffer: 1 << 28,
    });
    return { status, stdout, stderr, script };
  };
  /** What a command that names something has to show: that very thing; elsewhere anything. */
  const shows = (command: string): RegExp => {
    if (command.includes('1234')) return new RegExp(`\\b${child.pid}\\b|\\b${port}\\b|app\\.log|\\.so|node`);
    if (command.includes('5432')) return new RegExp(`\\b${port}\\b`);
    if (command.includes('/var/log')) return /app\.log/;
    if (command.includes('flows')) return new RegExp(`${name}|4711|1267`);
    return /\S.*\n.*\S.*\n/;
  };

  it.each(questions.map((q) => [`${q.tool}: ${q.question}`, q] as const))(
    '%s',
    (_, { ours }) => {
      const { status, stdout, stderr, script } = run(ours);
      expect([status, stderr], script).toEqual([0, '']);
      expect(stdout, script).toMatch(shows(ours));
    },
    90_000,
  );

  describe('written to by a process: what is open for writing alone, and for both', () => {
    const { theirs, ours } = questions.find((q) => q.question === 'written to by a process')!;
    it.each([['itertop', ours] as const, ...(root && installed('lsof') ? [['lsof', theirs] as const] : [])])(
      '%s',
      (_, command) => {
        const { stdout, script } = run(command);
        const of = (name: RegExp) => stdout.split('\n').filter((line) => name.test(line)).length;
        expect([of(/app\.log\b(?!\.)/), of(/app\.log\.both/), of(/cwd|txt|libc/)], script).toEqual([1, 1, 0]);
      },
      90_000,
    );
  });

  describe.each(['ss', 'lsof', 'ps', 'bpftool', 'bpftrace'])('%s', (tool) => {
    const there = root && installed(tool);
    const own = questions.filter((q) => q.tool === tool && !/ NAME /.test(q.theirs));
    it.skipIf(!there).each(own.map((q) => [q.question, q] as const))(
      '%s',
      (_, { theirs }) => {
        // lsof says 1 where it could not look into something; iterators of bpftrace end by themselves.
        const { status, stdout, stderr, script } = run(theirs);
        expect(status === 0 || (tool === 'lsof' && status === 1), `${script}\n${stderr}`).toBe(true);
        expect(stdout, script).toMatch(shows(theirs));
      },
      90_000,
    );
  });

  it.each(others)(
    '%s',
    (command) => {
      const { status, stdout, stderr, script } = run(command);
      expect([status, stderr], script).toEqual([0, '']);
      expect(stdout, script).toMatch(shows(command));
    },
    90_000,
  );
});
