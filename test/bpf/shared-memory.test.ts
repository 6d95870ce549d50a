/** Memory that grows where it lies, and views of what it is now. */
import { expect, it } from 'vitest';
import { bytesOf, dataOf, sharedMemory, unitsOf, withRoom, wordsOf } from '../../src/bpf/shared-memory.ts';

it('grows in place and keeps what is there', () => {
  const memory = sharedMemory(4096);
  new Uint8Array(memory)[17] = 9;
  const larger = withRoom(memory, 10_000, 4096);
  expect(larger).toBe(memory);
  expect(larger.byteLength).toBeGreaterThanOrEqual(10_000);
  expect(withRoom(larger, 5000, 0)).toBe(memory);
  expect(new Uint8Array(larger)[17]).toBe(9);
});

it.each([
  ['data', dataOf],
  ['bytes', bytesOf],
  ['units', unitsOf],
  ['words', wordsOf],
])('%s: a view has all of it, and does not follow it as it grows', (_, viewOf) => {
  const memory = sharedMemory(4096);
  const before = viewOf(memory);
  expect(before.byteLength).toBe(4096);
  withRoom(memory, 8192, 4096);
  expect(before.byteLength).toBe(4096);
  expect(viewOf(memory).byteLength).toBe(memory.byteLength);
});
