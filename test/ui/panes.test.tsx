/** Single panes, rendered by themselves. */

import { stripVTControlCharacters } from 'node:util';
import { render } from 'ink-testing-library';
import type { ReactElement } from 'react';
import { describe, expect, it } from 'vitest';
import { openedDetail } from '../../src/state/detail.ts';
import { Detail } from '../../src/ui/panes/detail.tsx';
import { FormPane, formHeight, formOf } from '../../src/ui/panes/form.tsx';
import { Help } from '../../src/ui/panes/help.tsx';
import { KeyBar } from '../../src/ui/panes/keybar.tsx';
import { Picker } from '../../src/ui/panes/picker.tsx';
import { themeOf } from '../../src/ui/theme.ts';
import { FakeView, fakeColumn } from './fake-view.ts';

const theme = themeOf({ NO_COLOR: '1', LANG: 'C.UTF-8', TERM: 'xterm' }, false);

/** What a pane draws, as lines without trailing blanks. */
function drawn(pane: ReactElement): string[] {
  const { lastFrame, unmount } = render(pane);
  const lines = stripVTControlCharacters(lastFrame() ?? '')
    .split('\n')
    .map((line) => line.trimEnd());
  unmount();
  return lines;
}

describe('panes', () => {
  it('help lists keys and what they do', () => {
    const text = drawn(<Help theme={theme} pane="table" find="" index={0} width={80} height={60} />).join('\n');
    expect(text).toMatch(/q F10 Ctrl-C +quit/);
    expect(text).toMatch(/f F4 +filter in the kernel/);
  });

  it.each<[string, RegExp[], RegExp]>([
    ['TREE', [/^ +Table$/m, /^ t +show each row under its parent, as a tree/m], /quit/],
    ['ctrl-c', [/^ +Anywhere$/m, /^ q F10 Ctrl-C +quit/m], /tree/],
    // All of what goes by that name.
    ['anywhere', [/quit/, /the keys that work here/, /Going anywhere/], /as a tree/],
    ['zzz', [/no key, and nothing that one does, has "zzz" in it/], /quit/],
  ])('help with %j in it', (find, some, none) => {
    const text = drawn(<Help theme={theme} pane="table" find={find} index={0} width={80} height={60} />).join('\n');
    for (const each of some) expect(text).toMatch(each);
    expect(text).not.toMatch(none);
  });

  it('the picker says why something cannot be picked', () => {
    const targets = [
      { template: 'task', area: 'processes', help: 'of all users', unavailable: '' },
      { template: 'tcp', area: 'network', help: 'sockets', unavailable: 'this kernel has no iterator for tcp' },
    ];
    const pane = { name: 'picker', index: 0, targets, find: '' } as const;
    const counts = new Map([['task', { template: 'task', rows: 12345, why: '' }]]);
    const draw = (find: string) =>
      drawn(<Picker theme={theme} pane={pane} find={find} counts={counts} width={80} height={8} />).join('\n');
    const text = draw('');
    expect(text).toMatch(/^ processes$/m);
    expect(text).toMatch(/^ {3}task +12,345 +of all users/m);
    expect(draw('sock')).not.toContain('12,345');
    expect(draw('zzz')).toContain('"zzz" in its name or help');
    expect(text).toContain('no iterator for tcp');
  });

  it('details show every column with its meaning', () => {
    const columns = [fakeColumn('pid', { align: 'right' }), fakeColumn('comm')];
    const view = new FakeView('task', columns, [{ key: 'a', cells: { pid: '42', comm: 'sleep' } }]);
    const pane = { ...openedDetail('a', view, 0), index: 1 };
    const text = drawn(<Detail theme={theme} pane={pane} template={undefined} width={80} height={20} />).join('\n');
    expect(text).toContain('pid');
    expect(text).toContain('42');
    expect(text).toContain('sleep');
  });

  it.each([20, 40, 80, 200])('the key bar fits %i cells', (width) => {
    for (const line of drawn(<KeyBar theme={theme} pane="table" time="live" two width={width} />))
      expect(line.length).toBeLessThanOrEqual(width);
  });

  it('a command line is all there, or says that it is not', () => {
    const where = `'${Array.from({ length: 9 }, (_, i) => `(pid == ${i} && start_ns == 51612345678901)`).join(' || ')}'`;
    const words = ['itertop', 'dump', 'task', '--where', where];
    const form = formOf({ name: 'command', words, without: [], copied: 'copied' })!;
    const all = formHeight(form, 80);
    const lines = drawn(<FormPane theme={theme} form={form} width={80} height={all} />);
    expect(lines).toHaveLength(all);
    expect(lines.slice(2).join('').replaceAll("'\\'", '').trim()).toBe(where);
    const fewer = drawn(<FormPane theme={theme} form={form} width={80} height={4} />);
    expect(fewer).toEqual([...lines.slice(0, 3), ` ${all - 3} more lines have no room here`]);
  });
});
