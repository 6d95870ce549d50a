/** Files in YAML (of which JSON is a part) as people write them: their value, with the place of each of its parts. */
import type { Document, Node, YAMLMap } from 'yaml';
import type { Problem } from './form.ts';
import { TemplateError } from './template.ts';
import { sanitize } from './text.ts';

/** Deepest member of a template: filters.pid.through.join in a list of templates. */
const MAX_DEPTH = 16;
/** Words, signs and spaces of YAML: a template of 512 columns has fewer. The parser takes some 10 us for each. */
const MAX_TOKENS = 16_000;
/** Of one file; the first mistakes explain the others. */
const MAX_PROBLEMS = 20;

/** `file:line:column: what is wrong`; line and column from 1. */
export class TemplateFileError extends TemplateError {
  readonly file: string;
  readonly line: number;
  readonly position: number;
  constructor(file: string, line: number, position: number, template: string, problem: string) {
    super(template, '', problem);
    this.message = sanitize(`${file}:${line}:${position}: ${problem}`);
    this.file = file;
    this.line = line;
    this.position = position;
  }
}

/** What a file holds, with the place of each of its parts. */
export interface Parsed {
  readonly value: unknown;
  readonly errors: TemplateFileError[];
  locate(problem: Pick<Problem, 'path' | 'atKey' | 'offset'>): [number, number];
}

/**
 * YAML 1.2 without anchors and tags: nothing in it can stand for more than is written.
 * @param what a file of these is, for messages
 */
export async function parseYaml(text: string, file: string, what: string): Promise<Parsed> {
  // Only a file to read makes it worth loading.
  const { isAlias, isMap, isNode, isPair, isScalar, isSeq, Lexer, LineCounter, parseDocument, visit } = await import(
    'yaml'
  );
  const lines = new LineCounter();
  const at = (offset: number): [number, number] => {
    const { line, col } = lines.linePos(offset);
    return [Math.max(1, line), Math.max(1, col)];
  };
  const fail = (offset: number, problem: string) => new TemplateFileError(file, ...at(offset), '', problem);
  const nowhere: Parsed['locate'] = () => [1, 1];

  let document: Document.Parsed;
  const errors: TemplateFileError[] = [];
  let value: unknown;
  const tooMuch = excess(new Lexer().lex(text), what);
  if (tooMuch) {
    for (let end = text.indexOf('\n'); end >= 0 && end < tooMuch.offset; end = text.indexOf('\n', end + 1))
      lines.addNewLine(end + 1);
    return { value: undefined, errors: [fail(tooMuch.offset, tooMuch.problem)], locate: nowhere };
  }
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2', uniqueKeys: false });
    for (const { message, pos } of [...document.errors, ...document.warnings].slice(0, MAX_PROBLEMS))
      errors.push(fail(pos[0], firstLine(message, what)));
    visit(document, {
      Node(_, node, path) {
        if (errors.length >= MAX_PROBLEMS) return visit.BREAK;
        const offset = node.range?.[0] ?? 0;
        if (isAlias(node)) errors.push(fail(offset, 'aliases (*name) are not taken; write it out'));
        else if (node.anchor !== undefined) errors.push(fail(offset, 'anchors (&name) are not taken'));
        else if (node.tag !== undefined && !/^tag:yaml\.org,2002:/.test(node.tag))
          errors.push(fail(offset, 'tags are not taken'));
        if (path.filter((p) => isMap(p) || isSeq(p)).length > MAX_DEPTH) {
          errors.push(fail(offset, `nested more than ${MAX_DEPTH} deep, which no ${what} is`));
          return visit.BREAK;
        }
        // The parser would compare each name with each.
        const names = new Set<string>();
        for (const { key } of isMap(node) ? node.items : []) {
          if (!isScalar(key)) continue;
          const name = String(key.value);
          if (names.has(name)) errors.push(fail(key.range?.[0] ?? 0, `"${name}" is there twice`));
          names.add(name);
        }
        return undefined;
      },
      Pair(_, { key }) {
        if (isNode(key) && (!isScalar(key) || (typeof key.value !== 'string' && typeof key.value !== 'number')))
          errors.push(fail(key.range?.[0] ?? 0, 'a name is expected before the colon'));
      },
    });
    if (errors.length === 0 && document.contents === null) errors.push(fail(0, `there is no ${what} in this file`));
    if (errors.length === 0) value = document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    // The parser's recursion: a file of nothing but brackets.
    if (!(error instanceof RangeError)) throw error;
    return {
      value: undefined,
      errors: [new TemplateFileError(file, 1, 1, '', `nested more than ${MAX_DEPTH} deep, which no ${what} is`)],
      locate: nowhere,
    };
  }

  const locate: Parsed['locate'] = ({ path, atKey, offset }) => {
    let node: Node | null = document.contents;
    let found = node?.range?.[0] ?? 0;
    for (const [i, step] of path.entries()) {
      const last = i === path.length - 1;
      if (isSeq(node)) node = (node.items[Number(step)] as Node | undefined) ?? null;
      else if (isMap(node)) {
        const pair = (node as YAMLMap).items.find(
          (p) => isPair(p) && isScalar(p.key) && String(p.key.value) === String(step),
        );
        const key = pair?.key as Node | undefined;
        if (key?.range) found = key.range[0];
        if (last && atKey) return at(found);
        node = (pair?.value as Node | null | undefined) ?? null;
      } else node = null;
      if (!node?.range) break;
      if (isScalar(node) && node.range[0] === node.range[1]) break;
      found = node.range[0];
    }
    if (offset !== undefined && isScalar(node) && typeof node.value === 'string' && node.range) {
      // Where the text stands as it is, also a place within it can be shown.
      const start = text.slice(node.range[0], node.range[1]).indexOf(node.value);
      if (start >= 0) found = node.range[0] + start + offset;
    }
    return at(found);
  };
  return { value, errors, locate };
}

/** What makes a file too much for the parser, which takes seconds for 256 KiB of brackets. */
function excess(tokens: Iterable<string>, what: string): { offset: number; problem: string } | undefined {
  let offset = 0;
  let count = 0;
  let depth = 0;
  for (const token of tokens) {
    if (token === '[' || token === '{') depth++;
    else if (token === ']' || token === '}') depth--;
    if (depth > MAX_DEPTH) return { offset, problem: `nested more than ${MAX_DEPTH} deep, which no ${what} is` };
    if (++count > MAX_TOKENS)
      return { offset, problem: `more than ${MAX_TOKENS} words and signs, which no ${what} has` };
    // The lexer's own marks stand for no character of the file.
    if (!/^[\x02\x18\x1f]$/.test(token)) offset += token.length;
  }
  return undefined;
}

function firstLine(message: string, what: string): string {
  // The parser's recursion ends before its memory does.
  if (message.includes('call stack')) return `nested more than ${MAX_DEPTH} deep, which no ${what} is`;
  return message.split('\n')[0];
}
