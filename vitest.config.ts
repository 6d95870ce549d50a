import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    // The kernel, its BTF and /proc are shared by all tests: files run one after another, so that counts of
    // loaded programs and open descriptors mean something.
    fileParallelism: false,
    pool: 'forks',
    // What goes on beside them may take most of the machine: only what hangs is to end here.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
