import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { chargesMemlock } from '../../src/bpf/memlock.ts';
import { skip } from '../support/kernel.ts';

describe('locked memory', () => {
  it.each([
    ['4.18.0-553.el8_10.x86_64', true],
    ['5.8.0', true],
    ['5.10.0-46-cloud-amd64', true],
    ['5.11.0-rc1', false],
    ['6.1.0-56-amd64', false],
    ['10.0', false],
  ])('Linux %s charges it for programs and maps: %s', (release, charges) => {
    expect(chargesMemlock(release)).toBe(charges);
  });

  const module = new URL('../../src/bpf/memlock.ts', import.meta.url).pathname;
  const script = `
    const { raiseMemlock } = await import(${JSON.stringify(module)});
    const limits = () => /^Max locked memory +(\\S+) +(\\S+)/m.exec(process.getBuiltinModule('fs').readFileSync('/proc/self/limits', 'latin1')).slice(1);
    console.log(JSON.stringify([raiseMemlock(), limits(), raiseMemlock()]));`;
  const raised = (limits: string, ...without: string[]) =>
    JSON.parse(
      execFileSync('prlimit', [`--memlock=${limits}`, ...without, process.execPath, '-e', script], {
        encoding: 'utf8',
      }),
    );

  /** In some sandboxes root may not. */
  const mayRaise =
    spawnSync('prlimit', ['--memlock=65536:65536', 'prlimit', '--memlock=unlimited', 'true']).status === 0;

  it.skipIf(skip || !mayRaise)('is without limit afterwards where that is permitted', () => {
    expect(raised('65536:65536')).toEqual([true, ['unlimited', 'unlimited'], false]);
  });

  it.skipIf(skip)('goes as far as it may without CAP_SYS_RESOURCE', () => {
    const without = ['setpriv', '--bounding-set=-sys_resource', '--inh-caps=-sys_resource'];
    expect(raised('65536:131072', ...without)).toEqual([true, ['131072', '131072'], false]);
    expect(raised('65536:65536', ...without)).toEqual([false, ['65536', '65536'], false]);
  });
});
