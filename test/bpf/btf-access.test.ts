import { describe, expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { type Access, accessOf } from '../../src/bpf/btf-access.ts';
import { BtfWriter } from './btf-writer.ts';

describe('what the verifier takes a load for', () => {
  const w = new BtfWriter();
  const u8 = w.int('unsigned char', 1);
  const u32 = w.int('unsigned int', 4);
  const u64 = w.int('unsigned long', 8);
  const leaf = w.struct('leaf', 8, [{ name: 'v', type: u64, at: 0 }]);
  const toLeaf = w.pointer(leaf);
  const toNumber = w.pointer(u64);
  const either = w.union('', 8, [
    { name: 'next', type: toLeaf, at: 0 },
    { name: 'word', type: u64, at: 0 },
  ]);
  const flexible = w.struct('tail', 8, [
    { name: 'n', type: u64, at: 0 },
    { name: 'all', type: w.array(leaf, 0), at: 64 },
  ]);
  const all = w.struct('all', 80, [
    { name: 'number', type: u32, at: 0 },
    // A hole of 4 bytes.
    { name: 'leaf', type: toLeaf, at: 64 },
    { name: 'address', type: toNumber, at: 128 },
    { name: '', type: either, at: 192 },
    { name: 'bytes', type: w.array(u8, 12), at: 256 },
    { name: 'low', type: u32, at: 352, bits: 3 },
    { name: 'high', type: u32, at: 355, bits: 9 },
    { name: 'two', type: w.array(toLeaf, 2), at: 384 },
    { name: 'inner', type: leaf, at: 512 },
    { name: 'last', type: u64, at: 576 },
  ]);
  const btf = new Btf(w.bytes());
  const number: Access = { kind: 'number' };
  const refused: Access = { kind: 'refused' };
  const pointer: Access = { kind: 'pointer', to: leaf };

  it.each<[string, number, number, number, Access]>([
    ['a number', all, 0, 4, number],
    ['part of a number', all, 2, 2, number],
    ['beyond a number', all, 0, 8, refused],
    ['a hole', all, 4, 4, refused],
    ['a pointer to a struct', all, 8, 8, pointer],
    ['half of it', all, 8, 4, refused],
    ['a pointer to a number', all, 16, 8, number],
    ['a union that begins with a pointer', all, 24, 8, pointer],
    ['half of that union', all, 24, 4, refused],
    ['bytes at once', all, 32, 8, number],
    ['bytes that begin within', all, 37, 4, number],
    ['more bytes than there are', all, 40, 8, refused],
    ['the word of bit-fields', all, 44, 4, number],
    ['the second pointer of an array', all, 56, 8, pointer],
    ['across two pointers', all, 52, 8, refused],
    ['a struct in it', all, 64, 8, number],
    ['the end', all, 72, 8, number],
    ['behind the end', all, 80, 4, refused],
    ['an array without an end', flexible, 8 + 8 * 7, 8, number],
  ])('%s', (_, struct, offset, size, expected) => {
    expect(accessOf(btf, struct, offset, size)).toEqual(expected);
  });
});
