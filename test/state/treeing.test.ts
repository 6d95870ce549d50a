/** The tree as steps of the session. */
import { expect, it } from 'vitest';
import { questionOf } from '../../src/state/session.ts';
import type { TreeRows } from '../../src/state/tree.ts';
import { type Template, UsageError } from '../../src/templates/template.ts';
import { FakeView, KSYM, TASK, TASK_COLUMNS, TCP, taskRows } from '../ui/fake-view.ts';
import { fakeSession } from '../ui/screen.tsx';

const FOREST: Template = { ...TASK, tree: { id: 'pid', parent: 'threads', indent: 'comm' } };
const templates = [FOREST, TCP];

/** 1000 has two children, the first of which has 5 folded away. */
class FakeTree extends FakeView {
  readonly tree: TreeRows = {
    column: 'comm',
    parents: Int32Array.from([-1, 0, 0]),
    last: Uint8Array.from([0, 0, 1]),
    hidden: Uint32Array.from([0, 5, 0]),
  };
  constructor() {
    super('task', TASK_COLUMNS, taskRows(3));
  }
}

it('is asked for and left again; the selected row stays', () => {
  const session = fakeSession({ templates });
  const { toggleTree, received, move } = session.getState();
  received(new FakeTree());
  move(0);
  move(2);
  expect(questionOf(session.getState()).tree).toBeUndefined();
  toggleTree();
  expect(questionOf(session.getState()).tree).toEqual({ folded: [] });
  expect(session.getState().cursor?.key).toBe('1002');
  toggleTree();
  expect(questionOf(session.getState()).tree).toBeUndefined();
});

it('folds what has something below it, and unfolds it', () => {
  const session = fakeSession({ templates, tree: true });
  const { toggleFold, received, move } = session.getState();
  const folded = () => session.getState().folded;
  toggleFold();
  expect(session.getState().notice).toContain('nothing to fold');
  received(new FakeTree());
  // Without a selected row the first one in sight.
  toggleFold();
  expect(folded()).toEqual(['1000']);
  move(1);
  toggleFold();
  expect(folded()).toEqual(['1000', '1001']);
  move(1);
  toggleFold();
  expect(folded()).toEqual(['1000', '1001']);
  expect(session.getState().notice).toContain('nothing hangs below');
  move(-2);
  toggleFold();
  expect(folded()).toEqual(['1001']);
});

it('is remembered for each table, and says where there is none', () => {
  const session = fakeSession({ templates, tree: true });
  session.getState().received(new FakeTree());
  session.getState().toggleFold();
  session.getState().pick('tcp');
  expect(session.getState()).toMatchObject({ tree: false, folded: [] });
  session.getState().toggleTree();
  expect(session.getState()).toMatchObject({ tree: false, notice: 'tcp is no tree: its rows have no parents' });
  session.getState().pick('task');
  expect(questionOf(session.getState()).tree).toEqual({ folded: ['1000'] });
});

it('groups are no tree; what they are of is one again', () => {
  const session = fakeSession({ templates, tree: true });
  session.getState().group('user');
  expect(questionOf(session.getState()).tree).toBeUndefined();
  session.getState().toggleTree();
  expect(session.getState().notice).toContain('groups are no tree');
  session.getState().group('');
  expect(questionOf(session.getState()).tree).toEqual({ folded: [] });
});

it('goes away with what a template says of it', () => {
  const session = fakeSession({ templates, tree: true });
  session.getState().setTemplates([TASK, TCP]);
  expect(session.getState().tree).toBe(false);
  expect(() => fakeSession({ templates, template: 'tcp', tree: true })).toThrow(UsageError);
  expect(() => fakeSession({ templates, tree: true, groupBy: 'user' })).toThrow(UsageError);
});

it('the walk order of a target that has one goes round', () => {
  const walked = { ...KSYM, order: 'descendants_pre' } as const;
  const session = fakeSession({ templates: [walked, TCP], template: 'ksym' });
  const seen = Array.from({ length: 4 }, () => {
    session.getState().nextOrder();
    return questionOf(session.getState()).order;
  });
  expect(seen).toEqual(['descendants_post', 'ancestors_up', 'self', 'descendants_pre']);
  session.getState().pick('tcp');
  session.getState().nextOrder();
  expect(session.getState().notice).toBe('tcp is walked in one order only');
});
