/** What is pasted is a text, not keys: it goes into the line that is typed, as one line, and nowhere else. */
import { afterEach, describe, expect, it } from 'vitest';
import { type Input, insert, MOST_TYPED } from '../../src/state/input.ts';
import { inputOfPane } from '../../src/state/panes.ts';
import { createKeyParser, PASTED } from '../../src/ui/keys.ts';
import { cpuTime } from '../support/cpu-time.ts';
import { taskView } from './fake-view.ts';
import { fakeSession, openScreen, type Screen } from './screen.tsx';

const pasted = (text: string) => `\x1b[200~${text}\x1b[201~`;

describe('the bytes of a pasted text', () => {
  it.each<[string, string, string[]]>([
    ['are one key', pasted('qjk\r\x03\x1b[A'), [`${PASTED}qjk\r\x03\x1b[A`]],
    ['may be none', pasted(''), [PASTED]],
    ['stand between keys', `j${pasted('q')}k`, ['j', `${PASTED}q`, 'k']],
    ['an end without a beginning is nothing', '\x1b[201~j', ['j']],
  ])('%s', (_, bytes, keys) => {
    const whole = createKeyParser();
    expect(whole.push(bytes)).toEqual(keys);
    expect(whole.pending()).toBe(false);
    // However they are cut.
    const single = createKeyParser();
    expect([...bytes].flatMap((byte) => single.push(byte))).toEqual(keys);
  });

  it('whose end does not come are waited for, and then taken for what they are', () => {
    const parser = createKeyParser();
    expect(parser.push('\x1b[200~abc')).toEqual([]);
    expect([parser.pending(), parser.pasting()]).toEqual([true, true]);
    expect(parser.push('def')).toEqual([]);
    expect(parser.flush()).toEqual([`${PASTED}abcdef`]);
    expect([parser.pending(), parser.pasting()]).toEqual([false, false]);
    expect(parser.push('j')).toEqual(['j']);
  });

  it('in megabytes are no more than a line takes', () => {
    const parser = createKeyParser();
    parser.push('\x1b[200~');
    for (let n = 0; n < 500; n++) expect(parser.push('q'.repeat(10_000))).toEqual([]);
    const [key] = parser.push('\x1b[201~');
    expect(key!.length).toBeLessThan(20_000);
  });
});

describe('a line', () => {
  it('takes so many characters, and none by halves', () => {
    const full: Input = { text: 'x'.repeat(MOST_TYPED - 3), caret: 0 };
    expect(insert('abcdef')(full)).toEqual({ text: `abc${full.text}`, caret: 3 });
    expect(insert('ab😀')(full)).toEqual({ text: `ab${full.text}`, caret: 2 });
    expect(insert('a')({ text: 'x'.repeat(MOST_TYPED), caret: 9 }).caret).toBe(9);
  });
});

describe('in the explorer', () => {
  let screen: Screen;
  afterEach(() => screen.close());

  it('a text is no keys of the table, and is one line where something is typed', async () => {
    const session = fakeSession();
    session.getState().received(taskView(40));
    screen = await openScreen({ session });
    await screen.press(pasted('qqR\rd'));
    expect(screen.calls).toEqual([]);
    expect(session.getState().panes).toEqual([]);
    expect(screen.text()).toContain('what is pasted goes where something is typed');
    await screen.press('/', pasted(' one\r\n\x1b[2Jtwo\t \n'));
    const line = () => inputOfPane(session.getState().panes.at(-1)!)?.text;
    expect(line()).toBe('one [2Jtwo');
    await screen.press('x');
    expect(line()).toBe('one [2Jtwox');
  });

  it('a long line of wide characters is drawn as fast as a short one', async () => {
    const session = fakeSession();
    session.getState().received(taskView(40));
    screen = await openScreen({ session });
    await screen.press('/', 'x');
    const timed = async () => {
      const start = cpuTime();
      for (let n = 0; n < 5; n++) await screen.press('x');
      return cpuTime() - start;
    };
    const short = await timed();
    await screen.press(pasted('日本語 e\u0301'.repeat(1000)));
    // It took seconds where each character was measured with all that follow.
    expect(await timed()).toBeLessThan(10 * short + 500);
    const line = screen.lines().find((each) => each.includes('日'));
    expect(line!.length).toBeGreaterThan(30);
  });
});
