/** How it looks: the name of the theme (what it is made of is the user interface's to know). */
import type { SessionOptions, Slice } from './session.ts';

export interface LookSlice {
  readonly theme: string;

  setTheme(name: string): void;
}

export function lookSlice(options: SessionOptions): Slice<LookSlice> {
  return (set) => ({
    theme: options.theme ?? 'default',

    setTheme(theme) {
      set({ theme, notice: `theme: ${theme}` });
    },
  });
}
