/** `:task 1234`, `:tcp 443 nginx`, `:cgroup /system.slice`: what words after a table's name restrict it to. */
import { contentOf } from '../templates/infer.ts';
import { whereOfRow } from '../templates/related.ts';
import { columnOf, type FilterName, type Template, UsageError } from '../templates/template.ts';
import type { FilterTexts } from './asked.ts';

/** Only a condition has these. */
const CONDITION = /[=<>~]|\s(in|not)\s/;

/** Columns and filters that the words after `:name` are looked up in. */
export function findsOf(template: Template): readonly string[] {
  return (
    template.finds ?? (template.filters?.pid ? ['pid', ...(template.label ?? [])] : (template.label ?? template.key))
  );
}

/**
 * Each word is looked up by itself: numbers first, by a filter or an equal column; then texts that have it in them.
 * Several numbers of a column are alternatives.
 * @param takes whether a filter takes a word
 * @throws UsageError where a word fits nothing
 */
export function lookUp(
  template: Template,
  words: string,
  takes: (filter: FilterName, word: string) => boolean,
): { readonly filterTexts: FilterTexts; readonly where: string } {
  if (CONDITION.test(words)) return { filterTexts: {}, where: words.trim() };
  const filterTexts: Partial<Record<FilterName, string>> = {};
  /** Of each column: a row has all texts that are named, and one of the numbers. */
  const parts = new Map<string, string[]>();
  for (const typed of words.trim().split(/\s+/).filter(Boolean)) {
    // `:443` is a port.
    const word = typed.replace(/^:(?=\d)/, '');
    const name = findsOf(template).find((each) => fits(template, each, word, takes));
    if (name === undefined) {
      const what = findsOf(template).join(', ') || 'nothing';
      throw new UsageError(`${template.name} is looked up by ${what}, none of which can be "${word}"`);
    }
    const filter = name as FilterName;
    if (template.filters?.[filter]) filterTexts[filter] = [filterTexts[filter] ?? [], word].flat().join();
    else {
      const format = columnOf(template, name)!.as ?? 'int';
      const text = contentOf(format) === 'text' && format !== 'inet';
      const part = whereOfRow(text ? `${name} =~ "$word"` : `${name} == $word`, () =>
        text ? { format, value: word } : word,
      );
      const key = text ? `${name} ${word}` : name;
      parts.set(key, [...(parts.get(key) ?? []), part]);
    }
  }
  const all = [...parts.values()];
  const where = all.map((some) => (some.length > 1 && all.length > 1 ? `(${some.join(' || ')})` : some.join(' || ')));
  return { filterTexts, where: where.join(' && ') };
}

function fits(
  template: Template,
  name: string,
  word: string,
  takes: (filter: FilterName, word: string) => boolean,
): boolean {
  if (template.filters?.[name as FilterName]) return takes(name as FilterName, word);
  const format = columnOf(template, name)?.as ?? 'int';
  if (format === 'inet') return /^[0-9a-f.:]+(\/\d+)?$/i.test(word) && /[.:]/.test(word);
  if (format === 'enum' || format === 'flag' || format === 'dev') return false;
  if (contentOf(format) === 'text') return true;
  return format === 'hex' ? /^-?(0x)?[0-9a-f]+$/i.test(word) : /^\d+$/.test(word);
}
