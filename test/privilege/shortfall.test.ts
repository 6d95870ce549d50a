/** What a dump lacks stands in each of its formats, and is said once: who reads it has no screen that shows it. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parquetMetadata } from 'hyparquet';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Child } from '../support/child.ts';
import { describeKernel, PROGRAM } from '../support/kernel.ts';
import { ends, itertopWith } from '../support/unprivileged.ts';

vi.setConfig({ testTimeout: 120_000 });

const FEW = ['bpf', 'perfmon'];

describeKernel('with CAP_BPF and CAP_PERFMON alone', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-shortfall-'));
  const file = (name: string) => path.join(folder, name);
  let other: Child;
  beforeAll(async () => {
    fs.chmodSync(folder, 0o777);
    other = await Child.start({ through: ['unshare', '-n'] });
  });
  afterAll(async () => {
    await other.end();
    fs.rmSync(folder, { recursive: true });
  });

  interface Header {
    readonly netns?: { readonly seen: number; readonly total: number } | undefined;
    readonly absent?: Readonly<Record<string, string>> | undefined;
  }

  const few = (words: string) => {
    const { status, stdout, stderr } = itertopWith(FEW, ...words.split(' '));
    expect(status).toBe(0);
    return { stdout, stderr };
  };
  const headerOf = {
    csv: (text: string): Header =>
      Object.fromEntries(
        [...text.matchAll(/^# (netns|absent): (.*)$/gm)].map(([, name, value]) => [name, JSON.parse(value!)]),
      ),
    json: (text: string): Header => JSON.parse(text).header,
    ndjson: (text: string): Header => JSON.parse(text.split('\n')[0]!).itertop,
  };
  /** How many there are changes with what else runs here: more than one. */
  const MORE = expect.toSatisfy((total: number) => total > 1);
  const NETNS = { seen: 1, total: MORE };
  const SAID = /^itertop: ipv6_route: 1 of ([2-9]|\d\d+) network namespaces were read \(root sees all\)\n$/;

  /** In every format the same. */
  const header = (words: string): Header => {
    const [first, ...rest] = Object.entries(headerOf).map(([format, of]) => {
      const { netns, absent } = of(few(`${words} -f ${format}`).stdout);
      return { netns, absent };
    });
    const at = file('a.parquet');
    few(`${words} -f parquet -o ${at} --force`);
    const { buffer, byteOffset, byteLength } = fs.readFileSync(at);
    const { key_value_metadata: known } = parquetMetadata(buffer.slice(byteOffset, byteOffset + byteLength));
    const { netns, absent } = JSON.parse(known!.find(({ key }) => key === 'itertop')!.value!) as Header;
    const expected = { ...first, netns: first!.netns && NETNS };
    for (const each of [...rest, { netns, absent }]) expect(each).toEqual(expected);
    return first!;
  };

  it('network namespaces', () => {
    const { netns, absent } = header('dump ipv6_route');
    expect(absent).toBeUndefined();
    expect(netns).toEqual(NETNS);
    expect(few('dump ipv6_route -f csv').stderr).toMatch(SAID);
    // However many refreshes there are.
    expect(few('dump ipv6_route -f csv -n 3 -d 0.1 --changes').stderr).toMatch(SAID);
    expect(few('dump ipv6_route -f csv --netns self').stderr).toBe('');
    // Who has a recording of it is told, too.
    few(`record ipv6_route -n 1 -o ${file('a.itertop')}`);
    const replayed = ends([process.execPath, PROGRAM, 'dump', '--replay', file('a.itertop'), '-f', 'json']);
    expect(replayed).toMatchObject({ status: 0, stderr: expect.stringMatching(SAID) });
    expect(headerOf.json(replayed.stdout).netns).toEqual(NETNS);
    // Root sees all.
    const all = ends([process.execPath, PROGRAM, 'dump', 'ipv6_route', '-f', 'json']);
    expect(all.stderr).toBe('');
    const seen = headerOf.json(all.stdout).netns!;
    expect(seen.seen).toBe(seen.total);
  });

  it('columns', () => {
    const why = 'BPF_ENABLE_STATS: EPERM (1): not permitted; CAP_SYS_ADMIN is needed';
    expect(header('dump bpf_prog -c id,runs,cpu')).toEqual({ absent: { runs: why, cpu: `run_time: ${why}` } });
    // One cause, one line.
    const said = `itertop: bpf_prog: without runs, cpu: ${why}\n`;
    expect(few('dump bpf_prog -c id,runs,cpu').stderr).toBe(said);
    expect(few('dump bpf_prog -c id,runs,cpu -n 3 -d 0.1').stderr).toBe(said);
    expect(few('dump bpf_prog -c id,type').stderr).toBe('');
    expect(few('dump bpf_prog --struct').stderr).toBe('');
  });
});
