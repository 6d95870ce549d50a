/** Paths in narrow cells: what a path ends with says more than what it begins with. */
import { sanitize, sanitizeAscii, textWidth } from '../templates/text.ts';

/** Not the sign of a cut, in ASCII: `~/` is somebody's home. */
const LEFT_OUT = { ascii: '...', other: '…' };

/**
 * `/usr/lib/jvm/bin/java -jar app.jar` in 20 cells: `…/java -jar app.jar`. As few of the directories go as need be; none
 * where all has room, or where the path leaves room for what follows it.
 * @param command what follows the path are a program's arguments; else all of it is the path
 * @returns text that may still be too long
 */
export function shortPath(text: string, width: number, command: boolean, ascii: boolean): string {
  if (text[0] !== '/') return text;
  const safe = ascii ? sanitizeAscii(text) : sanitize(text);
  const path = command ? safe.split(' ', 1)[0]! : safe;
  if (textWidth(safe) <= width || textWidth(path) <= width / 2) return text;
  const sign = ascii ? LEFT_OUT.ascii : LEFT_OUT.other;
  const last = path.replace(/\/+$/, '').lastIndexOf('/');
  if (last <= 0) return text;
  let from = path.indexOf('/', 1);
  while (from < last && sign.length + textWidth(safe.slice(from)) > width) from = path.indexOf('/', from + 1);
  return sign + safe.slice(from);
}
