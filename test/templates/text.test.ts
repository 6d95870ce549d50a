import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { clip, decodeText, fit, sanitize, sanitizeAscii, textWidth } from '../../src/templates/text.ts';

describe('sanitize', () => {
  it.each([
    ['plain text ~!', 'plain text ~!'],
    ['a\nb\tc\r', 'a\\nb\\tc\\r'],
    ['\x1b[31mred\x07', '\\x1b[31mred\\x07'],
    ['\x00\x7f', '\\x00\\x7f'],
    ['\u009b2J', '\\x9b2J'],
    ['a\u202eb\u2066', 'a\\u{202e}b\\u{2066}'],
    ['a\u200bb\u200d\ufeff', 'a\\u{200b}b\\u{200d}\\u{feff}'],
    ['a\u2028b\u2029', 'a\\u{2028}b\\u{2029}'],
    ['lone \ud800 and \udc00', 'lone \\u{d800} and \\u{dc00}'],
    ['日本語', '日本語'],
    ['e\u0301', 'e\u0301'],
    ['\u0301x', '\\u{301}x'],
    [`Z${'\u0335'.repeat(8)}algo`, `Z${'\u0335'.repeat(6)}\\u{335}\\u{335}algo`],
    ['བསྒྲུབས', 'བསྒྲུབས'],
    ['🇫🇷', '\\u{1f1eb}\\u{1f1f7}'],
    ['☀\ufe0f', '☀\\u{fe0f}'],
    ['soft\u00adhyphen', 'soft\\u{ad}hyphen'],
  ])('%j -> %s', (text, shown) => {
    expect(sanitize(text)).toBe(shown);
  });

  it('leaves nothing that a terminal obeys, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(sanitize(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(sanitize(sanitize(text))).toBe(sanitize(text));
        expect(sanitizeAscii(text)).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });
});

describe('fit', () => {
  it.each([
    ['abc', 5, 'left', 'abc  '],
    ['abc', 5, 'right', '  abc'],
    ['abc', 3, 'left', 'abc'],
    ['abcdef', 4, 'left', 'abc…'],
    ['abcdef', 4, 'right', 'abc…'],
    ['abc', 1, 'left', '…'],
    ['abc', 0, 'left', ''],
    ['', 2, 'left', '  '],
    ['日本語', 6, 'left', '日本語'],
    ['日本語', 5, 'left', '日本…'],
    ['日本語', 4, 'left', '日… '],
    ['日本', 6, 'right', '  日本'],
    ['ae\u0301iou', 4, 'left', 'ae\u0301i…'],
    ['a\nb', 6, 'left', 'a\\nb  '],
  ] as const)('%j in %i cells, %s', (text, width, align, shown) => {
    expect(fit(text, width, align)).toBe(shown);
  });

  it('writes ASCII only in ascii mode', () => {
    expect(fit('abcdef', 4, 'left', true)).toBe('abc~');
    expect(fit('é', 8, 'left', true)).toBe('\\u{e9}  ');
  });

  it('takes exactly the cells it is given, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(40), fc.constantFrom('left', 'right'), (text, width, align) => {
        expect(stringWidth(fit(text, width, align as 'left'))).toBe(width);
        expect(fit(text, width, align as 'left', true)).toHaveLength(width);
      }),
    );
  });

  it('clips between graphemes', () => {
    expect(clip('日本語', 3)).toBe('日');
    expect(textWidth(clip('日本語', 3))).toBe(2);
    expect(clip('abc', 2)).toBe('ab');
  });
});

describe('decodeText', () => {
  const bytes = (...values: number[]) => Uint8Array.from(values);
  it('reads ASCII and UTF-8', () => {
    expect(decodeText(Buffer.from('nginx'))).toBe('nginx');
    expect(decodeText(new TextEncoder().encode('日本 é 🙂 \ufeff'))).toBe('日本 é 🙂 \ufeff');
    expect(decodeText(bytes())).toBe('');
  });
  it('shows each byte that is not UTF-8', () => {
    expect(decodeText(bytes(0x61, 0xff, 0x62))).toBe('a\\xffb');
    expect(decodeText(bytes(0xe6, 0x97))).toBe('\\xe6\\x97'); // a character cut off at 15 bytes of comm
    expect(decodeText(bytes(0xc0, 0x80, 0xed, 0xa0, 0x80))).toBe('\\xc0\\x80\\xed\\xa0\\x80'); // overlong, surrogate
    expect(decodeText(bytes(0xc3, 0xa9, 0x80))).toBe('é\\x80');
  });
  it('gives back what valid text was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(decodeText(new TextEncoder().encode(text))).toBe(text);
      }),
    );
  });
});
