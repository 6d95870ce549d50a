/** Styles of cells (SGR, ECMA-48 8.3.117 and xterm's colours) as small numbers; 0 is the plain one. */

export const PLAIN = 0;

/** Parameters that begin an attribute, and those that end it. */
const ATTRIBUTES: readonly (readonly [on: number, off: number])[] = [
  [1, 22],
  [2, 22],
  [3, 23],
  [4, 24],
  [5, 25],
  [7, 27],
  [8, 28],
  [9, 29],
  [53, 55],
];

interface Style {
  /** One bit for each of ATTRIBUTES. */
  readonly bits: number;
  /** Parameters; the empty string is the terminal's own colour. */
  readonly foreground: string;
  readonly background: string;
  /** Known results of `styleAfter` and `styleChange`. */
  readonly after: Map<string, number | undefined>;
  readonly changes: string[];
}

const styles: Style[] = [];
const numbers = new Map<string, number>();
numberOf(0, '', '');

function numberOf(bits: number, foreground: string, background: string): number {
  const key = `${bits}/${foreground}/${background}`;
  let number = numbers.get(key);
  if (number === undefined) {
    number = styles.push({ bits, foreground, background, after: new Map(), changes: [] }) - 1;
    numbers.set(key, number);
  }
  return number;
}

/** The style after `CSI parameters m`; undefined where a parameter is not one of those above. */
export function styleAfter(style: number, parameters: string): number | undefined {
  const { after } = styles[style]!;
  if (!after.has(parameters)) after.set(parameters, apply(styles[style]!, parameters));
  return after.get(parameters);
}

function apply(style: Style, parameters: string): number | undefined {
  let { bits, foreground, background } = style;
  const codes = parameters.split(';').map(Number);
  while (codes.length > 0) {
    const code = codes.shift()!;
    const on = ATTRIBUTES.findIndex(([each]) => each === code);
    if (code === 0) {
      bits = 0;
      foreground = background = '';
    } else if (on >= 0) {
      bits |= 1 << on;
    } else if (ATTRIBUTES.some(([, off]) => off === code)) {
      ATTRIBUTES.forEach(([, off], index) => {
        if (off === code) bits &= ~(1 << index);
      });
    } else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
      foreground = String(code);
    } else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) {
      background = String(code);
    } else if (code === 39) {
      foreground = '';
    } else if (code === 49) {
      background = '';
    } else if (code === 38 || code === 48) {
      const rest = codes.splice(0, codes[0] === 5 ? 2 : 4);
      if (rest.length !== (rest[0] === 5 ? 2 : 4) || (rest[0] !== 5 && rest[0] !== 2)) return undefined;
      if (code === 38) foreground = [code, ...rest].join(';');
      else background = [code, ...rest].join(';');
    } else {
      return undefined;
    }
  }
  return numberOf(bits, foreground, background);
}

/** What to write to come from one style to another, as short as it can be. */
export function styleChange(from: number, to: number): string {
  if (from === to) return '';
  const { changes } = styles[from]!;
  changes[to] ??= change(styles[from]!, styles[to]!);
  return changes[to];
}

/** One sequence for each parameter: some terminals stop at the first one of a sequence that they do not know. */
function sequences(parameters: readonly (string | number)[]): string {
  return parameters.map((each) => `\x1b[${each}m`).join('');
}

function change(from: Style, to: Style): string {
  const begun = (bits: number) => ATTRIBUTES.flatMap(([on], index) => (bits & (1 << index) ? [on] : []));
  const colours = [to.foreground, to.background].filter((colour) => colour !== '');
  const anew = sequences(['', ...begun(to.bits), ...colours]);

  const ended = new Set(ATTRIBUTES.flatMap(([, off], index) => (from.bits & ~to.bits & (1 << index) ? [off] : [])));
  // Bold and faint end together.
  const kept = ATTRIBUTES.reduce((bits, [, off], index) => (ended.has(off) ? bits & ~(1 << index) : bits), from.bits);
  const changed: (string | number)[] = [...ended, ...begun(to.bits & ~kept)];
  if (from.foreground !== to.foreground) changed.push(to.foreground || 39);
  if (from.background !== to.background) changed.push(to.background || 49);
  const step = sequences(changed);

  return step.length < anew.length ? step : anew;
}

/** The style that erased cells get: the background alone (back colour erase). */
export function erased(style: number): number {
  const { background } = styles[style]!;
  return background === '' ? PLAIN : numberOf(0, '', background);
}
