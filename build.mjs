// What dist/ holds: itertop.js starts the program, whose two threads are bundles of their own (program.js, reader.js by
// way of worker.js), each with the code that V8 made of it (src/bpf/bundle.ts); libraries that few commands need; and bpf.js,
// the library below them.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { build } from 'esbuild';
import { lazyMeasuring, lazyRequire, required } from './build-lazy.mjs';

const common = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  external: ['koffi', '@duckdb/node-api'],
  logLevel: 'warning',
  metafile: true,
};

/** A bundle of its own, in which src/bpf/bundle.ts looks for it: not a part of the others. */
const apart = {
  name: 'apart',
  setup({ onResolve }) {
    onResolve({ filter: /\/(parquet|otlp)-library\.ts$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    );
  },
};

/**
 * A script: what is wrapped around it has the parameters of `Body` in src/bpf/bundle.ts. In brackets V8 compiles it at once
 * instead of looking for its end first.
 */
const script = {
  ...common,
  minify: true,
  write: false,
  banner: { js: '(async function (__exported, require, __url) {' },
  footer: { js: '})' },
  define: {
    'import.meta.url': '__url',
    'import.meta.resolve': 'undefined',
    // React in development mode costs twice per frame. A module of Ink's hands its own bytes to fetch() where there is
    // one, and only for that Node would load all of its HTTP client.
    'process.env.NODE_ENV': '"production"',
    'process.env.DEV': '"false"',
    fetch: 'undefined',
  },
  plugins: [lazyMeasuring, lazyRequire, apart],
  // Ink asks the latter where a terminal does not know its size, and it asks other programs.
  alias: { 'react-devtools-core': './build-empty.mjs', 'terminal-size': './build-size.mjs' },
};

async function bundle(name, entry) {
  const { outputFiles, metafile } = await build({ ...script, stdin: { contents: entry, resolveDir: '.' } });
  fs.writeFileSync(`dist/${name}.js`, required(outputFiles[0].text));
  return metafile;
}

/** A module that begins a thread. Where Node is too old for require, src/main.ts has the word. */
async function entry(file, name, shebang = '') {
  const { outputFiles, metafile } = await build({ ...common, entryPoints: [file], write: false });
  const require = 'const require = process.getBuiltinModule ?? (() => ({}));';
  fs.writeFileSync(`dist/${name}.js`, `${shebang}${require}\n${required(outputFiles[0].text)}`);
  return metafile;
}

fs.mkdirSync('dist', { recursive: true });
const built = await Promise.all([
  entry('src/main.ts', 'itertop', '#!/usr/bin/env node\n'),
  entry('src/reader.ts', 'worker'),
  bundle('program', "import { run } from './src/cli.ts'; __exported.run = run;"),
  bundle('reader', "import './src/state/worker.ts';"),
  ...['parquet-library', 'otlp-library'].map((name) =>
    bundle(name, `import * as library from './src/state/${name}.ts'; Object.assign(__exported, library);`),
  ),
  build({ ...common, entryPoints: ['src/bpf/index.ts'], outfile: 'dist/bpf.js' }).then(({ metafile }) => metafile),
]);

execFileSync(
  process.execPath,
  [
    ...['--hash-seed=1', '--random-seed=1', '--no-warnings', 'build-code.mjs'],
    ...['program', 'reader', 'parquet-library', 'otlp-library'].map((name) => `dist/${name}.js`),
  ],
  { stdio: 'inherit', env: { ...process.env, NODE_OPTIONS: '' } },
);

// The packages whose code is in there, for whoever asks what and under which licences.
const inputs = built.flatMap(({ outputs }) =>
  Object.values(outputs).flatMap((output) =>
    Object.entries(output.inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
  ),
);
const packages = new Set(inputs.flatMap((file) => /^(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []));
fs.writeFileSync('dist/packages.json', `${JSON.stringify([...packages].sort(), null, 2)}\n`);
