/** Of what a terminal got: all that is none of the sequences that itertop has. */

/** Movements, erasures, lines moved, styles without blinking; modes that it sets and takes back; its own clipboard. */
const OWN = new RegExp(
  [
    '\\x1b\\[(\\d+(;\\d+)?)?[HABCDG]',
    '\\x1b\\[J|\\x1b\\[2?K|\\x1b\\[\\d*[LM]',
    '\\x1b\\[(\\d|[23]\\d|[34]8;5;\\d+|[34]8;2;\\d+;\\d+;\\d+|9\\d|4\\d|10\\d)?m',
    '\\x1b\\[\\?(7|25|1000|1006|1049|2004|2026)[hl]',
    '\\x1b\\]52;c;[A-Za-z0-9+/=]*\\x07',
    '\\r\\n|\\r|\\n',
  ].join('|'),
  'g',
);

/** What is left of it that a terminal would obey, or be misled by; `5` is blinking, `2J` and `3;1H` of no use to us. */
export function foreign(output: string): string[] {
  const rest = output.replace(OWN, '');
  return rest.match(/[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff].{0,12}/g) ?? [];
}
