/** The recording that comes with the program, for whoever has nothing else to look at yet. */
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Beside the bundle's folder as beside the sources'. */
export const SAMPLE = fileURLToPath(new URL('../examples/recordings/sample.itertop', import.meta.url));

/** Asks on the terminal whether it is to be shown; false where there is no terminal, or no such file. */
export async function wantsSample(): Promise<boolean> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY || !fs.existsSync(SAMPLE)) return false;
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
