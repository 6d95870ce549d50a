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

/** Characters of a line: more than anybody types, few enough to be looked at after each. */
export const MOST_TYPED = 4096;

/** As much of it as there is room for. */
export function insert(text: string): Edit {
  return (input) => {
    const room = Math.max(0, MOST_TYPED - input.text.length);
    // A character of two units is not taken by halves.
    const taken = text.length <= room ? text : text.slice(0, room).replace(/[\ud800-\udbff]$/, '');
    return {
      text: input.text.slice(0, input.caret) + taken + input.text.slice(input.caret),
      caret: input.caret + taken.length,
    };
  };
}

export const EDITS = {
  left: (input) => ({ ...input, caret: before(input) }),
  right: (input) => ({ ...input, caret: after(input) }),
  first: (input) => ({ ...input, caret: 0 }),
  last: (input) => ({ ...input, caret: input.text.length }),
  erase: (input) => cut(input, before(input), input.caret),
  delete: (input) => cut(input, input.caret, after(input)),
  eraseWord: (input) => cut(input, input.text.slice(0, input.caret).search(/[^\s,]*[\s,]*$/), input.caret),
  eraseAll: () => inputOf(''),
} satisfies Record<string, Edit>;
