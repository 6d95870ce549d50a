/** Where the screen is too narrow for the last text, minor columns give way to it. */
import { describe, expect, it } from 'vitest';
import { viewColumn } from '../../src/state/live-view.ts';
import type { Sort } from '../../src/state/sort.ts';
import { task } from '../../src/templates/builtin/task.ts';
import { withHost } from '../../src/templates/host-column.ts';
import { Columns, type Sight } from '../../src/ui/columns.ts';
import { themeOf } from '../../src/ui/theme.ts';
import { FakeView, fakeColumn } from './fake-view.ts';
import { UTF8 } from './screen.tsx';

const SIGHT: Sight = { top: 0, rows: 10, left: 0, width: 80, sort: [{ column: 'cpu', descending: true }] };

/** Titles of the columns that are shown, and the first row. */
function shown(
  view: FakeView,
  sight: Partial<Sight>,
  columns = new Columns(themeOf(UTF8)),
): [titles: string, row: string] {
  const { header, lines } = columns.frame(view, { ...SIGHT, ...sight });
  return [
    header
      .map(([, text]) => text)
      .join('')
      .trim()
      .split(/[\s«▼▲]+/)
      .join(' '),
    lines[0]!,
  ];
}

const template = withHost(task);
const processes = (host: string) =>
  new FakeView(
    'task',
    template.show.map((name) => viewColumn(template, name, new Map())),
    [{ key: 'a', cells: { host, pid: '4194304', user: 'www-data', cmdline: 'nginx: worker process' } }],
  );

describe('minor columns', () => {
  const all = 'PID USER PR NI THR VIRT RSS S CPU% TIME COMMAND';
  it.each([
    ['db', 200, all],
    ['db', 80, all],
    ['web-eu-1', 80, 'PID USER NI THR VIRT RSS S CPU% TIME COMMAND »'],
    ['web-prod-eu-1', 80, 'PID USER THR VIRT RSS S CPU% TIME COMMAND »'],
    ['web-prod-eu-1.example.org', 80, 'PID USER VIRT RSS S CPU% TIME COMMAND »'],
    ['a'.repeat(60), 80, 'PID USER VIRT RSS S CPU% TIME COMMAND »'],
    ['web-eu-1', 66, 'PID USER RSS S CPU% TIME COMMAND »'],
    // Without them there is no room either: all are left.
    ['web-eu-1', 50, 'PID USER PR NI THR VIRT »'],
  ])('processes of %s at %i cells', (host, width, titles) => {
    const [found, row] = shown(processes(host), { width: width - 1 });
    expect(found).toBe(`HOST ${titles}`);
    if (titles.includes('COMMAND')) expect(row).toMatch(/ nginx: /);
    if (host.length < 20) expect(row).toMatch(new RegExp(`^${host} `));
  });

  it('are there again where one scrolls', () => {
    expect(shown(processes('web-eu-1'), { width: 79, left: 2 })[0]).toMatch(/^HOST PR NI THR .* COMMAND$/);
  });

  it('stay where the table is sorted by them, or where they were given a width', () => {
    const sort: Sort = [{ column: 'prio', descending: false }];
    expect(shown(processes('web-eu-1'), { width: 79, sort })[0]).toBe(
      'HOST PID USER PR THR VIRT RSS S CPU% TIME COMMAND »',
    );
    expect(shown(processes('web-eu-1'), { width: 79, widths: { prio: 4, nice: 4 } })[0]).toBe(
      'HOST PID USER PR NI VIRT RSS S CPU% TIME COMMAND »',
    );
  });

  it('stay where the last text is in sight anyway, and where there is none', () => {
    const numbers = ['a', 'b', 'c', 'd'].map((name) => fakeColumn(name, { width: 8, minor: name === 'b' }));
    const rows = [{ key: 'a', cells: {} }];
    expect(shown(new FakeView('task', numbers, rows), { width: 30 })[0]).toBe('A B C »');
    const text = fakeColumn('text', { format: 'text', align: 'left', width: 8 });
    const before = [text, ...numbers];
    expect(shown(new FakeView('task', before, rows), { width: 30 })[0]).toBe('TEXT A B »');
    expect(shown(new FakeView('task', [...numbers, text], rows), { width: 40 })[0]).toBe('A C D TEXT »');
  });

  it('a name of a host that was seen whole takes no more than a quarter of a narrower screen', () => {
    const view = processes('web-prod-eu-1.example.org');
    const columns = new Columns(themeOf(UTF8));
    expect(shown(view, { width: 160 }, columns)[1]).toMatch(/^web-prod-eu-1\.example\.org /);
    expect(shown(view, { width: 79 }, columns)[1]).toMatch(/^web-prod-eu-1\.exam… /);
  });

  it.each([
    ['web-prod-eu-1.example.org', /^web-prod-eu-1\.exam… /, /^web-prod-eu-1\.exam~ /],
    ['shop/checkout-7d9f8b6c5d-x2x9q', /^…t-7d9f8b6c5d-x2x9q /, /^~t-7d9f8b6c5d-x2x9q /],
    ['b\u00fccher-und-zeitschriften-1', /^b\u00fccher-und-zeitsch… /, /^b\\u\{fc\}cher-und-ze~ /],
  ])('of %s stays what tells hosts apart', (host, plain, ascii) => {
    expect(shown(processes(host), { width: 79 })[1]).toMatch(plain);
    expect(shown(processes(host), { width: 79 }, new Columns(themeOf(UTF8, true)))[1]).toMatch(ascii);
  });
});
