/**
 * Text that the kernel, the network or the user wrote, made fit for one line of a terminal: it never moves the cursor,
 * never changes a mode, and takes exactly the cells it is said to take.
 */
import stringWidth from 'string-width';

const NOT_PLAIN = /[^\x20-\x7e]/;

/**
 * What must not reach a terminal as it is: controls, format controls (bidi, zero width), line and paragraph separators,
 * lone surrogates, unassigned and invisible code points; and what terminals disagree about the width of (variation
 * selectors, flags, skin tones, keycaps).
 */
const UNSAFE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Regional_Indicator}\p{Emoji_Modifier}]|\u20e3/gu;
/** A combining mark with nothing to sit on would sit on the cell before it. */
const LEADING_MARKS = /^\p{M}+/u;

/** As many marks as a letter of any script has; what comes after them is there to paint over the lines around. */
const EXCESS_MARKS = /(\p{M}{6})(\p{M}+)/gu;

const LETTERS: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function visible(character: string): string {
  const code = character.codePointAt(0)!;
  return LETTERS[character] ?? (code <= 0x9f ? `\\x${hex2(code)}` : `\\u{${code.toString(16)}}`);
}

function hex2(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

/** One printable line: `\n`, `\x1b` and `\u{202e}` stand for what a terminal would obey. Plain ASCII is returned as is. */
export function sanitize(text: string): string {
  if (!NOT_PLAIN.test(text)) return text;
  return text
    .replace(UNSAFE, visible)
    .replace(LEADING_MARKS, allVisible)
    .replace(EXCESS_MARKS, (_, some: string, rest: string) => some + allVisible(rest));
}

const allVisible = (marks: string) => Array.from(marks, visible).join('');

/**
 * Text of several lines, each made fit for a terminal. Those after the first are indented where they are not: a name with
 * a line break in it cannot begin a line of its own.
 */
export function sanitizeLines(text: string): string {
  const [first = '', ...rest] = text.split('\n');
  return [sanitize(first), ...rest.map((line) => sanitize(/^ {2}|^$/.test(line) ? line : `  ${line}`))].join('\n');
}

/** A text that was typed, on a line of its own, with a caret under a place in it. */
export function pointedAt(text: string, position: number): string {
  const line = (part: string) => sanitize(part.replace(/\s/g, ' '));
  return `  ${line(text)}\n  ${' '.repeat(textWidth(line(text.slice(0, position))))}^`;
}

/** Like sanitize, for terminals that do not read UTF-8: bytes above 0x7f may be controls to them. */
export function sanitizeAscii(text: string): string {
  if (!NOT_PLAIN.test(text)) return text;
  return text.replace(/[^\x20-\x7e]/gu, visible);
}

/** Terminal cells that sanitized text takes. */
export function textWidth(text: string): number {
  return NOT_PLAIN.test(text) ? stringWidth(text) : text.length;
}

/** A letter and the marks that stay on it, each in two surrogates. */
const LONGEST_LETTER = 14;

/**
 * The head of a text, not yet sanitized, that is wider than `width` cells where all of it is: others write texts as long
 * as they like, and what lies behind the end of a cell costs no look.
 */
export function headBeyond(text: string, width: number): string {
  return text.slice(0, LONGEST_LETTER * (Math.max(0, width) + 1));
}

/** Made at first use: it costs 12 ms, and plain text does without. */
let graphemes: Intl.Segmenter | undefined;

/** The longest head of sanitized text that takes at most `width` cells; a grapheme is never split. */
export function clip(text: string, width: number): string {
  if (!NOT_PLAIN.test(text)) return text.slice(0, Math.max(0, width));
  let used = 0;
  let end = 0;
  graphemes ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  for (const { segment, index } of graphemes.segment(text)) {
    used += stringWidth(segment);
    if (used > width) break;
    end = index + segment.length;
  }
  return text.slice(0, end);
}

/**
 * `text` in exactly `width` cells, made safe, padded with spaces or cut. A cut shows as `…`, in ascii mode (where all
 * else is escaped to ASCII too) as `~`.
 */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left', ascii = false): string {
  if (width <= 0) return '';
  const near = headBeyond(text, width);
  const safe = ascii ? sanitizeAscii(near) : sanitize(near);
  const cells = textWidth(safe);
  if (cells > width || near.length < text.length) {
    const head = clip(safe, width - 1);
    return head + (ascii ? '~' : '…') + ' '.repeat(width - 1 - textWidth(head));
  }
  if (cells === width) return safe;
  const padding = ' '.repeat(width - cells);
  return align === 'right' ? padding + safe : safe + padding;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes of the kernel as a string: UTF-8, and `\xNN` for each byte that is not. Not yet safe to print: see sanitize. */
export function decodeText(bytes: Uint8Array): string {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! >= 0x80) return decodeUtf8(bytes);
  return Buffer.prototype.latin1Slice.call(bytes, 0, bytes.length);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return decodeBroken(bytes);
  }
}

function decodeBroken(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at]!;
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    try {
      text += utf8.decode(bytes.subarray(at, at + length));
      at += length;
    } catch {
      text += `\\x${hex2(first)}`;
      at++;
    }
  }
  return text;
}
