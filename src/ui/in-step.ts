/** Two recordings side by side: the second one is at the moment at which the first one is. */
import type { SessionState } from '../state/session.ts';
import type { Reach } from './actions.ts';

/** Until the returned function is called. */
export function inStep(first: Reach, second: Reach): () => void {
  /** Where the second one was sent. */
  let sent = Number.NaN;
  /** The first one was sent to where something was found in the second one, which is there already. */
  let joining = false;
  let found = '';

  function lead(): void {
    const { view, paused, speed } = first.session.getState();
    const other = second.session.getState();
    if (other.paused !== paused || other.speed !== speed) second.session.setState({ paused, speed });
    if (!view || view.stats.begin === sent) return;
    sent = view.stats.begin;
    if (!joining) second.effects.go({ near: sent });
  }

  function join({ view, finding }: SessionState): void {
    if (!view || finding?.found == null || view.position?.index !== finding.found) return;
    const here = `${finding.where} ${finding.found}`;
    if (here === found) return;
    found = here;
    joining = true;
    first.effects.go({ near: view.stats.begin });
  }

  const ends = [
    first.session.subscribe((state, before) => {
      if (state.view !== before.view || state.paused !== before.paused || state.speed !== before.speed) lead();
      if (state.view !== before.view) joining = false;
    }),
    second.session.subscribe((state, before) => {
      if (state.finding?.found == null) found = '';
      if (state.view !== before.view || state.finding !== before.finding) join(state);
    }),
  ];
  lead();
  return () => {
    for (const end of ends) end();
  };
}
