/** Lines over the picture that an application writes: a table that changes as a whole need not go through its layout. */
import { clip } from '../templates/text.ts';
import { type CellLine, CellScreen } from './cells.ts';
import type { Graphemes } from './graphemes.ts';
import { PLAIN } from './sgr.ts';

export interface LayerContent {
  /** The first cell of the first line, from 0 on. */
  readonly x: number;
  readonly y: number;
  /** Cells of a line. */
  readonly width: number;
  /** Text with styles (SGR), no longer than that; as many lines as the layer is high. */
  readonly lines: readonly string[];
}

/** Text and controls; of the latter only styles. */
const TOKEN = /([^\x1b]+)|\x1b\[([\d;:]*)m|\x1b/gy;

export class Layer {
  #content: LayerContent;
  #screen: CellScreen;

  constructor(content: LayerContent, graphemes: Graphemes) {
    this.#content = { ...content, lines: [] };
    this.#screen = new CellScreen(content.width, content.lines.length, graphemes);
    this.#screen.wraps = false;
    this.draw(content);
  }

  /** False where the layer has another size: then a new one is needed. */
  draw(content: LayerContent): boolean {
    const { width, lines } = content;
    if (width !== this.#screen.columns || lines.length !== this.#screen.rows) return false;
    lines.forEach((text, y) => {
      if (text !== this.#content.lines[y]) this.#print(text, y);
    });
    this.#content = content;
    return true;
  }

  #print(text: string, y: number): void {
    const screen = this.#screen;
    screen.moveTo(0, y);
    screen.style = PLAIN;
    screen.lines[y]!.erase(0, screen.columns, PLAIN);
    TOKEN.lastIndex = 0;
    for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
      const [, printable, style] = match;
      if (printable !== undefined) screen.print(clip(printable, screen.columns - screen.x));
      else if (style !== undefined) screen.control('m', style);
    }
  }

  get lines(): readonly CellLine[] {
    return this.#screen.lines;
  }

  /** Over these lines, as far as they reach. */
  over(lines: readonly CellLine[]): void {
    const { x, y } = this.#content;
    for (const [index, line] of this.#screen.lines.entries()) lines[y + index]?.overlay(x, line);
  }
}
