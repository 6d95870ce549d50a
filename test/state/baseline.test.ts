/** Files that --baseline reads: what it takes from them, and what it says of those that do not fit. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readBaseline } from '../../src/state/baseline.ts';
import { groupedTemplate } from '../../src/state/grouping.ts';
import { tcp } from '../../src/templates/builtin/tcp.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-baseline-'));
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

const columns = ['sk', 'lport', 'rport', 'state'];
const header = (more: object = {}) => JSON.stringify({ tool: 'itertop', template: 'tcp', columns, ...more });
const row = (sk: string, state = 'LISTEN') => `{"sk":${sk},"lport":80,"rport":0,"state":"${state}"}`;
const read = (text: string) => {
  const file = path.join(dir, 'base.json');
  fs.writeFileSync(file, text);
  return readBaseline(file, tcp);
};

describe('a snapshot', () => {
  it.each([
    ['JSON', `{"header":${header()},\n"rows":[\n${row('18446612682070000001')}\n]}\n`],
    [
      'JSON of several',
      `[\n{"header":${header()},"rows":[${row('1')}]},{"header":${header()},"rows":[${row('18446612682070000001')}]}]`,
    ],
    ['NDJSON', `{"itertop":${header()}}\n${row('18446612682070000001')}\n`],
    [
      'NDJSON of several',
      `{"itertop":${header()}}\n${row('1')}\n${row('2')}\n{"itertop":${header()}}\n${row('18446612682070000001')}\n`,
    ],
  ])('%s: the last one, with all digits of its integers', (_, text) => {
    expect(read(text)).toEqual({ name: 'base.json', columns, rows: [[18446612682070000001n, 80, 0, 'LISTEN']] });
  });

  it('of a list has what its cell shows, whether it is written as a list or, as before, as a text', () => {
    const named = ['sk', 'lport', 'rport', 'held_by'];
    const holders = Array.from({ length: 9 }, (_, n) => `${n}/sleep`);
    const shown = `${holders.slice(0, 8).join(', ')}, +1`;
    const rows = [holders, shown, holders.slice(0, 1), null].map((held_by) =>
      JSON.stringify({ sk: 1, lport: 80, rport: 0, held_by }),
    );
    const { rows: taken } = read(`{"itertop":${header({ columns: named })}}\n${rows.join('\n')}\n`);
    expect(taken.map((values) => values[3])).toEqual([shown, shown, '0/sleep', null]);
  });

  it('without rows is one', () => {
    expect(read(`{"itertop":${header()}}\n`).rows).toEqual([]);
  });
});

describe('groups', () => {
  const groups = groupedTemplate(tcp, 'state', ['lport', 'rxq']);
  const file = path.join(dir, 'groups.json');
  const write = (group: string | undefined) => {
    const head = header({ columns: ['state', 'count', 'rxq'], ...(group && { group }) });
    fs.writeFileSync(file, `{"itertop":${head}}\n{"state":"LISTEN","count":3,"rxq":0}\n`);
  };

  it('are found again by what they are of', () => {
    write('state');
    expect(readBaseline(file, groups, 'state').rows).toEqual([['LISTEN', 3, 0]]);
  });

  it.each([
    ['user', 'state', groups, 'its rows are groups by user, which --group user compares', '--group state'],
    ['state', '', tcp, 'its rows are groups by state, which --group state compares', "--columns '+sk,lport,rport'"],
    [undefined, 'state', groups, 'its rows are no groups by state', '--group state'],
  ])('by %s are not compared with those by "%s"', (group, by, template, problem, option) => {
    write(group);
    expect(() => readBaseline(file, template, by)).toThrow(
      `groups.json: ${problem}; itertop dump tcp ${option} --format json -o FILE writes one`,
    );
  });
});

describe('a file that does not fit', () => {
  it.each([
    ['no JSON', 'STATE LOCAL', 'it is no snapshot in JSON or NDJSON'],
    ['something else', '{"a":1}', 'it is no snapshot in JSON or NDJSON'],
    ['empty', '', 'it is no snapshot in JSON or NDJSON'],
    ['numbers', '1\n2\n', 'it is no snapshot in JSON or NDJSON'],
    ['another table', `{"itertop":${header({ template: 'udp' })}}`, 'its rows are of udp, not of tcp'],
    [
      'no key',
      `{"itertop":${header({ columns: ['lport', 'state'] })}}`,
      'it lacks sk and rport, by which rows are found again',
    ],
  ])('%s', (_, text, problem) => {
    expect(() => read(text)).toThrow(
      `base.json: ${problem}; itertop dump tcp --columns '+sk,lport,rport' --format json -o FILE writes one`,
    );
  });

  it('is not there', () => {
    expect(() => readBaseline(path.join(dir, 'none'), tcp)).toThrow(/^--baseline .*none: there is no such file$/);
  });
});
