/** The manual page has every command, option, template and key, and formatters have nothing to say about it. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { manPage } from '../../build/man.ts';
import { SPECS, USAGE } from '../../src/options.ts';
import { BUILTIN } from '../../src/templates/builtin/index.ts';
import { KEYMAP, keyLabel } from '../../src/ui/keymap.ts';

const has = (tool: string) => spawnSync('which', [tool]).status === 0 || process.env['CI'] !== undefined;

const page = manPage('2026-11-26');

/** The page as it is read, in one line. */
function rendered(): string {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-man-')), 'itertop.1');
  try {
    fs.writeFileSync(file, page);
    const lint = spawnSync('mandoc', ['-Tlint', '-W', 'warning', file], { encoding: 'utf8' });
    expect([lint.stdout, lint.stderr, lint.status]).toEqual(['', '', 0]);
    const { stdout } = spawnSync('mandoc', ['-Tutf8', '-Owidth=1000', file], { encoding: 'utf8' });
    // Bold is a sign struck twice.
    return stdout.replaceAll(/.\x08/gu, '').replaceAll(/\s+/g, ' ');
  } finally {
    fs.rmSync(path.dirname(file), { recursive: true });
  }
}

it.skipIf(!has('mandoc'))('mandoc finds nothing wrong, and everything is there', () => {
  const text = rendered();
  const expectText = (wanted: string) => expect(text).toContain(wanted.replaceAll('`', '').replaceAll(/\s+/g, ' '));
  for (const [words, help] of USAGE) expectText(`itertop ${words} ${help}`);
  for (const [name, { short, value, help }] of Object.entries(SPECS))
    expectText(` ${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''} ${help}`);
  for (const { name, help, internal } of BUILTIN) if (!internal) expectText(` ${name} ${help}`);
  for (const { title, bindings } of KEYMAP) {
    expectText(` ${title} `);
    for (const { keys, help } of bindings) expectText(` ${keys.map(keyLabel).join(' ')} ${help}`);
  }
});

it.skipIf(!has('groff'))('groff warns of nothing', () => {
  const { stderr, status } = spawnSync('groff', ['-man', '-ww', '-Tutf8', '-z'], { input: page, encoding: 'utf8' });
  expect([stderr, status]).toEqual(['', 0]);
});
