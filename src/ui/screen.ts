/** Who gets which rows of the screen: the active pane first, then rows of the table, then what explains them. */
export interface Rows {
  readonly status: number;
  readonly table: number;
  readonly message: number;
  readonly form: number;
  /** The time line of a replay. */
  readonly timeline: number;
  readonly bar: number;
}

/**
 * `form`: rows that the pane at the foot wants; `message`: rows that a long error wants over the table; `withBar`: whether
 * the line of keys is among them.
 */
export function divide(rows: number, form: number, message: number, timeline = 0, withBar = true): Rows {
  let left = Math.max(1, rows);
  const give = (wanted: number, spare: number) => {
    const given = Math.max(0, Math.min(wanted, left - spare));
    left -= given;
    return given;
  };
  const forForm = give(form, 0);
  const status = give(1, 2) + give(1, 6);
  const bar = withBar ? give(1, 4) : 0;
  const forTimeline = give(timeline, 3);
  const forMessage = give(message, Math.ceil(left / 2));
  return { status, table: left, message: forMessage, form: forForm, timeline: forTimeline, bar };
}
