/** Tables over all network namespaces, with namespaces that the test makes. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { inNamespace, mountedNamespaces, ownNamespace } from '../../src/bpf/netns.ts';
import { Collector } from '../../src/state/collector.ts';
import { Namespaces, type NetScope, parseNetScope } from '../../src/state/namespaces.ts';
import { tcp } from '../../src/templates/builtin/tcp.ts';
import { eventually } from '../support/kernel.ts';

const skip = process.getuid?.() !== 0 && !process.env['CI'];
const name = `itertop${process.pid}`;
const children: ChildProcess[] = [];

/** A process in a namespace that listens on the port, once it does. */
async function listener(command: string, args: readonly string[], port: number): Promise<ChildProcess> {
  const script = `require('node:net').createServer().listen(${port}, '127.0.0.1', () => console.log('up'))`;
  const child = spawn(command, [...args, process.execPath, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await new Promise((resolve, reject) => {
    child.stdout!.once('data', resolve);
    child.once('exit', () => reject(new Error(`${command} ended before it listened`)));
  });
  return child;
}

describe('parseNetScope', () => {
  it.each([
    ['self', 'self'],
    [' all ', 'all'],
    ['4026531840', [4026531840]],
    ['net:[4026531840], 7', [4026531840, 7]],
  ] as [string, NetScope][])('%s', (text, scope) => {
    expect(parseNetScope(text)).toEqual(scope);
  });
  it.each(['', 'none', '1,x', '-1'])('refuses "%s"', (text) => {
    expect(() => parseNetScope(text)).toThrow(/neither self nor all nor inode numbers/);
  });
});

describe.skipIf(skip)('network namespaces (need root)', () => {
  let mounted: number;
  beforeAll(async () => {
    execFileSync('ip', ['netns', 'add', name]);
    mounted = fs.statSync(`/run/netns/${name}`).ino;
    execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    await listener('ip', ['netns', 'exec', name], 4242);
    await listener('unshare', ['-n', 'sh', '-c', 'ip link set lo up; exec "$@"', '-'], 4243);
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    execFileSync('ip', ['netns', 'del', name]);
  });

  const rows = (collector: Collector, netns: NetScope) => {
    const { table, stats } = collector.collect({
      columns: ['lport', 'netns', 'pid', 'state'],
      filters: { lport: [[4242, 4243]] },
      switches: {},
      ungroup: false,
      netns,
    });
    // Others may have these ports in namespaces of theirs.
    const own = new Set(children.map(({ pid }) => pid));
    const found = Array.from({ length: table.rows }, (_, row) => ({
      port: table.number(row, 'lport'),
      netns: table.number(row, 'netns'),
      pid: table.number(row, 'pid'),
    })).filter(({ pid }) => own.has(pid));
    return { found, stats };
  };
  const collector = () => new Collector(tcp, Btf.vmlinux(), () => undefined, 4096);

  it('are all in one table, with owners', () => {
    using all = collector();
    const { found, stats } = rows(all, 'all');
    expect(found.map((r) => r.port).sort()).toEqual([4242, 4243]);
    const inNamed = found.find((r) => r.port === 4242)!;
    expect(inNamed.netns).toBe(mounted);
    const unshared = found.find((r) => r.port === 4243)!;
    expect(fs.readlinkSync(`/proc/${unshared.pid}/ns/net`)).toBe(`net:[${unshared.netns}]`);
    expect(stats.visited).toBeGreaterThanOrEqual(2);
    const covered = { where: 'link', scope: true, netns: { seen: expect.any(Number), total: expect.any(Number) } };
    expect(stats.conditions).toContainEqual({ ...covered, text: expect.stringMatching(/^\d+ netns$/) });
  });

  it('are left out by self, and chosen by number', () => {
    using some = collector();
    expect(rows(some, 'self').found).toEqual([]);
    expect(rows(some, [mounted]).found.map((r) => r.port)).toEqual([4242]);
    expect(() => rows(some, [1])).toThrow(/no network namespace 1 here/);
  });

  it('leave this thread where it was, and no descriptor behind', () => {
    const home = fs.readlinkSync('/proc/thread-self/ns/net');
    const before = fs.readdirSync('/proc/self/fd').length;
    {
      using all = collector();
      for (let i = 0; i < 20; i++) rows(all, 'all');
    }
    expect(fs.readlinkSync('/proc/thread-self/ns/net')).toBe(home);
    expect(fs.readdirSync('/proc/self/fd')).toHaveLength(before);
  });

  it('are found where no process is in them, and let go when they end', () => {
    const empty = `${name}e`;
    execFileSync('ip', ['netns', 'add', empty]);
    const inum = fs.statSync(`/run/netns/${empty}`).ino;
    expect(mountedNamespaces()).toContainEqual({ path: `/run/netns/${empty}`, inum });
    {
      using namespaces = new Namespaces(Btf.vmlinux());
      expect(namespaces.list('all').map((n) => n.inum)).toContain(inum);
    }
    execFileSync('ip', ['netns', 'del', empty]);
    using namespaces = new Namespaces(Btf.vmlinux());
    expect(namespaces.list('all').map((n) => n.inum)).not.toContain(inum);
  });

  it('come back from what fails inside', () => {
    const home = fs.readlinkSync('/proc/thread-self/ns/net');
    expect(() =>
      inNamespace(`/run/netns/${name}`, mounted, () => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(fs.readlinkSync('/proc/thread-self/ns/net')).toBe(home);
    expect(held()).toEqual([]);
  });

  /** Descriptors of namespaces that this process has. */
  const held = () =>
    fs.readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith('net:');
      } catch {
        return false;
      }
    });

  it('are held by nobody between two refreshes, so that they end with their processes', () => {
    using all = collector();
    rows(all, 'all');
    expect(held()).toEqual([]);
  });

  it('are found again where the task that led there has ended', async () => {
    const first = spawn('unshare', ['-n', 'sleep', '1000']);
    children.push(first);
    const of = (child: ChildProcess) => fs.statSync(`/proc/${child.pid}/ns/net`).ino;
    await eventually(() => expect(of(first)).not.toBe(ownNamespace()));
    const inum = of(first);
    const second = spawn('nsenter', [`--net=/proc/${first.pid}/ns/net`, 'sleep', '1000']);
    children.push(second);
    await eventually(() => expect(of(second)).toBe(inum));
    const end = async (child: ChildProcess) => {
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGKILL');
      await ended;
    };
    using namespaces = new Namespaces(Btf.vmlinux());
    const [found] = namespaces.list([inum]);
    const inside = () => found!.run(() => [ownNamespace()]);
    expect(inside()).toEqual([inum]);
    await end(first);
    expect(inside()).toEqual([inum]);
    await end(second);
    expect(inside()).toBeUndefined();
    expect(held()).toEqual([]);
  });

  it('that may not be entered are counted, and those that cannot be opened for now are tried again', () => {
    const refusing = (code: 'EACCES' | 'EMFILE') => {
      const open = fs.openSync;
      const errno = os.constants.errno[code];
      fs.openSync = (file, ...more) => {
        if (file === `/run/netns/${name}`) throw Object.assign(new Error(code), { code, errno: -errno });
        return open(file, ...more);
      };
      return {
        [Symbol.dispose]() {
          fs.openSync = open;
        },
      };
    };
    using namespaces = new Namespaces(Btf.vmlinux());
    {
      using _ = refusing('EMFILE');
      expect(() => namespaces.list('all')).toThrow(/open: EMFILE .*no file descriptor is left/);
    }
    expect(namespaces.list([mounted]).map(({ inum }) => inum)).toEqual([mounted]);
    expect(namespaces.closed).toBe(0);
    using others = new Namespaces(Btf.vmlinux());
    {
      using _ = refusing('EACCES');
      expect(others.list('all').map(({ inum }) => inum)).not.toContain(mounted);
    }
    expect(others.closed).toBe(1);
    expect(() => others.list([mounted])).toThrow(/may not be entered/);
  });
});
