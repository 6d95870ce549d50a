/** The command line as a form: above the line what it could become, and what that does. */
import type { PromptPane } from '../../state/prompt.ts';
import { type Command, type Completion, completions } from '../commands.ts';
import type { Piece } from '../line.tsx';
import type { Form } from './form.tsx';

/** Completions in sight where there is room. */
const LINES = 7;

/** @param height of the screen */
export function promptForm(pane: PromptPane, commands: readonly Command[], height: number): Form {
  const { input, error, completing } = pane;
  const all = completions(commands, completing?.text ?? input.text);
  const lines = Math.max(0, Math.min(LINES, Math.floor(height / 2) - 4));
  const chosen = completing?.index ?? -1;
  const first = Math.max(0, Math.min(chosen - lines + 2, all.length - lines));
  const width = Math.max(0, ...all.map(({ word }) => word.length));
  const line = ({ word, help }: Completion, marked: boolean): Piece[] => [
    [marked ? 'selected' : 'plain', `${marked ? '>' : ' '}${word.padEnd(width)} `],
    ['help', ` ${help}`],
  ];
  const shown = all.slice(first, first + lines).map((each, index) => line(each, first + index === chosen));
  const more = all.length - first - shown.length;
  return {
    title: `Go to a table, or do something: Tab completes, Up brings back${more > 0 ? `   ${more} more` : ''}`,
    above: [...shown, ...Array.from({ length: lines - shown.length }, (): Piece[] => [])],
    fields: [{ label: ':', value: input, active: true, hint: '' }],
    error,
  };
}
