/** Templates as people write them: what is taken, what is said of what is not, and that no file can do harm. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { TemplateFiles, templateFolder } from '../../src/state/template-files.ts';
import { BUILTIN } from '../../src/templates/builtin/index.ts';
import { DERIVE_NAMES, deriveSignature, type Interval, isOverTime, NUMERIC } from '../../src/templates/derive.ts';
import { FORMATS, type Template } from '../../src/templates/template.ts';
import { MAX_FILE_BYTES, parseTemplates } from '../../src/templates/user.ts';
import { checkForm, checkNames, checkSources } from '../../src/templates/validate.ts';
import { cpuTime } from '../support/cpu-time.ts';
import { describeKernel, kernelHas, output, PROGRAM, readOnce, rowsOf } from '../support/kernel.ts';

const builtin = (name: string) => BUILTIN.find((t) => t.name === name);
const parse = (text: string, file = 'my.yaml') => parseTemplates(text, file, Btf.vmlinux(), builtin);
const messages = async (text: string) => {
  const { problems, warnings } = await parse(text);
  return [...problems, ...warnings].map((e) => e.message);
};

const MINIMAL = `name: mine
target: task
columns:
  - { name: pid, from: task->tgid }
`;

describe('what is written', () => {
  it('may leave out key, show, sort, and help, format and width of a column', async () => {
    const { templates, problems, warnings } = await parse(`${MINIMAL}  - { name: comm, from: task->comm }
  - { name: parent, from: task->real_parent }
  - { name: uid, from: task->cred->uid }
  - { name: rss, from: 'task->mm->total_vm', as: pages }
  - { name: grow, derive: delta(rss) }
  - { name: faults, from: task->min_flt }
  - { name: fault_rate, derive: rate(faults) }
  - { name: ratio, derive: 'ratio(faults, rss)' }
`);
    expect([problems, warnings]).toEqual([[], []]);
    const [mine] = templates;
    expect(mine.help).toBe('task, by my.yaml');
    expect(mine.key).toEqual(['tid', 'start_ns']);
    expect(mine.show).toEqual(['pid', 'comm', 'parent', 'uid', 'rss', 'grow', 'faults', 'fault_rate', 'ratio']);
    expect(mine.sort).toBe('pid');
    expect(Object.fromEntries(mine.columns.map((c) => [c.name, c.as]))).toEqual({
      pid: 'int',
      comm: 'text',
      parent: 'hex',
      uid: 'uid',
      rss: 'pages',
      grow: 'pages',
      faults: 'int',
      fault_rate: 'rate',
      ratio: 'ratio',
      tid: 'int',
      start_ns: 'int',
    });
    expect(mine.columns.map((c) => c.help).slice(0, 2)).toEqual(['task->tgid', 'task->comm']);
  });

  it.each([
    ['JSON', JSON.stringify({ name: 'mine', target: 'task', columns: [{ name: 'pid', from: 'task->tgid' }] })],
    [
      'JSON with tabs',
      JSON.stringify({ name: 'mine', target: 'task', columns: [{ name: 'pid', from: 'task->tgid' }] }, null, '\t'),
    ],
    ['a list', `- ${MINIMAL.trim().replaceAll('\n', '\n  ')}\n`],
    ['CR LF', MINIMAL.replaceAll('\n', '\r\n')],
  ])('may be %s', async (_, text) => {
    const { templates, problems } = await parse(text);
    expect(problems).toEqual([]);
    expect(templates.map((t) => [t.name, t.columns[0].from])).toEqual([['mine', 'task->tgid']]);
  });

  it('may have several templates, of which one joins the other', async () => {
    const { templates, problems } = await parse(`
- name: owners
  target: task_file
  columns: [{ name: ino, from: file->f_inode->i_ino }, { name: pid, from: task->tgid }]
- name: socks
  target: tcp
  joins: { owner: { template: owners, on: [ino, ino] } }
  columns:
    - { name: ino, from: sk_common->skc_hash }
    - { name: pid, join: owner.pid }
    - { name: n, join: owner.holders }
`);
    expect(problems).toEqual([]);
    expect(templates.map((t) => t.name)).toEqual(['owners', 'socks']);
  });

  it('a wrong template does not keep the others of its file from working', async () => {
    const { templates, problems } = await parse(`- ${MINIMAL.trim().replaceAll('\n', '\n  ')}\n- { name: bad }\n`);
    expect(templates.map((t) => t.name)).toEqual(['mine']);
    expect(problems.map((p) => p.message)).toEqual([
      'my.yaml:5:3: a template needs "target"',
      'my.yaml:5:3: a template needs "columns"',
    ]);
  });
});

/** A file, and what is said of it. */
const WRONG: readonly [string, string, readonly string[]][] = [
  ['nothing', '', ['my.yaml:1:1: there is no template in this file']],
  ['only comments', '# later\n', ['my.yaml:1:1: there is no template in this file']],
  ['an empty list', '[]\n', ['my.yaml:1:1: there is no template in this list']],
  ['a word', 'hello\n', ['my.yaml:1:1: a template is expected here (a map), not a text']],
  ['a member mistyped', `${MINIMAL}shows: [pid]\n`, ['my.yaml:5:1: no member "shows"; did you mean show?']],
  [
    'a member of a column mistyped',
    MINIMAL.replace('from:', 'form:'),
    ['my.yaml:4:18: column pid: no member "form"; did you mean from?'],
  ],
  [
    'an unknown format',
    MINIMAL.replace('tgid', 'tgid, as: byte'),
    ['my.yaml:4:40: column pid: there is no format "byte"; did you mean bytes or rate?'],
  ],
  [
    'a format like nothing',
    MINIMAL.replace('tgid', 'tgid, as: qqqqqqq'),
    [`my.yaml:4:40: column pid: there is no format "qqqqqqq"; there are ${FORMATS.join(', ')}`],
  ],
  [
    'a text where a list is',
    MINIMAL.replace('target: task', 'target: task\nkey: pid'),
    ['my.yaml:3:6: a list of columns is expected here, not "pid"'],
  ],
  [
    'a number where a name is',
    MINIMAL.replace('mine', '12'),
    ['my.yaml:1:7: a name is expected here (small letters, digits and _), not the number 12'],
  ],
  [
    'a capital letter',
    MINIMAL.replace('name: pid', 'name: PID'),
    ['my.yaml:4:13: column PID: a name is expected here (small letters, digits and _), not "PID"'],
  ],
  [
    'a value left out',
    MINIMAL.replace('target: task', 'target:'),
    ['my.yaml:2:1: a name is expected here (small letters, digits and _), not nothing'],
  ],
  ['no columns', 'name: mine\ntarget: task\ncolumns: []\n', ['my.yaml:3:10: 1 or more columns are needed here, not 0']],
  [
    'a control character',
    MINIMAL.replace('target', 'help: "a\\e[2Jb"\ntarget'),
    ['my.yaml:2:7: a character that no terminal should get: a\\x1b[2Jb'],
  ],
  ['a command as name', MINIMAL.replace('mine', 'doctor'), ['my.yaml:1:7: "doctor" is a command; choose another name']],
  [
    'two columns of a name',
    `${MINIMAL}  - { name: pid, from: task->pid }\n`,
    ['my.yaml:5:13: column pid: there are two columns "pid"'],
  ],
  [
    'an unknown column in show',
    `${MINIMAL}show: [pid, com]\n`,
    ['my.yaml:5:13: mine has no column "com"; it has pid, tid, start_ns'],
  ],
  [
    'an unknown column in sort',
    `${MINIMAL}sort: -pidd\n`,
    ['my.yaml:5:7: mine has no column "pidd"; did you mean pid or tid?'],
  ],
  [
    'an unknown related table',
    `${MINIMAL}related:\n  - { word: files, template: tsk_file, filters: { pid: pid } }\n`,
    ['my.yaml:6:30: there is no template "tsk_file"; did you mean task_file?'],
  ],
  [
    'an unknown column in a related filter',
    `${MINIMAL}related:\n  - { word: files, template: mine, filters: { pid: pod }, where: pid == $pidd }\n`,
    [
      'my.yaml:6:52: mine has no column "pod"; did you mean pid or tid?',
      'my.yaml:6:47: mine has no filter "pid"',
      'my.yaml:6:66: mine has no column "pidd"; did you mean pid or tid?',
    ],
  ],
  [
    'a wrong related condition',
    `${MINIMAL}related:\n  - { word: same, template: mine, where: pud == $pid }\n`,
    ['my.yaml:6:42: mine has no column "pud"; did you mean pid, tid?'],
  ],
  [
    'an unknown label',
    `${MINIMAL}label: [pids]\n`,
    ['my.yaml:5:9: mine has no column "pids"; did you mean pid or tid?'],
  ],
  ['an unknown column in key', `${MINIMAL}key: [pod]\n`, ['my.yaml:5:7: mine has no column "pod"; did you mean pid?']],
  [
    'a derived column in key',
    `${MINIMAL}  - { name: r, derive: rate(pid) }\nkey: [pid, r]\n`,
    ['my.yaml:6:12: r is not read from the kernel ("from"), so it cannot be part of the key'],
  ],
  [
    'no source',
    `${MINIMAL}  - { name: r }\n`,
    ['my.yaml:5:5: a column has one of "from", "derive" and "join"; r has none of them'],
  ],
  [
    'two sources',
    `${MINIMAL}  - { name: r, from: task->pid, derive: rate(pid) }\n`,
    ['my.yaml:5:5: a column has one of "from", "derive" and "join"; r has from and derive'],
  ],
  [
    'an unknown function',
    `${MINIMAL}  - name: r\n    derive: rat(pid)\n`,
    ['my.yaml:6:13: column r: there is no function rat(); did you mean rate(a), bit(a, b) or rate2(a, b)?'],
  ],
  [
    'a function of Object',
    `${MINIMAL}  - { name: r, derive: constructor(pid) }\n`,
    [expect.stringContaining('my.yaml:5:24: column r: there is no function constructor(); ') as unknown as string],
  ],
  [
    'too few arguments',
    `${MINIMAL}  - { name: r, derive: ratio(pid) }\n`,
    ['my.yaml:5:24: column r: ratio(a, b) takes 2 columns, not 1'],
  ],
  [
    'an argument mistyped',
    `${MINIMAL}  - { name: r, derive: rate(pidd) }\n`,
    ['my.yaml:5:24: column r: mine has no column "pidd"; did you mean pid or tid?'],
  ],
  [
    'a text as argument',
    `${MINIMAL}  - { name: c, from: task->comm }\n  - { name: r, derive: rate(c) }\n`,
    ['my.yaml:6:24: column r: c is text, rate() computes with numbers'],
  ],
  [
    'a circle',
    `${MINIMAL}  - { name: a, derive: 'sub(b, 1)' }\n  - { name: b, derive: 'sub(a, 1)' }\n`,
    [
      'my.yaml:5:24: column a: is derived from itself: a -> b -> a',
      'my.yaml:6:24: column b: is derived from itself: b -> a -> b',
    ],
  ],
  [
    'an unknown join',
    `${MINIMAL}  - { name: j, join: owner.pid }\n`,
    ['my.yaml:5:22: column j: join "owner.pid" is not of the form join.column'],
  ],
  [
    'a join of Object',
    `${MINIMAL}joins: {}\n`.replace('{ name: pid,', '{ name: j, join: constructor.name }\n  - { name: pid,'),
    ['my.yaml:4:22: column j: join "constructor.name" is not of the form join.column'],
  ],
  [
    'a join with an unknown template',
    `${MINIMAL}joins: { o: { template: nope, on: [pid, pid] } }\n`,
    ['my.yaml:5:25: there is no template "nope"'],
  ],
  [
    'a join on an unknown column among several',
    `${MINIMAL}joins: { o: { template: mine, on: [[pid, pod], [pid, pid]] } }\n`,
    ['my.yaml:5:42: mine has no column "pod"; did you mean pid or tid?'],
  ],
  [
    'a join on unequally many columns',
    `${MINIMAL}joins: { o: { template: mine, on: [[pid, pid], pid] } }\n`,
    ['my.yaml:5:35: compares 2 columns with 1; as many are needed on both sides'],
  ],
  [
    'a list of what no join finds',
    `${MINIMAL}  - { name: l, from: task->comm, as: text, list: true }\n`,
    ['my.yaml:5:50: column l: "list" goes with "join", for columns of text'],
  ],
  [
    'an unknown filter',
    `${MINIMAL}filters: { pod: { any: [task->tgid] } }\n`,
    ['my.yaml:5:12: there is no filter "pod"; did you mean pid or port?'],
  ],
  [
    'a cast in a circle',
    `${MINIMAL}casts: { a: { of: b->x }, b: { of: a->x } }\n`,
    ['my.yaml:5:19: a cast starts from an object or from a cast above it, which "b" is not'],
  ],
  [
    'no such member in the key',
    `${MINIMAL}key: [pid]\n`.replace('tgid', 'tgidd'),
    ['my.yaml:4:30: column pid: struct task_struct has no member "tgidd"; did you mean tgid?'],
  ],
  [
    'no such member',
    `${MINIMAL}  - { name: vm, from: "task->mm->totl_vm" }\n`,
    ['my.yaml:5:34: column vm: struct mm_struct has no member "totl_vm"; did you mean total_vm?'],
  ],
  [
    'no such object',
    `${MINIMAL}  - { name: vm, from: tsk->mm }\n`,
    ['my.yaml:5:23: column vm: bpf_iter__task has no object "tsk"; did you mean task?'],
  ],
  [
    'a source function of Object',
    `${MINIMAL}  - { name: vm, from: toString(task) }\n`,
    [expect.stringContaining('column vm: no source function toString()') as unknown as string],
  ],
  [
    'no such target',
    MINIMAL.replace('target: task', 'target: tsk').concat('key: [pid]\n'),
    ['my.yaml:2:9: this kernel has no iterator for "tsk"; did you mean task or tcp?'],
  ],
  [
    'a number as text',
    MINIMAL.replace('tgid', 'tgid, as: text'),
    ['my.yaml:4:40: column pid: task->tgid is not shown as text'],
  ],
  [
    'a text in the key',
    `${MINIMAL}  - { name: exe, from: d_path(task->mm->exe_file->f_path) }\nkey: [pid, exe]\n`,
    ['my.yaml:6:12: exe is a text of any length, which cannot be part of the key'],
  ],
  [
    'YAML that is none',
    'name: mine\n  target: task\n',
    [
      'my.yaml:1:7: Nested mappings are not allowed in compact mappings',
      'my.yaml:1:7: Implicit keys need to be on a single line',
    ].slice(0, 1),
  ],
  ['a name twice', 'name: a\nname: b\n', ['my.yaml:2:1: "name" is there twice']],
  [
    'two documents',
    `${MINIMAL}---\n${MINIMAL}`,
    [expect.stringContaining('my.yaml:5:1: Source contains multiple documents') as unknown as string],
  ],
  [
    'an alias',
    'name: &a mine\ntarget: *a\n',
    ['my.yaml:1:10: anchors (&name) are not taken', 'my.yaml:2:9: aliases (*name) are not taken; write it out'],
  ],
  ['an anchor of a map', 'name: mine\ntarget: &t { a: b }\n', ['my.yaml:2:12: anchors (&name) are not taken']],
  [
    'a tag',
    'name: !!js/function "x"\n',
    [expect.stringMatching(/^my\.yaml:1:7: (Unresolved tag|tags are not taken)/) as unknown as string],
  ],
  [
    'a map as name of a member',
    '{ { a: b }: c }\n',
    [expect.stringContaining('a name is expected before the colon') as unknown as string],
  ],
  [
    'a prototype',
    `__proto__: { x: 1 }\n${MINIMAL}`,
    [expect.stringContaining('my.yaml:1:1: no member "__proto__"') as unknown as string],
  ],
];

describe('what is said of a wrong file', () => {
  it.each(WRONG)('%s', async (_, text, expected) => {
    const said = await messages(text);
    expect(said.slice(0, expected.length)).toEqual(expected);
    if (typeof expected[0] === 'string' && !text.includes('!!'))
      expect(said.length).toBeGreaterThanOrEqual(expected.length);
  });

  it('what this kernel lacks is a warning, and the table works without it', async () => {
    const { templates, problems, warnings } = await parse(`${MINIMAL}  - { name: vm, from: task->mm->totl_vm }\n`);
    expect([templates.length, problems.length, warnings.length]).toEqual([1, 0, 1]);
    expect(warnings[0].template).toBe('mine');
  });

  it('of an alternative that is there nothing is said', async () => {
    expect(await messages(`${MINIMAL}  - { name: s, from: [task->__state, task->state] }\n`)).toEqual([]);
    expect(await messages(`${MINIMAL}  - { name: s, from: [task->no_such, task->__state] }\n`)).toEqual([]);
  });
});

describe('hostile files end in a message, soon', () => {
  const bomb = [
    'a: &a [x, x]',
    ...'bcdefghij'.split('').map((n, i) => `${n}: &${n} [${`*${'abcdefghij'[i]}, `.repeat(9)}]`),
  ].join('\n');
  it.each<[string, string]>([
    ['brackets', '['.repeat(MAX_FILE_BYTES)],
    ['braces', '{a: '.repeat(MAX_FILE_BYTES / 4)],
    ['dashes', '- '.repeat(MAX_FILE_BYTES / 2)],
    ['question marks', '? '.repeat(MAX_FILE_BYTES / 2)],
    ['a billion laughs', bomb],
    ['a long line', 'x'.repeat(MAX_FILE_BYTES)],
    ['many columns', `name: m\ntarget: task\ncolumns:\n${'- {name: a, from: b}\n'.repeat(MAX_FILE_BYTES / 22)}`],
    ['many members', Array.from({ length: 10_000 }, (_, i) => `k${i}: 1`).join('\n')],
    ['NULs', '\0'.repeat(1000)],
  ])('%s', async (_, text) => {
    const started = cpuTime();
    const { templates, problems } = await parse(text);
    expect(templates).toEqual([]);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(20);
    for (const { message } of problems) expect(message).toMatch(/^my\.yaml:\d+:\d+: ./);
    expect(cpuTime() - started).toBeLessThan(15_000);
  });

  it('whatever is put in: templates or messages, never another error', async () => {
    const values = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.constantFrom(...FORMATS, 'task', 'task->pid', 'rate(pid)'),
    );
    const member = fc.constantFrom(
      'name',
      'target',
      'key',
      'show',
      'sort',
      'columns',
      'casts',
      'joins',
      'filters',
      'group',
      'only',
      'switches',
      'from',
      'as',
      'derive',
      'constructor',
      '__proto__',
      'of',
      'any',
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        values,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(member, tie('value'), { maxKeys: 6 }),
      ),
    }));
    const shape = fc.record(
      {
        name: fc.constant('mine'),
        target: fc.constantFrom('task', 'tcp', 'x'),
        columns: fc.array(fc.dictionary(member, values)),
        more: value,
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(value, shape, fc.string()), async (thing) => {
        const text = typeof thing === 'string' ? thing : JSON.stringify(thing);
        const { templates, problems } = await parse(text);
        expect(templates.length + problems.length).toBeGreaterThan(0);
      }),
      { seed: 20_261_126, numRuns: 2000 },
    );
  });
});

describe('functions of columns', () => {
  const interval: Interval = { seconds: 2, before: Int32Array.of(1, 0, -1), previous: () => Float64Array.of(4, 10) };
  const values = (name: string, ...args: readonly (readonly number[])[]) => {
    const out = new Float64Array(3);
    const columns = args.map((a) => Float64Array.from(a));
    NUMERIC[name].run(columns, args.map(String), out, interval, { jiffies: 0, hz: 0 });
    return [...out];
  };
  const NONE = Number.NaN;
  it.each<[string, readonly (readonly number[])[], readonly number[]]>([
    ['rate', [[16, 5, 7]], [3, 0.5, NONE]],
    ['rate', [[9, 3, 7]], [NONE, NONE, NONE]],
    ['delta', [[16, 3, 7]], [6, -1, NONE]],
    ['share', [[1, 3, NONE]], [25, 75, NONE]],
    ['share', [[0, 0, 0]], [NONE, NONE, NONE]],
    [
      'percent',
      [
        [1, 2, 3],
        [4, 0, NONE],
      ],
      [25, NONE, NONE],
    ],
    [
      'ratio',
      [
        [1, 2, 0],
        [4, 0, 5],
      ],
      [0.25, NONE, 0],
    ],
    [
      'sub',
      [
        [1, 2, NONE],
        [4, 0, 5],
      ],
      [-3, 2, NONE],
    ],
  ])('%s of %j', (name, args, expected) => expect(values(name, ...args)).toEqual(expected));

  it('each that messages name is there, and says what it gives', () => {
    expect(DERIVE_NAMES).toEqual(expect.arrayContaining(['rate', 'delta', 'share', 'ratio', 'percent', 'sub']));
    for (const name of DERIVE_NAMES) expect(deriveSignature(name)).toMatch(/^\w+\([a-z](, [a-z])*(, \.\.\.)?\)$/);
    expect([isOverTime('rate(a)'), isOverTime(' delta ( a )'), isOverTime('sub(a, b)'), isOverTime(undefined)]).toEqual(
      [true, true, false, false],
    );
  });
});

test.each(BUILTIN.map((t) => [t.name, t] as const))(
  "the template %s passes what users' templates have to",
  (_, template) => {
    expect(checkForm(JSON.parse(JSON.stringify(template)))).toEqual([]);
    expect(checkNames(template, builtin)).toEqual([]);
    expect(checkSources(template, Btf.vmlinux()).filter((p) => p.fatal)).toEqual([]);
  },
);

test.each(BUILTIN.map((t) => [t.name, t] as const))(
  'the template %s written as YAML is read as it is',
  async (_, template) => {
    const { templates, problems } = await parse(JSON.stringify(template));
    expect(problems).toEqual([]);
    const plain = (t: Template) =>
      JSON.parse(
        JSON.stringify({
          ...t,
          columns: t.columns.map(({ name, from, derive, join }) => ({ name, from, derive, join })),
        }),
      );
    expect(plain(templates[0])).toEqual(plain(template));
  },
);

describe('files', () => {
  let dir: string;
  beforeAll(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-templates-'));
  });
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));
  const folder = (files: Readonly<Record<string, string>>) => {
    const at = fs.mkdtempSync(path.join(dir, 'f-'));
    for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(at, name), text);
    return at;
  };
  const named = (name: string) => MINIMAL.replace('mine', name);
  const load = (at: string, files: readonly string[] = []) => new TemplateFiles(files, at, () => Btf.vmlinux()).load();

  it.each<[string, NodeJS.ProcessEnv, string]>([
    ['XDG_CONFIG_HOME', { XDG_CONFIG_HOME: '/x', HOME: '/home/u' }, '/x/itertop/templates'],
    ['HOME', { HOME: '/home/u' }, '/home/u/.config/itertop/templates'],
    ['no relative path', { XDG_CONFIG_HOME: 'x', HOME: '/home/u' }, '/home/u/.config/itertop/templates'],
  ])('are in the folder by %s', (_, env, expected) => expect(templateFolder(env)).toBe(expected));

  it('of the folder by name, others are left alone, and those named first', async () => {
    const at = folder({
      'b.yaml': named('b'),
      'a.yml': named('a'),
      'c.json': '{"name":"c","target":"task","columns":[{"name":"pid","from":"task->pid"}]}',
      'd.txt': '!',
      '.e.yaml': '!',
    });
    const other = path.join(folder({ 'z.conf': named('z') }), 'z.conf');
    const { templates, problems, first } = await load(at, [other]);
    expect(templates.map((t) => t.name)).toEqual(['z', 'a', 'b', 'c']);
    expect([problems, first]).toEqual([[], 'z']);
  });

  it('without a folder, no BTF is read', async () => {
    const loaded = await new TemplateFiles([], path.join(dir, 'nowhere'), () => expect.unreachable()).load();
    expect(loaded).toEqual({ templates: [], first: undefined, problems: [], unusable: [], warnings: [] });
  });

  it('that are wrong are named, and do not keep others from being read nor are they changed', async () => {
    const at = folder({
      'a.yaml': 'name: [',
      'b.yaml': named('b'),
      'c.yaml': named('b'),
      'd.yaml': named('task'),
      'e.yaml': 'x'.repeat(MAX_FILE_BYTES + 1),
    });
    fs.writeFileSync(path.join(at, 'f.yaml'), Buffer.from([0xff, 0xfe, 0xfd]));
    fs.mkdirSync(path.join(at, 'g.yaml'));
    output('mkfifo', path.join(at, 'h.yaml'));
    fs.symlinkSync('/dev/zero', path.join(at, 'i.yaml'));
    const before = fs.readdirSync(at).map((name) => fs.lstatSync(path.join(at, name)).mtimeMs);
    const { templates, problems } = await load(at, [path.join(at, 'missing')]);
    expect(templates.map((t) => t.name)).toEqual(['b']);
    expect(problems.map((p) => p.replaceAll(`${at}/`, ''))).toEqual([
      'missing: there is no such file',
      expect.stringMatching(/^a\.yaml:\d:\d+: /),
      'c.yaml: there is a template "b" already, of b.yaml; choose another name',
      'd.yaml: there is a template "task" already, of itertop itself; choose another name',
      'e.yaml: it is larger than 256 KiB, which no template is',
      'f.yaml: it is not UTF-8',
      'g.yaml: it is no regular file',
      'h.yaml: it is no regular file',
      'i.yaml: it is no regular file',
    ]);
    expect(fs.readdirSync(at).map((name) => fs.lstatSync(path.join(at, name)).mtimeMs)).toEqual(before);
  });

  it('whose names or texts would control the terminal are named without doing so', async () => {
    const at = folder({ 'a\x1b[2J.yaml': '!\x1b[31m x: *\x1b', 'b.yaml': 'name: "\\e[2J"\n\x1b: 1\n' });
    const { problems } = await load(at);
    expect(problems.length).toBeGreaterThan(1);
    for (const problem of problems) expect(problem).not.toMatch(/[\x00-\x1f\x7f]/);
  });

  it('while a file is wrong its last good templates stay; they go with the file', async () => {
    const at = folder({ 'a.yaml': named('a') });
    const files = new TemplateFiles([], at, () => Btf.vmlinux());
    const names = async () => (await files.load()).templates.map((t) => `${t.name}:${t.columns.length}`);
    expect(await names()).toEqual(['a:3']);
    fs.writeFileSync(path.join(at, 'a.yaml'), 'name: [');
    expect(await names()).toEqual(['a:3']);
    fs.writeFileSync(path.join(at, 'a.yaml'), `${named('a')}  - { name: comm, from: task->comm }\n`);
    expect(await names()).toEqual(['a:4']);
    fs.rmSync(path.join(at, 'a.yaml'));
    expect(await names()).toEqual([]);
  });

  it('changes are noticed once, whatever an editor does', async () => {
    const at = folder({ 'a.yaml': named('a') });
    let calls = 0;
    using _ = new TemplateFiles([], at, () => Btf.vmlinux()).watch(() => calls++);
    const settled = () => new Promise((resolve) => setTimeout(resolve, 400));
    fs.writeFileSync(path.join(at, 'a.yaml.swp'), '');
    await settled();
    expect(calls).toBe(0);
    fs.writeFileSync(path.join(at, 'a.yaml~'), named('b'));
    fs.renameSync(path.join(at, 'a.yaml~'), path.join(at, 'a.yaml'));
    fs.appendFileSync(path.join(at, 'a.yaml'), '\n');
    await settled();
    expect(calls).toBe(1);
  });
});

describeKernel("a template of the user's", () => {
  it('shows what the equal built-in one shows', async () => {
    const { templates, problems } = await parse(`
name: mine
target: task
columns:
  - { name: tid, from: task->pid }
  - { name: comm, from: task->comm }
  - { name: nice, from: task->static_prio }
  - { name: nicer, derive: 'sub(nice, 120)' }
  - { name: exe, from: d_path(task->mm->exe_file->f_path) }
  - { name: uid, from: task->cred->euid, as: int }
  - { name: bits, from: task->sched_reset_on_fork }
  - { name: part, derive: share(one) }
  - { name: one, from: task->tgid }
`);
    expect(problems).toEqual([]);
    const mine = rowsOf(readOnce(templates[0], {}).table).find((r) => r.number('tid') === process.pid)!;
    const theirs = rowsOf(readOnce('task', { ungroup: true }).table).find((r) => r.number('tid') === process.pid)!;
    expect(mine.text('comm')).toBe(theirs.text('comm'));
    expect(mine.number('nicer')).toBe(theirs.number('nice'));
    expect(mine.text('exe')).toBe(fs.readlinkSync('/proc/self/exe'));
    expect(mine.number('uid')).toBe(process.geteuid!());
    expect(mine.number('bits')).toBe(0);
    const all = rowsOf(readOnce(templates[0], {}).table).map((r) => r.number('part'));
    expect(all.reduce((sum, part) => sum + part, 0)).toBeCloseTo(100, 6);
  });

  it.skipIf(!kernelHas('task_struct', 'rcu_users'))(
    "is shown from -t by the command, and its file's mistakes are said",
    () => {
      const at = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-user-'));
      try {
        const file = path.join(at, 'my.yaml');
        fs.writeFileSync(file, `${MINIMAL}  - { name: gone, from: task->no_such_member_at_all }\n`);
        const shown = output(
          process.execPath,
          '--no-warnings',
          PROGRAM,
          'dump',
          '-t',
          file,
          '--columns',
          'pid',
          '--format',
          'csv',
        );
        expect(shown.split('\n').filter((line) => line === String(process.pid)).length).toBeGreaterThan(0);
      } finally {
        fs.rmSync(at, { recursive: true, force: true });
      }
    },
  );
});
