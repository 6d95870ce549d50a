/** Graphemes as numbers: the cells of a screen are arrays of them. */

/** Numbers from here on stand for graphemes of several code points; smaller ones are a code point. */
const CLUSTERS = 0x110000;
/** Many more than a screen has, mostly; names are other people's text, and may be new ones for ever. */
const KEPT = 4096;

/** Of one terminal: what is seen there. */
export class Graphemes {
  #texts: string[] = [];
  #numbers = new Map<string, number>();
  #most = KEPT;

  numberOf(grapheme: string): number {
    const code = grapheme.codePointAt(0)!;
    if (grapheme.length === (code > 0xffff ? 2 : 1)) return code;
    let number = this.#numbers.get(grapheme);
    if (number === undefined) {
      number = CLUSTERS + this.#texts.push(grapheme) - 1;
      this.#numbers.set(grapheme, number);
    }
    return number;
  }

  textOf(number: number): string {
    return number < CLUSTERS ? String.fromCodePoint(number) : this.#texts[number - CLUSTERS]!;
  }

  /** How many there are that are no code point. */
  get count(): number {
    return this.#texts.length;
  }

  /** Once there are many, forgets those that are in none of these cells, which have to be all; the others are numbered anew. */
  forget(cells: () => Iterable<Int32Array>): void {
    if (this.#texts.length <= this.#most) return;
    const texts = this.#texts;
    this.#texts = [];
    this.#numbers.clear();
    for (const line of cells())
      for (let at = 0; at < line.length; at++)
        if (line[at]! >= CLUSTERS) line[at] = this.numberOf(texts[line[at]! - CLUSTERS]!);
    this.#most = Math.max(KEPT, this.#texts.length * 2);
  }
}
