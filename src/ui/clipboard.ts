/** The clipboard of whoever sits at the terminal, also over SSH: OSC 52 of xterm's ctlseqs. */
import { UsageError } from '../templates/template.ts';

/** Characters of base64 that terminals take: xterm's own limit, which others follow. */
const MOST = 74_994;

/**
 * What makes the terminal take a text into its clipboard; it leaves the picture as it is. Whether the terminal does it
 * is not told. Throws UsageError for a text that terminals would cut.
 */
export function clipboardSequence(text: string, env: Readonly<Record<string, string | undefined>>): string {
  const base64 = Buffer.from(text).toString('base64');
  if (base64.length > MOST) {
    const most = Math.floor((MOST * 3) / 4 / 1000);
    throw new UsageError(`not copied: ${text.length} characters; a terminal takes ${most},000`);
  }
  const sequence = `\x1b]52;c;${base64}\x07`;
  // tmux takes the plain one where set-clipboard is on, and hands the wrapped one on where allow-passthrough is.
  return env['TMUX'] ? `\x1bPtmux;${sequence.replaceAll('\x1b', '\x1b\x1b')}\x1b\\${sequence}` : sequence;
}
