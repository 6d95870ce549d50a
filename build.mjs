// The program, dist/itertop.js, with its other thread, dist/worker.js, a library that few commands need, and the library below them, dist/bpf.js.
import { build } from 'esbuild';
import { lazyMeasuring } from './build-lazy.mjs';

const common = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  external: ['koffi'],
  logLevel: 'warning',
};

/** Loaded where it is needed, from a file of its own. */
const apart = {
  name: 'apart',
  setup({ onResolve }) {
    onResolve({ filter: /\/parquet-library\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './parquet-library.js', external: true } : undefined,
    );
  },
};

const program = build({
  ...common,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/itertop.js',
  minify: true,
  // React in development mode costs twice per frame. A module of Ink's hands its own bytes to fetch() where there is
  // one, and only for that Node would load all of its HTTP client.
  define: { 'process.env.NODE_ENV': '"production"', 'process.env.DEV': '"false"', fetch: 'undefined' },
  plugins: [lazyMeasuring, apart],
  alias: { 'react-devtools-core': './build-empty.mjs' },
  banner: {
    js: "#!/usr/bin/env node\nimport { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
  },
});
const worker = build({
  ...common,
  entryPoints: ['src/state/worker.ts'],
  outfile: 'dist/worker.js',
  minify: true,
  plugins: [lazyMeasuring],
});
const parquet = build({
  ...common,
  entryPoints: ['src/state/parquet-library.ts'],
  outfile: 'dist/parquet-library.js',
  minify: true,
});
const library = build({ ...common, entryPoints: ['src/bpf/index.ts'], outfile: 'dist/bpf.js' });
await Promise.all([program, worker, parquet, library]);
