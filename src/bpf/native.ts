/** koffi, loaded at the first call into libc: a program that makes none runs where koffi cannot. */
import { createRequire } from 'node:module';
import { asFile, PACKED } from './packed.ts';

type Koffi = typeof import('koffi');
let loaded: Koffi | undefined;

export function koffi(): Koffi {
  loaded ??= PACKED ? unpacked() : (createRequire(import.meta.url)('koffi') as Koffi);
  return loaded;
}

/** What the npm package adds to its native module is not used here. @throws Error that says what helps */
function unpacked(): Koffi {
  try {
    return asFile('koffi.node', (file) => {
      const module = { exports: {} };
      process.dlopen(module, file);
      return module.exports as Koffi;
    });
  } catch (error) {
    const { message } = error as Error;
    throw new Error(
      `no folder for a private copy of the code that calls the kernel (${message}); TMPDIR=FOLDER names one that is writable and not mounted noexec`,
    );
  }
}
