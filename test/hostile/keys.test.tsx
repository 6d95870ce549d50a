/** Whatever is typed, whatever size the terminal takes: the screen is what drawing it anew would give, cell by cell. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzSlowly, patience } from '../support/fuzz.ts';
import { HOSTILE_TEXTS } from '../support/hostile-texts.ts';
import { input } from '../support/input.ts';
import { FakeView, TASK_COLUMNS, taskRows, taskView, tcpView } from '../ui/fake-view.ts';
import { fakeSession, openScreen } from '../ui/screen.tsx';

type Step =
  | { readonly kind: 'type'; readonly text: string }
  | { readonly kind: 'resize'; readonly columns: number; readonly rows: number }
  | { readonly kind: 'view'; readonly rows: number; readonly round: number; readonly hostile: boolean }
  | { readonly kind: 'fail'; readonly text: string }
  | { readonly kind: 'settle' };

const size = fc.oneof(
  fc.constantFrom<readonly [number, number]>([80, 24], [200, 50], [1, 1], [2, 2], [1, 50], [300, 1], [120, 3], [20, 6]),
  fc.tuple(fc.integer({ min: 1, max: 220 }), fc.integer({ min: 1, max: 60 })),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: input(true).map((text): Step => ({ kind: 'type', text })) },
  { weight: 2, arbitrary: size.map(([columns, rows]): Step => ({ kind: 'resize', columns, rows })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(0, 1, 7, 40, 300), fc.nat(3), fc.boolean())
      .map(([rows, round, hostile]): Step => ({ kind: 'view', rows, round, hostile })),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('', 'EPERM', ...Object.values(HOSTILE_TEXTS))
      .map((text): Step => ({ kind: 'fail', text })),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'settle' }) },
);

const texts = Object.values(HOSTILE_TEXTS);

function viewOf({ rows: count, round, hostile }: { rows: number; round: number; hostile: boolean }): FakeView {
  if (!hostile) return taskView(count, round);
  const rows = taskRows(count, round).map((row, i) => ({
    ...row,
    cells: { ...row.cells, comm: texts[(i + round) % texts.length]!, user: texts[(i * 7) % texts.length]! },
  }));
  return new FakeView('task', TASK_COLUMNS, rows);
}

async function perform(steps: readonly Step[], first: readonly [number, number]): Promise<void> {
  const session = fakeSession();
  session.getState().received(taskView(40));
  const screen = await openScreen({ session, columns: first[0], rows: first[1] });
  try {
    for (const each of steps) {
      if (each.kind === 'type') screen.type(each.text);
      else if (each.kind === 'resize') await screen.resize(each.columns, each.rows);
      else if (each.kind === 'fail') session.getState().failed(each.text);
      else if (each.kind === 'settle') await screen.settle();
      else session.getState().received(session.getState().template === 'tcp' ? tcpView(each.rows) : viewOf(each));
    }
    // An Esc that waits for the rest of a sequence is one after a while.
    await new Promise((done) => setTimeout(done, 60));
    await screen.settle();
    const shown = screen.cells();
    await screen.repaint();
    expect(screen.cells()).toEqual(shown);
    expect(screen.crashed()).toBeUndefined();
  } finally {
    screen.close();
  }
}

describe('the screen', () => {
  it('is as if it had been drawn anew', { timeout: patience(240_000) }, async () => {
    const inputs = fc.tuple(fc.array(step, { minLength: 1, maxLength: 14 }), size);
    await fuzzSlowly('keys, sizes and refreshes', 60, inputs, ([steps, first]) => perform(steps, first));
  });
});
