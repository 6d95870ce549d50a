/** Anything that a terminal may send: keys, pasted text, what a mouse says, halves of sequences, bytes of no meaning. */
import fc from 'fast-check';

/** What makes a program end or stop: left out where it is to go on. */
const ENDING = /[qQ\x03\x1a]|\x1b\[21~/g;

const key = fc.constantFrom(
  ...'abcdefghijklmnoprstuvwxyzABCDEFGHIJKLMNOPRSTUVWXYZ0123456789 !/:=<>+-*,.?[]\\',
  ...['\r', '\t', '\x7f', '\x1b', '\x1b[A', '\x1b[B', '\x1b[C', '\x1b[D', '\x1b[H', '\x1b[F', '\x1b[5~', '\x1b[6~'],
  ...['\x1b[Z', '\x1bOP', '\x1b[17~', '\x0c', '\x12', '\x13', '\x14', '\x15', '\x17', '\x01', '\x05', '\x0b'],
);
const mouse = fc
  .tuple(
    fc.constantFrom(0, 0, 1, 2, 3, 35, 64, 65, 66, 128, 99999),
    fc.integer({ min: -1, max: 300 }),
    fc.nat(300),
    fc.constantFrom('M', 'm', ''),
  )
  .map(([button, x, y, end]) => `\x1b[<${button};${x};${y}${end}`);
const half = fc.constantFrom(
  '\x1b',
  '\x1b[',
  '\x1b[<',
  '\x1b[<0;',
  '\x1b[M',
  '\x1b[1;',
  '\x1bO',
  '\x1b[[',
  '\x1b]0;x',
  '\x1bP',
  '\x1b[?',
  '\x9b',
);
const words = fc.constantFrom(
  ':tcp 443\r',
  ':help\r',
  '/n\r',
  'w pid > 0\r',
  'f',
  ':sort -pid\r',
  ':nothing\r',
  '!x\r',
  ':theme\r',
  ':columns\r',
  'T50%\r',
);
const binary = fc.string({ unit: 'binary', maxLength: 40 });
const paste = binary.map((text) => `\x1b[200~${text}\x1b[201~`);

/** @param quits whether it may be told to end */
export const input = (quits: boolean): fc.Arbitrary<string> =>
  fc
    .oneof(
      { weight: 8, arbitrary: fc.array(key, { minLength: 1, maxLength: 8 }).map((keys) => keys.join('')) },
      { weight: 2, arbitrary: mouse },
      { weight: 1, arbitrary: half },
      { weight: 2, arbitrary: words },
      { weight: 1, arbitrary: binary },
      { weight: 1, arbitrary: paste },
    )
    .map((text) => (quits ? text : text.replace(ENDING, '')));
