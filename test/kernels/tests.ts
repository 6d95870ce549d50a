/** Which of this repository's tests say something of a kernel. */
import fs from 'node:fs';

const ROOT = new URL('../../', import.meta.url).pathname;

/** Those of `npm run test:kernels`: what loads programs, makes and reads iterators and maps. */
const FEW: readonly string[] = [
  ...['bpf/targets', 'bpf/memlock', 'bpf/program', 'bpf/link', 'bpf/iterator', 'bpf/map', 'templates/older-kernels'],
].map((name) => `test/${name}.test.ts`);

/** With `--all-tests`: whatever loads programs, and the screen. */
const FOLDERS = 'test/{bpf,templates,state}/*.test.ts';
const LOADS = /support\/(kernel|bpf|maps|references|program|foreign|family)\.ts|Btf\.vmlinux|PROGRAM/;
const SCREENS: readonly string[] = ['explorer', 'detail', 'map-elements', 'prog-maps', 'related', 'tree', 'groups'].map(
  (name) => `test/terminal/${name}.test.ts`,
);

export const fewTests = (): readonly string[] => FEW;

export function allTests(): string[] {
  const files = fs.globSync(FOLDERS, { cwd: ROOT }).sort();
  const source = (file: string) => fs.readFileSync(`${ROOT}${file}`, 'utf8');
  return [...new Set([...FEW, ...files.filter((file) => LOADS.test(source(file))), ...SCREENS])];
}
