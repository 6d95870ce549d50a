/** `npm run test:kernels`: boots Debian's kernels and looks at each with the program and its tests. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Arch, buildExecutable } from '../../build/executable.ts';
import { asDocument } from './document.ts';
import type { Found, TestResult } from './found.ts';
import { repositoryDisk, rootDisk } from './image.ts';
import { type Kernel, takeKernel } from './kernel.ts';
import { architectures, boot, lacking, lastLines } from './machine.ts';
import { explained, KEYRING, Suite, Unfetched } from './packages.ts';
import { asTable, faults, type Outcome } from './table.ts';
import { allTests, fewTests } from './tests.ts';

/** Debian's suites have one kernel each: 5.10, 6.1, 6.12 and the newest. */
const SUITES = ['bullseye', 'bookworm', 'trixie', 'sid'];
const ROOT_SUITE = 'bookworm';
const RESULTS_BYTES = 64 << 20;

/** Each is a function of `guest.sh`. */
const STEPS = ['probe', 'screen', 'executable', 'tests'];

const HELP = `npm run test:kernels -- [OPTION ...]
  --suite NAME       a kernel by Debian's suite, several times for several: ${SUITES.join(', ')} (default: all)
  --arch ARCH        ${architectures().join(' or ')}, several times for both (default: amd64)
  --steps STEP,...   some of ${STEPS.join(', ')} (default: all)
  --tests FILE,...   these test files inside
  --all-tests        all that load programs, an hour and more;  without: a few of each kind
  --at-once N        guests at a time (default: 2)
  --write            docs/kernels.md anew, from what was found
Ends with 0 where all went well, 1 where something failed, 2 where something is missing on this machine, 3 where all that
was tried went well and a kernel could not be fetched.`;

const { values } = parseArgs({
  options: {
    suite: { type: 'string', multiple: true, default: SUITES },
    arch: { type: 'string', multiple: true, default: ['amd64'] },
    steps: { type: 'string', default: STEPS.join() },
    tests: { type: 'string' },
    'all-tests': { type: 'boolean', default: false },
    'at-once': { type: 'string', default: '2' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const steps = STEPS.filter((step) => values.steps.split(',').includes(step));
const tests = values['all-tests'] ? allTests() : (values.tests?.split(',') ?? fewTests());
const cache = path.join(process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache'), 'itertop', 'kernels');
for (const arch of values.arch) {
  const why = architectures().includes(arch)
    ? lacking(arch)
    : `there is no ${arch} here: ${architectures().join(', ')}`;
  if (why !== '') {
    console.error(why);
    process.exit(2);
  }
}

if (!fs.existsSync(KEYRING)) {
  console.error(`${KEYRING} is missing: apt-get install debian-archive-keyring`);
  process.exit(2);
}
fs.mkdirSync(cache, { recursive: true });
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-kernels-'));
// Guests and disks end with this process, however it ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
process.once('exit', () => {
  for (const name of fs.readdirSync(work)) if (name.endsWith('.ext4')) fs.rmSync(path.join(work, name));
});

interface Ready {
  readonly of: string;
  readonly arch: string;
  readonly kernel: Kernel;
  readonly disks: readonly [string, string];
}

const outcomes: Outcome[] = [];
const nothing = { found: null, tests: [], steps: [], complaints: [] };
// One after another: what the network has to give, and the disks. Then the machines, some at a time.
const ready: Ready[] = [];
const unfetched = new Set<string>();
for (const arch of values.arch) {
  const disk = path.join(work, `repository-${arch}.ext4`);
  for (const suite of values.suite) {
    const of = `${suite} ${arch}`;
    try {
      const kernel = takeKernel(new Suite(cache, suite, arch), cache);
      const root = rootDisk(new Suite(cache, ROOT_SUITE, arch), cache);
      if (!fs.existsSync(disk)) {
        if (steps.includes('executable')) buildExecutable(({ amd64: 'x64' }[arch] ?? arch) as Arch);
        await repositoryDisk(disk, arch, steps, steps.includes('tests') ? tests : []);
      }
      ready.push({ of, arch, kernel, disks: [root, disk] });
    } catch (error) {
      if (error instanceof Unfetched) unfetched.add(of);
      tell({ of, ...nothing, error: explained(error) });
    }
  }
}
const waiting = [...ready];
await Promise.all(
  Array.from({ length: Number(values['at-once']) }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await examine(next);
  }),
);

const at = (o: Outcome) => values.suite.findIndex((suite) => o.of.startsWith(suite));
outcomes.sort((a, b) => a.of.split(' ')[1].localeCompare(b.of.split(' ')[1]) || at(a) - at(b));
console.log(`\n${asTable(outcomes)}\n\nresults: ${work}`);
if (values.write) {
  const document = new URL('../../docs/kernels.md', import.meta.url).pathname;
  fs.writeFileSync(document, asDocument(outcomes));
  execFileSync('npx', ['biome', 'check', '--write', document], { stdio: 'ignore' });
}
const failed = outcomes.some((o) => faults(o).length > 0 && !unfetched.has(o.of));
process.exit(failed ? 1 : unfetched.size > 0 ? 3 : 0);

function tell(outcome: Outcome, how = ''): void {
  outcomes.push(outcome);
  console.log(`${outcome.of}: ${outcome.found?.release ?? 'nothing'}${how}`);
  for (const fault of faults(outcome)) console.log(`  ${fault.replaceAll('\n', '\n    ')}`);
}

async function examine({ of, arch, kernel, disks }: Ready): Promise<void> {
  const started = performance.now();
  console.log(`${of}: ${kernel.release} boots`);
  const results = path.join(work, of.replace(' ', '-'));
  fs.mkdirSync(results);
  const disk = path.join(results, 'disk');
  fs.writeFileSync(disk, '');
  fs.truncateSync(disk, RESULTS_BYTES);
  const log = path.join(results, 'console');
  const { error, cpuSeconds } = await boot({ arch, kernel, disks: [...disks, disk], log });
  try {
    execFileSync('tar', ['-xf', disk, '-C', results], { stdio: 'ignore' });
  } catch {
    // Before the first step was through there is nothing.
  }
  fs.rmSync(disk);
  const seconds = Math.round((performance.now() - started) / 1000);
  const left = read(results);
  const through = left.steps.includes('== all done');
  const why = error || (through ? '' : 'it ended before it was through');
  tell(
    { of, ...left, error: why && `${why}; the end of its console (${log}):\n${lastLines(log)}` },
    ` in ${seconds} s (${Math.round(cpuSeconds)} s of CPU)`,
  );
}

function read(results: string): Pick<Outcome, 'found' | 'tests' | 'steps' | 'complaints'> {
  const text = (name: string) => {
    const file = path.join(results, name);
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  };
  const lines = (name: string) => text(name).split('\n').filter(Boolean);
  return {
    found: foundIn(text('probe.txt')),
    tests: lines('tests.txt')
      .filter((l) => l.startsWith('{"file"'))
      .map((l) => JSON.parse(l) as TestResult),
    steps: lines('steps.txt'),
    complaints: lines('complaints.txt'),
  };
}

/** What was written may end anywhere. */
function foundIn(text: string): Found | null {
  try {
    return JSON.parse(text) as Found;
  } catch {
    return null;
  }
}
