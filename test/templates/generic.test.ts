import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { targetNames } from '../../src/bpf/targets.ts';
import { genericTargets, genericTemplate } from '../../src/templates/generic.ts';
import { collect, collector, describeKernel, eventually, output, rowsOf } from '../support/kernel.ts';

const btf = Btf.vmlinux();
const OF_A_MAP = ['bpf_map_elem', 'bpf_sk_storage_map', 'sockmap'];

describe('generic templates', () => {
  test('there is one for each target that has no template and needs no map', () => {
    expect(genericTargets(btf, ['task', 'tcp'])).toEqual(
      targetNames(btf).filter((name) => !['task', 'tcp', ...OF_A_MAP].includes(name)),
    );
    for (const name of OF_A_MAP) expect(() => genericTemplate(btf, name)).toThrow(/walks over one map/);
    expect(() => genericTemplate(btf, 'tasks')).toThrow(/no iterator for tasks.*it has task/);
  });

  test.each(genericTargets(btf, []))('%s: as every template has to be', (name) => {
    const template = genericTemplate(btf, name);
    const names = template.columns.map((c) => c.name);
    expect(new Set(names).size).toBe(names.length);
    for (const column of template.columns) {
      expect(column.name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(column.help).not.toBe('');
    }
    expect(names).toEqual(expect.arrayContaining([...template.key, ...template.show, template.sort]));
    expect(template.show.length).toBeGreaterThan(0);
    expect(template.show.length).toBeLessThanOrEqual(12);
    expect(names.length).toBeLessThanOrEqual(160);
  });
});

describeKernel('generic templates on the running kernel', () => {
  test.each(genericTargets(btf, []))(
    '%s: loads with all of its columns, and each object is a row of its own',
    async (name) => {
      const template = genericTemplate(btf, name);
      const from = collector(template);
      try {
        // What comes and goes during a walk may be seen twice.
        await eventually(() => {
          const { table, absent, stats } = collect(from);
          expect([...absent]).toEqual([]);
          expect(stats.doubles).toBe(0);
          for (const row of rowsOf(table).slice(0, 20))
            for (const column of template.show) expect(row.cell(column)).not.toMatch(/\\x0[0-9a-f]/);
          // Removed cgroups that something still holds are passed over, but counted.
          if (name === 'cgroup') expect(stats.visited).toBeGreaterThanOrEqual(table.rows);
          else if (stats.visited >= 0) expect(stats.visited).toBe(table.rows);
        });
      } finally {
        from.close();
      }
    },
  );

  test('values: numbers, names, names behind pointers, enumerators and bytes', async () => {
    const maps = collector(genericTemplate(btf, 'bpf_map'));
    const programs = collector(genericTemplate(btf, 'bpf_prog'));
    const tasks = collector(genericTemplate(btf, 'task'));
    try {
      await eventually(() => {
        collect(programs);
        const rows = rowsOf(collect(maps).table);
        const known = JSON.parse(output('bpftool', '-j', 'map', 'list')) as Record<string, unknown>[];
        expect(rows.map((r) => [r.value('id'), r.value('map_type'), r.value('name'), r.value('max_entries')])).toEqual(
          known.map((m) => [m['id'], m['type'], m['name'] ?? null, m['max_entries']]),
        );
      });
      await eventually(() => {
        const rows = rowsOf(collect(programs).table);
        const known = JSON.parse(output('bpftool', '-j', 'prog', 'list')) as Record<string, unknown>[];
        expect(rows.map((r) => [r.value('type'), r.value('tag'), r.value('aux_name')])).toEqual(
          known.map((p) => [p['type'], p['tag'], p['name'] ?? null]),
        );
      });
      const me = rowsOf(collect(tasks).table).find((r) => r.number('pid') === process.pid)!;
      expect(me.text('comm')).toBe(fs.readFileSync('/proc/self/comm', 'latin1').trim());
    } finally {
      for (const one of [maps, programs, tasks]) one.close();
    }
  });
});
