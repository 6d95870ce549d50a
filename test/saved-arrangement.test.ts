/** Trees and the order of a walk in the settings: what they make of tables, and what goes before them. */
import { describe, expect, it } from 'vitest';
import { parseOptions } from '../src/options.ts';
import { parseSettings, settledTemplates } from '../src/settings.ts';
import { createSession, questionOf, type SessionOptions } from '../src/state/session.ts';
import { cgroup } from '../src/templates/builtin/cgroup.ts';
import { task } from '../src/templates/builtin/task.ts';
import { tcp } from '../src/templates/builtin/tcp.ts';
import { findTemplate } from '../src/templates/registry.ts';

const ALL = [task, cgroup, tcp];
const never = () => null as never;
const settled = async (tables: string) =>
  settledTemplates(ALL, await parseSettings(`tables:\n  ${tables}`, 's.yaml'), never, findTemplate);

async function sessionOf(tables: string, template: string, options: Partial<SessionOptions> = {}) {
  const { templates, problems } = await settled(tables);
  expect(problems).toEqual([]);
  const all = ALL.map((each) => templates.find(({ name }) => name === each.name) ?? each);
  return createSession({ templates: all, template, ...options });
}

describe('a table saved as a tree', () => {
  it('is one at first, and can be a list', async () => {
    const session = await sessionOf('task: { tree: true }', 'task');
    expect(questionOf(session.getState()).tree).toEqual({ folded: [] });
    session.getState().toggleTree();
    expect(questionOf(session.getState()).tree).toBeUndefined();
    session.getState().pick('cgroup');
    expect(session.getState().tree).toBe(false);
  });

  it.each([
    ['--no-tree', { tree: false, groupBy: '' }],
    ['--tree', { tree: true, groupBy: '' }],
    ['--group=user', { tree: false, groupBy: 'user' }],
    ['', { tree: true, groupBy: '' }],
  ])('with "%s" as the command line says', async (option, expected) => {
    const { tree, group } = parseOptions(['task', option].filter((word) => word !== ''));
    const session = await sessionOf('task: { tree: true }', 'task', { tree, groupBy: group });
    expect(session.getState()).toMatchObject(expected);
  });

  it('--tree goes before saved groups', async () => {
    const { tree, group } = parseOptions(['task', '--tree']);
    const session = await sessionOf('task: { group: user }', 'task', { tree, groupBy: group });
    expect(session.getState()).toMatchObject({ tree: true, groupBy: '' });
  });

  it.each([['tree: true'], ['group: user']])('what a row leads to is neither (%s)', async (saved) => {
    const session = await sessionOf(`task: { ${saved} }`, 'tcp');
    session.getState().enter(session.getState().templates.get('task')!, { filterTexts: { pid: '1' } });
    expect(session.getState()).toMatchObject({ template: 'task', tree: false, groupBy: '' });
  });
});

it('the order of a walk is as saved, until another one is chosen', async () => {
  const session = await sessionOf('cgroup: { order: descendants_post }', 'cgroup');
  expect(session.getState().templates.get('cgroup')!.order).toBe('descendants_post');
  session.getState().nextOrder();
  expect(questionOf(session.getState()).order).toBe('ancestors_up');
});

it.each([
  ['tcp: { tree: true }', 's.yaml:2:16: table tcp: tcp is no tree'],
  ['task: { tree: true, group: user }', 's.yaml:2:17: table task: rows are either grouped or a tree'],
  ['task: { order: self }', 's.yaml:2:18: table task: task is walked in one order only'],
])('%s is refused', async (tables, message) => {
  const { templates, problems } = await settled(tables);
  expect(templates).toEqual([]);
  expect(problems).toEqual([expect.stringContaining(message)]);
});

it.each([
  ['tables: { cgroup: { order: selv } }', 's.yaml:1:28: there is no order "selv"; did you mean self?'],
  ['tables: { cgroup: { tree: 1 } }', 's.yaml:1:27: true or false is expected here, not the number 1'],
  ['mouse: no thanks', 's.yaml:1:8: true or false is expected here, not "no thanks"'],
])('%s is no setting', async (text, message) => {
  expect((await parseSettings(text, 's.yaml')).problems).toEqual([message]);
});
