/** Which templates there are. */
import { afterEach, describe, expect, it } from 'vitest';
import { BUILTIN } from '../../src/templates/builtin/index.ts';
import { allTemplates, findTemplate, registerTemplates, shownTemplates } from '../../src/templates/registry.ts';
import type { Template } from '../../src/templates/template.ts';

const make = (name: string, more: Partial<Template> = {}): Template => ({
  name,
  help: '',
  target: 'task',
  key: ['pid'],
  show: ['pid'],
  sort: 'pid',
  columns: [{ name: 'pid', from: 'task->pid', help: '' }],
  ...more,
});

describe('the registry', () => {
  afterEach(() => registerTemplates([]));

  it('has what is built in, then what is registered, in order', () => {
    registerTemplates([make('b'), make('a')]);
    expect(allTemplates().map((t) => t.name)).toEqual([...BUILTIN.map((t) => t.name), 'b', 'a']);
    registerTemplates([make('c')]);
    expect(allTemplates().map((t) => t.name)).toEqual([...BUILTIN.map((t) => t.name), 'c']);
    registerTemplates([]);
    expect(allTemplates()).toEqual(BUILTIN);
  });

  it('one of a built-in name takes its place', () => {
    const own = make('task');
    registerTemplates([own]);
    expect(findTemplate('task')).toBe(own);
    expect(allTemplates().map((t) => t.name)).toEqual(BUILTIN.map((t) => t.name));
  });

  it('does not offer internal ones, but finds them', () => {
    registerTemplates([make('hidden', { internal: true })]);
    expect(shownTemplates().some((t) => t.internal)).toBe(false);
    expect(findTemplate('hidden').name).toBe('hidden');
    expect(findTemplate('socket_owner').internal).toBe(true);
  });

  it.each([
    ['tsk', 'there is no template "tsk"; did you mean task, tcp?'],
    [
      'constructor',
      expect.stringContaining('there is no template "constructor"; there are task, ') as unknown as string,
    ],
    ['minee', 'there is no template "minee"; did you mean mine?'],
  ])('says of %s what is near', (name, message) => {
    registerTemplates([make('mine')]);
    expect(() => findTemplate(name)).toThrow(expect.objectContaining({ name: 'UsageError', message }));
  });
});
