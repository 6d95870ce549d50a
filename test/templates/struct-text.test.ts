import { describe, expect, test } from 'vitest';
import { type PrintedMember, parseStructText } from '../../src/templates/struct-text.ts';

/** A tree in few words: `name(type)=value`, members in braces. */
function brief({ name, type, value, members }: PrintedMember): string {
  const inner = members.length > 0 ? `{${members.map(brief).join(' ')}}` : '';
  return `${name}(${type})${value === '' ? '' : `=${value}`}${inner}`;
}
const parsed = (...lines: string[]) => {
  const root = parseStructText(lines.join('\n'));
  return root && brief(root);
};

const WHOLE = `(struct task_struct){
 .stack = ( *)0xffffc900060c0000,
 .usage = (refcount_t){
  .refs = (atomic_t){
   .counter = (int)3,
  },
 },
 .wake_entry = (struct __call_single_node){
  (union){
   .u_flags = (unsigned int)48,
  },
 },
 .pid_links = (struct hlist_node[])[
  
   0xffff8881061c01c0,
  },
  
   0x0,
   0xffff8881061c01c8,
  },
 ],
 .comm = (char[])[
  'n',
  ',',
  ')',
 ],
 .ptrace_bps = (struct perf_event *[])
  0x0000000000000000,
  0xffff888106100000,
 ],
 .type = (enum timespec_type)TT_NATIVE,
}
`;

describe('the text of bpf_seq_printf_btf', () => {
  test.each<[what: string, lines: string[], tree: string | null]>([
    ['nothing', [], null],
    ['an empty line', ['', ''], null],
    ['a struct without members', ['(struct a){', '}'], '(struct a)'],
    ['a number', ['(struct a){', ' .b = (int)-3,', '}'], '(struct a){b(int)=-3}'],
    ['a pointer to void', ['(struct a){', ' .b = ( *)0xffff,', '}'], '(struct a){b(*)=0xffff}'],
    [
      'depth by indentation',
      ['(struct a){', ' .b = (struct b){', '  .c = (int)1,', ' },', ' .d = (int)2,', '}'],
      '(struct a){b(struct b){c(int)=1} d(int)=2}',
    ],
    ['an unnamed union', ['(struct a){', ' (union){', '  .c = (int)1,', ' },', '}'], '(struct a){(union){c(int)=1}}'],
    ['an array', ['(struct a){', ' .b = (int[])[', '  1,', '  2,', ' ],', '}'], '(struct a){b(int[]){()=1 ()=2}}'],
    [
      'an array of structs, whose names and brackets are left out',
      ['(struct a){', ' .b = (struct c[])[', '  ', '   1,', '   2,', '  },', '  ', '   3,', '  },', ' ],', '}'],
      '(struct a){b(struct c[]){(){()=1 ()=2} (){()=3}}}',
    ],
    [
      'an array whose bracket is left out',
      ['(struct a){', ' .b = (void *[])', '  0x1,', ' ],', '}'],
      '(struct a){b(void *[]){()=0x1}}',
    ],
    [
      'characters',
      ['(struct a){', ' .b = (char[])[', "  'a',", "  ',',", "  ''',", "  ')',", ' ],', '}'],
      `(struct a){b(char[])="a,')"}`,
    ],
    ['one object of two', ['(struct a){', '}', '(struct b){', ' .c = (int)1,', '}'], '(struct a)'],
    ['an end that is missing', ['(struct a){', ' .b = (struct b){', '  .c = (int)'], '(struct a){b(struct b){c(int)}}'],
    [
      'control characters',
      ['(struct a){', " .b = (char)'\x1b',", ' .\x07c = (\x9bint)\x1b[2J,', '}'],
      expect.any(String) as never,
    ],
  ])('%s', (_, lines, tree) => {
    expect(parsed(...lines)).toEqual(tree);
    expect(parsed(...lines) ?? '').not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
  });

  test('a real one', () => {
    expect(parsed(WHOLE)).toBe(
      '(struct task_struct){stack(*)=0xffffc900060c0000 usage(refcount_t){refs(atomic_t){counter(int)=3}} ' +
        'wake_entry(struct __call_single_node){(union){u_flags(unsigned int)=48}} ' +
        'pid_links(struct hlist_node[]){(){()=0xffff8881061c01c0} (){()=0x0 ()=0xffff8881061c01c8}} ' +
        'comm(char[])="n,)" ptrace_bps(struct perf_event *[]){()=0x0000000000000000 ()=0xffff888106100000} ' +
        'type(enum timespec_type)=TT_NATIVE}',
    );
  });

  test('any text gives a tree of at most its lines, soon', () => {
    let seed = 20261126;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    const alphabet = [...' \n\n\n.=(){}[],\'"\x1b\x00aé', ' '.repeat(300), '(((', '.a = (b){'];
    const count = (member: PrintedMember): number => 1 + member.members.reduce((sum, each) => sum + count(each), 0);
    for (let round = 0; round < 2000; round++) {
      let text = WHOLE;
      for (let change = random(12); change >= 0; change--) {
        const at = random(text.length);
        text = text.slice(0, at) + alphabet[random(alphabet.length)] + text.slice(at + random(20));
      }
      const root = parseStructText(text);
      if (!root) continue;
      expect(count(root)).toBeLessThanOrEqual(text.split('\n').length);
      expect(brief(root)).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
    }
    // Deep ones neither overflow the stack nor take long.
    const deep = Array.from({ length: 5000 }, (_, depth) => `${' '.repeat(depth)}.a = (b){`).join('\n');
    expect(count(parseStructText(deep)!)).toBe(5000);
  });
});
