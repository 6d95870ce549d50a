import type { Footer } from '../templates/record.ts';

/** Values of CONFIG_HZ that kernel/Kconfig.hz offers, and 1024 of alpha. */
const RATES = [100, 200, 250, 300, 1000, 1024];

/**
 * Jiffies a second. The counter starts five minutes before 2^32 wraps (INITIAL_JIFFIES, include/linux/jiffies.h) and
 * follows the monotonic clock: jiffies64 - 2^32 = HZ * (uptime - 300 s). 0 where the two are too close to tell.
 */
export function clockRate({ jiffies, monotonicNs }: Pick<Footer, 'jiffies' | 'monotonicNs'>): number {
  const seconds = monotonicNs / 1e9 - 300;
  if (Math.abs(seconds) < 15) return 0;
  const measured = (jiffies - 2 ** 32) / seconds;
  const nearest = RATES.reduce((a, b) => (Math.abs(b - measured) < Math.abs(a - measured) ? b : a));
  return Math.abs(nearest - measured) / nearest < 0.05 ? nearest : 0;
}
