/** What a recording begins with: what of a session does not belong there is left out, and what is wrong is said with its place. */
import { describe, expect, it } from 'vitest';
import { decodeSegment, encodeSegment, type Segment } from '../../src/state/segment.ts';
import { TEMPLATE } from '../support/recorded.ts';

const SEGMENT: Segment = {
  ...{ host: 'made', kernel: '6.0', pageSize: 4096, hz: 100, templates: [TEMPLATE], conditions: [] },
  question: {
    ...{ columns: ['id'], sort: 'id', filters: { pid: [[1, 2]] }, switches: {}, ungroup: false },
    ...{ where: '', netns: [4026531840], interval: 1000 },
  },
  walks: [
    {
      ...{ key: '', template: 'made', absent: [['rate', 'it is not']], names: [['value', { 1: 'one' }]] },
      layout: {
        ...{ fixed: 16, keyOffset: 4, keySize: 4, group: null },
        fields: [{ column: 'id', offset: 4, size: 4, type: 'u32', flag: 0, limit: 0 }],
      },
    },
  ],
};

const decoded = (change: object) => decodeSegment(encodeSegment({ ...SEGMENT, ...change } as Segment));
const template = (change: object) => ({ templates: [{ ...TEMPLATE, ...change }] });
const walk = (change: object) => ({ walks: [{ ...SEGMENT.walks[0], ...change }] });
const layout = (change: object) => walk({ layout: { ...SEGMENT.walks[0]!.layout, ...change } });
const field = (change: object) => layout({ fields: [{ ...SEGMENT.walks[0]!.layout.fields[0], ...change }] });

describe('the beginning of a recording', () => {
  it('is as it was written', () => {
    expect(decoded({})).toEqual(SEGMENT);
  });

  it('is without what was typed or saved in the session that recorded', () => {
    const typed = { name: 'made', help: 'x', from: 'task->flags', as: 'int', typed: 'made=task->flags' };
    const saved = { group: 'id', widths: { id: 9 } };
    const [first] = decoded(template({ columns: [...TEMPLATE.columns, typed], saved })).templates;
    expect(first!.saved).toBeUndefined();
    expect(first!.columns.at(-1)).toEqual({ name: 'made', help: 'x', from: 'task->flags', as: 'int' });
  });

  it.each<[string, object, RegExp]>([
    ['a host that is none', { host: 5 }, /^its beginning, at host: a text is expected here, not the number 5$/],
    ['no pages', { pageSize: 0 }, /at pageSize: a number from 1/],
    ['an interval of nothing', { question: { ...SEGMENT.question, interval: 0 } }, /at question.interval: a number/],
    ['a column there is not', { question: { ...SEGMENT.question, columns: ['no'] } }, /its question: .* column "no"$/],
    ['no template', { templates: [] }, /at templates: 1 or more templates are needed/],
    ['a template that is none', { templates: [null] }, /^its template nothing: /],
    [
      'a key there is not',
      template({ key: ['\x1b[m'] }),
      /^its template "made": a name is expected here .*, not a text$/,
    ],
    ['a key of no column', template({ key: ['nothing'] }), /^its template "made": there is no column "nothing"$/],
    ['a map that is none', template({ map: { id: 'x' } }), /^its template "made": its map, id: a whole number/],
    ['no walk', { walks: [] }, /at walks: 1 or more walks are needed/],
    ['a walk of nothing', walk({ template: 'other' }), /^the list of its walks is not/],
    ['only a walk for a join', walk({ key: 'other' }), /^the list of its walks is not/],
    ['a field outside', field({ offset: 16 }), /^the layout of made is not/],
    ['a field that lies across', field({ offset: 5 }), /^the layout of made is not/],
    ['a field of another size', field({ size: 8 }), /^the layout of made is not/],
    ['a type there is not', field({ type: 'u128' }), /fields.0.type: there is no type "u128"/],
    ['a key outside', layout({ keyOffset: 16 }), /^the layout of made is not/],
    ['a group of nothing', layout({ group: { by: 'no', totals: [] } }), /^the layout of made is not/],
    ['a group that is none', layout({ group: { by: 'id' } }), /layout.group: a group needs "totals"/],
  ])('of %s is refused', (_, change, words) => {
    expect(() => decoded(change)).toThrow(words);
  });

  it.each(['', 'null', '[]', '5', '{', '"x"', '{"__proto__":{"templates":[]}}'])('that is %j is refused', (text) => {
    expect(() => decodeSegment(Buffer.from(text))).toThrow(/^(its beginning|it begins)/);
  });
});
