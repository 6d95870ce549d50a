/**
 * The themes that there are. A role that a theme does not name looks as it does without colours; one that it names
 * keeps a sign of its own beside the colour wherever it tells something.
 */
import type { Role } from './theme.ts';

/** Styles in words: `bold red`, `black on yellow` (theme.ts). */
export type ThemeWords = Partial<Readonly<Record<Role, string>>>;

export const DEFAULT_THEME = 'default';

export const THEMES = {
  /** Those of the sixteen colours that can be read on dark and on light backgrounds. */
  default: {
    fresh: 'bold green',
    heat1: 'cyan',
    heat2: 'green',
    heat3: 'bold yellow',
    heat4: 'bold reverse red',
    marked: 'bold magenta',
    crumb: 'cyan',
    graph: 'cyan',
    link: 'green',
    kernel: 'green',
    user: 'magenta',
    paused: 'reverse magenta',
    notice: 'bold magenta',
    error: 'bold red',
  },
  dark: {
    title: 'bold bright-cyan',
    key: 'bold bright-yellow',
    label: 'bold bright-cyan',
    changed: 'bold bright-white',
    fresh: 'bold bright-green',
    gone: 'faint bright-red',
    heat1: 'bright-blue',
    heat2: 'bright-green',
    heat3: 'bold bright-yellow',
    heat4: 'bold reverse bright-red',
    marked: 'bold bright-magenta',
    crumb: 'bright-blue',
    branch: 'bright-black',
    graph: 'bright-green',
    link: 'bright-green',
    kernel: 'bright-green',
    user: 'bright-magenta',
    paused: 'reverse bright-yellow',
    notice: 'bold bright-yellow',
    error: 'bold bright-red',
  },
  light: {
    title: 'bold blue',
    key: 'bold blue',
    label: 'bold blue',
    changed: 'bold black',
    fresh: 'bold green',
    gone: 'faint red',
    heat1: 'blue',
    heat2: 'green',
    heat3: 'bold magenta',
    heat4: 'bold reverse red',
    marked: 'bold magenta',
    crumb: 'blue',
    graph: 'blue',
    link: 'green',
    kernel: 'green',
    user: 'magenta',
    paused: 'reverse blue',
    notice: 'bold blue',
    error: 'bold red',
  },
  /** Nothing faint; what matters has a ground of its own, whatever the terminal's is. */
  contrast: {
    changed: 'bold underline',
    fresh: 'bold black on bright-green',
    gone: 'underline',
    heat2: 'bold',
    heat3: 'bold black on bright-yellow',
    heat4: 'bold bright-white on red',
    marked: 'bold black on bright-cyan',
    dim: '',
    branch: '',
    selected: 'bold reverse',
    key: 'bold underline',
    paused: 'bold black on bright-yellow',
    notice: 'bold black on bright-yellow',
    error: 'bold bright-white on red',
  },
  plain: {},
} satisfies Readonly<Record<string, ThemeWords>>;
