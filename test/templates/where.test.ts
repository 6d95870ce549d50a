import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { task } from '../../src/templates/builtin/task.ts';
import { tcp } from '../../src/templates/builtin/tcp.ts';
import { type Column, type Template, UsageError } from '../../src/templates/template.ts';
import { type Conjunct, parseWhere, type Where, WhereError, type WhereOptions } from '../../src/templates/where.ts';
import { cpuTime } from '../support/cpu-time.ts';

const OPTIONS: WhereOptions = {
  user: (name) => ({ root: 0, bob: 1000, 'www-data': 33 })[name],
  enumNames: (column) => (column.names === 'bpf_prog_type' ? { 5: 'tracepoint', 6: 'xdp' } : undefined),
  pageSize: 4096,
};
const column = (name: string, as: Column['as'], more: Partial<Column> = {}): Column => ({
  name,
  ...(as === undefined ? {} : { as }),
  from: `task->${name}`,
  help: name,
  ...more,
});
/** A column of each format. */
const every: Template = {
  name: 'every',
  help: 'every format',
  target: 'task',
  key: ['int'],
  show: ['int'],
  sort: 'int',
  columns: [
    ...([
      'int',
      'hex',
      'octal',
      'count',
      'flag',
      'bytes',
      'pages',
      'percent',
      'rate',
      'byterate',
      'ns',
      'us',
      'ms',
      's',
    ] as const),
    ...(['cputime', 'jiffies', 'time', 'age', 'uid', 'dev', 'text', 'path', 'inet', 'hexbytes'] as const),
  ]
    .map((as) => column(as, as))
    .concat(
      column('plain', undefined),
      column('enum', 'enum', { names: { 1: 'ON', 2: 'on', 3: 'OFF', 4: 'TWICE', 9: 'TWICE', 0: '' } }),
      column('kernel', 'enum', { names: 'bpf_prog_type' }),
      column('unknown', 'enum', { names: 'no_such_enum' }),
    ),
};
const parse = (text: string, template: Template = every, options = OPTIONS): Conjunct[] =>
  parseWhere(text, template, options);

/** A condition as text without ambiguity. */
function said(where: Where): string {
  switch (where.kind) {
    case 'and':
      return `(${said(where.left)} & ${said(where.right)})`;
    case 'or':
      return `(${said(where.left)} | ${said(where.right)})`;
    case 'not':
      return `!${said(where.of)}`;
    case 'present':
      return `${where.column}?`;
    case 'compare':
      return `${where.column}${where.relation}${where.value}`;
    case 'in':
      return `${where.column}{${where.ranges.map(({ low, high }) => (low === high ? low : `${low}..${high}`)).join()}}`;
    case 'text':
      return `${where.column}{${where.values.map((v) => JSON.stringify(v)).join()}}`;
    case 'net':
      return `${where.column}{${where.networks.map((n) => `${n.bytes.join('.')}/${n.bits}`).join()}}`;
    case 'match':
      return `${where.column}~${where.pattern}`;
  }
}

describe('what is parsed', () => {
  test.each([
    // operators
    ['int == 5', 'int{5}'],
    ['int != 5', '(int? & !int{5})'],
    ['int < 5', 'int<5'],
    ['int <= 5', 'int<=5'],
    ['int > 5', 'int>5'],
    ['int >= -5', 'int>=-5'],
    ['int>=+5', 'int>=5'],
    ['int in 5', 'int{5}'],
    ['int in (1, 3-5,7)', 'int{1,3..5,7}'],
    ['int in -5--3', 'int{-5..-3}'],
    ['int in -5-3', 'int{-5..3}'],
    ['text =~ "a b"', 'text~/a b/i'],
    ['text =~ Abc', 'text~/Abc/'],
    ['text =~ "\\S+\\.c"', 'text~/\\S+\\.c/i'],
    ['text !~ x', '(text? & !text~/x/i)'],
    ['flag', 'flag{-Infinity..-1,1..Infinity}'],
    ['!flag', '!flag{-Infinity..-1,1..Infinity}'],
    ['flag == no', 'flag{0}'],
    ['flag != TRUE', '(flag? & !flag{-Infinity..-1,1..Infinity})'],
    // precedence
    ['int == 1 || int == 2 && int == 3', '(int{1} | (int{2} & int{3}))'],
    ['(int == 1 || int == 2) && int == 3', '(int{1} | int{2}) / int{3}'],
    ['int == 1 || int == 2 || int == 3', '((int{1} | int{2}) | int{3})'],
    ['!int == 1 && int == 2', '!int{1} / int{2}'],
    ['!(int == 1 && int == 2)', '!(int{1} & int{2})'],
    ['not int == 1 or not (int == 2 and int == 3)', '(!int{1} | !(int{2} & int{3}))'],
    ['!!flag', '!!flag{-Infinity..-1,1..Infinity}'],
    ['(((int == 1)))&&((int == 2 && (int == 3)))', 'int{1} / int{2} / int{3}'],
    [' \t\n', ''],
    // quotes
    ['text == nginx', 'text{"nginx"}'],
    ['text == "a && b"', 'text{"a && b"}'],
    ['text == \'it "is"\'', 'text{"it \\"is\\""}'],
    ['text == "a\\"b\\\\c\\d"', 'text{"a\\"b\\\\c\\\\d"}'],
    ['text =~ "a\\\\b\\"c\\d"', 'text~/a\\\\b"c\\d/i'],
    ['text in ("a", b, \'c\')', 'text{"a","b","c"}'],
    ['text == and', 'text{"and"}'],
    ['path != /etc/*', '(path? & !path{"/etc/*"})'],
    ['text == ""', '!text?'],
    ["int != ''", '!!int?'],
    ['enum == ""', '(!enum? | enum{0})'],
    ['enum != ""', '!(!enum? | enum{0})'],
    // numbers and units
    ['plain == 0x1F', 'plain{31}'],
    ['plain == 0xff', 'plain{255}'],
    ['int > 1.5K', 'int>1500'],
    ['count > 2M', 'count>2000000'],
    ['rate > .5', 'rate>0.5'],
    ['bytes == 64K', 'bytes{65536}'],
    ['bytes in 1k-1MiB', 'bytes{1024..1048576}'],
    ['bytes == 1.5GB', 'bytes{1610612736}'],
    ['bytes == 12B', 'bytes{12}'],
    ['byterate < 1T', 'byterate<1099511627776'],
    ['pages == 1M', 'pages{256}'],
    ['pages > 2048', 'pages>0.5'],
    ['percent > 50%', 'percent>50'],
    ['ns == 4.35us', 'ns{4350}'],
    ['us == 0.1s', 'us{100000}'],
    ['us > 1ns', 'us>0.001'],
    ['ms in 1s-2m', 'ms{1000..120000}'],
    ['s == 1h', 's{3600}'],
    ['cputime > 1d', 'cputime>86400000000000'],
    ['age < 5min', 'age<300000000000'],
    ['jiffies >= 200ms', 'jiffies>=200000000'],
    ['jiffies == 0', 'jiffies{0}'],
    ['hex == ffff888812345678', 'hex{18446612716735190648}'],
    ['hex == 0XFF', 'hex{255}'],
    // As negative numbers are shown, and as what a row leads to, or a group, has them.
    ['hex == -0x5', 'hex{-5}'],
    ['hex == -8000000000000000', 'hex{-9223372036854775808}'],
    ['hex in -0x10--0xa', 'hex{-16..-10}'],
    ['int == -0x5', 'int{-5}'],
    ['hex in 10-1f', 'hex{16..31}'],
    ['octal == 0644', 'octal{420}'],
    ['int == 9007199254740993', 'int{9007199254740993}'],
    ['int == -9007199254740993', 'int{-9007199254740993}'],
    ['bytes == 9007199254740993K', 'bytes{9223372036854776832}'],
    ['dev == 8:1', 'dev{8388609}'],
    ['dev in 8:0-8:15', 'dev{8388608..8388623}'],
    ['uid == bob', 'uid{1000}'],
    ['uid == www-data', 'uid{33}'],
    ['uid in (root, 5-7)', 'uid{0,5..7}'],
    ['uid >= bob', 'uid>=1000'],
    // names
    ['enum == ON', 'enum{1}'],
    ['enum == on', 'enum{2}'],
    ['enum == off', 'enum{3}'],
    ['enum == twice', 'enum{4,9}'],
    ['enum in (OFF, 7, 8-9)', 'enum{3,7,8..9}'],
    ['kernel == xdp', 'kernel{6}'],
    ['kernel == XDP', 'kernel{6}'],
    ['unknown == 3', 'unknown{3}'],
    // addresses and bytes
    ['inet == 10.1.2.3', 'inet{10.1.2.3/32}'],
    ['inet in (10.0.0.0/8, 0.0.0.0/0)', 'inet{10.0.0.0/8,0.0.0.0/0}'],
    ['inet == ::1', 'inet{0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1/128}'],
    ['inet in fe80::/10', 'inet{254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.0/10}'],
    ['inet == ::ffff:1.2.3.4', 'inet{0.0.0.0.0.0.0.0.0.0.255.255.1.2.3.4/128}'],
    ['inet != 1:2:3:4:5:6:7:8/7', '(inet? & !inet{0.1.0.2.0.3.0.4.0.5.0.6.0.7.0.8/7})'],
    ['hexbytes == 00FF', 'hexbytes{"00ff"}'],
  ])('%s', (text, expected) => {
    expect(
      parse(text)
        .map(({ where }) => said(where))
        .join(' / '),
    ).toBe(expected);
  });

  test.each([
    ['time == 2026-11-26', [2026, 10, 26], [2026, 10, 27]],
    ['time == "2026-11-26 14:40"', [2026, 10, 26, 14, 40], [2026, 10, 26, 14, 41]],
    ['time == 2026-11-26T23:59:59', [2026, 10, 26, 23, 59, 59], [2026, 10, 27]],
  ] as const)('%s', (text, from, to) => {
    const at = (parts: readonly number[]) => new Date(...(parts as [number, number])).getTime();
    expect(said(parse(text)[0].where)).toBe(`time{${at(from)}..${at(to) - 0.001}}`);
    expect(said(parse(text.replace('==', '>'))[0].where)).toBe(`time>${at(to) - 0.001}`);
    expect(said(parse(text.replace('==', '<'))[0].where)).toBe(`time<${at(from)}`);
  });

  test('parts are quoted as they were written', () => {
    const texts = (text: string) => parse(text).map((part) => part.text);
    expect(texts(' int==1&& ( int  in (1,2) &&flag) ')).toEqual(['int==1', 'int  in (1,2)', 'flag']);
    expect(texts('int == 1 || flag')).toEqual(['int == 1 || flag']);
    expect(texts('(int == 1 || flag) && !(flag && int < 5)')).toEqual(['(int == 1 || flag)', '!(flag && int < 5)']);
    expect(texts('text != "a b"')).toEqual(['text != "a b"']);
  });
});

describe('what is wrong is pointed at', () => {
  test.each([
    ['int === 5', 6, '"=" is not expected here; put texts in quotes'],
    ['text == "abc', 8, 'this text has no closing "'],
    ['text == é', 8, '"é" is not expected here; put texts in quotes'],
    ['text == 😀', 8, '"😀" is not expected here; put texts in quotes'],
    ['text == \u001b[2J', 8, '"\\x1b" is not expected here; put texts in quotes'],
    ['', -1, ''],
    ['int', 3, 'a comparison is expected after int: ==, !=, <, <=, >, >=, in, =~ or !~'],
    ['int 5', 4, 'a comparison is expected after int: ==, !=, <, <=, >, >=, in, =~ or !~'],
    ['int ==', 6, 'a value is expected here'],
    ['int == == 3', 7, 'a value is expected here'],
    ['int == (1)', 7, 'a value is expected here'],
    ['int in ()', 8, 'a value is expected here'],
    ['int in (1,)', 10, 'a value is expected here'],
    ['int in (1 2)', 10, ', or ) is expected before "2"'],
    ['int in (1, 2', 7, 'this parenthesis is never closed'],
    ['(int == 1', 0, 'this parenthesis is never closed'],
    ['(int == 1 int == 2)', 10, '&&, || or ) is expected before "int"'],
    ['int == 1)', 8, 'this parenthesis was never opened'],
    ['int == 1 flag', 9, '&& or || is expected before "flag"'],
    ['int == 1 &&', 11, 'a column is expected here'],
    ['&& int == 1', 0, 'a column is expected here'],
    ['!', 1, 'a column is expected here'],
    ['"int" == 1', 0, 'a column is expected here'],
    ['flag && ints == 1', 8, 'every has no column "ints"; did you mean int, ns, inet?'],
    ['zzzzzzzz == 1', 0, 'every has no column "zzzzzzzz"'],
    ['int == x', 7, '"x" is no number, which int is'],
    ['int == 1e5', 7, '"1e5" is no number, which int is'],
    ['int == 5-', 7, '"5-" is no number, which int is'],
    ['int == 5 && int < 1-2', 18, '"1-2" is no number, which int is'],
    ['int in 9-3', 7, 'the range 9-3 runs backwards'],
    ['int == 5ms', 7, '"ms" is no unit of int; it takes K, M, G'],
    ['int == 5constructor', 7, '"constructor" is no unit of int; it takes K, M, G'],
    ['bytes > 5s', 8, '"s" is no unit of bytes; it takes K, M, G, T'],
    ['us > 5M', 5, '"M" is no unit of us; it takes ns, us, ms, s, m, min, h, d'],
    ['uid == 5K', 7, '"K" is no unit of uid'],
    ['percent > 5ms', 10, '"ms" is no unit of percent; it takes %'],
    ['jiffies > 200', 10, 'jiffies is a duration; give the unit, one of ns, us, ms, s, m, min, h, d'],
    ['octal == 98', 9, '"98" is no octal number, which octal is'],
    ['hex == xyz', 7, '"xyz" is no number, which hex is'],
    ['time > 5', 7, '"5" is no time, which time is; write 2026-11-26 or "2026-11-26 14:40:24"'],
    ['time > 2026-02-30', 7, '"2026-02-30" is no time, which time is; write 2026-11-26 or "2026-11-26 14:40:24"'],
    [
      'time > 2026-11-26T25:00',
      7,
      '"2026-11-26T25:00" is no time, which time is; write 2026-11-26 or "2026-11-26 14:40:24"',
    ],
    ['uid == nobody-here', 7, 'there is no user "nobody-here" here'],
    ['uid < alice', 6, 'there is no user "alice" here'],
    ['enum == ONN', 8, 'enum is never "ONN"; did you mean ON, on, OFF?'],
    ['enum == zzzzzz', 8, 'enum is never "zzzzzz"; it is one of ON, on, OFF, TWICE'],
    ['kernel == xdpp', 10, 'kernel is never "xdpp"; did you mean xdp?'],
    ['unknown == some', 11, 'this kernel has no names for unknown; write a number'],
    ['enum < 3', 5, 'enum has no order; compare it with == or !='],
    ['text > a', 5, 'text has no order; compare it with == or !='],
    ['inet >= 1.2.3.4', 5, 'inet has no order; compare it with == or !='],
    ['flag < 1', 5, 'flag has no order; compare it with == or !='],
    ['flag == maybe', 8, 'flag is yes or no'],
    ['text in (a, "")', 12, 'an empty text stands for no value; write text == ""'],
    ['hexbytes == 0f1', 12, '"0f1" is no row of bytes, which hexbytes is; write 00ff10'],
    ['inet == 1.2.3', 8, '"1.2.3" is no address; write 10.0.0.1, 10.0.0.0/8, ::1 or fe80::/10'],
    ['inet == 1.2.3.256', 8, '"1.2.3.256" is no address; write 10.0.0.1, 10.0.0.0/8, ::1 or fe80::/10'],
    ['inet == ::1::', 8, '"::1::" is no address; write 10.0.0.1, 10.0.0.0/8, ::1 or fe80::/10'],
    ['inet in 10.0.0.0/33', 8, '"/33" is no prefix length; it is 0 to 32 here'],
    ['inet in ::/129', 8, '"/129" is no prefix length; it is 0 to 128 here'],
    ['inet in ::/x', 8, '"/x" is no prefix length; it is 0 to 128 here'],
    ['inet in ::/1/2', 8, '"::/1/2" is no address; write 10.0.0.1, 10.0.0.0/8, ::1 or fe80::/10'],
    ['text =~ "a("', 8, expect.stringMatching(/^no regular expression: /)],
    ['text =~', 7, 'a value is expected here'],
    [`${'('.repeat(65)}int == 1`, 64, 'nested more than 64 deep'],
    [`${'!'.repeat(65)}flag`, 64, 'nested more than 64 deep'],
  ])('%s', (text, position, problem) => {
    if (position < 0) {
      expect(parse(text)).toEqual([]);
      return;
    }
    let error: unknown;
    try {
      parse(text);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(WhereError);
    expect(error).toMatchObject({ position, problem });
    const [first, line, caret] = (error as Error).message.split('\n');
    expect(first).toBe(`where: ${(error as WhereError).problem}`);
    // Each of these takes as many cells as code units, but for the escape sequence, which is spelled out.
    if (!/[^\x20-\xff]/.test(text) && !text.includes('\u001b'))
      expect([line, caret]).toEqual([`  ${text}`, `  ${' '.repeat(position)}^`]);
  });

  test('the caret stands under the place whatever stands before it', () => {
    const message = (text: string) => {
      try {
        parse(text);
      } catch (error) {
        return (error as Error).message.split('\n').slice(1);
      }
      return [];
    };
    expect(message('text == "日本" && x')).toEqual(['  text == "日本" && x', `  ${' '.repeat(18)}^`]);
    expect(message('text == "\u001b[2J" &&\n\tx')).toEqual(['  text == "\\x1b[2J" &&  x', `  ${' '.repeat(22)}^`]);
  });

  test('a text that is too long', () => {
    expect(() => parse('x'.repeat(16385))).toThrow(new UsageError('where: 16385 characters, at most 16384 are taken'));
  });
});

describe('any text', () => {
  const words = fc.constantFrom(
    ...every.columns.map((c) => c.name),
    ...['==', '!=', '<', '<=', '>', '>=', 'in', '=~', '!~', '&&', '||', '!', 'and', 'or', 'not', '(', ')', ',', '(('],
    ...[
      '5',
      '-5',
      '1-9',
      '64K',
      '5ms',
      '0x1f',
      'ON',
      'yes',
      'root',
      '10.0.0.0/8',
      '::1',
      '"a b"',
      "''",
      '8:1',
      'a*',
      '"',
    ],
    ...['2026-11-26', '""', '9'.repeat(30), '.', '-', '/', '%', '\\', '\n', '\u{1f600}', '\ud800'],
  );
  const taken = (text: string) => {
    const started = cpuTime();
    let found: Conjunct[] = [];
    try {
      found = parse(text);
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      if (error instanceof WhereError) {
        expect(error.position).toBeGreaterThanOrEqual(0);
        expect(error.position).toBeLessThanOrEqual(text.length);
      }
    }
    expect(cpuTime() - started).toBeLessThan(1000);
    return found;
  };
  const settings = { seed: 20261126, numRuns: 4000 };

  test('of words', () => {
    fc.assert(
      fc.property(fc.array(words, { maxLength: 14 }), (list) => {
        const text = list.join(' ');
        // Each part, by itself, is that part.
        for (const part of taken(text))
          expect(
            parse(part.text)
              .map((p) => said(p.where))
              .join(' & '),
          ).toBe(said(part.where));
      }),
      settings,
    );
  });
  test('of characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => void taken(text)),
      settings,
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 60 }), (text) => void taken(text)),
      settings,
    );
  });
  test('that is long', () => {
    const most = (piece: string) => piece.repeat(Math.floor(16384 / piece.length));
    for (const piece of ['(', '!', 'flag&&', 'flag||', 'int in (', 'int==1 && ', '9', '"', "'", 'not ', ':', '1:', '.'])
      for (const before of ['', 'int == ', 'inet == ', 'bytes == .', 'text =~ ', 'flag && ', 'text == "'])
        taken(most(before + piece).slice(0, 16384));
    taken(`bytes == .${'9'.repeat(16000)}K`);
    taken(`inet == ${'1:'.repeat(8000)}`);
  });
});

test('examples of the built-in templates', () => {
  expect(
    parse('state == ESTABLISHED && (lport == 443 || rport in 8000-8100) && rxq > 64K', tcp).map((c) => c.text),
  ).toEqual(['state == ESTABLISHED', '(lport == 443 || rport in 8000-8100)', 'rxq > 64K']);
  expect(said(parse('sk_state == SYN_RECV', tcp)[0].where)).toBe('sk_state{3,12}');
  expect(said(parse('state == t', task)[0].where)).toBe('state{4}');
  expect(said(parse('state == T', task)[0].where)).toBe('state{3}');
});
