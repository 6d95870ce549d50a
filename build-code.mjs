/**
 * `node --hash-seed=1 --random-seed=1 build-code.mjs BUNDLE...`: beside each bundle the code that V8 makes of all its functions.
 * Those seeds, in a process that does nothing else, make the same code of the same bundle, byte for byte.
 */
import fs from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { V8_FLAGS } from './src/v8-flags.ts';

// Code made with other flags is not taken. The seeds were used at the start: as flags they may be what they usually are.
for (const flag of [...V8_FLAGS, '--hash-seed=0', '--random-seed=0']) setFlagsFromString(flag);

for (const bundle of process.argv.slice(2)) {
  setFlagsFromString('--no-lazy');
  const made = new Script(fs.readFileSync(bundle, 'latin1'));
  setFlagsFromString('--lazy');
  fs.writeFileSync(bundle.replace(/\.js$/, '.cache'), made.createCachedData());
}
