/** Groups are found again in each refresh, and not by looking at all of them. */
import { describe, expect, test, vi } from 'vitest';
import { arrange } from '../../src/state/arrange.ts';
import { GroupView } from '../../src/state/group-view.ts';
import { toWire } from '../../src/state/live-view.ts';
import { passingRows } from '../../src/state/order.ts';
import type { Sort } from '../../src/state/sort.ts';
import { registerTemplates } from '../../src/templates/registry.ts';
import { tableOf } from '../support/batch.ts';

const STATS = {
  ...{ begin: 0, end: 0, visited: 0, emitted: 0, bytes: 0, reads: 1, doubles: 0, readMs: 0, totalMs: 0 },
  ...{ sessionId: 1, conditions: [] },
};

/** Groups of these names, in their order in the kernel; the one with the most bytes first. */
function groupsOf(names: readonly string[], before: GroupView | null = null): GroupView {
  const table = tableOf(
    { id: { type: 'u64' }, name: { type: 'text' }, bytes: { type: 'u64', as: 'bytes' } },
    names.map((name, id) => ({ values: { id, name, bytes: Number(name.slice(1)) } })),
  );
  registerTemplates([table.template]);
  const sort: Sort = [{ column: 'bytes', descending: true }];
  const asked = { columns: ['id', 'bytes'], sort, search: null, groupBy: 'name', ungroup: false };
  const arranged = arrange(table, asked, passingRows(table, []));
  const collected = { table, stats: STATS, after: [], absent: new Map<string, string>(), before: null };
  return new GroupView(toWire(collected, ['id', 'bytes'], [], arranged, names.length), arranged.groups!, before);
}

/** Where the group is, and whether it took few looks at others. */
function lookedUp(view: GroupView, key: string): [row: number, few: boolean] {
  const keys = vi.spyOn(view.table, 'key');
  return [view.rowOf(key), keys.mock.calls.length <= 6];
}

describe('groups', () => {
  const names = Array.from({ length: 1000 }, (_, i) => `n${i}`);

  test('are found where the cursor was, however many there are', () => {
    const first = groupsOf(names);
    const key = first.key(100); // n899
    expect(lookedUp(first, key)).toEqual([100, true]);
    // One before it is gone, one has come.
    const second = groupsOf([...names.slice(1), 'n5000'], first);
    expect(lookedUp(second, key)).toEqual([101, true]);
    const third = groupsOf(['n7000', ...names, 'n5000'], second);
    expect(lookedUp(third, key)).toEqual([102, true]);
  });

  test('are found wherever they went; those that are gone are not', () => {
    const view = groupsOf(names);
    for (const near of [0, 500, 999, 5000])
      for (const group of [0, 1, 499, 998, 999]) expect(view.table.groupOfKey(view.table.key(group), near)).toBe(group);
    expect(view.rowOf('name=n1000')).toBe(-1);
    view.key(0);
    const few = groupsOf(['n3', 'n999'], view);
    expect([few.rowOf('name=n999'), few.rowOf('name=n3'), few.rowOf('name=n4')]).toEqual([0, 1, -1]);
    expect(groupsOf([]).rowOf('name=n3')).toBe(-1);
  });
});
