/** What nothing expected, once there was a picture: a failure, whatever would be said of such an error before. */

/** One line; the stack is that of what happened. */
export function unexpected(error: unknown): Error {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const [first] = message.split('\n', 1);
  return Object.assign(new Error(`the explorer failed: ${first}; --debug shows where`), { stack });
}
