/**
 * What runs in a guest, each as one file beside a few that they share: an emulated machine takes a second for what makes
 * Node look at thirty modules.
 */
import fs from 'node:fs';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';

const ROOT = new URL('../../', import.meta.url).pathname;
/** Where the repository is in a guest. */
const GUEST = '/repo';
/** Where the bundles are in it. */
export const BUNDLES = 'dist/kernels';

/** A module goes on finding what lies beside it; the program's threads are those that `npm run build` made. */
const places: Plugin = {
  name: 'places',
  setup({ onLoad }) {
    onLoad({ filter: /\.tsx?$/ }, async ({ path: file }) => {
      const source = await fs.promises.readFile(file, 'utf8');
      if (!source.includes('import.meta.url')) return null;
      const inside = path.relative(ROOT, file);
      const place = /^src\/(bpf\/bundle|state\/worker-thread)\.ts$/.test(inside) ? 'dist/bundle.js' : inside;
      const url = JSON.stringify(`file://${GUEST}/${place}`);
      return { contents: source.replaceAll('import.meta.url', url), loader: file.endsWith('x') ? 'tsx' : 'ts' };
    });
  },
};

/** @param files of this repository, without a slash in front @param into a folder with the repository's files */
export async function bundle(files: readonly string[], into: string): Promise<void> {
  await build({
    entryPoints: files.map((file) => path.join(ROOT, file)),
    outbase: ROOT,
    outdir: path.join(into, BUNDLES),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node26',
    logLevel: 'error',
    // In machine code, or looked for where it is installed.
    external: ['koffi', '@lydell/node-pty', '@duckdb/node-api', 'esbuild'],
    alias: {
      vitest: path.join(ROOT, 'test/kernels/lean.ts'),
      'react-devtools-core': path.join(ROOT, 'build-empty.mjs'),
    },
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    plugins: [places],
  });
}
