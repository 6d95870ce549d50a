/** A terminal's screen as an SVG: characters on a grid, in the terminal's own colours, with what is bold or reversed. */
import type xterm from '@xterm/headless';

type Buffer = InstanceType<typeof xterm.Terminal>['buffer']['active'];
type Cell = NonNullable<ReturnType<NonNullable<ReturnType<Buffer['getLine']>>['getCell']>>;

const CELL = { width: 8.4, height: 17 } as const;
const PADDING = 10;
const PAPER = '#1d1f21';
const INK = '#d0d0d0';
/** The sixteen colours of a terminal. */
const PALETTE = [
  ...['#1d1f21', '#cc6666', '#9fb857', '#e0b060', '#81a2be', '#b294bb', '#8abeb7', '#c5c8c6'],
  ...['#707880', '#e06c75', '#b5d16a', '#f0c674', '#8fb8de', '#c9a6d4', '#9ad1ca', '#ffffff'],
];

function colour(cell: Cell, side: 'Fg' | 'Bg'): string {
  const rgb = side === 'Fg' ? cell.isFgRGB() : cell.isBgRGB();
  const palette = side === 'Fg' ? cell.isFgPalette() : cell.isBgPalette();
  const value = side === 'Fg' ? cell.getFgColor() : cell.getBgColor();
  if (rgb) return `#${value.toString(16).padStart(6, '0')}`;
  if (palette) return PALETTE[value] ?? xterm256(value);
  return side === 'Fg' ? INK : PAPER;
}

/** The cube and the greys of the 256 colours. */
function xterm256(value: number): string {
  const hex = (levels: readonly number[]) => `#${levels.map((l) => l.toString(16).padStart(2, '0')).join('')}`;
  if (value >= 232) return hex(Array(3).fill(8 + (value - 232) * 10));
  const index = value - 16;
  return hex([Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6].map((l) => (l === 0 ? 0 : 55 + l * 40)));
}

interface Look {
  readonly ink: string;
  readonly paper: string;
  readonly style: string;
}

function lookOf(cell: Cell): Look {
  const [fg, bg] = [colour(cell, 'Fg'), colour(cell, 'Bg')];
  const [ink, paper] = cell.isInverse() ? [bg, fg] : [fg, bg];
  const lines = [cell.isUnderline() ? 'underline' : '', cell.isStrikethrough() ? 'line-through' : ''].filter(Boolean);
  const style = [
    cell.isBold() ? 'font-weight="bold"' : '',
    cell.isDim() ? 'opacity="0.6"' : '',
    cell.isItalic() ? 'font-style="italic"' : '',
    lines.length > 0 ? `text-decoration="${lines.join(' ')}"` : '',
  ];
  return { ink, paper, style: style.filter(Boolean).join(' ') };
}

const escaped = (text: string) => text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]!);
const round = (value: number) => Number(value.toFixed(1));

export function svgOf(buffer: Buffer, columns: number, rows: number, title: string): string {
  const width = round(columns * CELL.width + 2 * PADDING);
  const height = round(rows * CELL.height + 2 * PADDING);
  const out: string[] = [];
  for (let y = 0; y < rows; y++) {
    const line = buffer.getLine(buffer.viewportY + y);
    for (let x = 0; line && x < columns; ) {
      const look = lookOf(line.getCell(x)!);
      const start = x;
      let text = '';
      while (x < columns) {
        const cell = line.getCell(x)!;
        if (JSON.stringify(lookOf(cell)) !== JSON.stringify(look)) break;
        text += cell.getChars() || ' ';
        x += cell.getWidth() || 1;
      }
      const at = { x: round(PADDING + start * CELL.width), y: round(PADDING + y * CELL.height) };
      const cells = round((x - start) * CELL.width);
      if (look.paper !== PAPER)
        out.push(`<rect x="${at.x}" y="${at.y}" width="${cells}" height="${CELL.height}" fill="${look.paper}"/>`);
      if (text.trim() === '' && !look.style.includes('underline')) continue;
      const fill = look.ink === INK ? '' : ` fill="${look.ink}"`;
      const style = look.style === '' ? '' : ` ${look.style}`;
      out.push(
        `<text x="${at.x}" y="${round(at.y + 12.8)}" textLength="${cells}"${fill}${style}>${escaped(text)}</text>`,
      );
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">
<title>${escaped(title)}</title>
<rect width="${width}" height="${height}" rx="6" fill="${PAPER}"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="${INK}" xml:space="preserve">
${out.join('\n')}
</g>
</svg>
`;
}
