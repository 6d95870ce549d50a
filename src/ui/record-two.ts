/** Recording both of two tables, each to a file of its own in one folder: `itertop replay FOLDER` shows both again. */
import { filesOfTwo } from '../state/recording.ts';
import { recordedWord, type SplitChoice } from '../state/split.ts';
import type { Reach } from './actions.ts';
import type { Table } from './halves.ts';

/** Writes each refresh to a file, from now on. */
function record({ session, effects }: Table['reach'], path: string): void {
  session.getState().recorded({ path, refreshes: 0, bytes: 0, going: true, error: '' });
  effects.record(path);
}

/**
 * A table that is about the selected row of the other one is recorded whole, by a reader of its own: in the replay other
 * rows may be selected.
 * @param begin makes a further table of a template
 * @returns ends what reads beside the two
 */
export function recordTwo(
  first: Reach,
  second: Reach,
  choice: SplitChoice,
  begin: (template: string) => Table,
  folder: string,
): () => void {
  const { template, way } = choice;
  const [one, other] = filesOfTwo(folder, first.session.getState().template, recordedWord(choice));
  record(first, one);
  if (!way) {
    record(second, other);
    return () => {};
  }
  const { reach, close } = begin(template);
  const { columns, sort } = second.session.getState();
  const { ungroup = false } = way;
  const asFirst = () => {
    const { interval, paused } = first.session.getState();
    reach.session.setState({ interval, paused });
  };
  asFirst();
  reach.session.setState({ columns, sort, ungroup });
  record(reach, other);
  const ends = [
    first.session.subscribe((state, before) => {
      if (state.interval !== before.interval || state.paused !== before.paused) asFirst();
    }),
    reach.session.subscribe(({ recording, error }, before) => {
      if (recording && recording !== before.recording) second.session.getState().recorded(recording);
      if (error !== before.error && error !== '') second.session.getState().notify(`recording: ${error}`);
    }),
  ];
  second.session.getState().recorded({ path: other, refreshes: 0, bytes: 0, going: true, error: '' });
  return () => {
    const end = () => {
      for (const each of ends) each();
      close();
    };
    if (!reach.session.getState().recording?.going) return end();
    // What it has written is told before it ends.
    const stop = reach.session.subscribe(({ recording }) => {
      if (recording?.going) return;
      stop();
      end();
    });
    reach.effects.record('');
  };
}
