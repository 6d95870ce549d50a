/** Paths where there is little room. */
import { describe, expect, it } from 'vitest';
import { Columns, type Sight } from '../../src/ui/columns.ts';
import { shortPath } from '../../src/ui/path-cells.ts';
import { themeOf } from '../../src/ui/theme.ts';
import { FakeView, fakeColumn } from './fake-view.ts';
import { UTF8 } from './screen.tsx';

const JAVA = '/usr/lib/jvm/17/bin/java -jar app.jar';

describe('a command in so many cells', () => {
  it.each<[string, number, string]>([
    [JAVA, 37, JAVA],
    [JAVA, 36, '…/lib/jvm/17/bin/java -jar app.jar'],
    [JAVA, 30, '…/jvm/17/bin/java -jar app.jar'],
    [JAVA, 20, '…/java -jar app.jar'],
    // Cut by whoever draws it.
    [JAVA, 8, '…/java -jar app.jar'],
    // The program is short enough: its arguments are what has no room.
    ['/bin/sh -c "sleep 1000; sleep 2000"', 20, '/bin/sh -c "sleep 1000; sleep 2000"'],
    ['/init-with-a-long-name --quiet', 12, '/init-with-a-long-name --quiet'],
    ['nginx: worker process', 8, 'nginx: worker process'],
    ['[kworker/0:1]', 8, '[kworker/0:1]'],
    ['/opt/日本/日本語 --x', 12, '…/日本語 --x'],
    ['/a/b/', 4, '…/b/'],
    ['//', 1, '//'],
    ['', 8, ''],
  ])('%j in %i', (text, width, shown) => expect(shortPath(text, width, true, false)).toBe(shown));

  it('has no home where there is only ASCII, and no controls', () => {
    expect(shortPath(JAVA, 24, true, true)).toBe('.../java -jar app.jar');
    // As wide as what is shown of it.
    expect(shortPath('/opt/\x1b[2J/\u202ex', 19, true, false)).toBe('…/\x1b[2J/\u202ex');
    expect(shortPath('/opt/\x1b[2J/\u202ex', 18, true, false)).toBe('…/\u202ex');
  });

  it('of a file all of it is the path, spaces too', () =>
    expect(shortPath('/var/lib/My Files/a b.txt (deleted)', 20, false, false)).toBe('…/a b.txt (deleted)'));
});

it('a table at its narrowest says which program it is, in a tree as well', () => {
  const columns = [
    fakeColumn('pid', { width: 7 }),
    fakeColumn('cmdline', { format: 'text', align: 'left', title: 'COMMAND', width: 16 }),
  ];
  const cells = { pid: '42', cmdline: '/root/.pyenv/versions/3.12/bin/python3 server.py' };
  const rows = ['a', 'b'].map((key) => ({ key, cells }));
  const sight: Sight = { top: 0, rows: 5, left: 0, width: 26, sort: [{ column: 'pid', descending: false }] };
  const drawn = (view: FakeView) => new Columns(themeOf(UTF8)).frame(view, sight).lines[1];
  expect(drawn(new FakeView('task', columns, rows))).toBe('     42 …/python3 server.…');
  const tree = {
    column: 'cmdline',
    parents: Int32Array.of(-1, 0),
    last: Uint8Array.of(1, 1),
    hidden: new Uint32Array(2),
  };
  const view = Object.assign(new FakeView('task', columns, rows), { tree });
  expect(drawn(view)?.replace(/\x1b\[\d*m/g, '')).toBe('     42 └─…/python3 serve…');
});
