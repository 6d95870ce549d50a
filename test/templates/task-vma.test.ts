import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pageSize } from '../../src/bpf/host.ts';
import { taskVma } from '../../src/templates/builtin/task-vma.ts';
import { Child } from '../support/child.ts';
import {
  allColumns,
  collect,
  collector,
  describeTarget,
  eventually,
  kernelHas,
  lacksColumn,
  type Row,
  readOnce,
  rowsOf,
} from '../support/kernel.ts';
import * as proc from '../support/proc.ts';

const UID = 54321;

/** The first lines of an entry of /proc/PID/smaps. */
interface Known {
  readonly start: bigint;
  readonly end: bigint;
  readonly perms: string;
  readonly offset: number;
  readonly device: string;
  readonly inode: number;
  readonly path: string;
  readonly flags: readonly string[];
  readonly pid: number;
  readonly mm: { readonly startBrk: number; readonly startStack: number };
}
type Expected = number | bigint | string | null;
type Reference = ((known: Known) => Expected) | { readonly test: string };

const hasFile = (k: Known) => k.inode !== 0;
/** In the order of their bits, not of the letters. */
const LETTERS = 'rd wr ex sh mr mw me ms gd um pf uw lo io sr rr dc de lf ac nr ht sf ar wf dd sd mm hg nh mg'.split(
  ' ',
);

const REFERENCE: Readonly<Record<string, Reference>> = {
  pid: (k) => k.pid,
  tid: (k) => k.pid,
  comm: (k) => fs.readFileSync(`/proc/${k.pid}/comm`, 'utf8').trim(),
  user: () => UID,
  start: (k) => k.start,
  end: (k) => k.end,
  size: (k) => Number(k.end - k.start),
  vm_flags: { test: 'flags' },
  perms: (k) => k.perms,
  flags: (k) => LETTERS.filter((l) => k.flags.includes(l)).join(' '),
  vm_pgoff: { test: 'vm_pgoff' },
  vm_file: { test: 'vm_file' },
  offset: (k) => (hasFile(k) ? k.offset : null),
  device: (k) =>
    hasFile(k) ? k.device.split(':').reduce((dev, part) => dev * 2 ** 20 + Number.parseInt(part, 16), 0) : null,
  inode: (k) => (hasFile(k) ? k.inode : null),
  file_path: (k) => (hasFile(k) ? k.path : null),
  special: (k) => (/^\[(vdso|vvar|vvar_vclock|uprobes|sigpage|vectors)\]$/.test(k.path) ? k.path : null),
  anon_name: { test: 'anon_name' },
  start_brk: (k) => BigInt(k.mm.startBrk),
  brk: { test: 'brk' },
  start_stack: (k) => BigInt(k.mm.startStack),
  path: (k) => k.path || null,
};

test('every column of task_vma has a reference', () => {
  expect(Object.keys(REFERENCE).sort()).toEqual(allColumns(taskVma).sort());
});

function smaps(pid: number): Known[] {
  // Fields 47 and 28 of /proc/PID/stat: start_brk and startstack (proc(5)).
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  const mm = { startBrk: Number(stat[44]), startStack: Number(stat[25]) };
  const found: Known[] = [];
  for (const line of fs.readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) (\S+) (\d+) *(.*)$/.exec(line);
    if (head) {
      const [, start, end, perms, offset, device, inode, name] = head;
      found.push({
        start: BigInt(`0x${start}`),
        end: BigInt(`0x${end}`),
        perms,
        offset: Number.parseInt(offset, 16),
        device,
        inode: Number(inode),
        path: name,
        flags: [],
        pid,
        mm,
      });
    } else if (line.startsWith('VmFlags:')) {
      const last = found.pop()!;
      found.push({ ...last, flags: line.slice(8).trim().split(' ') });
    }
  }
  // The gate area is in no process's memory.
  return found.filter((k) => k.path !== '[vsyscall]');
}

describeTarget('task_vma', 'task_vma', () => {
  const from = collector(taskVma);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-vma-'));
  let child: Child;

  beforeAll(async () => {
    const file = path.join(folder, 'mapped file');
    fs.writeFileSync(file, Buffer.alloc(5 * pageSize()));
    fs.chmodSync(folder, 0o755);
    child = await Child.start();
    await child.run(
      ({ libc, node }, [name, page]) => {
        const mmap = libc('long mmap(ulong, ulong, int, int, int, long)');
        const madvise = libc('int madvise(ulong, ulong, int)');
        const open = libc('int open(const char *, int, int)');
        const fd = open(name, 2, 0);
        mmap(0, 2 * page, 1, 1, fd, page); // shared, read only, from the second page on
        mmap(0, page, 3, 2, fd, 3 * page); // private
        const gone = open(`${name} gone`, 0o102, 0o600);
        node<typeof import('node:fs')>('fs').ftruncateSync(gone, page);
        mmap(0, page, 3, 1, gone, 0);
        node<typeof import('node:fs')>('fs').unlinkSync(`${name} gone`);
        mmap(0, page, 3, 0x21, -1, 0); // shared memory without a file
        mmap(0, page, 0, 0x22, -1, 0); // no access
        const advised = Number(mmap(0, 8 * page, 3, 0x22, -1, 0));
        madvise(advised, 2 * page, 10); // MADV_DONTFORK
        madvise(advised + 3 * page, page, 16); // MADV_DONTDUMP
        madvise(advised + 5 * page, page, 18); // MADV_WIPEONFORK
        libc('int mlock(ulong, ulong)')(mmap(0, page, 3, 0x22, -1, 0), page);
        libc('void *sbrk(long)')(4 * page);
        process.seteuid!(54321);
      },
      [file, pageSize()] as const,
    );
    // So that nothing moves between the looks.
    process.kill(child.pid, 'SIGSTOP');
    await eventually(() => expect(proc.stateLetter(child.pid)).toBe('T'));
  });
  afterAll(async () => {
    from.close();
    await child.end();
    fs.rmSync(folder, { recursive: true });
  });

  const mine = () => rowsOf(collect(from, { filters: { pid: [[child.pid, child.pid]] } }).table);
  const matched = () => {
    const known = smaps(child.pid);
    const rows = mine();
    expect(rows.map((r) => r.cell('start'))).toEqual(known.map((k) => `0x${k.start.toString(16)}`));
    return rows.map((row, i) => ({ row, known: known[i] }));
  };
  const columns = Object.entries(REFERENCE).filter(
    (entry): entry is [string, (k: Known) => Expected] => typeof entry[1] === 'function',
  );

  test.for(columns)('%s equals what smaps says', ([column, reference], { skip }) => {
    const why = lacksColumn(taskVma, column);
    skip(why !== '', why);
    const list = matched();
    expect(list.length).toBeGreaterThan(20);
    const plain = (v: unknown) => (typeof v === 'bigint' ? Number(v) : v);
    expect(list.map(({ row, known }) => [known.start, plain(row.value(column))])).toEqual(
      list.map(({ known }) => [known.start, plain(reference(known))]),
    );
  });

  test('what was mapped is there', () => {
    const list = matched();
    const of = (text: RegExp) => list.filter(({ known }) => text.test(known.path)).map(({ row }) => row);
    expect(of(/mapped file$/).map((r) => [r.text('perms'), r.number('offset'), r.cell('size')])).toEqual(
      expect.arrayContaining([
        ['r--s', 1, '8.0K'],
        ['rw-p', 3, '4.0K'],
      ]),
    );
    expect(of(/gone \(deleted\)$/).length).toBe(1);
    for (const name of ['[heap]', '[stack]', '[vdso]'])
      expect(list.some(({ row }) => row.text('path') === name)).toBe(true);
    const flags = list.map(({ row }) => row.text('flags')).join(' ');
    for (const flag of ['lo', 'dc', 'dd', 'wf', 'sh', 'ms', 'gd']) expect(flags).toContain(flag);
  });

  test('flags: permissions are the lowest bits of vm_flags', () => {
    for (const { row, known } of matched()) {
      const bits = row.number('vm_flags') % 16;
      const text = ['r', 'w', 'x'].map((c, i) => ((bits >> i) & 1 ? c : '-')).join('') + (bits & 8 ? 's' : 'p');
      expect(text).toBe(known.perms);
    }
  });

  test('vm_pgoff: the offset in pages; vm_file: where there is a file', () => {
    for (const { row, known } of matched()) {
      if (hasFile(known)) expect(row.number('vm_pgoff') * pageSize()).toBe(known.offset);
      expect(row.cell('vm_file') !== '').toBe(hasFile(known));
    }
  });

  test('brk: the heap lies between start_brk and it', () => {
    const heaps = matched().filter(({ known }) => known.path === '[heap]');
    expect(heaps.length).toBeGreaterThan(0);
    for (const { row, known } of heaps) {
      const page = pageSize();
      expect(Math.ceil(row.number('brk') / page) * page).toBeGreaterThanOrEqual(Number(known.end));
      expect(row.number('start_brk')).toBeLessThanOrEqual(Number(known.start));
    }
  });

  test('anon_name: absent with the reason where the kernel has no such names', () => {
    const { absent } = collect(from);
    // Linux 6.1 has it in a place that its verifier takes for no pointer.
    if (kernelHas('vm_area_struct', 'anon_name')) expect(absent.get('anon_name') ?? 'verifier').toContain('verifier');
    else expect(absent.get('anon_name')).toContain('no member "anon_name"');
  });

  test('without a filter the same rows come, between those of others; no key twice', () => {
    const { table, stats } = collect(from);
    const text = (r: Row) => ['start', 'end', 'perms', 'path'].map((c) => r.cell(c)).join(' ');
    const rows = rowsOf(table);
    expect(rows.filter((r) => r.number('pid') === child.pid).map(text)).toEqual(mine().map(text));
    expect(new Set(rows.map((r) => r.number('pid'))).size).toBeGreaterThan(1);
    expect(stats.doubles).toBe(0);
  });

  test('filters: several PIDs in the kernel, users, both', () => {
    const count = mine().length;
    const several = rowsOf(
      readOnce(taskVma, {
        filters: {
          pid: [
            [child.pid, child.pid],
            [process.pid, process.pid],
          ],
        },
      }).table,
    );
    expect(new Set(several.map((r) => r.number('pid')))).toEqual(new Set([child.pid, process.pid]));
    const users = rowsOf(readOnce(taskVma, { filters: { user: [[UID, UID]] } }).table);
    expect(users.map((r) => r.number('pid'))).toEqual(Array(count).fill(child.pid));
    const both = readOnce(taskVma, { filters: { user: [[UID, UID]], pid: [[process.pid, process.pid]] } });
    expect(both.table.rows).toBe(0);
  });
});
