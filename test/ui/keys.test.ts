import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyParser } from '../../src/ui/keys.ts';

describe('keys of the terminal', () => {
  it.each([
    ['q', ['q']],
    ['jjjj', ['j', 'j', 'j', 'j']],
    ['/é日🙂\r', ['/', 'é', '日', '🙂', 'enter']],
    [' \t\x7f\x08\n', [' ', 'tab', 'backspace', 'backspace', 'enter']],
    ['\x03\x13\x1a\x0c', ['ctrl-c', 'ctrl-s', 'ctrl-z', 'ctrl-l']],
    ['\x1b[A\x1b[B\x1b[C\x1b[D', ['up', 'down', 'right', 'left']],
    ['\x1bOA\x1bOB\x1bOH\x1bOF', ['up', 'down', 'home', 'end']],
    ['\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~', ['home', 'end', 'home', 'end', 'home', 'end']],
    ['\x1b[5~\x1b[6~\x1b[3~\x1b[Z', ['pageup', 'pagedown', 'delete', 'shift-tab']],
    ['\x1bOP\x1bOQ\x1bOR\x1bOS', ['f1', 'f2', 'f3', 'f4']],
    ['\x1b[11~\x1b[12~\x1b[13~\x1b[14~\x1b[15~', ['f1', 'f2', 'f3', 'f4', 'f5']],
    ['\x1b[17~\x1b[21~\x1b[[A\x1b[[E', ['f6', 'f10', 'f1', 'f5']],
    ['\x1bq', ['escape', 'q']],
    ['\x1b\x1b[A', ['escape', 'up']],
    ['\x1b[1;5A\x1b[I\x1b[?62c', []], // modified arrow, focus, mouse, an answer: no keys here
    ['\x00\x1c\u009b', []],
  ])('%j', (bytes, keys) => {
    const parser = createKeyParser();
    expect(parser.push(bytes)).toEqual(keys);
    expect(parser.pending()).toBe(false);
  });

  it('waits for the rest of a sequence', () => {
    const parser = createKeyParser();
    expect(['\x1b', '[', '1', '7', '~', 'x'].flatMap((byte) => parser.push(byte))).toEqual(['f6', 'x']);
  });

  it('takes what waited for itself when nothing follows', () => {
    const parser = createKeyParser();
    expect(parser.push('\x1b')).toEqual([]);
    expect(parser.pending()).toBe(true);
    expect(parser.flush()).toEqual(['escape']);
    parser.push('\x1bO');
    expect(parser.flush()).toEqual(['escape', 'O']);
    expect(parser.pending()).toBe(false);
  });

  it('gives the same keys however the bytes are cut', () => {
    const pieces = fc.constantFrom('\x1b[A', '\x1bOP', '\x1b[17~', 'j', '\r', 'é', '\x1b[1;5C', '\x03');
    fc.assert(
      fc.property(fc.array(pieces), fc.array(fc.nat(40)), (parts, cuts) => {
        const text = parts.join('');
        const whole = createKeyParser().push(text);
        const parser = createKeyParser();
        const edges = [...cuts.filter((cut) => cut < text.length), text.length].sort((a, b) => a - b);
        const cut = edges.flatMap((edge, index) => parser.push(text.slice(edges[index - 1] ?? 0, edge)));
        expect(cut).toEqual(whole);
      }),
    );
  });
});
