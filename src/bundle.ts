/** What the build made of the program: bundles, each with the code that V8 made of it. */
import { createRequire } from 'node:module';

type Fs = typeof import('node:fs');
type Url = typeof import('node:url');
type Vm = typeof import('node:vm');

/** What the build wraps around a bundle; what its entry exports is in `exported` afterwards. */
type Body = (exported: object, require: NodeJS.Require, url: string) => Promise<void>;

/**
 * Runs `<name>.js`, which is beside this bundle. Where this Node does not take the code in `<name>.cache`, which another
 * version made, the source is compiled.
 */
export async function load<Exports extends object>(name: string): Promise<Exports> {
  // Imported, each of them would load what it only has getters for.
  const require = createRequire(import.meta.url);
  const fs: Fs = require('node:fs');
  const { fileURLToPath }: Url = require('node:url');
  const { Script }: Vm = require('node:vm');

  const url = new URL(`./${name}.js`, import.meta.url);
  const filename = fileURLToPath(url);
  // The build leaves no characters in it but those of ASCII.
  const source = fs.readFileSync(filename, 'latin1');
  let cachedData: Buffer | undefined;
  try {
    cachedData = fs.readFileSync(filename.replace(/js$/, 'cache'));
  } catch {}
  const script = new Script(source, cachedData ? { filename, cachedData } : { filename });
  const body = script.runInThisContext() as Body;
  const exported = {};
  await body(exported, require, url.href);
  return exported as Exports;
}
