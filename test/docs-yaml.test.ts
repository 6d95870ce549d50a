/** Examples of files in the documentation are taken as they are. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Btf } from '../src/bpf/btf.ts';
import { parseSettings } from '../src/settings.ts';
import { findTemplate } from '../src/templates/registry.ts';
import { parseTemplates } from '../src/templates/user.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const PAGES = ['README.md', 'CONTRIBUTING.md', 'docs/explorer.md', 'docs/hosts.md', 'docs/fleet/README.md'];

/** What a part of a template is a part of. */
const REST = `name: whole
target: task
columns:
  - { name: pid, from: task->tgid }
  - { name: comm, from: task->comm }
  - { name: cgroup_id, from: task->cgroups->dfl_cgrp->kn->id }
`;

const blocks = PAGES.flatMap((page) =>
  [...fs.readFileSync(path.join(ROOT, page), 'utf8').matchAll(/^```yaml\n(.*?)^```/gms)].map(
    ([, text], index) => [`${page}, ${index + 1}`, text!] as const,
  ),
);
/** By the member that it begins with: files of other programs have others. */
const beginning = (...names: readonly string[]) =>
  blocks.filter(([, text]) => names.includes(/^\w+/.exec(text)?.[0] ?? ''));

describe('YAML in the documentation', () => {
  it.each(beginning('template', 'interval', 'keys', 'tables', 'themes'))('%s is a settings file', async (_, text) => {
    const { settings, problems } = await parseSettings(text, 'settings.yaml');
    expect(problems).toEqual([]);
    expect(Object.keys(settings)).not.toEqual([]);
  });

  it.each([...beginning('name'), ...beginning('label').map(([of, text]) => [of, REST + text] as const)])(
    '%s is a template',
    async (_, text) => {
      const { templates, problems, warnings } = await parseTemplates(text, 'a.yaml', Btf.vmlinux(), findTemplate);
      expect([templates.length, problems, warnings]).toEqual([1, [], []]);
    },
  );

  it('is there', () => {
    expect(beginning('template').length).toBe(1);
    expect(beginning('name', 'label').length).toBe(2);
  });
});
