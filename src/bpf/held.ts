/**
 * Which descriptors a thread holds, noted in memory that outlives it. A thread that dies closes nothing of what bpf(2)
 * gave it, and programs, links and maps would stay loaded for as long as the process lives: who began the thread closes
 * what it left open.
 */
import fs from 'node:fs';

/** A bit for each; the few beyond are not noted. */
const NOTED = 1 << 16;

let own: Int32Array | undefined;

export function heldMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(NOTED / 8);
}

/** From here on this thread notes there what it holds. */
export function noteHeldIn(memory: SharedArrayBuffer): void {
  own = new Int32Array(memory);
}

/** After it was opened, and before it is closed: its number is then another thread's. */
export function note(fd: number, held: boolean): void {
  if (!own || fd >= NOTED) return;
  const bit = 1 << (fd & 31);
  if (held) own[fd >> 5] |= bit;
  else own[fd >> 5] &= ~bit;
}

/** Closes what a thread that is no more has left open. @returns how many they were */
export function closeHeld(memory: SharedArrayBuffer): number {
  const noted = new Int32Array(memory);
  let closed = 0;
  for (const [word, bits] of noted.entries()) {
    for (let bit = 0; bits !== 0 && bit < 32; bit++) {
      if ((bits & (1 << bit)) === 0) continue;
      try {
        fs.closeSync(word * 32 + bit);
        closed++;
      } catch {
        // It was just being closed.
      }
    }
    noted[word] = 0;
  }
  return closed;
}
