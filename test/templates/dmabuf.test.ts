import { describe, expect, test } from 'vitest';
import { dmabuf } from '../../src/templates/builtin/dmabuf.ts';
import { collect, collector, describeTarget, eventually, output, rowsOf } from '../support/kernel.ts';

describe('dmabuf', () => {
  describeTarget('dmabuf', 'dmabuf on the running kernel', () => {
    test('every column loads, and there are as many buffers as descriptors and mappings tell of', async () => {
      const from = collector(dmabuf);
      try {
        await eventually(() => {
          const { table, absent } = collect(from);
          expect([...absent]).toEqual([]);
          // Buffers without a descriptor or mapping are the kernel's own: there may be more.
          const inodes = new Set(
            output('sh', '-c', 'ls -lLi /proc/[0-9]*/map_files/ /proc/[0-9]*/fd/ 2>/dev/null | grep dmabuf || true')
              .split('\n')
              .filter(Boolean)
              .map((line) => Number(/^\s*(\d+)/.exec(line)?.[1])),
          );
          const found = rowsOf(table).map((r) => r.number('inode'));
          for (const inode of inodes) expect(found).toContain(inode);
        });
      } finally {
        from.close();
      }
    });
  });
});
