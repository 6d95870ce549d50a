/** Elements of a map in the real program: from the table of maps and back, and from the command line. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OwnedFd } from '../../src/bpf/syscall.ts';
import { MAP, map, put } from '../support/bpf.ts';
import { skip } from '../support/kernel.ts';
import { FLOW, flowKey, flowTypes, flowValue } from '../support/maps.ts';
import { fdinfo } from '../support/proc.ts';
import { KEY, PROGRAM, TestTerminal } from './terminal.ts';

const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
};

describe.skipIf(skip)('the elements of a map', () => {
  let types: ReturnType<typeof flowTypes>;
  let flows: OwnedFd;
  let id: string;
  const others: OwnedFd[] = [];
  let terminal: TestTerminal | undefined;

  beforeEach(() => {
    types = flowTypes();
    flows = map({
      ...{ type: MAP.hash, name: 'e2e_flows', keySize: FLOW.key, valueSize: FLOW.value, maxEntries: 50, btf: types },
    });
    id = fdinfo('self', flows.fd)['map_id']!;
    for (const n of [1, 2, 3]) put(flows, flowKey(n), flowValue({ packets: BigInt(n * 100), comm: 'a\x1b[31mb' }));
  });
  afterEach(async () => {
    terminal?.kill();
    await terminal?.exited;
    terminal = undefined;
    for (const fd of [flows, types.fd, ...others.splice(0)]) fd.close();
  });

  it('are dumped: by id and by name, with conditions', () => {
    for (const name of [id, 'e2e_flows']) {
      const { status, stdout, stderr } = run('dump', 'bpf_map_elem', '--map', name, '--sort', '-packets', '-f', 'json');
      expect([status, stderr]).toEqual([0, '']);
      const { header, rows } = JSON.parse(stdout);
      expect(header).toMatchObject({
        template: 'bpf_map_elem',
        map: { id: Number(id), type: 'hash', name: 'e2e_flows' },
      });
      expect(
        rows.map((r: Record<string, unknown>) => [r['key_saddr'], r['key_proto'], r['packets'], r['comm']]),
      ).toEqual([
        [3, 'tcp', 300, 'a\u001b[31mb'],
        [2, 'udp', 200, 'a\u001b[31mb'],
        [1, 'tcp', 100, 'a\u001b[31mb'],
      ]);
    }
    const { stdout } = run(
      '--map',
      id,
      '-w',
      'packets > 100 && key_proto == tcp',
      '-c',
      'key_port,packets,x=bytes(value, 9, u8)',
    );
    expect(stdout).toMatch(new RegExp(`map ${id} e2e_flows \\[(user|kernel)\\]  packets > 100 \\[`));
    expect(stdout).toMatch(/\nKEY_PORT PACKETS +X\n +3 +300 255\n$/);
    expect(stdout).not.toContain('\x1b');
    const listed = run('templates', 'bpf_map_elem', '--map', id).stdout;
    expect(listed).toMatch(/packets_rate +change of packets a second/);
  });

  it('says what is wrong', () => {
    for (const [args, words] of [
      [
        ['bpf_map_elem'],
        /^itertop: bpf_map_elem shows the elements of one map: itertop bpf_map_elem --map ID, NAME or PATH/,
      ],
      [['task', '--map', id], /^itertop: --map goes with bpf_map_elem, not with task/],
      [['--map', 'e2e_flow'], /^itertop: there is no map "e2e_flow"; did you mean\n +\d+ hash e2e_flows/],
      [['--map', id, '-c', 'x=bytes(value, 0, u33)'], /bytes\(value, 0, u33\): it takes bytes\(/],
      [['--map', id, '-H'], /bpf_map_elem has no groups to take apart/],
    ] as const) {
      const { status, stderr } = run(...args);
      expect([status, stderr]).toEqual([2, expect.stringMatching(words)]);
    }
    others.push(map({ type: MAP.ringbuf, name: 'e2e_ring', keySize: 0, valueSize: 0, maxEntries: 4096 }));
    expect(run('--map', 'e2e_ring').stderr).toMatch(/e2e_ring is a ringbuf, which has no keys/);
    // Root without CAP_SYS_ADMIN may not open it.
    const through = ['--bounding-set=-sys_admin', '--inh-caps=-all', process.execPath, PROGRAM, '--map', id];
    const { status, stderr } = spawnSync('setpriv', through, { encoding: 'utf8' });
    expect([status, stderr]).toEqual([
      3,
      expect.stringContaining('maps are opened by their id only with CAP_SYS_ADMIN'),
    ]);
  });

  it('open with Enter, go away with their map, and are left with Backspace', async () => {
    terminal = new TestTerminal(process.execPath, [PROGRAM, 'bpf_map', '-w', `id == ${id}`], { cols: 140, rows: 24 });
    await terminal.waitFor(/e2e_flows/);
    terminal.type('j');
    terminal.type('d');
    await terminal.waitFor(/max_entries|MAX/);
    terminal.type(KEY.escape);
    await new Promise((done) => setTimeout(done, 200));
    terminal.type(KEY.enter);
    const screen = await terminal.waitFor(/KEY_SADDR/);
    expect(screen).toMatch(/^bpf_map › \d+ e2e_flows › bpf_map_elem {2}3 rows/m);
    expect(screen).toMatch(new RegExp(`map ${id} e2e_flows +\\[(user|kernel)\\]`));
    expect(screen).toMatch(/udp +200/);
    expect(screen).toContain('a\\x1b[31mb');
    put(flows, flowKey(4), flowValue({ packets: 4444n }));
    await terminal.waitFor(/udp +4444/);
    terminal.type('v');
    await terminal.waitFor(new RegExp(`elements of map ${id} e2e_flows`));
    terminal.type(KEY.escape);
    await new Promise((done) => setTimeout(done, 200));
    // Looking at it does not keep it alive.
    flows.close();
    await terminal.waitFor(new RegExp(`error: .*map ${id} e2e_flows is gone`));
    terminal.type(KEY.backspace);
    await terminal.waitFor(/^bpf_map {2}0 rows/m);
    expect(terminal.text()).not.toContain('error');
    terminal.type('q');
    expect((await terminal.exited).exitCode).toBe(0);
    expect(fs.existsSync(`/proc/${terminal.pid}`)).toBe(false);
  });

  it('each CPU of a per-CPU map is a row with H', async () => {
    const one = map({ type: MAP.percpu_array, name: 'e2e_cpu', keySize: 4, valueSize: 8, maxEntries: 1 });
    others.push(one);
    terminal = new TestTerminal(process.execPath, [PROGRAM, '--map', 'e2e_cpu'], { cols: 100, rows: 24 });
    expect(await terminal.waitFor(/KEY▲ +VALUE/)).toMatch(/1 row/);
    terminal.type('H');
    expect(await terminal.waitFor(/KEY▲? +CPU +VALUE/)).toMatch(/with a row for each CPU/);
    terminal.type('H');
    await terminal.waitFor(/KEY▲? +VALUE/);
  });
});
