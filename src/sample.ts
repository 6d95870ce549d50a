/** The recording that comes with the program, for whoever has nothing else to look at yet. */
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { asFile, PACKED } from './bpf/packed.ts';

/** Beside the bundle's folder as beside the sources'. */
const FILE = fileURLToPath(new URL('../examples/recordings/sample.itertop', import.meta.url));

/** A path of it; that of a descriptor, open as long as the process, where it lies within the executable. */
export function sample(): string {
  return PACKED ? `/proc/self/fd/${asFile('sample.itertop', (file) => fs.openSync(file, 'r'))}` : FILE;
}

/** Its name on the command line. */
export const SAMPLE = 'sample';

/** Whether the word is that name: a file that has it goes first. */
export const isSample = (word: string): boolean => word === SAMPLE && !fs.existsSync(SAMPLE);

/** Asks on the terminal whether it is to be shown; false where there is no terminal, or no such file. */
export async function wantsSample(): Promise<boolean> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY || !(PACKED || fs.existsSync(FILE))) return false;
  stdout.write('Look at a sample recording instead, to see what it is like? [Y/n] ');
  stdin.setRawMode(true);
  const key = await new Promise<string>((resolve) => {
    stdin.resume().once('data', (data) => resolve(String(data)));
  });
  stdin.pause().setRawMode(false);
  const wanted = /^[yY\r\n ]/.test(key);
  stdout.write(wanted ? 'yes\n' : 'no\n');
  return wanted;
}
