/** Where we are and how we came here, and where a row leads: as pieces of the lines that say it. */
import type { SessionState } from '../state/session.ts';
import { openWays } from '../state/trail.ts';
import { sanitize, sanitizeAscii, textWidth } from '../templates/text.ts';
import type { Part, Piece } from './line.tsx';
import type { Theme } from './theme.ts';

const CUT = '..';

/** `task › 1234 nginx › tcp` in at most `width` cells: where room is short the beginning goes. */
export function trailPieces(state: Pick<SessionState, 'trail' | 'template'>, theme: Theme, width: number): Piece[] {
  const safe = theme.ascii ? sanitizeAscii : sanitize;
  const before = state.trail.flatMap(({ template, row }) => (row === '' ? [template] : [template, row])).map(safe);
  const between = ` ${theme.signs.step} `;
  let text = before.map((each) => each + between).join('');
  for (let from = 1; text !== '' && textWidth(text) + state.template.length > width && from <= before.length; from++)
    text = [CUT, ...before.slice(from)].map((each) => each + between).join('');
  return text === ''
    ? [['title', state.template]]
    : [
        ['crumb', text],
        ['title', state.template],
      ];
}

/** `1 files`, `2 tcp`, ...: in this order they stay where room is short. */
export function wayParts(state: Pick<SessionState, 'templates' | 'template'>): Part[] {
  return openWays(state).map(({ digit, way }) => ({
    keep: -digit,
    pieces: [
      ['key', String(digit)],
      ['word', ` ${way.word}`],
    ],
  }));
}
