/** Texts that names may have and that a terminal would obey, a table would lose its columns by, or a reader be misled by. */

/** What none of them may do: whoever sees a terminal's bytes looks for it. */
export const PWNED = 'pwned';

export const HOSTILE_TEXTS: Readonly<Record<string, string>> = {
  colours: '\x1b[31;5mred',
  'cursor and erasure': '\x1b[2J\x1b[H\x1b[3;1Hx',
  title: `\x1b]0;${PWNED}\x07`,
  'title, ended by ST': `\x1b]2;${PWNED}\x1b\\`,
  clipboard: '\x1b]52;c;cHduZWQ=\x07',
  link: `\x1b]8;;http://${PWNED}/\x07here\x1b]8;;\x07`,
  DCS: `\x1bP$q${PWNED}\x1b\\`,
  APC: `\x1b_G${PWNED}\x1b\\`,
  PM: `\x1b^${PWNED}\x1b\\`,
  queries: '\x1b[c\x1b[6n\x1b[>q\x05',
  modes: '\x1b[?1049l\x1b[?25h\x1bc\x1b(0',
  unfinished: '\x1b[',
  'C1 in UTF-8': '\u009b31m\u009d0;pwned\u009c\u0085\u0090',
  'shift out': '\x0eabc\x0f',
  'line breaks': 'a\nb\rc\r\nd',
  tabs: '\ta\tb\v\f\b\b',
  bidi: '\u202egnp.exe\u202c\u2066x\u2069\u200f',
  'zero width': `a${'\u200b'.repeat(100)}\u200d\u2060\ufeffb`,
  combining: `Z${'\u0335\u0301\u0323'.repeat(100)}o`,
  'combining first': '\u0301\u0301x',
  wide: '日本語ｱﾞ각ᄀ',
  emoji: '👨‍👩‍👧🇫🇷☀\ufe0f👍🏽1\ufe0f\u20e3',
  separators: 'a\u2028b\u2029c\u0085d',
  fillers: '\u3164\u115f\u00ad\u034f',
  'private use': '\ue000\u{f0000}',
  'no character': '\uffff\ufdd0\u{1fffe}',
  formula: `=HYPERLINK("http://${PWNED}";"x")`,
  quotes: `'";,|\`$(touch ${PWNED})\\ !`,
  empty: '',
  blanks: '   ',
};

/** Bytes that are no UTF-8. */
export const BROKEN_BYTES: readonly (readonly number[])[] = [
  [0x9b, 0x33, 0x31, 0x6d],
  [0xff, 0xfe, 0x41],
  [0xc0, 0x80, 0x42],
  [0xed, 0xa0, 0x80],
  [0xe2, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
];

/** A character that no text on the way to a terminal may have. */
export const OBEYED = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;
