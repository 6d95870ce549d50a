/** Where in a pane the lines are that can be chosen: for those who draw them, and for the mouse. */
import { linesOfDetail } from '../../state/detail.ts';
import type { Pane } from '../../state/panes.ts';
import type { Theme } from '../theme.ts';
import { graphLines } from './detail-history.tsx';
import { structureNote } from './detail-structure.tsx';
import { linesWithFoot } from './list.tsx';
import { pieceLines } from './piece-list.tsx';
import { programLayout } from './program.tsx';

export interface Sight {
  /** Lines of the pane above the first one that can be chosen. */
  readonly above: number;
  /** Lines that fit. */
  readonly lines: number;
}

const footed = (height: number): Sight => ({ above: 1, lines: Math.max(1, linesWithFoot(height) - 1) });
const below = (above: number, sight: Sight): Sight => ({ ...sight, above: sight.above + above });

/** undefined for a pane that is no list. @param height of the pane, its heading included */
export function sightOf(theme: Theme, pane: Pane, width: number, height: number): Sight | undefined {
  switch (pane.name) {
    case 'picker':
    case 'split':
    case 'sort':
    case 'group':
    case 'hosts':
      return footed(height);
    case 'columns':
    case 'structs':
      return below(1, footed(height - 1));
    case 'help':
      return { above: 1, lines: Math.max(1, height - 1) };
    case 'program': {
      const { head, body } = programLayout(height);
      return { above: head, lines: body };
    }
    case 'detail': {
      const note = pane.part === 'structure' ? structureNote(theme, pane, width, height - 1).length : 0;
      const graph = pane.part === 'history' ? graphLines(height - 1, linesOfDetail(pane).length) : 0;
      return below(1 + note, { above: 1, lines: pieceLines(height - 1 - note - graph) });
    }
    default:
      return undefined;
  }
}
