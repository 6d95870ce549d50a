import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FILTER_KINDS, formatRanges, MAX_RANGES, parseRanges } from '../../src/templates/filters.ts';
import { type FilterName, UsageError } from '../../src/templates/template.ts';

const user = (name: string) => ({ root: 0, 'www-data': 33 })[name];

describe('parseRanges', () => {
  it.each([
    ['pid', '1234', [[1234, 1234]]],
    [
      'pid',
      ' 1, 2 3 ',
      [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
    ],
    [
      'port',
      '8000-8100,443',
      [
        [8000, 8100],
        [443, 443],
      ],
    ],
    ['port', '0-65535', [[0, 65535]]],
    [
      'user',
      'root,www-data,1000-1999',
      [
        [0, 0],
        [33, 33],
        [1000, 1999],
      ],
    ],
    ['user', '4294967294', [[4294967294, 4294967294]]],
    ['rport', '', []],
  ] as const)('%s %j', (name, text, ranges) => {
    expect(parseRanges(name, text, { user })).toEqual(ranges);
  });

  it.each([
    ['pid', '0', 'pid: 0 is out of bounds; it must be 1 to 4194304'],
    ['pid', '4194305', 'pid: 4194305 is out of bounds; it must be 1 to 4194304'],
    ['pid', '12x', "pid: '12x' is not a number or range; write 1234 or 1,2,300-399"],
    ['pid', '-5', "pid: '-5' is not a number or range; write 1234 or 1,2,300-399"],
    ['port', '65536', 'port: 65536 is out of bounds; it must be 0 to 65535'],
    ['port', '99-1', 'port: the range 99-1 runs backwards; write 1-99'],
    ['lport', '1,,2', 'lport: a value is missing between commas; write 443 or 80,443,8000-8100'],
    ['rport', '1,', 'rport: a value is missing between commas; write 443 or 80,443,8000-8100'],
    ['user', 'nobody-here', "user: there is no user 'nobody-here' here; write a name or a uid: root or 0,1000-1999"],
    ['user', '4294967295', 'user: 4294967295 is out of bounds; it must be 0 to 4294967294'],
    ['pid', '9'.repeat(20), `pid: ${'9'.repeat(20)} is out of bounds; it must be 1 to 4194304`],
  ] as const)('%s %j is refused', (name, text, message) => {
    expect(() => parseRanges(name, text, { user })).toThrow(new UsageError(message));
  });

  it('takes as many ranges as the kernel program has room for', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => i + 1).join(',');
    expect(parseRanges('pid', many(MAX_RANGES))).toHaveLength(64);
    expect(() => parseRanges('pid', many(65))).toThrow('pid: 65 values, but at most 64; use ranges, as in 100-199');
  });

  it('reads back what formatRanges writes', () => {
    const names = Object.keys(FILTER_KINDS) as FilterName[];
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 64 }),
        (name, pairs) => {
          const { min, max } = FILTER_KINDS[name];
          const inside = (n: number) => min + (n % (max - min + 1));
          const ranges = pairs.map(([a, b]) => [inside(a), inside(b)].sort((x, y) => x - y) as [number, number]);
          expect(parseRanges(name, formatRanges(ranges))).toEqual(ranges);
        },
      ),
    );
  });
});
