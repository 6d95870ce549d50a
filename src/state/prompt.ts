/** The command line: what is typed after `:`, what Tab makes of it, and what was typed before. */
import { type Input, inputOf } from './input.ts';
import type { Slice } from './session.ts';

export interface PromptPane {
  readonly name: 'prompt';
  readonly input: Input;
  /** Why the last Enter was refused. */
  readonly error: string;
  /** How many lines back in what was typed before; 0 is the new line. */
  readonly back: number;
  /** What Tab completes and which of its completions is on the line; null before Tab. */
  readonly completing: { readonly text: string; readonly index: number } | null;
}

export interface PromptSlice {
  /** Lines that were typed, the last one last. */
  readonly typed: readonly string[];

  openPrompt(): void;
  /** Puts the next (1) or previous (-1) completion of what was typed on the line. @param complete lines for a text */
  complete(by: 1 | -1, complete: (text: string) => readonly string[]): void;
  /** The line typed before (1) or after (-1) the one that is seen. */
  recall(by: 1 | -1): void;
  /** Keeps a line and closes the command line and all that it lies over. */
  obeyed(line: string): void;
}

/** Lines that are kept. */
const MAX_TYPED = 100;

export const promptSlice: Slice<PromptSlice> = (set, get) => {
  const change = (next: (pane: PromptPane) => PromptPane) =>
    set(({ panes }) => {
      const pane = panes.at(-1);
      return pane?.name === 'prompt' ? { panes: panes.with(-1, next(pane)) } : {};
    });

  return {
    typed: [],

    openPrompt() {
      const pane: PromptPane = { name: 'prompt', input: inputOf(''), error: '', back: 0, completing: null };
      set(({ panes }) => ({ panes: [...panes, pane] }));
    },
    complete(by, complete) {
      change((pane) => {
        const text = pane.completing?.text ?? pane.input.text;
        const lines = complete(text);
        if (lines.length === 0) return pane;
        const last = pane.completing?.index ?? (by > 0 ? -1 : lines.length);
        const index = (last + by + lines.length) % lines.length;
        return { ...pane, input: inputOf(lines[index]!), error: '', completing: { text, index } };
      });
    },
    recall(by) {
      const { typed } = get();
      change((pane) => {
        const back = Math.max(0, Math.min(pane.back + by, typed.length));
        return { ...pane, back, input: inputOf(back === 0 ? '' : typed.at(-back)!), error: '', completing: null };
      });
    },
    obeyed(line) {
      const { typed } = get();
      set({ typed: [...typed.filter((each) => each !== line), line].slice(-MAX_TYPED), panes: [] });
    },
  };
};
