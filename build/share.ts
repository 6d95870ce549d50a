/**
 * dist/share, what goes beside the program: manual page, completions and the licences of what is bundled, in the folders
 * where systems look for them below a prefix. Run by `npm pack` and by the release.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { completion } from '../src/completion.ts';
import { BUILTIN } from '../src/templates/builtin/index.ts';
import { manPage } from './man.ts';
import { bundled, notices } from './third-party.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const SHARE = path.join(ROOT, 'dist/share');

/** Of the last change, as 2026-11-26; of SOURCE_DATE_EPOCH, where that is set. @throws Error where it is no time */
export function changeDate(): string {
  const { SOURCE_DATE_EPOCH: epoch } = process.env;
  if (epoch !== undefined) {
    if (!/^\d{1,11}$/.test(epoch)) throw new Error(`SOURCE_DATE_EPOCH=${epoch} is no number of seconds since 1970`);
    return new Date(Number(epoch) * 1000).toISOString().slice(0, 10);
  }
  try {
    // In UTC, wherever it is asked.
    const git = ['log', '-1', '--date=format-local:%Y-%m-%d', '--format=%cd'];
    const env = { ...process.env, TZ: 'UTC' };
    return execFileSync('git', git, { cwd: ROOT, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return new Date().toISOString().slice(0, 10);
  }
}

export function writeShare(): void {
  const files: Readonly<Record<string, string>> = {
    'man/man1/itertop.1': manPage(changeDate()),
    'bash-completion/completions/itertop': completion('bash', BUILTIN),
    'zsh/site-functions/_itertop': completion('zsh', BUILTIN),
    'fish/vendor_completions.d/itertop.fish': completion('fish', BUILTIN),
    'doc/itertop/THIRD-PARTY.txt': notices(bundled()),
  };
  fs.rmSync(SHARE, { recursive: true, force: true });
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(SHARE, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
}

if (import.meta.main) writeShare();
