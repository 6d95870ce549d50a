/** RLIMIT_NOFILE: with too few descriptors Node's threads end in ways of their own, so that is seen before they begin. */
import fs from 'node:fs';

/** The explorer has three dozen: Node's, its second thread's, those of programs, links and maps. */
const LEAST = 40;

/** @returns what to say where this process may not have enough of them; '' where it may, or nothing tells */
export function fewDescriptors(): string {
  let limits = '';
  try {
    limits = fs.readFileSync('/proc/self/limits', 'utf8');
  } catch {}
  const [, most = LEAST] = /^Max open files +\d+ +(\d+)/m.exec(limits) ?? [];
  return Number(most) < LEAST ? `at least ${LEAST} file descriptors are needed, \`ulimit -n\` is ${most}` : '';
}
