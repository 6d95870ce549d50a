/** The column `pinned`, against objects that the test pins itself in a bpf file system of its own. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { bpfMounts, Pins } from '../../src/bpf/pins.ts';
import { Attr, bpf, type OwnedFd } from '../../src/bpf/syscall.ts';
import { findTarget } from '../../src/bpf/targets.ts';
import { Table } from '../../src/templates/table.ts';
import { link, load, MAP, map, PROG } from '../support/bpf.ts';
import { collect, collector, describeKernel, rowsOf } from '../support/kernel.ts';

describe('where bpf file systems are mounted', () => {
  it.each([
    ['none', '22 28 0:20 / /proc rw - proc proc rw', []],
    ['one', '31 25 0:27 / /sys/fs/bpf rw,nosuid shared:9 - bpf bpf rw,mode=700', ['/sys/fs/bpf']],
    ['a space in its path', '31 25 0:27 / /mnt/a\\040b rw - bpf none rw', ['/mnt/a b']],
    ['one at two places', '31 25 0:27 / /a rw - bpf bpf rw\n32 25 0:27 / /b rw - bpf bpf rw', ['/a']],
    ['a folder of one besides', '31 25 0:27 / /a rw - bpf bpf rw\n32 25 0:27 /x /b rw - bpf bpf rw', ['/a', '/b']],
    ['what only has the word in its path', '31 25 0:27 / /bpf rw - tmpfs bpf rw', []],
  ])('%s', (_, mountinfo, expected) => {
    expect(bpfMounts(mountinfo)).toEqual(expected);
  });
});

const descriptors = () => fs.readdirSync('/proc/self/fd').length;
const pin = (object: OwnedFd, at: string) =>
  bpf('BPF_OBJ_PIN', new Attr(16).pointer(0, Buffer.from(`${at}\0`)).u32(8, object.fd));

describeKernel('pinned', () => {
  const held: OwnedFd[] = [];
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-pins-'));
  const keep = (object: OwnedFd) => {
    held.push(object);
    return object;
  };
  const make = (name: string) => keep(map({ type: MAP.hash, name, keySize: 4, valueSize: 8, maxEntries: 2 }));
  const pinsOf = (template: string, name: string) => {
    using from = collector(template);
    const rows = rowsOf(collect(from, { columns: ['name', 'pinned'] }).table);
    return rows.filter((r) => r.text('name') === name).map((r) => r.text('pinned'));
  };

  beforeAll(() => {
    execFileSync('mount', ['-t', 'bpf', 'bpf', dir]);
  });
  afterAll(() => {
    for (const fd of held) fd.close();
    execFileSync('umount', [dir]);
    fs.rmdirSync(dir);
  });

  it('is where a program, a map and a link are, at every path, those in folders last; nothing for the others', () => {
    fs.mkdirSync(path.join(dir, 'a/b'), { recursive: true });
    const deep = path.join(dir, 'a/b/flows');
    const other = path.join(dir, 'zweitens ö');
    const one = make('t_pin_map');
    pin(one, deep);
    pin(one, other);
    make('t_pin_none');
    const program = keep(load({ type: PROG.socket_filter, name: 't_pin_prog' }));
    pin(program, path.join(dir, 'prog'));
    const iterator = keep(
      load({
        type: PROG.tracing,
        name: 't_pin_iter',
        attachType: 28,
        attachBtfId: findTarget(Btf.vmlinux(), 'task').attachBtfId,
      }),
    );
    pin(keep(link(iterator, 0, 28)), path.join(dir, 'a/link'));

    expect(pinsOf('bpf_map', 't_pin_map')).toEqual([`${other}, ${deep}`]);
    expect(pinsOf('bpf_map', 't_pin_none')).toEqual(['']);
    expect(pinsOf('bpf_prog', 't_pin_prog')).toEqual([path.join(dir, 'prog')]);
    expect(pinsOf('bpf_prog', 't_pin_iter')).toEqual(['']);
    using links = collector('bpf_link');
    const rows = rowsOf(collect(links, { columns: ['prog_name', 'pinned'] }).table);
    expect(rows.filter((r) => r.text('prog_name') === 't_pin_iter').map((r) => r.text('pinned'))).toEqual([
      path.join(dir, 'a/link'),
    ]);
    // A condition over it alone has it looked for as well.
    using maps = collector('bpf_map');
    const found = collect(maps, { columns: ['name'], where: 'pinned =~ "a/b/flows"' });
    expect(found.after.length).toBe(1);
    expect(
      rowsOf(found.table)
        .find((r) => r.text('name') === 't_pin_map')!
        .text('pinned'),
    ).toContain(deep);
  });

  it('follows what is pinned, moved and removed, and leaves no descriptor open', () => {
    const pins = new Pins();
    const one = make('t_pin_moves');
    const id = Number(/map_id:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${one.fd}`, 'latin1'))?.[1]);
    const found = () => pins.list([dir]).paths.get(`map ${id}`);
    const [first, second] = [path.join(dir, 'first'), path.join(dir, 'second')];
    pin(one, first);
    expect(found()).toBe(first);
    const before = descriptors();
    for (let round = 0; round < 20; round++) {
      fs.renameSync(first, second);
      expect(found()).toBe(second);
      fs.renameSync(second, first);
      expect(found()).toBe(first);
    }
    fs.unlinkSync(first);
    expect(found()).toBeUndefined();
    expect(descriptors()).toBe(before);
  });

  it('does not open again what it has seen in a folder that did not change', async () => {
    const pins = new Pins();
    const folder = path.join(dir, 'still');
    fs.mkdirSync(folder);
    pin(make('t_pin_still'), path.join(folder, 'map'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [once, again] = [pins.list([folder]), pins.list([folder])];
    expect(once.paths.size).toBe(1);
    expect(again).toBe(once);
    const lists = vi.spyOn(fs, 'readdirSync');
    pins.list([folder]);
    expect(lists).not.toHaveBeenCalled();
    fs.renameSync(path.join(folder, 'map'), path.join(folder, 'moved'));
    expect([...pins.list([folder]).paths.values()]).toEqual([path.join(folder, 'moved')]);
    expect(lists).toHaveBeenCalledTimes(1);
    lists.mockRestore();
    // It is mounted no more, and again.
    expect(pins.list([]).paths.size).toBe(0);
    expect(pins.list([folder]).paths.size).toBe(1);
  });

  it('says what could not be read, and is absent where that is all', () => {
    const list = new Pins().list([path.join(dir, 'nowhere'), '/proc/self/mem']);
    expect(list).toEqual({ paths: new Map(), refused: '/proc/self/mem: ENOTDIR' });
    pin(make('t_pin_closed'), path.join(dir, 'closed'));
    const refused = (mode: number) => {
      fs.chmodSync(dir, mode);
      process.seteuid!(65534);
      try {
        return new Pins().list([dir]).refused;
      } finally {
        process.seteuid!(0);
        fs.chmodSync(dir, 0o1777);
      }
    };
    expect(refused(0o700)).toBe(`${dir}: EACCES`);
    // Unprivileged use of bpf(2) may be forbidden altogether.
    expect(refused(0o755)).toMatch(/: (EACCES|EPERM)$/);
  });

  it('is a question mark where there is more than may be read', () => {
    using from = collector('bpf_map');
    const { table } = collect(from, { columns: ['id', 'pinned'] });
    const pins = { paths: new Map([['map 7', '/x, /y']]), refused: '' };
    const shown = (refused: string, id: number) =>
      new Table(table.template, table.batch, new Map(), new Map(), {
        ...table.context,
        pins: { ...pins, refused },
      }).pins('map', id);
    expect([shown('', 7), shown('', 8), shown('/z: EACCES', 7), shown('/z: EACCES', 8)]).toEqual([
      '/x, /y',
      '',
      '/x, /y',
      '?',
    ]);
  });

  it('is not looked for while no column shows it', () => {
    using from = collector('bpf_map');
    expect(collect(from, { columns: ['name'] }).table.context.pins).toBeUndefined();
    expect(collect(from, { columns: ['pinned'] }).table.context.pins).toBeDefined();
  });
});
