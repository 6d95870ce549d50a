/** Settings that are real ones with anything else in them: taken, or refused with the place; the file stays as it is. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseSettings, SETTINGS } from '../../src/settings.ts';
import { withChanges } from '../../src/state/settings-file.ts';
import { fuzzSlowly, patience } from '../support/fuzz.ts';
import { HOSTILE_TEXTS, OBEYED } from '../support/hostile-texts.ts';

const REAL = `# mine
template: tcp
interval: 500ms
maxCost: 20
theme: night
themes:
  night: { header: bold cyan, selected: reverse }
ascii: false
marks: true
keys:
  quit: [q, f10]
  refresh: r
tables:
  task:
    columns: [pid, comm, 'x=task->nvcsw:count']
    sort: -pid
    group: comm
    widths: { comm: 20 }
`;

const piece = fc.oneof(
  fc.constantFrom(...Object.values(HOSTILE_TEXTS)),
  fc.constantFrom(
    '[',
    ']',
    '{',
    '}',
    ': ',
    '- ',
    '&a ',
    '*a',
    '!!js ',
    '"',
    "'",
    '|',
    '>',
    '#',
    '\n',
    '\n  ',
    '\t',
    '---\n',
    '? ',
  ),
  fc.constantFrom('null', '1e999', '.nan', 'yes', '0x10', '<<: ', '__proto__: ', 'constructor: ', 'toString'),
  fc.string({ unit: 'binary', maxLength: 10 }),
);
const edit = fc.record({ at: fc.nat(REAL.length), remove: fc.nat(12), piece });

it('as it is, is taken', async () => {
  const { problems, settings } = await parseSettings(REAL, 'settings.yaml');
  expect(problems).toEqual([]);
  expect(settings.template).toBe('tcp');
  expect(SETTINGS.schema).toBeDefined();
});

it('with anything in them', { timeout: patience(60_000) }, async () => {
  let taken = 0;
  await fuzzSlowly('settings', 600, fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
    let text = REAL;
    for (const { at, remove, piece } of edits) text = text.slice(0, at) + piece + text.slice(at + remove);
    const { problems, settings } = await parseSettings(text, 'settings.yaml');
    for (const problem of problems) {
      expect(problem).toMatch(/^settings\.yaml:\d+:\d+: .{5}/);
      expect(problem).not.toMatch(OBEYED);
    }
    if (problems.length > 0) expect(settings).toEqual({});
    else {
      taken++;
      // What is saved into it is taken as well.
      const saved = await withChanges(text, [{ path: ['tables', 'task', 'sort'], value: 'pid' }], false);
      expect((await parseSettings(saved, 'settings.yaml')).problems).toEqual([]);
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
  expect(taken).toBeGreaterThan(0);
});
