/** What the build made of the program: bundles, each with the code that V8 made of it. */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { constants, Script } from 'node:vm';
import { asset, PACKED } from './packed.ts';

/** Whether this is what the build made, not its source. */
export const BUNDLED = !import.meta.url.endsWith('.ts');

/** What the build wraps around a bundle; what its entry exports is in `exported` afterwards. */
type Body = (exported: object, require: NodeJS.Require, url: string) => Promise<void>;

/**
 * Runs the bundle of that name, which is beside this one or within the single executable. Where this Node does not take
 * the code that comes with it, which another version made, the source is compiled.
 */
export async function load<Exports extends object>(name: string): Promise<Exports> {
  const folder = path.dirname(PACKED ? process.execPath : fileURLToPath(import.meta.url));
  const filename = path.join(folder, `${name}.js`);
  const read = (file: string) => (PACKED ? Buffer.from(asset(file)) : fs.readFileSync(path.join(folder, file)));
  let cachedData: Buffer | undefined;
  try {
    cachedData = read(`${name}.cache`);
  } catch {}
  // The build leaves no characters in it but those of ASCII.
  const script = new Script(read(`${name}.js`).toString('latin1'), {
    filename,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData ? { cachedData } : {}),
  });
  const body = script.runInThisContext() as Body;
  const exported = {};
  await body(exported, createRequire(filename), pathToFileURL(filename).href);
  return exported as Exports;
}
