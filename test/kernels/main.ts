/** `npm run test:kernels`: boots Debian's kernels and looks at each with the program and its tests. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { asDocument } from './document.ts';
import type { Found, TestResult } from './found.ts';
import { repositoryDisk, rootDisk } from './image.ts';
import { takeKernel } from './kernel.ts';
import { boot, emulatorOf } from './machine.ts';
import { firstLine, Suite } from './packages.ts';
import { asTable, faults, type Outcome } from './table.ts';

/** Debian's suites have one kernel each: 5.10, 6.1, 6.12 and the newest. */
const SUITES = ['bullseye', 'bookworm', 'trixie', 'sid'];
const ROOT_SUITE = 'bookworm';
const RESULTS_BYTES = 64 << 20;

const { values } = parseArgs({
  options: {
    suite: { type: 'string', multiple: true },
    arch: { type: 'string', multiple: true },
    tests: { type: 'string' },
    seconds: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const suites = values.suite ?? SUITES;
const arches = values.arch ?? ['amd64'];
/** Test files or folders to be run inside as well: an emulated machine takes ten times as long for them. */
const tests = values.tests ?? '';
const seconds = Number(values.seconds ?? 1200);
const cache = path.join(process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache'), 'itertop', 'kernels');

for (const arch of arches)
  if (spawnSync(emulatorOf(arch), ['--version']).status !== 0) {
    console.error(`${emulatorOf(arch)} is missing: apt-get install qemu-system-${arch === 'arm64' ? 'arm' : 'x86'}`);
    process.exit(2);
  }
fs.mkdirSync(cache, { recursive: true });
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-kernels-'));
const repository = path.join(work, 'repository.ext4');
repositoryDisk(repository);

const outcomes: Outcome[] = [];
for (const arch of arches)
  for (const suite of suites) {
    const started = Date.now();
    const outcome = await examine(suite, arch);
    outcomes.push(outcome);
    console.log(
      `${outcome.of}: ${outcome.found?.release ?? 'nothing'} in ${Math.round((Date.now() - started) / 1000)} s`,
    );
    for (const fault of faults(outcome)) console.log(`  ${fault.replaceAll('\n', '\n    ')}`);
  }
console.log(`\n${asTable(outcomes)}\n\nresults: ${work}`);
if (values.write) {
  const document = new URL('../../docs/kernels.md', import.meta.url).pathname;
  fs.writeFileSync(document, asDocument(outcomes));
  execFileSync('npx', ['biome', 'check', '--write', document], { stdio: 'ignore' });
}
process.exit(outcomes.some((o) => faults(o).length > 0) ? 1 : 0);

async function examine(suite: string, arch: string): Promise<Outcome> {
  const of = `${suite} ${arch}`;
  const results = path.join(work, `${suite}-${arch}`);
  fs.mkdirSync(results);
  try {
    const kernel = takeKernel(new Suite(cache, suite, arch), cache);
    const root = rootDisk(new Suite(cache, ROOT_SUITE, arch), cache);
    const disk = path.join(results, 'disk');
    fs.writeFileSync(disk, '');
    fs.truncateSync(disk, RESULTS_BYTES);
    const words = [`itertop.limit=${seconds}`, `itertop.tests=${tests}`];
    const log = path.join(results, 'console');
    const ended = await boot({ arch, kernel, disks: [root, repository, disk], words, log, seconds: seconds + 300 });
    execFileSync('tar', ['-xf', disk, '-C', results], { stdio: ['ignore', 'ignore', 'ignore'] });
    fs.rmSync(disk);
    const error = ended ? '' : `it did not come to its end in ${seconds + 300} s: see ${log}`;
    return { of, ...read(results), error };
  } catch (error) {
    return { of, found: null, tests: [], steps: [], error: firstLine(error) };
  }
}

function read(results: string): Pick<Outcome, 'found' | 'tests' | 'steps'> {
  const text = (name: string) => {
    const file = path.join(results, name);
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  };
  const probe = text('probe.txt');
  const lines = (name: string) => text(name).split('\n').filter(Boolean);
  return {
    found: probe ? (JSON.parse(probe) as Found) : null,
    tests: lines('tests.txt')
      .filter((l) => l.startsWith('{"file"'))
      .map((l) => JSON.parse(l) as TestResult),
    steps: lines('steps.txt'),
  };
}
