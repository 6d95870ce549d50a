/** What can be typed after `:`: every table by its names, and every action of the table by its own. */
import { didYouMean, nearest } from '../bpf/nearest.ts';
import { filterNames } from '../state/asked.ts';
import { parseInterval } from '../state/interval.ts';
import { findsOf, lookUp } from '../state/lookup.ts';
import { parseSort } from '../state/sort.ts';
import type { TargetInfo } from '../state/view.ts';
import { FILTER_KINDS } from '../templates/filters.ts';
import { ELEMENTS } from '../templates/map-template.ts';
import { shownTemplates } from '../templates/registry.ts';
import { type FilterName, type Template, UsageError } from '../templates/template.ts';
import type { Reach } from './actions.ts';
import { type Action, KEYMAP, keyOf } from './keymap.ts';

export interface Command {
  readonly word: string;
  /** Other words for it. */
  readonly aliases: readonly string[];
  readonly help: string;
  /** What may follow, as in `pid|comm`; '' for nothing. */
  readonly takes: string;
  /** Completions of the last word that follows. */
  readonly complete?: () => readonly Offer[];
  /** Throws UsageError for what cannot be done. */
  run(argument: string): void;
}

interface Offer {
  readonly word: string;
  readonly help: string;
}

/** A completion: the whole line, and what it would do. */
export interface Completion extends Offer {
  readonly line: string;
}

type Argument = Pick<Command, 'takes' | 'complete' | 'run'>;

const state = ({ session }: Reach) => session.getState();
const templateOf = (reach: Reach): Template => state(reach).templates.get(state(reach).template)!;
const columns = (reach: Reach) => (): Offer[] =>
  templateOf(reach).columns.map(({ name, help }) => ({ word: name, help }));

/** Actions that a word may follow. */
const ARGUMENTS: Partial<Readonly<Record<Action, (reach: Reach) => Argument>>> = {
  sort: (reach) => ({
    takes: 'column|-column',
    complete: columns(reach),
    run: (text) => reach.session.setState({ sort: parseSort(templateOf(reach), text) }),
  }),
  where: (reach) => ({
    takes: 'condition',
    complete: columns(reach),
    run: (text) => state(reach).setWhere(text),
  }),
  search: (reach) => ({ takes: 'pattern', run: (text) => state(reach).setSearch(text) }),
  interval: (reach) => ({ takes: 'seconds', run: (text) => state(reach).setInterval(parseInterval(text)) }),
  filter: (reach) => ({
    takes: 'name values',
    complete: () => filterNames(templateOf(reach)).map((word) => ({ word, help: FILTER_KINDS[word].help })),
    run: (text) => {
      const [name = '', ...values] = text.split(/\s+/);
      const names = filterNames(templateOf(reach));
      if (!(names as string[]).includes(name))
        throw new UsageError(
          `${state(reach).template} is not filtered by "${name}"; it can be by ${names.join(', ') || 'nothing'}`,
        );
      state(reach).setFilters({ ...state(reach).filterTexts, [name]: values.join(',') });
    },
  }),
};

/** They move what one would have to look at. */
const KEYS_ONLY: readonly Action[] = ['prompt', 'related', 'up', 'down', 'pageUp', 'pageDown', 'left', 'right'];

/** `kernelThreads` as it is typed: kernel-threads. */
const wordOf = (action: Action) => action.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** @param perform what an action does without a word behind it */
export function commandsOf(reach: Reach, perform: (action: Action) => void): Command[] {
  const { replay, templates } = state(reach);
  const here = reach.targets().filter(({ template }) => !replay || templates.has(template));
  const tables = here.map((target) => tableCommand(reach, target, templates.get(target.template)));
  const actions = new Map<Action, Command>();
  for (const { where, bindings } of KEYMAP) {
    if (!where.includes('table')) continue;
    for (const { action, help } of bindings) {
      if (KEYS_ONLY.includes(action) || actions.has(action)) continue;
      const argument = ARGUMENTS[action]?.(reach);
      actions.set(action, {
        word: wordOf(action),
        aliases: [],
        help: `${help} (${keyOf(action, 'table')})`,
        takes: argument?.takes ?? '',
        ...(argument?.complete ? { complete: argument.complete } : {}),
        run: (text) => {
          if (text === '') perform(action);
          else if (argument) argument.run(text);
          else throw new UsageError(`${wordOf(action)} takes nothing behind it`);
        },
      });
    }
  }
  return [...tables, ...actions.values(), ...hostsCommand(reach), ...(replay ? notRecorded(reach) : [])];
}

/** Only where there are several. */
function hostsCommand(reach: Reach): Command[] {
  if (!state(reach).view?.hosts) return [];
  const help = 'how each host is: why it does not answer, and when it is tried again';
  return [{ word: 'hosts', aliases: [], help, takes: '', run: () => state(reach).openHosts() }];
}

/** Tables that a recording does not have go by their names, too: an answer about another word would be none. */
function notRecorded(reach: Reach): Command[] {
  const { templates, template: shown } = state(reach);
  const besides = new Set(reach.split.choices().map(({ template }) => template));
  return shownTemplates()
    .filter(({ name }) => !templates.has(name))
    .map((template) => {
      const beside = besides.has(template.name);
      const unavailable = beside ? `o shows it beside ${shown}` : `this recording holds ${shown} only`;
      return tableCommand(reach, { template: template.name, help: template.help, unavailable }, template);
    });
}

function tableCommand(
  reach: Reach,
  { template: name, help, unavailable }: Pick<TargetInfo, 'template' | 'help' | 'unavailable'>,
  template: Template | undefined,
): Command {
  const takes = name === ELEMENTS ? 'id|name|path' : template ? findsOf(template).join('|') : '';
  return {
    word: name,
    aliases: template?.aliases ?? (name === ELEMENTS ? ['elements'] : []),
    help: unavailable === '' ? help : `not here: ${unavailable}`,
    takes,
    run: (text) => {
      if (name === ELEMENTS && text !== '') {
        reach.effects.openMap(text);
        return;
      }
      if (unavailable !== '' || !template) throw new UsageError(`${name} is not here: ${unavailable}`);
      if (text === '') {
        state(reach).pick(name);
        return;
      }
      const { parseFilter, visit } = state(reach);
      const takesWord = (filter: FilterName, word: string) => {
        try {
          return parseFilter(filter, word)?.length !== 0;
        } catch (error) {
          if (error instanceof UsageError) return false;
          throw error;
        }
      };
      visit(template, lookUp(template, text, takesWord));
    },
  };
}

/** The first word and what follows; `tcp:443` is `tcp :443`. */
function split(line: string): { readonly word: string; readonly argument: string; readonly open: boolean } {
  const [, word = '', rest = ''] = /^\s*:?([^\s:]*)(.*)$/.exec(line) ?? [];
  return { word, argument: rest.trim(), open: rest === '' };
}

const named = (command: Command, word: string) => command.word === word || command.aliases.includes(word);

/** Of two that are called so, a table by another name and an action, the one that takes what follows. */
function calledSo(commands: readonly Command[], word: string, argument: string): Command | undefined {
  const all = commands.filter((command) => named(command, word));
  const takers = argument === '' ? all : all.filter(({ takes }) => takes !== '');
  return takers.find((command) => command.word === word) ?? takers[0] ?? all[0];
}

/** Commands that a word may become: exactly, then those that begin with it, then those that have it in them. */
function matching(commands: readonly Command[], word: string): Command[] {
  const exact = commands.filter((command) => named(command, word));
  const names = (command: Command) => [command.word, ...command.aliases];
  const begins = commands.filter((command) => names(command).some((name) => name.startsWith(word)));
  const has = commands.filter((command) => word.length > 1 && names(command).some((name) => name.includes(word)));
  return [...new Set([...exact, ...begins, ...has])];
}

/** Lines that what is typed could become. */
export function completions(commands: readonly Command[], line: string): Completion[] {
  const { word, argument, open } = split(line);
  const usage = (command: Command): Offer => ({
    word: [command.word, command.takes].filter(Boolean).join(' '),
    help: command.aliases.length > 0 ? `${command.help} (${command.aliases.join(', ')})` : command.help,
  });
  if (open)
    return matching(commands, word).map((command) => ({
      ...usage(command),
      line: command.takes === '' ? command.word : `${command.word} `,
    }));
  const command = calledSo(commands, word, ' ');
  if (!command) return [];
  const last = /[^\s,(!]*$/.exec(argument)![0];
  const sign = last.startsWith('-') ? '-' : '';
  const offers = (command.complete?.() ?? []).filter(({ word: name }) => name.startsWith(last.slice(sign.length)));
  const before = line.slice(0, line.length - (line.endsWith(' ') ? 0 : last.length));
  if (offers.length === 0) return [{ ...usage(command), line }];
  return offers.map((offer) => ({ ...offer, line: before + sign + offer.word }));
}

/** @throws UsageError with the nearest words */
export function obey(commands: readonly Command[], line: string): void {
  const { word, argument } = split(line);
  const exact = calledSo(commands, word, argument);
  const begins = matching(commands, word).filter(({ word: name, aliases }) =>
    [name, ...aliases].some((each) => each.startsWith(word)),
  );
  const command = exact ?? (begins.length === 1 ? begins[0] : undefined);
  if (command) {
    command.run(argument);
    return;
  }
  const names = commands.flatMap((each) => [each.word, ...each.aliases]);
  if (begins.length > 1) throw new UsageError(`"${word}" may be ${begins.map((each) => each.word).join(', ')}`);
  const near = nearest(word, names);
  throw new UsageError(
    `there is no table or action "${word}"${near.length > 0 ? didYouMean(near) : '; Tab lists what there is'}`,
  );
}
