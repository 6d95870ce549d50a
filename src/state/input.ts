/** A line of text being typed. */
export interface Input {
  readonly text: string;
  /** Where the next character goes: an index into text, between code points. */
  readonly caret: number;
}

export type Edit = (input: Input) => Input;

export function inputOf(text: string): Input {
  return { text, caret: text.length };
}

function before({ text, caret }: Input): number {
  const previous = text.codePointAt(caret - 2) ?? 0;
  return Math.max(0, caret - (previous > 0xffff ? 2 : 1));
}

function after({ text, caret }: Input): number {
  return Math.min(text.length, caret + ((text.codePointAt(caret) ?? 0) > 0xffff ? 2 : 1));
}

function cut(input: Input, from: number, to: number): Input {
  return { text: input.text.slice(0, from) + input.text.slice(to), caret: from };
}

export function insert(text: string): Edit {
  return (input) => ({
    text: input.text.slice(0, input.caret) + text + input.text.slice(input.caret),
    caret: input.caret + text.length,
  });
}

export const EDITS = {
  left: (input) => ({ ...input, caret: before(input) }),
  right: (input) => ({ ...input, caret: after(input) }),
  first: (input) => ({ ...input, caret: 0 }),
  last: (input) => ({ ...input, caret: input.text.length }),
  erase: (input) => cut(input, before(input), input.caret),
  delete: (input) => cut(input, input.caret, after(input)),
  eraseWord: (input) => cut(input, input.text.slice(0, input.caret).search(/[^\s,]*[\s,]*$/), input.caret),
  eraseAll: (input) => cut(input, 0, input.caret),
} satisfies Record<string, Edit>;
