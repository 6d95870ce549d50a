/** Where the table goes when it is saved as a template, and where it does not. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { nameFor, saveTemplate } from '../../src/state/save-template.ts';
import { createSession, type SessionOptions } from '../../src/state/session.ts';
import { TemplateFiles } from '../../src/state/template-files.ts';
import { shownTemplates } from '../../src/templates/registry.ts';

let home = '';
let folder = '';
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-save-'));
  folder = path.join(home, 'itertop', 'templates');
});
afterEach(() => fs.rmSync(home, { recursive: true }));

const stateOf = (options: Partial<SessionOptions> = {}) =>
  createSession({ templates: shownTemplates(), template: 'task', ...options }).getState();

describe('saving the table as a template', () => {
  it('writes a file of the owner alone, which loads', async () => {
    const state = stateOf({ columns: ['comm', 'pid', 'rss'], sort: '-rss,pid' });
    const { file, without } = await saveTemplate({ ...state, widths: { comm: 9 } }, 'big', folder, false);
    expect([file, without]).toEqual([path.join(folder, 'big.yaml'), '']);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
    const { templates, problems } = await new TemplateFiles([], folder, () => Btf.vmlinux()).load();
    expect(problems).toEqual([]);
    expect(templates).toMatchObject([{ name: 'big', show: ['comm', 'pid', 'rss'], sort: '-rss,pid' }]);
    expect(templates[0]!.columns.find(({ name }) => name === 'comm')?.width).toBe(9);
    // Nothing else is left there.
    expect(fs.readdirSync(folder)).toEqual(['big.yaml']);
  });

  it('says what a template does not hold, and keeps the command that has it', async () => {
    const state = stateOf({ filters: { pid: '1' }, where: 'rss > 1M', ungroup: true });
    const { file, without } = await saveTemplate(state, 'mine', folder, false);
    expect(without).toBe('pid 1, where rss > 1M, threads');
    expect(fs.readFileSync(file, 'utf8')).toMatch(
      /^# With .*: itertop dump mine .*--pid 1 --where 'rss > 1M' .*--threads$/m,
    );
  });

  it('replaces a file only where that was asked for', async () => {
    await saveTemplate(stateOf({ columns: ['pid'] }), 'mine', folder, false);
    const before = fs.readFileSync(path.join(folder, 'mine.yaml'), 'utf8');
    await expect(saveTemplate(stateOf({ columns: ['comm'] }), 'mine', folder, false)).rejects.toMatchObject({
      code: 'EEXIST',
    });
    expect(fs.readFileSync(path.join(folder, 'mine.yaml'), 'utf8')).toBe(before);
    await saveTemplate(stateOf({ columns: ['comm'] }), 'mine', folder, true);
    expect(fs.readFileSync(path.join(folder, 'mine.yaml'), 'utf8')).toMatch(/show: \[ comm \]/);
  });

  it.each([
    ['', /small letters/],
    ['Mine', /small letters/],
    ['../mine', /small letters/],
    ['9mine', /small letters/],
    ['tcp', /there is a table tcp already/],
    ['socket_owner', /there is a table socket_owner already/],
  ])('refuses the name %j', async (name, why) => {
    await expect(saveTemplate(stateOf(), name, folder, false)).rejects.toThrow(why);
    expect(fs.existsSync(folder)).toBe(false);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'writes nothing where another user is at home, and says what helps (needs root)',
    async () => {
      fs.chownSync(home, 12345, 12345);
      await expect(saveTemplate(stateOf(), 'mine', folder, false)).rejects.toThrow(/belongs to .*12345.*sudo -H/);
      expect(fs.readdirSync(home)).toEqual([]);
      // Nor over a file that is another's, though the folder is ours.
      fs.chownSync(home, 0, 0);
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(path.join(folder, 'mine.yaml'), 'theirs');
      fs.chownSync(path.join(folder, 'mine.yaml'), 12345, 12345);
      await expect(saveTemplate(stateOf(), 'mine', folder, true)).rejects.toThrow(/belongs to/);
      expect(fs.readFileSync(path.join(folder, 'mine.yaml'), 'utf8')).toBe('theirs');
    },
  );

  it('offers a name that is free', () => {
    const taken = new Set(['task', 'task_mine']);
    expect(nameFor('tcp', (name) => taken.has(name))).toBe('tcp_mine');
    expect(nameFor('task', (name) => taken.has(name))).toBe('task_mine2');
    expect(nameFor('task_mine', (name) => taken.has(name))).toBe('task_mine2');
  });
});
