/** The terminal while the application has it: the alternate screen, the lines that never wrap, and the way back. */
import { render, useApp } from 'ink';
import { type ReactNode, useLayoutEffect } from 'react';
import { Boundary } from './boundary.tsx';
import { CellDiff, withCellDiff } from './cell-diff.ts';
import { LayersContext, layersOf } from './layers.ts';

/** A line that the terminal takes for longer than it is must not push the screen up (DECAWM). */
const WRAP_OFF = '\x1b[?7l';
const WRAP_ON = '\x1b[?7h';
/** Buttons and the wheel (1000), in the form that has no limit (1006). A terminal that knows neither ignores both. */
const MOUSE_ON = '\x1b[?1000h\x1b[?1006h';
const MOUSE_OFF = '\x1b[?1006l\x1b[?1000l';
/** What is pasted comes between marks, so that nobody takes it for keys (2004). */
const PASTE_ON = '\x1b[?2004h';
const PASTE_OFF = '\x1b[?2004l';
/** Cursor to the first cell, everything after it erased. */
const WIPE = '\x1b[H\x1b[J';

type Lend = ReturnType<typeof useApp>['suspendTerminal'];

export interface Terminal {
  /** Settles when the terminal has been given back; rejects where a component threw. */
  readonly ended: Promise<unknown>;
  /** Gives the terminal back for as long as `during` takes; then everything is drawn anew. */
  lend(during: () => Promise<void>): Promise<void>;
  /** Gives the terminal back for good: the mouse, wrapping lines, main screen, cursor shown, line mode. At once, and once only. */
  restore(): void;
  /** Writes what leaves the picture as it is. */
  beside(sequence: string): void;
  /** Resolves when all that is due has been written. */
  flushed(): Promise<void>;
}

/** Hands out what Ink gives to components only; what they throw ends the picture. */
function Lender(props: { readonly onLend: (lend: Lend) => void; readonly children: ReactNode }) {
  const { onLend, children } = props;
  const { suspendTerminal, exit } = useApp();
  useLayoutEffect(() => onLend(suspendTerminal), [onLend, suspendTerminal]);
  return <Boundary onError={exit}>{children}</Boundary>;
}

/**
 * `patchConsole`: what is printed meanwhile goes above the picture, and does not stay. `mouse`: clicks and the wheel come
 * as input instead of selecting text.
 */
export function openTerminal(
  node: ReactNode,
  terminal: NodeJS.WriteStream,
  stdin: NodeJS.ReadStream,
  patchConsole = true,
  mouse = false,
): Terminal {
  const diff = new CellDiff(terminal.columns || 80, terminal.rows || 24);
  const stdout = withCellDiff(terminal, diff);
  let lendByInk: Lend | undefined;
  let restored = false;

  // Ink updates what it drew last, which is not what is on a terminal that has changed its size: begin with nothing.
  // Ink's own listener comes after this one.
  const wipe = () => {
    instance.clear();
    stdout.write(WIPE);
  };
  stdout.on('resize', wipe);

  // The first picture is there before Ink listens: a key pressed in between would be echoed into it.
  stdin.setRawMode(true);
  const instance = render(
    <Lender
      onLend={(lend) => {
        lendByInk = lend;
      }}
    >
      <LayersContext value={layersOf(diff, (text) => void terminal.write(text))}>{node}</LayersContext>
    </Lender>,
    {
      stdout,
      stdin,
      interactive: true,
      alternateScreen: true,
      incrementalRendering: true,
      // A key is not to wait for the next of thirty frames a second.
      maxFps: 120,
      exitOnCtrlC: false,
      patchConsole,
    },
  );
  // Past the picture, which knows nothing of such sequences.
  const pointing = (on: boolean) => {
    terminal.write((on ? PASTE_ON : PASTE_OFF) + (mouse ? (on ? MOUSE_ON : MOUSE_OFF) : ''));
  };
  stdout.write(WRAP_OFF);
  pointing(true);

  return {
    ended: instance.waitUntilExit(),
    // Past the picture: it knows nothing of such sequences, and would draw everything anew.
    beside: (sequence) => void terminal.write(sequence),
    flushed: () => instance.waitUntilRenderFlush(),
    async lend(during) {
      pointing(false);
      stdout.write(WRAP_ON);
      await lendByInk?.(async () => {
        await during();
        stdout.write(WRAP_OFF);
        pointing(true);
      });
    },
    restore() {
      if (restored) return;
      restored = true;
      stdout.off('resize', wipe);
      pointing(false);
      stdout.write(WRAP_ON);
      instance.unmount();
    },
  };
}
