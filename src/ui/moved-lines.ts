/** Which lines of a screen have moved: the cheapest alignment of the lines that are shown with those that are meant. */
import { CellLine } from './cells.ts';

export interface Moves {
  /** Has the terminal move its lines (DL, IL); the cursor is anywhere afterwards. */
  readonly sequence: string;
  /** What the terminal shows then. */
  readonly lines: readonly CellLine[];
}

/** About the bytes of a movement of the cursor, and of a line taken out or put in. */
const MOVE = 5;
const EDIT = 8;
/** Unchanged cells between two changes that cost less than a movement. */
const GAP = 4;
/** Cells to be compared at most: about a millisecond. */
const EFFORT = 200_000;

const NEVER = 1 << 28;
const KEPT = 0;
const TAKEN_OUT = 1;
const PUT_IN = 2;

/** Undefined where no move is worth it. */
export function movedLines(from: readonly CellLine[], to: readonly CellLine[]): Moves | undefined {
  let first = 0;
  while (first < to.length && from[first]!.equals(to[first]!)) first++;
  let end = to.length;
  while (end > first && from[end - 1]!.equals(to[end - 1]!)) end--;
  const count = end - first;
  if (count < 2) return undefined;

  const columns = to[0]!.glyphs.length;
  // Lines can be looked for so far from where they were.
  const reach = Math.min(count - 1, Math.max(1, Math.floor(EFFORT / (2 * count * columns))));
  const blank = new CellLine(columns);
  const width = count + 1;
  const cost = new Int32Array(width * width).fill(NEVER);
  const step = new Uint8Array(width * width);
  const anew = to.slice(first, end).map((line) => EDIT + costOf(blank, 0, line, line.used(), NEVER));
  const used = {
    from: from.slice(first, end).map((line) => line.used()),
    to: to.slice(first, end).map((line) => line.used()),
  };

  cost[0] = 0;
  for (let i = 0; i <= count; i++) {
    for (let j = Math.max(0, i - reach); j <= Math.min(count, i + reach); j++) {
      if (i === 0 && j === 0) continue;
      const here = i * width + j;
      const out = i > 0 ? cost[here - width]! + EDIT : NEVER;
      const put = j > 0 ? cost[here - 1]! + anew[j - 1]! : NEVER;
      let best = Math.min(out, put);
      step[here] = out <= put ? TAKEN_OUT : PUT_IN;
      const before = i > 0 && j > 0 ? cost[here - width - 1]! : NEVER;
      if (before < best) {
        const [old, line] = [from[first + i - 1]!, to[first + j - 1]!];
        const kept = before + costOf(old, used.from[i - 1]!, line, used.to[j - 1]!, best - before);
        if (kept <= best) {
          best = kept;
          step[here] = KEPT;
        }
      }
      cost[here] = best;
    }
  }

  const takenOut: number[] = [];
  const putIn: number[] = [];
  const lines = from.slice();
  for (let i = count, j = count; i > 0 || j > 0; ) {
    const how = step[i * width + j];
    if (how === TAKEN_OUT) takenOut.push(first + --i);
    else if (how === PUT_IN) lines[first + --j] = blank;
    else lines[first + --j] = from[first + --i]!;
    if (how === PUT_IN) putIn.push(first + j);
  }
  if (takenOut.length === 0) return undefined;
  // Upwards the numbers of the lines still to be taken out stay what they are; downwards those put in are right at once.
  const sequence = edits(takenOut, 'M', -1) + edits(putIn.reverse(), 'L', 1);
  return { sequence, lines };
}

function edits(lines: readonly number[], final: string, direction: 1 | -1): string {
  let sequence = '';
  for (let at = 0; at < lines.length; ) {
    let count = 1;
    while (lines[at + count] === lines[at]! + direction * count) count++;
    const top = Math.min(lines[at]!, lines[at + count - 1]!);
    sequence += `\x1b[${top === 0 ? '' : top + 1}H\x1b[${count === 1 ? '' : count}${final}`;
    at += count;
  }
  return sequence;
}

/** About the bytes that make one line the other; not counted further than `limit`. */
function costOf(from: CellLine, was: number, to: CellLine, used: number, limit: number): number {
  if (from.unsure || to.unsure) return from.equals(to) ? 0 : MOVE + used;
  let cost = was > used ? MOVE : 0;
  let last = -GAP - 1;
  for (let x = 0; x < used && cost < limit; x++) {
    if (from.glyphs[x] === to.glyphs[x] && from.styles[x] === to.styles[x]) continue;
    cost += x - last <= GAP ? x - last : MOVE + 1;
    last = x;
  }
  return cost;
}
