/** What is done with the cells that columns leave: a text is cut rather than left out, and no gap parts a row. */
import { describe, expect, it } from 'vitest';
import { Columns } from '../../src/ui/columns.ts';
import { themesOf } from '../../src/ui/theme.ts';
import { type FakeRow, FakeView, fakeColumn } from './fake-view.ts';

const THEME = themesOf({ TERM: 'xterm', LANG: 'C.UTF-8', NO_COLOR: '1' }).of('plain');
const ADDRESS = fakeColumn('address', { format: 'inet', align: 'left', width: 15 });
const COMMAND = fakeColumn('command', { format: 'text', align: 'left', width: 15 });
const RTT = fakeColumn('rtt', { width: 7 });
const rows = (...commands: string[]): FakeRow[] =>
  commands.map((command, i) => ({ key: String(i), cells: { address: '192.168.100.200', command, rtt: `${i}us` } }));

const bare = (text: string) => text.replace(/\x1b\[[\d;]*m/g, '');
function lines(width: number, columns: readonly (typeof RTT)[], ...commands: string[]): string[] {
  const view = new FakeView('t', columns, rows(...commands));
  const { header, lines: body } = new Columns(THEME).frame(view, {
    ...{ top: 0, rows: 10, left: 0, width },
    sort: [{ column: 'address', descending: false }],
  });
  return [header.map(([, text]) => text).join(''), ...body].map(bare);
}

describe('the room on a line', () => {
  it.each([
    // As wide as it wants to be; cut; too little for anything but that there is more.
    [31, 'nginx: worker…', false],
    [26, 'nginx: wo…', false],
    [24, 'nginx: …', false],
    [23, '', true],
  ])('of %i cells shows %j', (width, shown, more) => {
    const [heading = '', row = ''] = lines(width, [ADDRESS, COMMAND], 'nginx: worker process');
    expect(heading.length).toBe(width);
    expect(row.slice(16)).toBe(width === 31 ? 'nginx: worker …' : shown);
    expect(heading.includes('COMMAND')).toBe(!more);
  });

  it('is not put between two columns', () => {
    expect(lines(60, [ADDRESS, COMMAND, RTT], 'sshd')[1]).toBe('192.168.100.200 sshd                0us');
    // What the cells need they have.
    const long = 'java -jar a/rather/long/name/of/a/program.jar';
    expect(lines(80, [ADDRESS, COMMAND, RTT], long)[1]).toBe(`192.168.100.200 ${long}     0us`);
    expect(lines(60, [ADDRESS, COMMAND, RTT], long)[1]).toBe(
      '192.168.100.200 java -jar a/rather/long/name/of/a/p…     0us',
    );
  });

  it('goes to the last one', () => {
    const long = 'java -jar a/rather/long/name/of/a/program.jar';
    expect(lines(80, [ADDRESS, RTT, COMMAND], long)[1]).toBe(`192.168.100.200     0us ${long}`);
  });
});
