/**
 * What bpf_seq_printf_btf wrote, as a tree. The text has one member a line, indented by its depth:
 *
 *   (struct task_struct){
 *    .usage = (refcount_t){
 *     .refs = (atomic_t){
 *      .counter = (int)3,
 *
 * Within arrays the kernel leaves out names, types and some brackets (btf_show_name(), kernel/bpf/btf.c), so the
 * indentation alone tells what belongs to what. Any text gives a tree, in time linear to its length.
 */
import { sanitize } from './text.ts';

export interface PrintedMember {
  /** '' for elements of arrays, members of structs in arrays, and unnamed structs. */
  readonly name: string;
  /** As printed, without the parentheses; '' where the kernel leaves it out. */
  readonly type: string;
  /** '' for what has members; characters of an array as one text in double quotes. Safe to print. */
  value: string;
  members: PrintedMember[];
}

/** Deeper members are taken for members of the last one that still counts. */
const MAX_DEPTH = 64;

/** The first object of the text; null where there is none. */
export function parseStructText(text: string): PrintedMember | null {
  let root: PrintedMember | null = null;
  /** The way to the last member, each with its depth. */
  const open: { depth: number; member: PrintedMember }[] = [];
  for (let start = 0, end: number; start < text.length; start = end + 1) {
    end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    let first = start;
    while (first < end && text.charCodeAt(first) === 0x20) first++;
    const depth = first - start;
    const line = text.slice(first, end);
    const body = line.endsWith(',') ? line.slice(0, -1) : line;
    if (body === '}' || body === ']' || (body === '' && depth === 0)) continue;
    while (open.length > 0 && open.at(-1)!.depth >= depth) open.pop();
    const parent = open.at(-1)?.member;
    // Another object follows.
    if (!parent && root) break;
    const member = parseMember(body);
    if (parent) parent.members.push(member);
    else root = member;
    if (open.length < MAX_DEPTH) open.push({ depth, member });
  }
  if (root) joinCharacters(root);
  return root;
}

const NAMED = /^\.([^ ]*) = (.*)$/s;

function parseMember(body: string): PrintedMember {
  const named = NAMED.exec(body);
  const rest = named ? named[2]! : body;
  const close = rest.startsWith('(') ? rest.indexOf(')') : -1;
  const value = rest.slice(close + 1);
  const opens = value === '{' || value === '[' || value === '{}' || value === '[]';
  return {
    name: sanitize(named?.[1] ?? ''),
    type: close < 0 ? '' : sanitize(rest.slice(1, close).trim()),
    value: opens ? '' : sanitize(value),
    members: [],
  };
}

const CHARACTER = /^'.'$/u;

/** Arrays of characters become texts. */
function joinCharacters(member: PrintedMember): void {
  const { members } = member;
  if (members.length > 0 && members.every((each) => each.members.length === 0 && CHARACTER.test(each.value))) {
    member.value = `"${members.map(({ value }) => value.slice(1, -1)).join('')}"`;
    member.members = [];
  }
  for (const each of members) joinCharacters(each);
}
