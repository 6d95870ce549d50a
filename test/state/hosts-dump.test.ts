/** The program on "other hosts", which are this one: recordings through pipes, rows of all of them in one snapshot. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type DumpOptions, dump } from '../../src/state/dump.ts';
import type { Host } from '../../src/state/host-feed.ts';
import { hostsFeed } from '../../src/state/hosts-dump.ts';
import type { Refresh } from '../../src/state/refresh-reader.ts';
import { RefreshStream } from '../../src/state/refresh-stream.ts';
import { withHost } from '../../src/templates/host-column.ts';
import { allTemplates, findTemplate, registerTemplates } from '../../src/templates/registry.ts';
import { describeKernel } from '../support/kernel.ts';
import { ITERTOP, localHost, MadeHost } from '../support/stand-in-hosts.ts';

vi.setConfig({ testTimeout: 120_000 });

let folder = '';
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-hosts-'));
  registerTemplates(allTemplates().map(withHost));
});
afterAll(() => {
  registerTemplates([]);
  fs.rmSync(folder, { recursive: true });
});

async function written(hosts: readonly Host[], options: Partial<DumpOptions>) {
  const template = findTemplate('task');
  const asked: DumpOptions = {
    template,
    columns: ['host', 'pid', 'comm'],
    sort: [
      { column: 'host', descending: false },
      { column: 'pid', descending: false },
    ],
    ...{ search: null, searchText: '', groupBy: '', filters: {}, switches: {}, ungroup: false, where: '' },
    ...{ netns: 'self', format: 'json', count: 1, interval: 300, output: undefined, force: false },
    ...options,
  };
  let text = '';
  const out = new Writable({
    write(bytes, _, done) {
      text += bytes;
      done();
    },
  });
  const missing: unknown[] = [];
  const feed = hostsFeed(hosts, asked, (each) => missing.push(each), 5000);
  await dump(asked, out, feed);
  return { text, missing };
}

describeKernel('hosts', () => {
  test('record -o - writes refreshes into a pipe, each at once, and ends when nobody reads', async () => {
    const args = ['record', 'task', '--pid', String(process.pid), '-d', '0.1', '-o', '-'];
    const child = spawn(process.execPath, [ITERTOP, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.on('data', (bytes) => {
      said += bytes;
    });
    const stream = new RefreshStream();
    const seen: Refresh[] = [];
    await new Promise<void>((done) => {
      child.stdout.on('data', (bytes) => {
        stream.push(bytes, (refresh) => seen.push(refresh));
        if (seen.length >= 3) done();
      });
    });
    const [{ segment, walks }] = seen as [Refresh];
    expect(segment.templates[0]!.name).toBe('task');
    expect(segment.host).toBe(os.hostname());
    expect(walks.size).toBeGreaterThan(0);
    child.stdout.destroy();
    const [code] = await once(child, 'close');
    expect(said).toBe('');
    expect(code).toBe(0);
  });

  test.each([
    ['--force', /takes no --force/],
    ['--append', /takes no --append/],
  ])('record -o - %s is refused', async (option, why) => {
    const child = spawn(process.execPath, [ITERTOP, 'record', 'task', '-o', '-', option], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (bytes) => {
      said += bytes;
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(2);
    expect(said).toMatch(why);
  });

  test('rows of all of them, and what is said of those that do not answer', async () => {
    const silent = new MadeHost('c');
    const { text, missing } = await written([localHost('a'), localHost('b'), silent], {
      where: `pid == ${process.pid}`,
    });
    const { header, rows } = JSON.parse(text);
    expect(rows).toEqual(['a', 'b'].map((host) => ({ host, pid: process.pid, comm: expect.any(String) })));
    expect(header).toMatchObject({ host: 'a,b,c', kernel: os.release(), missing: { c: 'no answer' }, rows: 2 });
    expect(missing).toEqual([{ c: 'no answer' }]);
  });

  test('what a host refuses is its own reason', async () => {
    const refusing = localHost('b', { ITERTOP_NO_SUCH: '1' });
    const { missing } = await written(
      [localHost('a'), { ...refusing, run: (args) => refusing.run([...args, '--columns=nosuch']) }],
      { where: `pid == ${process.pid}` },
    );
    expect(missing).toEqual([{ b: expect.stringMatching(/nosuch/) }]);
  });

  test('rates of a single snapshot, and groups over hosts', async () => {
    const { text } = await written([localHost('a'), localHost('b')], {
      where: `pid == ${process.pid}`,
      columns: ['cpu'],
      groupBy: 'host',
      sort: [{ column: 'host', descending: false }],
    });
    const { rows } = JSON.parse(text);
    expect(rows).toEqual(['a', 'b'].map((host) => ({ host, count: 1, cpu: expect.any(Number) })));
  });

  test('a data set has a folder for each host', async () => {
    const silent = new MadeHost('c');
    await written([localHost('a'), localHost('b'), silent], {
      where: `pid == ${process.pid}`,
      columns: ['pid', 'comm'],
      format: 'parquet',
      count: 2,
      dataset: { folder, roll: { bytes: 1e9, age: 3600_000 } },
    });
    expect(fs.readdirSync(path.join(folder, 'template=task')).sort()).toEqual(['host=a', 'host=b']);
    const files = fs.readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith('.parquet'));
    // Unless the hour has just changed.
    expect([2, 4]).toContain(files.length);
  });
});

describeKernel('itertop dump --host', () => {
  const run = async (...args: string[]) => {
    const child = spawn(process.execPath, [ITERTOP, 'dump', 'task', '-c', 'host,pid', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, said] = ['', ''];
    child.stdout.on('data', (bytes) => {
      out += bytes;
    });
    child.stderr.on('data', (bytes) => {
      said += bytes;
    });
    const [code] = await once(child, 'close');
    return { out, said, code };
  };

  test('rows by host; who is missing is said, and the exit code tells', async () => {
    const where = ['--where', `pid == ${process.pid} && host != "x"`, '-f', 'csv'];
    const one = await run('--host', 'localhost', ...where);
    expect(one.out).toMatch(new RegExp(`\nhost,pid\nlocalhost,${process.pid}\n$`));
    expect(one).toMatchObject({ said: '', code: 0 });
    const two = await run('--host', 'localhost,nope.invalid', ...where);
    expect(two.out).toContain(`localhost,${process.pid}\n`);
    expect(two.said).toMatch(/^itertop: nope\.invalid: .+\n$/);
    expect(two.code).toBe(1);
  });

  test.each([
    [['--struct'], /--struct/],
    [['--template', 'x.yaml'], /other hosts do not have/],
    [['--host', 'a', '--via', 'x {host}', '--where', 'nosuch == 1'], /nosuch/],
  ])('%j is refused', async (args, why) => {
    const { said, code } = await run('--host', 'localhost', ...args);
    expect(said).toMatch(why);
    expect(code).toBe(2);
  });
});
