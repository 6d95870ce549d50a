/**
 * Modules that measure text make a segmenter and regular expressions of all emoji as they are loaded: 40 ms in each of
 * two threads, for what most screens never need. In the bundle they are made at first use, and the signs that itertop
 * draws with are measured without them.
 */
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';

const PLAIN = String.raw`/^[\u0020-\u007E]*$/`;
/** Narrow, no emoji, nothing that combines: ASCII, Latin-1 from its letters on, arrows, box drawing, blocks. */
export const NARROW = String.raw`/^[\u0020-\u007E\u00AB\u00B5-\u00FF\u2026\u2039\u203A\u2190-\u2193\u2500-\u2590\u25B2\u25BC\u25CF]*$/`;

const MEASURING = /\/(string-width|wrap-ansi|slice-ansi|ansi-tokenize|ink\/build)\/.*\.js$/;
/** A constant at the top of a module. */
const COSTLY = /^(const \w+ = )(new Intl\.Segmenter\(.*\)|\/.*\\p\{.*\/[gv]+u?);$/gm;
const LAZY = `
function __lazy(make) {
  let made;
  return new Proxy({}, {
    get(_, name) {
      made ??= make();
      const value = made[name];
      return typeof value === 'function' ? value.bind(made) : value;
    },
    set(_, name, value) {
      made ??= make();
      made[name] = value;
      return true;
    },
  });
}`;

export const lazyMeasuring = {
  name: 'lazy-measuring',
  setup(build) {
    build.onLoad({ filter: MEASURING }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      if (!COSTLY.test(source)) return;
      let contents = `${source.replace(COSTLY, '$1__lazy(() => $2);')}\n${LAZY}\n`;
      if (path.includes('/string-width/')) {
        if (!contents.includes(PLAIN)) throw new Error(`${path} has another fast path than ${PLAIN}`);
        contents = contents.replace(PLAIN, NARROW);
      }
      return { contents, loader: 'js' };
    });
  },
};

/** Modules of Node's that a start has no use for. */
const RARE = /^(node:)?(assert|child_process|crypto|readline|zlib)$/;

/** What packages require of them is loaded when it is used. */
export const lazyRequire = {
  name: 'lazy-require',
  setup(build) {
    build.onResolve({ filter: RARE }, ({ path, kind, namespace }) =>
      kind === 'require-call' && namespace !== 'rare' ? { path, namespace: 'rare' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'rare' }, ({ path }) => ({
      contents: `module.exports = ${whenUsed(path)};`,
    }));
  },
};

const whenUsed = (module) => `new Proxy({}, { get: (_, name) => require(${JSON.stringify(module)})[name] })`;

/** As esbuild writes it: what is imported of Node's own modules. */
const IMPORT = /\bimport\s*(?:\*\s*as\s+([\w$]+)|([\w$]+)?,?\s*(?:\{([^}]*)\})?)\s*from\s*"(?:node:)?([\w/]+)";/g;

/** Asked for as it runs: in a script Node warns of that. */
const LATER = /\bimport\("(?:node:)?([\w/]+)"\)/g;

/**
 * The code with require() for each import of Node's own modules: imported, a module has all of its getters called, for
 * which half of Node is loaded. Of the rare ones only functions can be imported by name, and are loaded at their call.
 */
export function required(code) {
  const asked = code.replace(LATER, (text, module) =>
    isBuiltin(module) ? `Promise.resolve(require("node:${module}"))` : text,
  );
  return asked.replace(IMPORT, (_, all, main, names, module) => {
    const from = `require("node:${module}")`;
    const rare = RARE.test(module);
    const parts = [all, main].filter(Boolean).map((name) => `var ${name}=${rare ? whenUsed(`node:${module}`) : from};`);
    if (names && !rare) parts.push(`var {${names.replace(/\bas\b/g, ':')}}=${from};`);
    for (const name of names && rare ? names.split(',') : []) {
      const [its, ours = its] = name.trim().split(/\s+as\s+/);
      parts.push(`var ${ours}=(...all)=>${from}.${its}(...all);`);
    }
    return parts.join('');
  });
}
