/** Runs the program from source and tells how it ended. */
import { spawnSync } from 'node:child_process';
import { PROGRAM } from './kernel.ts';

export function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  before: readonly string[] = [],
): { code: number | null; stdout: string; stderr: string } {
  const [command, ...rest] = [...before, process.execPath, '--no-warnings', PROGRAM, ...args];
  const { status, stdout, stderr } = spawnSync(command, rest, { encoding: 'utf8', env: { ...process.env, ...env } });
  return { code: status, stdout, stderr };
}
