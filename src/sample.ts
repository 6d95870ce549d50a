/** The recording that comes with the program, for whoever has nothing else to look at yet. */
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { asFile, PACKED } from './bpf/packed.ts';

/** Its tables by their names on the command line, those of the files without their extension. */
export const SAMPLE = 'sample';
const SAMPLE_TCP = 'sample-tcp';
export const SAMPLES: readonly string[] = [SAMPLE, SAMPLE_TCP];

/** Beside the bundle's folder as beside the sources'. */
const fileOf = (name: string) => fileURLToPath(new URL(`../examples/recordings/${name}.itertop`, import.meta.url));

/** Whether the word is one of those names: a file that has it goes first. */
export const isSample = (word: string): boolean => SAMPLES.includes(word) && !fs.existsSync(word);

/** A path of it; that of a descriptor, open as long as the process, where it lies within the executable. */
export function sampleFile(name: string): string {
  return PACKED ? `/proc/self/fd/${asFile(`${name}.itertop`, (file) => fs.openSync(file, 'r'))}` : fileOf(name);
}

/** What is seen beside it; undefined where it is alone. @returns its name, and what the rows of the first lead to it by */
export function besideSample(name: string): { readonly name: string; readonly word: string } | undefined {
  return name === SAMPLE ? { name: SAMPLE_TCP, word: 'tcp' } : undefined;
}

/** Asks on the terminal whether it is to be shown; false where there is no terminal, or no such file. */
export async function wantsSample(): Promise<boolean> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY || !(PACKED || fs.existsSync(fileOf(SAMPLE)))) return false;
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
