/**
 * Bytes of a terminal to keys. A key is one printable character as it is, or a name: `enter`, `f1`, `ctrl-s`.
 * Ink's useInput gives no function keys and takes a burst (`jjj`) for one word, so the raw input is read here.
 * Sequences: xterm's ctlseqs, the VT220 and Linux console variants.
 */
export type Key = string;

const SEQUENCES: Readonly<Record<string, Key>> = {
  '[A': 'up',
  '[B': 'down',
  '[C': 'right',
  '[D': 'left',
  '[H': 'home',
  '[F': 'end',
  '[1~': 'home',
  '[7~': 'home',
  '[4~': 'end',
  '[8~': 'end',
  '[3~': 'delete',
  '[5~': 'pageup',
  '[6~': 'pagedown',
  '[Z': 'shift-tab',
  OA: 'up',
  OB: 'down',
  OC: 'right',
  OD: 'left',
  OH: 'home',
  OF: 'end',
  OM: 'enter',
  OP: 'f1',
  OQ: 'f2',
  OR: 'f3',
  OS: 'f4',
  '[[A': 'f1',
  '[[B': 'f2',
  '[[C': 'f3',
  '[[D': 'f4',
  '[[E': 'f5',
  '[11~': 'f1',
  '[12~': 'f2',
  '[13~': 'f3',
  '[14~': 'f4',
  '[15~': 'f5',
  '[17~': 'f6',
  '[18~': 'f7',
  '[19~': 'f8',
  '[20~': 'f9',
  '[21~': 'f10',
};

/** Every key that is no printable character. */
export const KEY_NAMES: readonly Key[] = [
  ...new Set([...Object.values(SEQUENCES), 'enter', 'tab', 'backspace', 'escape']),
  ...[...'abcdefgklnopqrstuvwxyz'].map((letter) => `ctrl-${letter}`),
];

const SHORT: Readonly<Record<string, Key>> = {
  esc: 'escape',
  space: ' ',
  pgup: 'pageup',
  pgdn: 'pagedown',
  return: 'enter',
};

/** The key of a name, as the help has it or as it is here: `Ctrl-S`, `PgUp`, `Space`, `x`; undefined where there is none. */
export function keyNamed(name: string): Key | undefined {
  if ([...name].length === 1) return /[\x00-\x1f\x7f-\x9f]/.test(name) ? undefined : name;
  const word = name.toLowerCase();
  return Object.hasOwn(SHORT, word) ? SHORT[word] : KEY_NAMES.find((key) => key === word);
}

/** A CSI or SS3 sequence; and what may still become one. */
const SEQUENCE = /^\x1b(\[M[\s\S]{3}|\[\[[A-E]|\[[0-?]*[ -/]*[@-~]|O[A-Za-z])/;
const UNFINISHED = /^\x1b(?:\[M[\s\S]{0,2}|\[\[?|\[[0-?]*[ -/]*|O)?$/;

function control(code: number): Key | undefined {
  if (code === 0x0d || code === 0x0a) return 'enter';
  if (code === 0x09) return 'tab';
  if (code === 0x08 || code === 0x7f) return 'backspace';
  if (code >= 1 && code <= 26) return `ctrl-${String.fromCharCode(code + 0x60)}`;
  return undefined;
}

/** SGR mouse reports (mode 1006): button, column and line, both from 1 on; only what is pressed counts. */
const MOUSE = /^\[<(\d+);(\d+);(\d+)M$/;
const MOUSE_BEGUN = /^\x1b\[(?:<[\d;]{0,24}|M[\s\S]{0,2})$/;

/** `mouse-0-12-5`: see mouse.ts. Reports in the older form, of terminals that know no other, mean nothing. */
function mouseKey(sequence: string): Key | undefined {
  const [, button, x, y] = MOUSE.exec(sequence) ?? [];
  return button === undefined ? undefined : `mouse-${button}-${x}-${y}`;
}

/** What a terminal puts around a text that was pasted, where it has been asked to (mode 2004). */
const PASTE_BEGIN = '[200~';
const PASTE_END = '\x1b[201~';
/** More than any line takes; what comes behind is let go of. */
const MOST_PASTED = 1 << 14;
/** A pasted text is one key: this, and the text. */
export const PASTED = 'paste:';

export interface KeyParser {
  /** Keys that are complete; the start of a sequence waits for its rest. */
  push(chunk: string): Key[];
  /** Something waits: if nothing follows soon it was the Esc key. */
  pending(): boolean;
  /** What waits is the rest of a text that is being pasted, over a slow line for long. */
  pasting(): boolean;
  /** What waits, taken as keys by themselves; of a pasted text what is there of it. */
  flush(): Key[];
}

/** Sequences that name no key here (focus, modified arrows) are dropped, never typed. */
export function createKeyParser(): KeyParser {
  let rest = '';
  /** What has come of a text that is being pasted. */
  let pasted: string | undefined;

  /** @returns the text, once it has ended */
  function paste(final: boolean): Key[] {
    const end = rest.indexOf(PASTE_END);
    const ended = end >= 0 || final;
    // The last characters may begin its end.
    const length = end >= 0 ? end : final ? rest.length : Math.max(0, rest.length - PASTE_END.length + 1);
    pasted += rest.slice(0, Math.min(length, MOST_PASTED - pasted!.length));
    rest = rest.slice(end >= 0 ? end + PASTE_END.length : length);
    if (!ended) return [];
    const text = pasted!;
    pasted = undefined;
    return [PASTED + text];
  }

  function take(final: boolean): Key[] {
    const keys: Key[] = [];
    while (rest !== '' || (final && pasted !== undefined)) {
      if (pasted !== undefined) {
        keys.push(...paste(final));
        if (pasted !== undefined) break;
        continue;
      }
      // Nobody types the beginning of what a mouse says: its end is on the way.
      if (MOUSE_BEGUN.test(rest)) break;
      if (!final && UNFINISHED.test(rest)) break;
      const sequence = final ? null : SEQUENCE.exec(rest);
      if (sequence) {
        if (sequence[1] === PASTE_BEGIN) pasted = '';
        const key = SEQUENCES[sequence[1]!] ?? mouseKey(sequence[1]!);
        if (key) keys.push(key);
        rest = rest.slice(sequence[0].length);
        continue;
      }
      const code = rest.codePointAt(0)!;
      const character = String.fromCodePoint(code);
      rest = rest.slice(character.length);
      // Esc and then another key, or Alt with it, which means nothing here.
      const key = code === 0x1b ? 'escape' : code < 0x20 || (code >= 0x7f && code < 0xa0) ? control(code) : character;
      if (key) keys.push(key);
    }
    return keys;
  }

  return {
    push(chunk) {
      rest += chunk;
      return take(false);
    },
    pending: () => rest !== '' || pasted !== undefined,
    pasting: () => pasted !== undefined,
    flush: () => take(true),
  };
}
