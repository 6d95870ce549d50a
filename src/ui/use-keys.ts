/** Keys of the terminal, one call for each, bursts and pasted text included. */
import { useStdin } from 'ink';
import { useEffect, useRef } from 'react';
import { createKeyParser, type Key } from './keys.ts';

/** A sequence that starts with Esc arrives whole within this time, over a slow line too. */
const ESCAPE_WAIT = 50;
/** A pasted text whose end does not come is taken for whole after so long a silence. */
const PASTE_WAIT = 2000;

export function useKeys(onKey: (key: Key) => void): void {
  const { stdin, setRawMode } = useStdin();
  const handler = useRef(onKey);
  handler.current = onKey;

  useEffect(() => {
    const parser = createKeyParser();
    let waiting: NodeJS.Timeout | undefined;
    const emit = (keys: readonly Key[]) => {
      for (const key of keys) handler.current(key);
    };
    const onData = (chunk: string | Buffer) => {
      clearTimeout(waiting);
      emit(parser.push(String(chunk)));
      if (parser.pending()) {
        const wait = parser.pasting() ? PASTE_WAIT : ESCAPE_WAIT;
        waiting = setTimeout(() => emit(parser.flush()), wait);
      }
    };
    // Ink reads stdin while raw mode is on; each chunk it reads is also emitted as data.
    setRawMode(true);
    stdin.on('data', onData);
    return () => {
      clearTimeout(waiting);
      stdin.off('data', onData);
      setRawMode(false);
    };
  }, [stdin, setRawMode]);
}
