/**
 * `--where` and the `w` key: a condition over a template's columns, parsed and typed against them.
 *
 *   state == ESTABLISHED && (lport == 443 || rport in 8000-8100) && rxq > 64K && comm =~ "^ngin" && raddr in 10.0.0.0/8
 *
 * ! && || ( ) (or not, and, or) · == != < <= > >= · `in` a value, a range, a network, or several in parentheses ·
 * =~ !~ a regular expression · a yes/no column by itself. Sizes take K M G T (1024), numbers K M G (1000), durations
 * ns us ms s m h d; a bare number is in the column's raw unit, of pages in bytes. A time is 2026-11-26, with quotes
 * also "2026-11-26 14:40", and stands for that whole day, minute or second.
 * A row without a value in a column fulfils no comparison with it; == "" asks for just those rows.
 */
import { nearest } from '../bpf/nearest.ts';
import { type Column, columnOf, type Format, type Template, UsageError } from './template.ts';
import { pointedAt, sanitize } from './text.ts';

type Relation = '==' | '!=' | '<' | '<=' | '>' | '>=';

/** A bigint only where a number would be rounded: JavaScript compares the two exactly. */
export type Num = number | bigint;

/** An inclusive range in the unit that rows are compared in: see where-eval.ts. */
interface NumberRange {
  readonly low: Num;
  readonly high: Num;
}

/** `bits` leading bits of an address; IPv4 as the 4 bytes, IPv6 as 16. */
export interface Network {
  readonly family: 4 | 6;
  readonly bytes: readonly number[];
  readonly bits: number;
}

export type Leaf =
  | { readonly kind: 'compare'; readonly column: string; readonly relation: Relation; readonly value: Num }
  | { readonly kind: 'in'; readonly column: string; readonly ranges: readonly NumberRange[] }
  /** Texts; of bytes their hex digits in small letters. */
  | { readonly kind: 'text'; readonly column: string; readonly values: readonly string[] }
  | { readonly kind: 'net'; readonly column: string; readonly networks: readonly Network[] }
  | { readonly kind: 'match'; readonly column: string; readonly pattern: RegExp };

export type Where =
  | { readonly kind: 'and' | 'or'; readonly left: Where; readonly right: Where }
  | { readonly kind: 'not'; readonly of: Where }
  | Leaf
  /** The column has a value at all: `!=` and `!~` are "has one, and not that". */
  | { readonly kind: 'present'; readonly column: string };

/** A part of the condition that has to hold by itself, and how the user wrote it. */
export interface Conjunct {
  readonly where: Where;
  readonly text: string;
}

export interface WhereOptions {
  /** Uid of a user name. */
  readonly user: (name: string) => number | undefined;
  /** Names of an enum column that leaves them to the kernel's BTF; undefined where it has none. */
  readonly enumNames?: (column: Column) => Readonly<Record<number, string>> | undefined;
  /** Bytes of a page, for columns that count pages. */
  readonly pageSize: number;
}

/** A wrong condition, with a caret under the place. */
export class WhereError extends UsageError {
  readonly position: number;
  /** Without the caret, for where the text is in sight. */
  readonly problem: string;
  constructor(text: string, position: number, problem: string) {
    super(`where: ${problem}\n${pointedAt(text, position)}`);
    this.position = position;
    this.problem = problem;
  }
}

interface Token {
  readonly kind: 'word' | 'string' | 'op' | 'end';
  readonly text: string;
  /** The same as a regular expression, in which a backslash that protects itself stays. */
  readonly pattern: string;
  readonly at: number;
  readonly end: number;
}

/** A word also holds what addresses, ranges, sizes and globs are made of. */
const WORD = /[\w.:/%@*+-]+/y;
const OPERATOR = /&&|\|\||==|!=|<=|>=|=~|!~|[<>!(),]/y;
/** Deeper than people write, far below what recursion takes. */
const MAX_DEPTH = 64;
const MAX_LENGTH = 16384;

function tokens(text: string): Token[] {
  if (text.length > MAX_LENGTH)
    throw new UsageError(`where: ${text.length} characters, at most ${MAX_LENGTH} are taken`);
  const found: Token[] = [];
  for (let at = 0; at < text.length; ) {
    if (/\s/.test(text[at])) {
      at++;
      continue;
    }
    if (text[at] === '"' || text[at] === "'") {
      const quote = text[at];
      let value = '';
      let pattern = '';
      let end = at + 1;
      for (; end < text.length && text[end] !== quote; end++) {
        // A backslash protects the quote and itself; before anything else it is one.
        if (text[end] === '\\' && (text[end + 1] === quote || text[end + 1] === '\\')) {
          end++;
          if (text[end] === '\\') pattern += '\\';
        }
        value += text[end];
        pattern += text[end];
      }
      if (end >= text.length) throw new WhereError(text, at, `this text has no closing ${quote}`);
      found.push({ kind: 'string', text: value, pattern, at, end: end + 1 });
      at = end + 1;
      continue;
    }
    OPERATOR.lastIndex = at;
    WORD.lastIndex = at;
    const op = OPERATOR.exec(text)?.[0];
    const word = op ? undefined : WORD.exec(text)?.[0];
    const piece = op ?? word;
    if (!piece) {
      const character = String.fromCodePoint(text.codePointAt(at)!);
      throw new WhereError(text, at, `${quoted(character)} is not expected here; put texts in quotes`);
    }
    found.push({ kind: op ? 'op' : 'word', text: piece, pattern: piece, at, end: at + piece.length });
    at += piece.length;
  }
  found.push({ kind: 'end', text: '', pattern: '', at: text.length, end: text.length });
  return found;
}

/** @returns the parts that have to hold each; [] for an empty text @throws WhereError */
export function parseWhere(text: string, template: Template, options: WhereOptions): Conjunct[] {
  if (text.trim() === '') return [];
  return new Parser(text, template, options).conjuncts();
}

class Parser {
  readonly #text: string;
  readonly #template: Template;
  readonly #options: WhereOptions;
  readonly #tokens: readonly Token[];
  /** From where to where in the text a part was read that is not made of && alone. */
  readonly #spans = new Map<Where, [from: number, to: number]>();
  #next = 0;
  #depth = 0;

  constructor(text: string, template: Template, options: WhereOptions) {
    this.#text = text;
    this.#template = template;
    this.#options = options;
    this.#tokens = tokens(text);
  }

  #peek(): Token {
    return this.#tokens[this.#next];
  }
  #take(): Token {
    const token = this.#tokens[this.#next];
    if (token.kind !== 'end') this.#next++;
    return token;
  }
  #is(op: string): boolean {
    const { kind, text } = this.#peek();
    if (kind === 'op') return text === op;
    return (
      kind === 'word' &&
      ((op === '&&' && text === 'and') || (op === '||' && text === 'or') || (op === '!' && text === 'not'))
    );
  }
  #accept(op: string): boolean {
    if (!this.#is(op)) return false;
    this.#next++;
    return true;
  }
  #fail(token: Token, problem: string): never {
    throw new WhereError(this.#text, token.at, problem);
  }

  /** What has to hold by itself, apart, also out of parentheses: each part runs where it can. */
  conjuncts(): Conjunct[] {
    const whole = this.#or();
    const token = this.#peek();
    if (token.kind !== 'end') {
      this.#fail(
        token,
        token.text === ')' ? 'this parenthesis was never opened' : `&& or || is expected before ${quoted(token.text)}`,
      );
    }
    const parts: Conjunct[] = [];
    const split = (where: Where) => {
      const span = this.#spans.get(where);
      if (span) parts.push({ where, text: this.#text.slice(...span) });
      else if (where.kind === 'and') {
        split(where.left);
        split(where.right);
      }
    };
    split(whole);
    return parts;
  }

  /** Notes the text of what was read from a token on. */
  #spanned(from: Token, where: Where): Where {
    this.#spans.set(where, [from.at, this.#tokens[this.#next - 1].end]);
    return where;
  }

  #or(): Where {
    const from = this.#peek();
    let left = this.#and();
    while (this.#accept('||')) left = this.#spanned(from, { kind: 'or', left, right: this.#and() });
    return left;
  }

  #and(): Where {
    let left = this.#unary();
    while (this.#accept('&&')) left = { kind: 'and', left, right: this.#unary() };
    return left;
  }

  #unary(): Where {
    const open = this.#peek();
    if (++this.#depth > MAX_DEPTH) this.#fail(open, `nested more than ${MAX_DEPTH} deep`);
    try {
      if (this.#accept('!')) return this.#spanned(open, { kind: 'not', of: this.#unary() });
      if (!this.#accept('(')) return this.#spanned(open, this.#comparison());
      const inner = this.#or();
      this.#close(open, '&&, ||');
      // Parts that hold by themselves stay so; anything else is quoted with its parentheses.
      return this.#spans.has(inner) ? this.#spanned(open, inner) : inner;
    } finally {
      this.#depth--;
    }
  }

  #close(open: Token, other: string): void {
    if (this.#accept(')')) return;
    const token = this.#peek();
    if (token.kind === 'end') this.#fail(open, 'this parenthesis is never closed');
    this.#fail(token, `${other} or ) is expected before ${quoted(token.text)}`);
  }

  #comparison(): Where {
    const name = this.#take();
    if (name.kind !== 'word') this.#fail(name, 'a column is expected here');
    const column = columnOf(this.#template, name.text);
    if (!column) {
      const close = nearest(
        name.text,
        this.#template.columns.map((c) => c.name),
      );
      this.#fail(
        name,
        `${this.#template.name} has no column ${quoted(name.text)}${close.length ? `; did you mean ${close.join(', ')}?` : ''}`,
      );
    }
    const operator = this.#peek();
    switch (operator.kind === 'op' || operator.text === 'in' ? operator.text : '') {
      case '==':
      case '!=':
      case '<':
      case '<=':
      case '>':
      case '>=':
        this.#next++;
        return this.#relation(column, operator.text as Relation, operator);
      case 'in':
        this.#next++;
        return this.#in(column, this.#list());
      case '=~':
      case '!~': {
        this.#next++;
        const match: Leaf = { kind: 'match', column: column.name, pattern: this.#pattern(this.#value()) };
        return operator.text === '=~' ? match : presentAndNot(match);
      }
      default:
        if (column.as === 'flag') return { kind: 'in', column: column.name, ranges: YES };
        return this.#fail(
          operator,
          `a comparison is expected after ${column.name}: ==, !=, <, <=, >, >=, in, =~ or !~`,
        );
    }
  }

  #pattern(token: Token): RegExp {
    try {
      return new RegExp(token.pattern, /\p{Lu}/u.test(token.pattern.replace(/\\./gs, '')) ? '' : 'i');
    } catch (error) {
      return this.#fail(
        token,
        (error as Error).message.replace(/^Invalid regular expression: /, 'no regular expression: '),
      );
    }
  }

  #value(): Token {
    const token = this.#take();
    if (token.kind !== 'word' && token.kind !== 'string') this.#fail(token, 'a value is expected here');
    return token;
  }

  /** One value, or several in parentheses. */
  #list(): Token[] {
    const open = this.#peek();
    if (!this.#accept('(')) return [this.#value()];
    const list: Token[] = [];
    do list.push(this.#value());
    while (this.#accept(','));
    this.#close(open, ',');
    return list;
  }

  #relation(column: Column, relation: Relation, operator: Token): Where {
    const token = this.#value();
    if (relation === '==' || relation === '!=') {
      const equal = token.kind === 'string' && token.text === '' ? this.#none(column) : this.#in(column, [token]);
      if (relation === '==') return equal;
      return equal.kind === 'not' || equal.kind === 'or' ? { kind: 'not', of: equal } : presentAndNot(equal);
    }
    const format = column.as ?? 'int';
    if (isText(format) || format === 'inet' || format === 'enum' || format === 'flag')
      this.#fail(operator, `${column.name} has no order; compare it with == or !=`);
    let value: Num;
    if (format === 'time') {
      const period = this.#period(column, token);
      value = relation === '<' || relation === '>=' ? period.low : period.high;
    } else value = this.#number(column, format, token, token.text);
    return { kind: 'compare', column: column.name, relation, value };
  }

  /** Rows without a value, among them those whose value has an empty name. */
  #none(column: Column): Where & { kind: 'not' | 'or' } {
    const none: Where & { kind: 'not' } = { kind: 'not', of: { kind: 'present', column: column.name } };
    const unnamed = valuesOf(this.#names(column), '');
    if (column.as !== 'enum' || unnamed.length === 0) return none;
    return { kind: 'or', left: none, right: { kind: 'in', column: column.name, ranges: unnamed.map(single) } };
  }

  #in(column: Column, list: readonly Token[]): Leaf {
    const format = column.as ?? 'int';
    const empty = list.find((token) => token.text === '');
    if (empty) this.#fail(empty, `an empty text stands for no value; write ${column.name} == ""`);
    if (format === 'hexbytes') {
      for (const token of list)
        if (!/^([0-9a-f]{2})+$/i.test(token.text))
          this.#fail(token, `${quoted(token.text)} is no row of bytes, which ${column.name} is; write 00ff10`);
      return { kind: 'text', column: column.name, values: list.map((t) => t.text.toLowerCase()) };
    }
    if (isText(format)) return { kind: 'text', column: column.name, values: list.map((t) => t.text) };
    if (format === 'inet') return { kind: 'net', column: column.name, networks: list.map((t) => this.#network(t)) };
    return { kind: 'in', column: column.name, ranges: list.flatMap((t) => this.#ranges(column, format, t)) };
  }

  #ranges(column: Column, format: Format, token: Token): readonly NumberRange[] {
    const { text } = token;
    if (format === 'enum') {
      const names = this.#names(column);
      const values = valuesOf(names, text);
      if (values.length > 0) return values.map(single);
      if (!/^[+-]?\d/.test(text)) {
        const known = [...new Set(Object.values(names))].filter((n) => n !== '');
        const close = nearest(text, known);
        this.#fail(
          token,
          known.length === 0
            ? `this kernel has no names for ${column.name}; write a number`
            : `${column.name} is never ${quoted(text)}; ${close.length ? `did you mean ${close.join(', ')}?` : `it is one of ${known.join(', ')}`}`,
        );
      }
    }
    if (format === 'flag') {
      if (/^(yes|true|1)$/i.test(text)) return YES;
      if (/^(no|false|0)$/i.test(text)) return NO;
      this.#fail(token, `${column.name} is yes or no`);
    }
    if (format === 'time') return [this.#period(column, token)];
    const range = /^([+-]?[^-]+)-([+-]?[^-]+)$/.exec(text);
    // A user's name may hold a hyphen.
    if (!range || (format === 'uid' && !/^\d/.test(text))) return [single(this.#number(column, format, token, text))];
    const low = this.#number(column, format, token, range[1]);
    const high = this.#number(column, format, token, range[2]);
    if (low > high) this.#fail(token, `the range ${text} runs backwards`);
    return [{ low, high }];
  }

  #names(column: Column): Readonly<Record<number, string>> {
    return (typeof column.names === 'object' ? column.names : this.#options.enumNames?.(column)) ?? {};
  }

  /** A number in the unit that rows are compared in. */
  #number(column: Column, format: Format, token: Token, text: string): Num {
    if (format === 'octal') {
      if (/^[0-7]+$/.test(text)) return exact(BigInt(`0o${text}`));
      this.#fail(token, `${quoted(text)} is no octal number, which ${column.name} is`);
    }
    if (format === 'dev') {
      const dev = /^(\d{1,4}):(\d{1,7})$/.exec(text);
      if (dev) return Number(dev[1]) * 0x100000 + Number(dev[2]);
    }
    if (format === 'uid' && !/^[+-]?\d/.test(text)) {
      const uid = this.#options.user(text);
      if (uid === undefined) this.#fail(token, `there is no user ${quoted(text)} here`);
      return uid;
    }
    const hex = /^([+-]?)(0x)?([0-9a-f]+)$/i.exec(text);
    if (hex && (hex[2] || format === 'hex')) return exact(BigInt(`0x${hex[3]}`) * (hex[1] === '-' ? -1n : 1n));
    const match = /^([+-]?)(\d+\.?\d*|\.\d+)([a-zA-Z%]*)$/.exec(text);
    if (!match) this.#fail(token, `${quoted(text)} is no number, which ${column.name} is`);
    const [, sign, digits, unit] = match;
    const scale = scaleOf(format, unit, this.#options.pageSize);
    const takes = unitsOf(format);
    if (!scale) {
      this.#fail(
        token,
        `"${unit}" is no unit of ${column.name}${takes.length ? `; it takes ${takes.join(', ')}` : ''}`,
      );
    }
    const value = scaled(digits, scale);
    // Jiffies differ between kernels, so that a bare number would mean another time on each.
    if (format === 'jiffies' && unit === '' && value > 0)
      this.#fail(token, `${column.name} is a duration; give the unit, one of ${takes.join(', ')}`);
    return sign === '-' ? -value : value;
  }

  /** From the first to the last millisecond of a day, a minute or a second, since the epoch. */
  #period(column: Column, token: Token): NumberRange {
    const match = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?$/.exec(token.text);
    if (match) {
      const [year, month, day, hour, minute, second] = match.slice(1).map((n) => (n === undefined ? n : Number(n)));
      const at = (plus: number[]) =>
        new Date(year!, month! - 1, day! + plus[0], hour ?? 0, (minute ?? 0) + plus[1], (second ?? 0) + plus[2]);
      const start = at([0, 0, 0]);
      const told = [month! - 1, day, hour ?? 0, minute ?? 0, second ?? 0];
      const got = [start.getMonth(), start.getDate(), start.getHours(), start.getMinutes(), start.getSeconds()];
      if (told.every((n, i) => n === got[i])) {
        const end = at(second !== undefined ? [0, 0, 1] : minute !== undefined ? [0, 1, 0] : [1, 0, 0]);
        return { low: start.getTime(), high: end.getTime() - 0.001 };
      }
    }
    return this.#fail(
      token,
      `${quoted(token.text)} is no time, which ${column.name} is; write 2026-11-26 or "2026-11-26 14:40:24"`,
    );
  }

  #network(token: Token): Network {
    const [address, prefix, ...more] = token.text.split('/');
    const v4 = v4Bytes(address);
    const bytes = v4 ?? v6Bytes(address);
    if (!bytes || more.length > 0)
      this.#fail(token, `${quoted(token.text)} is no address; write 10.0.0.1, 10.0.0.0/8, ::1 or fe80::/10`);
    const most = bytes.length * 8;
    const bits = prefix === undefined ? most : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
    if (bits < 0 || bits > most)
      this.#fail(token, `${quoted(`/${prefix}`)} is no prefix length; it is 0 to ${most} here`);
    return { family: v4 ? 4 : 6, bytes, bits };
  }
}

/** Compared as text: without an order, and as a whole. */
function isText(format: Format): boolean {
  return format === 'text' || format === 'path' || format === 'hexbytes';
}

/** What was typed, short enough for a message of one line that no terminal obeys. */
function quoted(text: string): string {
  const most = 40;
  return `"${sanitize(text.length > most ? `${text.slice(0, most)}…` : text)}"`;
}

const presentAndNot = (leaf: Leaf): Where => ({
  kind: 'and',
  left: { kind: 'present', column: leaf.column },
  right: { kind: 'not', of: leaf },
});

const single = (value: Num): NumberRange => ({ low: value, high: value });
const NO: readonly NumberRange[] = [single(0)];
/** A flag is whatever is not 0. */
const YES: readonly NumberRange[] = [
  { low: Number.NEGATIVE_INFINITY, high: -1 },
  { low: 1, high: Number.POSITIVE_INFINITY },
];

/** Values of a name: several where several share it. Its own letters count first, then small ones for large. */
function valuesOf(names: Readonly<Record<number, string>>, name: string): number[] {
  const all = Object.entries(names);
  const own = all.filter(([, n]) => n === name);
  const found = own.length > 0 ? own : all.filter(([, n]) => n.toLowerCase() === name.toLowerCase());
  return found.map(([value]) => Number(value));
}

/** A fraction of whole numbers. */
type Ratio = readonly [numerator: bigint, denominator: bigint];

const BINARY: Readonly<Record<string, bigint>> = {
  '': 1n,
  B: 1n,
  K: 1n << 10n,
  M: 1n << 20n,
  G: 1n << 30n,
  T: 1n << 40n,
};
const DECIMAL: Readonly<Record<string, bigint>> = { '': 1n, K: 1_000n, M: 1_000_000n, G: 1_000_000_000n };
const NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  min: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
};
/** Nanoseconds of the unit that rows are compared in. */
const RAW_NS: Partial<Readonly<Record<Format, bigint>>> = {
  ns: 1n,
  cputime: 1n,
  age: 1n,
  jiffies: 1n,
  us: NS['us'],
  ms: NS['ms'],
  s: NS['s'],
};

const own = <T>(table: Readonly<Record<string, T>>, name: string) =>
  Object.hasOwn(table, name) ? table[name] : undefined;

/** What a number with this unit is multiplied by; undefined for a unit that the format does not have. */
function scaleOf(format: Format, unit: string, pageSize: number): Ratio | undefined {
  const raw = RAW_NS[format];
  const ratio = (up: bigint | undefined, down: bigint): Ratio | undefined =>
    up === undefined ? undefined : [up, down];
  if (raw !== undefined) return unit === '' ? [1n, 1n] : ratio(own(NS, unit), raw);
  const large = unit.toUpperCase();
  switch (format) {
    case 'percent':
      return unit === '' || unit === '%' ? [1n, 1n] : undefined;
    case 'bytes':
    case 'byterate':
      return ratio(own(BINARY, large.replace(/(?<=.)I?B$/, '')), 1n);
    case 'pages':
      return ratio(own(BINARY, large.replace(/(?<=.)I?B$/, '')), BigInt(pageSize));
    case 'count':
    case 'rate':
    case 'int':
      return ratio(own(DECIMAL, large), 1n);
    default:
      return unit === '' ? [1n, 1n] : undefined;
  }
}

function unitsOf(format: Format): string[] {
  if (RAW_NS[format] !== undefined) return Object.keys(NS);
  if (format === 'percent') return ['%'];
  if (format === 'bytes' || format === 'pages' || format === 'byterate') return ['K', 'M', 'G', 'T'];
  if (format === 'count' || format === 'rate' || format === 'int') return ['K', 'M', 'G'];
  return [];
}

function exact(value: bigint): Num {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** `64.5` times a scale: whole numbers exactly, whatever their size; fractions as near as a number can be. */
function scaled(digits: string, [up, down]: Ratio): Num {
  const [whole, fraction = ''] = digits.split('.');
  const above = BigInt(whole + fraction) * up;
  const below = 10n ** BigInt(fraction.length) * down;
  if (above % below === 0n) return exact(above / below);
  const plain = Number(digits) * (Number(up) / Number(down));
  return Number.isSafeInteger(Math.trunc(plain)) ? plain : above / below;
}

function v4Bytes(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((p) => /^\d{1,3}$/.test(p) && Number(p) < 256)) return undefined;
  return parts.map(Number);
}

function v6Bytes(text: string): number[] | undefined {
  if (!/^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text)) return undefined;
  let source = text;
  const dotted = /(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted) {
    const tail = v4Bytes(dotted[1]);
    if (!tail) return undefined;
    source =
      text.slice(0, dotted.index) +
      ((tail[0] << 8) | tail[1]).toString(16) +
      ':' +
      ((tail[2] << 8) | tail[3]).toString(16);
  }
  const halves = source.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((h) => (h === '' ? [] : h.split(':')));
  const count = groups.flat().length;
  if (halves.length === 1 ? count !== 8 : count > 7) return undefined;
  const all = halves.length === 1 ? groups[0] : [...groups[0], ...new Array<string>(8 - count).fill('0'), ...groups[1]];
  const bytes: number[] = [];
  for (const group of all) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes.push(value >> 8, value & 255);
  }
  return bytes;
}

/** Columns that a condition looks at. */
export function columnsOf(where: Where): string[] {
  switch (where.kind) {
    case 'and':
    case 'or':
      return [...columnsOf(where.left), ...columnsOf(where.right)];
    case 'not':
      return columnsOf(where.of);
    default:
      return [where.column];
  }
}
