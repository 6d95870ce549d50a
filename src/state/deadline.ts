/** An end to matching that has none: of some regular expressions each further character of a text doubles the time. */
import { Script } from 'node:vm';

/** Milliseconds that all rows may take; 100,000 take a tenth of a second. */
export const MATCHING_MS = 3000;

/** V8 has deadlines for scripts; this one calls what is here. */
const held = globalThis as { itertopMatching?: (() => void) | undefined };
let script: Script | undefined;

/** Of this thread, or where Node does not tell that of all of them: more, so that there is another go less often. */
function spentMs(): number {
  const { user, system } = process.threadCpuUsage?.() ?? process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Runs what matches, and ends it where it takes too long: whoever chose the texts would keep this thread for ever, with
 * it the signals and keys that it waits for. A process that was stopped meanwhile, or had to wait for
 * others, has another go.
 * @param matches called twice, maybe: it changes nothing that it reads
 * @param patterns for the message
 * @throws Error
 */
export function inTime<T>(patterns: readonly string[], matches: () => T, ms = MATCHING_MS): T {
  let result: { readonly value: T } | undefined;
  held.itertopMatching = () => {
    result = { value: matches() };
  };
  script ??= new Script('itertopMatching()');
  const before = spentMs();
  try {
    for (let attempt = 0; attempt < 2 && !result && (attempt === 0 || spentMs() - before < ms / 2); attempt++) {
      try {
        script.runInThisContext({ timeout: ms, displayErrors: false });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      }
    }
  } finally {
    // It keeps alive what it matches.
    held.itertopMatching = undefined;
  }
  if (result) return result.value;
  throw new Error(
    `matching ${patterns.join(' and ')} takes longer than ${ms / 1000} s: a repetition of a repetition, like (a+)+, has too many ways to match`,
  );
}
