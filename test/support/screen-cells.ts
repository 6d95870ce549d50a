/** Every cell of a terminal's screen: text, width, attributes and colours. */
import type xterm from '@xterm/headless';

/** A line for each of the screen; what is plain is its text alone. */
export function cellsOf(terminal: xterm.Terminal): string[] {
  const buffer = terminal.buffer.active;
  return Array.from({ length: terminal.rows }, (_, y) => {
    const line = buffer.getLine(buffer.viewportY + y)!;
    return Array.from({ length: terminal.cols }, (_, x) => {
      const cell = line.getCell(x)!;
      const bits = [cell.isBold(), cell.isDim(), cell.isItalic(), cell.isUnderline(), cell.isInverse()];
      const style = bits.map((bit) => (bit ? 1 : 0)).join('');
      const colours = `${cell.getFgColorMode()}/${cell.getFgColor()}/${cell.getBgColorMode()}/${cell.getBgColor()}`;
      const text = cell.getWidth() === 0 ? '' : cell.getChars() || ' ';
      return style === '00000' && colours === '0/-1/0/-1' ? text : `{${text} ${style} ${colours}}`;
    }).join('');
  });
}
