/** Keys of a recording: moving in its time, looking for a moment; and making one. */
import { fileStem } from '../state/file-name.ts';
import type { Sought } from '../state/finder.ts';
import type { Move } from '../state/player.ts';
import { EXTENSION } from '../state/recording.ts';
import type { Session } from '../state/session.ts';
import { UsageError } from '../templates/template.ts';
import type { Split } from './actions.ts';

/** What goes beyond the session. */
export interface ReplayEffects {
  /** To another moment of the recording. */
  go(move: Move): void;
  /** Looks through it for a moment, see Finder; an empty condition gives up. */
  find(sought: Sought): void;
  /** Writes each refresh from now on to a new file; '' ends it. */
  record(path: string): void;
}

interface Reach {
  readonly session: Session;
  readonly effects: ReplayEffects;
  readonly split: Pick<Split, 'open' | 'record'>;
  readonly lead?: Reach;
}

const stateOf = ({ session }: Reach) => session.getState();

/** Whose moment it is. */
const leading = (reach: Reach): Reach => reach.lead ?? reach;

function pause(reach: Reach): void {
  const { paused, togglePause } = stateOf(leading(reach));
  if (!paused) togglePause();
}

/** Where nothing is replayed these keys say how that is done. */
function inReplay(run: (reach: Reach) => void): (reach: Reach) => void {
  return (reach) => {
    if (stateOf(reach).replay) run(reach);
    else stateOf(reach).notify(`this is live: R records, \`itertop replay FILE\` has a past to go to`);
  };
}

/** Whoever goes somewhere wants to look at what is there. */
function go(reach: Reach, move: Move): void {
  pause(reach);
  leading(reach).effects.go(move);
}

const steps = (by: number) => inReplay((reach) => go(reach, { by }));

export const REPLAY_ACTIONS = {
  stepBack: steps(-1),
  stepForward: steps(1),
  leapBack: steps(-10),
  leapForward: steps(10),
  jump: inReplay((reach) => stateOf(reach).openJump()),
  when: inReplay((reach) => stateOf(reach).openWhen()),
  /** Space: at the end it begins anew. */
  pause: (of: Reach) => {
    const reach = leading(of);
    const { paused, view, replay, togglePause } = stateOf(reach);
    if (replay && paused && view?.position && view.position.index >= view.position.count - 1)
      reach.effects.go({ to: replay.begin });
    togglePause();
  },
  slower: (of: Reach) => {
    const reach = leading(of);
    if (stateOf(reach).replay) stateOf(reach).stepSpeed(1);
    else stateOf(reach).stepInterval(1);
  },
  faster: (of: Reach) => {
    const reach = leading(of);
    if (stateOf(reach).replay) stateOf(reach).stepSpeed(-1);
    else stateOf(reach).stepInterval(-1);
  },
  record: (reach: Reach) => {
    const { replay, recording, template, recorded, notify } = stateOf(reach);
    if (replay) return notify('this is a recording already; e exports what is seen');
    if (reach.split.open) return reach.split.record(fileStem('two', new Date()));
    if (recording?.going) return reach.effects.record('');
    const path = `${fileStem(template, new Date())}${EXTENSION}`;
    recorded({ path, refreshes: 0, bytes: 0, going: true, error: '' });
    reach.effects.record(path);
  },
};

/** Esc while a search goes through the recording gives it up. @returns whether there was one */
export function giveUp(reach: Reach): boolean {
  const { finding, panes, found } = stateOf(reach);
  if (!finding || finding.found !== null || panes.length > 0) return false;
  reach.effects.find({ where: '' });
  found(null);
  return true;
}

/** Enter in the panes of this file. */
export function submitReplay(reach: Reach, pane: 'jump' | 'when'): void {
  const { jumpTo, findWhat, found, back, refuse, view } = stateOf(reach);
  try {
    if (pane === 'jump') go(reach, { to: jumpTo() });
    else {
      const sought = findWhat();
      pause(reach);
      const { index = 0, count = 0 } = view?.position ?? {};
      found({ where: sought.where, index, count, found: null, rows: [], error: '' });
      reach.effects.find(sought);
    }
    back();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    refuse(error.message.split('\n')[0]!);
  }
}
