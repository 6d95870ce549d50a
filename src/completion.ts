/** What Tab offers in a shell: `itertop completion SHELL`. All of it comes from the tables of the command line. */
import { COMMANDS, type Options, SHELLS, type Shell, SPECS, takes, USAGE } from './options.ts';
import { type Template, WALK_ORDERS } from './templates/template.ts';
import { THEMES } from './ui/themes.ts';

type Command = Options['command'];

/** What an option's value can be. */
type Values =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'column' | 'columns' | 'file' | 'folder' | 'user' | 'pid' | 'host' | 'any' };

/** An option as shells are told of it. */
interface Option {
  /** As typed, `-p` and `--pid`. */
  readonly names: readonly string[];
  readonly help: string;
  /** What the value is called; absent where the option takes none. */
  readonly value?: string;
  readonly values: Values;
}

/** By what the table of options calls a value. */
const KINDS: Readonly<Record<string, Exclude<Values['kind'], 'words'>>> = {
  'PID[,...]': 'pid',
  'USER[,...]': 'user',
  'A,B|@FILE': 'host',
  '[+]A,B,N=SOURCE': 'columns',
  '[-]COLUMN,...': 'columns',
  COLUMN: 'column',
  FILE: 'file',
  'FILE...': 'file',
  FOLDER: 'folder',
};

/** Everything that is offered. */
class Offer {
  readonly templates: readonly Template[];

  constructor(templates: readonly Template[]) {
    this.templates = templates.filter((t) => !t.internal);
  }

  get commands(): { name: Command; help: string }[] {
    return COMMANDS.map((name) => ({
      name,
      help: USAGE.find(([words]) => words.split(' ')[0] === name)?.[1] ?? 'all options, explained',
    }));
  }

  options(command: Command): Option[] {
    return Object.entries(SPECS)
      .filter(([name, spec]) =>
        // The doctor looks at everything: what chooses rows is nothing to it.
        command === 'doctor' && !spec.where ? ['debug', 'help'].includes(name) : takes(command, spec),
      )
      .flatMap(([name, { short, value, help }]) => {
        const option: Option = {
          names: [...(short ? [`-${short}`] : []), `--${name}`],
          help: help.replaceAll('`', ''),
          ...(value === undefined ? {} : { value }),
          values: this.#values(name, value ?? ''),
        };
        const no = `--no-${name}`;
        return help.includes(no) ? [option, { ...option, names: [no] }] : [option];
      });
  }

  /** Those that take a value, as typed. */
  get valued(): string[] {
    const all = Object.entries(SPECS).filter(([, { value }]) => value !== undefined);
    return all.flatMap(([name, { short }]) => [...(short ? [`-${short}`] : []), `--${name}`]);
  }

  #values(name: string, value: string): Values {
    const known: Readonly<Record<string, readonly string[]>> = {
      theme: Object.keys(THEMES),
      order: WALK_ORDERS,
      split: this.templates.map((t) => t.name),
      target: [...new Set(this.templates.map((t) => t.target))],
    };
    const words = known[name] ?? value.split(/[|,]/).filter((word) => /^[a-z]+$/.test(word));
    return words.length > 0 ? { kind: 'words', words } : { kind: KINDS[value] ?? 'any' };
  }
}

/** Commands whose options differ: the others have those of the explorer. */
const OWN: readonly Command[] = ['explore', 'dump', 'record', 'replay', 'templates', 'doctor'];

export function completion(shell: Shell, templates: readonly Template[]): string {
  return { bash, zsh, fish }[shell](new Offer(templates));
}

const columnsOf = (template: Template) => template.columns.map((c) => c.name).join(' ');

function bash(offer: Offer): string {
  const names = (command: Command) => offer.options(command).flatMap((o) => o.names.filter((n) => n.startsWith('--')));
  const reply = ({ values }: Option) => {
    const by: Readonly<Record<Values['kind'], string>> = {
      words: values.kind === 'words' ? `_itertop_words "${values.words.join(' ')}"` : '',
      column: '_itertop_words "$(_itertop_columns "$template")"',
      columns: '_itertop_list "$(_itertop_columns "$template")"',
      file: '_itertop_paths -f',
      folder: '_itertop_paths -d',
      user: 'mapfile -t COMPREPLY < <(compgen -u -- "$cur")',
      pid: '_itertop_words "$(cd /proc && echo [0-9]*)"',
      host: 'mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur")',
      any: ':',
    };
    return by[values.kind];
  };
  const all = new Map<string, Option>();
  for (const command of OWN) for (const option of offer.options(command)) all.set(option.names.at(-1)!, option);
  const valued = [...all.values()].filter((option) => option.value !== undefined);
  return `# Bash completion for itertop, made by \`itertop completion bash\`.
# For this shell: source <(itertop completion bash)

_itertop_columns() {
  case $1 in
${offer.templates.map((t) => `    ${t.name}) echo "${columnsOf(t)}" ;;`).join('\n')}
    '') _itertop_columns task ;;
  esac
}

_itertop_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_itertop_paths() {
  compopt -o filenames
  mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}

# Names with commas between them, each after a + or - perhaps.
_itertop_list() {
  local last=\${cur##*[,+-]}
  compopt -o nospace
  mapfile -t COMPREPLY < <(compgen -P "\${cur%"$last"}" -W "$1" -- "$last")
}

_itertop() {
  local cur=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command= template= word i
  COMPREPLY=()
  # --option=value is three words here.
  if [[ $cur == = ]]; then cur=
  elif [[ $before == = ]]; then before=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
      ${offer.valued.join('|')})
        ((i++))
        [[ \${COMP_WORDS[i]} == = ]] && ((i++)) ;;
      -*) ;;
      ${COMMANDS.join('|')})
        [[ $command ]] || command=$word ;;
      *) template=$word ;;
    esac
  done
  case $before in
${valued.map((option) => `    ${option.names.join('|')}) ${reply(option)}; return ;;`).join('\n')}
  esac
  if [[ $cur == -* ]]; then
    case $command in
${OWN.filter((c) => c !== 'explore')
  .map((command) => `      ${command}) _itertop_words "${names(command).join(' ')}" ;;`)
  .join('\n')}
      completion | help) ;;
      *) _itertop_words "${names('explore').join(' ')}" ;;
    esac
    return
  fi
  local templates="${offer.templates.map((t) => t.name).join(' ')}"
  case $command in
    replay) _itertop_paths -f ;;
    completion) _itertop_words "${SHELLS.join(' ')}" ;;
    doctor | help) ;;
    templates) [[ $template && $template != check ]] || _itertop_words "check $templates" ;;
    '') [[ $template ]] || _itertop_words "$templates ${COMMANDS.join(' ')}" ;;
    *) [[ $template ]] || _itertop_words "$templates" ;;
  esac
}

complete -F _itertop itertop
`;
}

const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

function zsh(offer: Offer): string {
  const escaped = (text: string) => text.replaceAll(/[[\]:\\]/g, String.raw`\$&`);
  const action = (values: Values): string => {
    if (values.kind === 'words') return `(${values.words.join(' ')})`;
    const by = {
      column: '_itertop_columns',
      columns: '_itertop_columns',
      file: '_files',
      folder: '_files -/',
      user: '_users',
      pid: '_pids',
      host: '_sequence _hosts',
      any: ' ',
    };
    return by[values.kind];
  };
  const specs = (command: Command) =>
    offer.options(command).map(({ names, help, value, values }) => {
      const [short, long] = names.length > 1 ? names : [undefined, names[0]];
      const rest = `[${escaped(help)}]${value === undefined ? '' : `:${escaped(value)}:${action(values)}`}`;
      const own = value === undefined ? '' : '=';
      return short
        ? `${quoted(`(${short} ${long})`)}{${short}${value === undefined ? '' : '+'},${long}${own}}${quoted(rest)}`
        : quoted(`${long}${own}${rest}`);
    });
  const described = (list: readonly { readonly name: string; readonly help: string }[]) =>
    list.map(({ name, help }) => `    ${quoted(`${name}:${help.replaceAll('`', '')}`)}`).join('\n');
  return `#compdef itertop
# Zsh completion for itertop, made by \`itertop completion zsh\`: a file _itertop in a folder of $fpath.

_itertop_columns() {
  local -a names
  case $template in
${offer.templates.map((t) => `    ${t.name}) names=(${columnsOf(t)}) ;;`).join('\n')}
    '') names=(${columnsOf(offer.templates[0]!)}) ;;
  esac
  compset -P '*[,+-]'
  compadd -S '' -- $names
}

_itertop_templates() {
  local -a templates=(
${described(offer.templates)}
  )
  _describe -t templates template templates
}

_itertop_words() {
  local -a commands=(
${described(offer.commands)}
  )
  case $command in
    replay) _files ;;
    completion) compadd -- ${SHELLS.join(' ')} ;;
    doctor|help) ;;
    templates)
      [[ -z $template ]] && compadd -- check
      [[ -z $template || $template == check ]] && _itertop_templates ;;
    *)
      [[ -n $template ]] && return
      _itertop_templates
      [[ -z $command ]] && _describe -t commands command commands ;;
  esac
}

_itertop() {
  local command= template= word
  local -a options
  integer i
  for ((i = 2; i < CURRENT; i++)); do
    word=$words[i]
    case $word in
      ${offer.valued.join('|')}) ((i++)) ;;
      -*) ;;
      ${COMMANDS.join('|')}) [[ -n $command ]] || command=$word ;;
      *) template=$word ;;
    esac
  done
  case $command in
${OWN.filter((c) => c !== 'explore')
  .map(
    (command) =>
      `    ${command}) options=(\n${specs(command)
        .map((spec) => `      ${spec}\n`)
        .join('')}    ) ;;`,
  )
  .join('\n')}
    completion|help) ;;
    *) options=(
${specs('explore')
  .map((spec) => `      ${spec}\n`)
  .join('')}    ) ;;
  esac
  _arguments -s -S : $options '*: :_itertop_words'
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _itertop "$@"; else compdef _itertop itertop; fi
`;
}

function fish(offer: Offer): string {
  const action = (values: Values): string => {
    if (values.kind === 'words') return `-x -a ${quoted(values.words.join(' '))}`;
    const by = {
      column: "-x -a '(__itertop_columns)'",
      columns: "-x -a '(__itertop_list)'",
      file: '-r -F',
      folder: "-x -a '(__fish_complete_directories)'",
      user: "-x -a '(__fish_complete_users)'",
      pid: "-x -a '(__fish_complete_pids)'",
      host: "-x -a '(__fish_print_hostnames)'",
      any: '-x',
    };
    return by[values.kind];
  };
  // An option stands once, with the commands that take it.
  const where = new Map<string, { option: Option; commands: Command[] }>();
  for (const command of OWN)
    for (const option of offer.options(command)) {
      const key = option.names.at(-1)!;
      where.set(key, { option, commands: [...(where.get(key)?.commands ?? []), command] });
    }
  const options = [...where.values()].map(({ option: { names, help, value, values }, commands }) => {
    const spelled = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
    const takes = value === undefined ? '' : ` ${action(values)}`;
    return `complete -c itertop -n '__itertop_in ${commands.join(' ')}' ${spelled.join(' ')}${takes} -d ${quoted(help)}`;
  });
  const words = (condition: string, list: readonly { readonly name: string; readonly help: string }[]) =>
    list.map(
      ({ name, help }) => `complete -c itertop -n '${condition}' -a ${name} -d ${quoted(help.replaceAll('`', ''))}`,
    );
  return `# Fish completion for itertop, made by \`itertop completion fish\`: ~/.config/fish/completions/itertop.fish

# The command, "explore" where none is typed yet, and the template.
function __itertop_words
    set -l command
    set -l template
    set -l skip
    for word in (commandline -opc)[2..]
        if set -q skip[1]
            set -e skip
        else
            switch $word
                case ${offer.valued.join(' ')}
                    set skip yes
                case '-*'
                case ${COMMANDS.join(' ')}
                    set -q command[1]; or set command $word
                case '*'
                    set template $word
            end
        end
    end
    set -q command[1]; or set command explore
    echo $command
    echo $template
end

function __itertop_in
    set -l words (__itertop_words)
    contains -- $words[1] $argv
end

# No template was typed yet.
function __itertop_open
    set -l words (__itertop_words)
    contains -- $words[1] $argv; and begin
        test -z "$words[2]"; or test "$words[2]" = check
    end
end

function __itertop_columns
    set -l words (__itertop_words)
    switch "$words[2]"
${offer.templates.map((t, i) => `        case ${i === 0 ? "'' " : ''}${t.name}\n            string split ' ' '${columnsOf(t)}'`).join('\n')}
    end
end

# Names with commas between them, each after a + or - perhaps.
function __itertop_list
    set -l typed (string match -r -- '^.*[,+-]' (commandline -ct))
    for name in (__itertop_columns)
        echo "$typed$name"
    end
end

complete -c itertop -f
${[
  ...words('__itertop_open explore', offer.commands),
  ...words('__itertop_open explore dump record templates', offer.templates),
  "complete -c itertop -n '__itertop_open templates' -a check -d 'on which kernels columns are'",
  "complete -c itertop -n '__itertop_in replay' -F",
  `complete -c itertop -n '__itertop_in completion' -a '${SHELLS.join(' ')}'`,
  ...options,
].join('\n')}
`;
}
