/** Recording what the explorer shows. */
import { dirname } from 'node:path';
import { pageSize } from '../bpf/host.ts';
import type { Collected, Collector } from './collector.ts';
import { makeFolder } from './make-folder.ts';
import type { Question } from './question.ts';
import { OneFile, Recorder, thisHost } from './recorder.ts';
import { RecordingWriter } from './recording-file.ts';
import { formatSort } from './sort.ts';
import { userName } from './users.ts';

/** What is told of a recording under way. */
export interface RecordingState {
  readonly path: string;
  readonly refreshes: number;
  readonly bytes: number;
  /** It goes on. */
  readonly going: boolean;
  /** Why it has ended, where that was not asked for. */
  readonly error: string;
}

export class Taping {
  readonly #template: string;
  readonly #path: string;
  readonly #recorder: Recorder;
  readonly #told: (state: RecordingState) => void;
  #going = true;

  /** @throws UsageError where the file cannot be made */
  constructor(path: string, template: string, told: (state: RecordingState) => void) {
    this.#path = path;
    this.#template = template;
    this.#told = told;
    makeFolder(dirname(path));
    this.#recorder = new Recorder(new OneFile(new RecordingWriter(path)), thisHost(pageSize(), userName));
  }

  get going(): boolean {
    return this.#going;
  }

  append(collector: Collector, collected: Collected, question: Question): void {
    if (!this.#going) return;
    if (question.template !== this.#template) {
      this.end(`another table is looked at`);
      return;
    }
    const { columns, sort, filters, switches, ungroup, where, netns, order, interval, groupBy, tree } = question;
    const asked = {
      ...{ columns, sort: formatSort(sort), filters, switches, ungroup, where, netns, interval },
      ...(order && { order }),
      ...(groupBy !== '' && { group: groupBy }),
      ...(tree && { tree: true }),
    };
    try {
      this.#recorder.append(collector, collected, asked);
      this.#tell('');
    } catch (error) {
      this.end((error as Error).message);
    }
  }

  end(error = ''): void {
    if (!this.#going) return;
    this.#going = false;
    this.#recorder.close();
    this.#tell(error);
  }

  #tell(error: string): void {
    const { refreshes, bytes } = this.#recorder;
    this.#told({ path: this.#path, refreshes, bytes, going: this.#going, error });
  }
}
