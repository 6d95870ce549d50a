/** Paths in narrow cells: what a path ends with says more than what it begins with. */
import { headBeyond, sanitize, sanitizeAscii, textWidth } from '../templates/text.ts';

/** Not the sign of a cut, in ASCII: `~/` is somebody's home. */
const LEFT_OUT = { ascii: '...', other: '…' };

/**
 * `/usr/lib/jvm/bin/java -jar app.jar` in 20 cells: `…/java -jar app.jar`. As few of the directories go as need be; none
 * where all has room, or where the path leaves room for what follows it. Directories that have no room cost nothing.
 * @param command what follows the path are a program's arguments; else all of it is the path
 * @returns text that may still be too long, and is not sanitized
 */
export function shortPath(text: string, width: number, command: boolean, ascii: boolean): string {
  if (text[0] !== '/') return text;
  const safe = ascii ? sanitizeAscii : sanitize;
  /** More than `width` where it is wider than that, however much. */
  const cells = (start: number, end: number) => textWidth(safe(headBeyond(text.slice(start, end), width)));
  const space = command ? text.indexOf(' ') : -1;
  let end = space < 0 ? text.length : space;
  if (cells(0, text.length) <= width || cells(0, end) <= width / 2) return text;
  while (text[end - 1] === '/') end--;
  let from = text.lastIndexOf('/', end - 1);
  if (from <= 0) return text;
  const sign = ascii ? LEFT_OUT.ascii : LEFT_OUT.other;
  let room = width - sign.length - cells(from, text.length);
  for (let before = text.lastIndexOf('/', from - 1); before > 0; before = text.lastIndexOf('/', from - 1)) {
    room -= cells(before, from);
    if (room < 0) break;
    from = before;
  }
  return sign + text.slice(from);
}
