/** The explorer over a made-up kernel, to be looked at: `node test/ui/harness.mjs [rows] [interval ms]`. */
import process from 'node:process';
import type { Question } from '../../src/state/question.ts';
import type { Sampler } from '../../src/state/sampler.ts';
import { searchRegExp } from '../../src/state/search.ts';
import { createSession } from '../../src/state/session.ts';
import { runExplorer } from '../../src/ui/run.tsx';
import { FakeView, TARGETS, TASK_COLUMNS, TEMPLATES, taskRows, tcpView } from './fake-view.ts';

const count = Number(process.argv[2] ?? 300);
const interval = Number(process.argv[3] ?? 1000);
const users: Record<string, number> = { root: 0, alice: 1000 };
const session = createSession({ templates: TEMPLATES, template: 'task', interval, user: (name) => users[name] });

/** Sorts, searches and repeats like the real one; with the environment's CRASH it throws after so many refreshes. */
class FakeSampler implements Sampler {
  #question!: Question;
  #timer: NodeJS.Timeout | undefined;
  #round = 0;
  ask(question: Question) {
    this.#question = question;
    this.refresh();
  }
  templates() {}
  go() {}
  find() {}
  record() {}
  refresh() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#answer();
      clearTimeout(this.#timer);
      if (!this.#question.paused) this.#timer = setTimeout(() => this.refresh(), this.#question.interval);
    }, 5);
  }
  #answer() {
    const { template, search, filters } = this.#question;
    const [sort] = this.#question.sort;
    this.#round++;
    if (this.#round === Number(process.env['CRASH'])) throw new Error('made to crash');
    if (process.env['FAIL'] && this.#round % 5 === 0) {
      return session
        .getState()
        .failed(
          'BPF_LINK_CREATE for bpf_iter_task failed with EPERM: it needs CAP_BPF and CAP_PERFMON; run with sudo, or give the program those capabilities with setcap cap_bpf,cap_perfmon=ep',
        );
    }
    if (template === 'tcp') return session.getState().received(tcpView(process.env['EMPTY'] ? 0 : 12));
    const sign = sort.descending ? -1 : 1;
    const pattern = search && searchRegExp(search);
    const all = taskRows(count, this.#round).filter(
      (row) =>
        !filters.pid || filters.pid.some(([a, b]) => Number(row.cells['pid']) >= a && Number(row.cells['pid']) <= b),
    );
    const rows = all
      .filter((row) => !pattern || pattern.test(Object.values(row.cells).join(' ')) !== search.invert)
      .sort((a, b) => {
        const [x, y] = [a.cells[sort.column] ?? '', b.cells[sort.column] ?? ''];
        return (
          sign *
          (Number.isNaN(Number(x)) || Number.isNaN(Number(y)) ? (x < y ? -1 : x > y ? 1 : 0) : Number(x) - Number(y))
        );
      });
    if (process.env['HOSTILE'] && rows[2]) {
      rows[2] = {
        ...rows[2],
        cells: {
          ...rows[2].cells,
          comm: '\x1b[2J\x1b[31mrm\n日本語テキスト',
          cmdline: 'a\u202eb\u200d👨‍👩‍👧 🇫🇷 e\u0301\ufe0f ok',
        },
      };
    }
    session.getState().received(
      new FakeView('task', TASK_COLUMNS, rows, {
        total: all.length,
        stats: {
          end: Date.now(),
          conditions: filters.pid ? [{ text: `pid ${filters.pid.map(([a]) => a)}`, where: 'link' }] : [],
        },
      }),
    );
  }
  close() {
    clearTimeout(this.#timer);
  }
}

await runExplorer({
  session,
  sampler: new FakeSampler(),
  targets: TARGETS,
  kernel: '6.18.5',
  absentColumns: () => new Map(),
  saveTemplate: async () => '',
  addColumn: (path) => path,
  saveSettings: async () => 'saved',
  commandLine: () => ['itertop', 'dump', session.getState().template],
  openMap: () => {},
  openHalf: () => {
    throw new Error('the harness has one table');
  },
  exportView: async ({ path, overwrite }) => {
    if (path.startsWith('there') && !overwrite) throw Object.assign(new Error('there already'), { code: 'EEXIST' });
    return `wrote 300 rows to ${path}`;
  },
  stdout: process.stdout,
  stdin: process.stdin,
});
console.log('the end');
