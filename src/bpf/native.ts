/** koffi, loaded at the first call into libc: a program that makes none runs where koffi cannot. */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { asFile, PACKED } from './packed.ts';

type Koffi = typeof import('koffi');
let loaded: Koffi | undefined;

/** It could not be loaded; says what helps. */
export class NativeError extends Error {}

/** @throws NativeError; Error where it is not installed with this program */
export function koffi(): Koffi {
  loaded ??= PACKED ? unpacked() : installed();
  return loaded;
}

/** What the npm package adds to its native module is not used here. @throws NativeError */
function unpacked(): Koffi {
  try {
    return asFile('koffi.node', (file) => {
      const module = { exports: {} };
      process.dlopen(module, file);
      return module.exports as Koffi;
    });
  } catch (error) {
    const { message } = error as Error;
    throw new NativeError(
      `no folder for a private copy of the code that calls the kernel (${message}); TMPDIR=FOLDER names one that is writable and not mounted noexec`,
    );
  }
}

function installed(): Koffi {
  const require = createRequire(import.meta.url);
  const folder = (require.resolve.paths('koffi') ?? []).find((each) => fs.existsSync(path.join(each, 'koffi')));
  const home = installedIn(fileURLToPath(import.meta.url));
  if (folder !== undefined && !folder.startsWith(`${home}${path.sep}`))
    throw new Error(`koffi is not installed in ${home}, and that of ${folder} is not loaded: run npm ci there`);
  return native(require) ?? require('koffi');
}

/** Without the package around it, which looks for it in many places: a tenth of the time that a start takes. */
function native(require: NodeJS.Require): Koffi | undefined {
  try {
    return require(`@koromix/koffi-${process.platform}-${process.arch}`);
  } catch {
    return undefined;
  }
}

/**
 * The folder that holds this program and what was installed with it. Node looks for modules in every folder above, then
 * in those of the environment and of HOME: there, /tmp for one, another user may have put them.
 */
export function installedIn(file: string): string {
  const parts = file.split(path.sep);
  const modules = parts.indexOf('node_modules');
  // As a package; as a checkout it is <home>/dist/<bundle> or <home>/src/bpf/<this file>.
  if (modules > 0) return parts.slice(0, modules).join(path.sep);
  const built = Math.max(parts.lastIndexOf('dist'), parts.lastIndexOf('src'));
  return built > 0 ? parts.slice(0, built).join(path.sep) : path.dirname(file);
}
