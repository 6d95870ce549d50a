/** The manual page, from the tables of options, templates and keys and a little prose. */
import packageJson from '../package.json' with { type: 'json' };
import { EXIT_CODES, optionsOf, SPECS, USAGE } from '../src/options.ts';
import { BUILTIN } from '../src/templates/builtin/index.ts';
import { KEYMAP, keyLabel } from '../src/ui/keymap.ts';

/** As roff takes it for itself: signs that it would set as others, and those that begin a request. */
function plain(text: string): string {
  return text
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replaceAll("'", String.raw`\(aq`)
    .replaceAll('`', String.raw`\(ga`)
    .replaceAll('^', String.raw`\(ha`)
    .replaceAll('~', String.raw`\(ti`)
    .replaceAll(/[^\x20-\x7e]/gu, (sign) => `\\[u${sign.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`)
    .replace(/^\./, String.raw`\&.`);
}

const bold = (text: string) => `\\fB${plain(text)}\\fR`;
const slanted = (text: string) => `\\fI${plain(text)}\\fR`;
/** Prose in which `...` is typed as it stands. */
const prose = (text: string) =>
  text.replaceAll(/`([^`]+)`|([^`]+)/g, (_, code, rest) => (code ? bold(code) : plain(rest)));
const section = (title: string, ...lines: string[]) => [`.SH ${title}`, ...lines];
const item = (term: string, text: string) => ['.TP', term, prose(text)];
/** A command line; capitals stand for something else. */
const synopsis = (words: string) =>
  words.split(' ').map((word) => (/^\W*[A-Z]+\W*$|^\[options\]$/.test(word) ? slanted(word) : bold(word)));

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['XDG_CONFIG_HOME', 'where settings and templates are looked for, instead of `~/.config`'],
  ['TERM', '`dumb`, or none: one plain table instead of the explorer'],
  ['LC_ALL, LC_CTYPE, LANG', 'without UTF-8 there, tables and graphs are drawn with ASCII'],
  ['NO_COLOR', 'no colours, where it is set'],
  ['TMPDIR', 'where the single executable puts the code that calls the kernel while it loads it; no file stays'],
];

const FILES: readonly (readonly [string, string])[] = [
  ['~/.config/itertop/settings.yaml', 'settings; `W` in the explorer writes it'],
  ['~/.config/itertop/templates/', 'tables of your own, in YAML or JSON'],
  ['/sys/kernel/btf/vmlinux', "the kernel's types; without it there are no tables"],
];

const EXAMPLES: readonly (readonly [string, string])[] = [
  ['itertop tcp --port 5432', 'who holds this port?'],
  ['itertop task_file --pid 1234', 'what does this process have open?'],
  ["itertop tcp --where 'state == ESTABLISHED && rxq > 64K'", 'sockets that their process does not read'],
  ['itertop task_file --group pid', 'who holds how many descriptors?'],
  ['itertop dump tcp --port 443 --format ndjson -n 60 -d 1 -o tcp.ndjson', 'a minute of it, for later'],
  ['itertop record tcp -o web.itertop', 'every refresh, to be looked at with `itertop replay web.itertop`'],
];

/** @param date of the version, as 2026-11-26 */
export function manPage(date: string): string {
  const lines = [
    `.TH ITERTOP 1 ${date} "itertop ${packageJson.version}" "User Commands"`,
    ...section('NAME', `itertop \\- ${plain(packageJson.description.replace(/^top for Linux BPF iterators: /, ''))}`),
    ...section(
      'SYNOPSIS',
      ...USAGE.flatMap(([words]) => ['.B itertop', ...[synopsis(words).join(' ')], '.br']).slice(0, -1),
    ),
    ...section(
      'DESCRIPTION',
      prose(
        "itertop shows what the running kernel holds, as tables that refresh, sort and filter. Rows come from BPF iterators: of a template's columns bytecode is made with the types that the kernel tells of itself (BTF), and nothing in `/proc` is read for a row.",
      ),
      '.PP',
      prose(
        'It takes Linux 5.8 or later with BTF, and root or CAP_BPF and CAP_PERFMON. `itertop doctor` says what this system has of all that is needed and what helps where something is missing. It changes nothing but the files that it is told to write.',
      ),
      '.PP',
      prose(
        'On a terminal it is an explorer; `?` there lists the keys that work. Elsewhere it prints one plain table and ends.',
      ),
    ),
    ...section('COMMANDS', ...USAGE.flatMap(([words, help]) => item(synopsis(`itertop ${words}`).join(' '), help))),
    ...section(
      'TEMPLATES',
      prose('`itertop templates NAME` lists the columns of one, with their meaning.'),
      ...BUILTIN.filter((t) => !t.internal).flatMap((t) => item(bold(t.name), t.help)),
      ...item(bold('bpf_map_elem'), 'the elements of one map, for `--map`'),
    ),
  ];
  const places = [undefined, ...new Set(Object.values(SPECS).flatMap(({ where }) => where ?? []))];
  for (const place of places) {
    lines.push(...section(place ? optionsOf(place).toUpperCase() : 'OPTIONS'));
    for (const [name, { short, value, help, where }] of Object.entries(SPECS)) {
      if (where !== place) continue;
      const names = [...(short ? [`-${short}`] : []), `--${name}`].map(bold).join(', ');
      lines.push(...item(value ? `${names} ${slanted(value)}` : names, help));
    }
  }
  lines.push(
    ...section('KEYS'),
    ...KEYMAP.flatMap(({ title, bindings }) => [
      `.SS ${plain(title)}`,
      ...bindings.flatMap(({ keys, help }) => item(keys.map((key) => bold(keyLabel(key))).join(' '), help)),
    ]),
    ...section('EXIT STATUS', ...EXIT_CODES.flatMap((what, code) => item(bold(`${code}`), what))),
    ...section('ENVIRONMENT', ...ENVIRONMENT.flatMap(([name, help]) => item(bold(name), help))),
    ...section('FILES', ...FILES.flatMap(([name, help]) => item(slanted(name), help))),
    ...section('EXAMPLES', ...EXAMPLES.flatMap(([command, help]) => item(bold(command), help))),
    ...section('SEE ALSO', '.BR bpf (2),', '.BR capabilities (7),', '.BR ss (8),', '.BR lsof (8),', '.BR top (1)'),
  );
  return `${lines.join('\n')}\n`;
}
