/** Memory that was freed goes back to the system, also after much was freed at once. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

const glibc = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime;
const MB = 1 << 20;

/** MB of its own that a process has more than before, after it has used and freed 30 and then 20. */
function kept(give: boolean): number {
  const code = `
    import fs from 'node:fs';
    import { koffi } from ${JSON.stringify(import.meta.resolve('../../src/bpf/native.ts'))};
    import { giveMemoryBack } from ${JSON.stringify(import.meta.resolve('../../src/bpf/malloc.ts'))};
    const libc = koffi().load(null);
    const malloc = libc.func('void *malloc(size_t size)');
    const memset = libc.func('void *memset(void *s, int c, size_t n)');
    const free = libc.func('void free(void *memory)');
    const own = () => Number(/^RssAnon:\\s+(\\d+)/m.exec(fs.readFileSync('/proc/self/status', 'latin1'))[1]) / 1024;
    const use = (size) => { const memory = malloc(size); memset(memory, 1, size); free(memory); };
    if (${give}) giveMemoryBack();
    use(${MB});
    const before = own();
    use(${30 * MB});
    use(${20 * MB});
    process.stdout.write(String(own() - before));
  `;
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }));
}

test.skipIf(glibc === undefined)('glibc keeps what is freed, and does not where it is told so', () => {
  expect(kept(false)).toBeGreaterThan(15);
  expect(kept(true)).toBeLessThan(8);
});
