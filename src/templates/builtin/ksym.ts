import type { Template } from '../template.ts';

const letters = 'aAbBcCdDeEgGiInNpPrRsStTuUvVwW?';

export const ksym: Template = {
  name: 'ksym',
  area: 'kernel',
  help: "the kernel's symbols: name, module, address, type; search with /",
  target: 'ksym',
  key: ['address', 'pos'],
  show: ['address', 'type', 'name', 'module'],
  sort: 'address',
  aliases: ['sym', 'symbols', 'kallsyms'],
  finds: ['name'],
  repeatsLast: true,
  columns: [
    {
      name: 'address',
      from: 'ksym->value',
      as: 'hex',
      width: 18,
      help: 'address; that of a per-CPU variable may be an offset',
    },
    {
      name: 'type',
      title: 'T',
      from: 'ksym->type',
      as: 'enum',
      names: Object.fromEntries([...letters].map((letter) => [letter.charCodeAt(0), letter])),
      width: 1,
      help: 'as nm: t text, d data, r read-only, b zeroed, w weak; a capital letter is exported or global',
    },
    { name: 'name', from: 'str(ksym->name)', as: 'text', width: 40, help: 'symbol' },
    {
      name: 'module',
      from: 'str(ksym->module_name)',
      as: 'text',
      width: 16,
      help: 'module; none for the kernel itself; bpf for compiled programs',
    },
    {
      name: 'exported',
      from: 'ksym->exported',
      as: 'flag',
      width: 8,
      help: 'exported to modules; told of symbols in modules only',
    },
    {
      name: 'pos',
      from: 'ksym->pos',
      as: 'int',
      width: 7,
      help: 'place in /proc/kallsyms, from 1; for those of modules and programs from 0',
    },
  ],
};
