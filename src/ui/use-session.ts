/** The session as the frame around the table needs it: where the selected row is makes no difference to it. */
import { useCallback, useRef, useSyncExternalStore } from 'react';
import type { Session, SessionState } from '../state/session.ts';

function sameBut(a: SessionState, b: SessionState): boolean {
  if ((a.cursor === null) !== (b.cursor === null)) return false;
  for (const key of Object.keys(a) as (keyof SessionState)[])
    if (a[key] !== b[key] && key !== 'cursor' && key !== 'top') return false;
  return true;
}

export function useFrameState(session: Session): SessionState {
  const seen = useRef(session.getState());
  const snapshot = useCallback(() => {
    const now = session.getState();
    if (now !== seen.current && !sameBut(seen.current, now)) seen.current = now;
    return seen.current;
  }, [session]);
  return useSyncExternalStore(session.subscribe, snapshot);
}
