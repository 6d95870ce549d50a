// Bundles and runs harness.tsx as the program itself is bundled: Node does not run JSX by itself.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = new URL('../..', import.meta.url).pathname;

/** Builds the harness to `outfile`. */
export function buildHarness(outfile) {
  return build({
    entryPoints: [`${root}/test/ui/harness.tsx`],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    define: { 'process.env.NODE_ENV': '"production"', 'process.env.DEV': '"false"' },
    // What is drawn here comes from no kernel.
    alias: { 'react-devtools-core': `${root}/build-empty.mjs`, koffi: `${root}/build-empty.mjs` },
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const directory = mkdtempSync(join(tmpdir(), 'itertop-harness-'));
  const outfile = join(directory, 'harness.mjs');
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  await buildHarness(outfile);
  await import(outfile);
}
