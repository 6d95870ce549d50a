/** From one reading to another: how long it was at least and at most, however long the machine let either wait. */
import { expect } from 'vitest';

export class Interval {
  #from: readonly [number, number] = [0, 0];
  #to: readonly [number, number] = [0, 0];

  first<T>(read: () => T): T {
    const start = performance.now();
    const found = read();
    this.#from = [start, performance.now()];
    return found;
  }

  last<T>(read: () => T): T {
    const start = performance.now();
    const found = read();
    this.#to = [start, performance.now()];
    return found;
  }

  /** That a column tells so much a second of what has changed by so much in between. */
  expectRate(rate: number, change: number): void {
    const longest = (this.#to[1] - this.#from[0]) / 1000;
    const shortest = (this.#to[0] - this.#from[1]) / 1000;
    expect(rate).toBeGreaterThanOrEqual((change / longest) * 0.99);
    expect(rate).toBeLessThanOrEqual((change / shortest) * 1.01);
  }
}
