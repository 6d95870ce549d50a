/** A script that runs on another host through some command here: what it says, what it writes, how it ended. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { BEAT } from './remote-script.ts';
import type { Ending } from './remote-words.ts';

/** Bytes and lines that are kept of what is not understood: a login may say much, a host may send anything. */
const MOST_BEFORE = 1 << 16;
const MOST_LINE = 1 << 12;
const MOST_LINES = 30;
/** Milliseconds that it is given to end by itself, and after that by SIGTERM. */
const GENTLE = 1000;
const FIRM = 500;

export interface TalkOptions {
  /** What comes after `start` is data, not lines of the script. */
  readonly data: boolean;
  /** What is asked on the way may be asked on this process's terminal. */
  readonly terminal?: boolean;
  /** Others may go on with what was started here, an ssh that is the master of their connections: it is not killed. */
  readonly shared?: boolean;
}

/** @throws Error in words */
function started(command: readonly string[], detached: boolean): ChildProcessWithoutNullStreams {
  let child: ChildProcessWithoutNullStreams;
  try {
    child = spawn(command[0]!, command.slice(1), { stdio: 'pipe', detached });
  } catch (error) {
    throw new Error(notStarted(command, error as Error));
  }
  // Without a descriptor for them there are no pipes, whatever the types say.
  if (child.stdin as unknown) return child;
  child.on('error', () => {});
  throw new Error(`${command[0]} does not start: this process has too many files open`);
}

const notStarted = ([name]: readonly string[], { code, message }: NodeJS.ErrnoException) =>
  code === 'ENOENT' ? `there is no ${name} here` : `${name || "''"} does not start: ${message}`;

export class Talk {
  /** What was written after the script's first words. */
  readonly stdout: Readable;
  readonly ended: Promise<Ending>;
  readonly #ends: (code: number | null, signal: NodeJS.Signals | null) => void;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #mark: string;
  readonly #shared: boolean;
  /** The script's own lines that nobody has asked for yet, and who waits for the next one. */
  readonly #lines: string[] = [];
  #waiting: ((line: string | undefined) => void) | undefined;
  #before: Buffer = Buffer.alloc(0);
  #started = false;
  #beat: NodeJS.Timeout | undefined;
  #over = false;
  #finished = false;
  #status: number | undefined;
  #version = '';
  #flood = false;
  readonly #stderr: string[] = [];
  #line = '';

  /**
   * @param command the words that run `sh` there
   * @param mark what the script's own lines begin with
   * @throws Error where nothing can be started
   */
  constructor(
    command: readonly string[],
    script: string,
    mark: string,
    { data, terminal = false, shared = false }: TalkOptions,
  ) {
    this.#mark = mark;
    this.#shared = shared;
    // Without a terminal of its own nothing that is started there can ask, and a Ctrl-C here does not reach it.
    const child = started(command, !terminal);
    this.#child = child;
    this.stdout = new Readable({ read: () => void child.stdout.resume() });
    const { promise, resolve } = Promise.withResolvers<Ending>();
    this.ended = promise;
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      clearInterval(this.#beat);
      this.#over = true;
      if (this.#line !== '') this.#told(this.#line);
      this.#waiting?.(undefined);
      const lines = this.#flood ? ['it writes other things where its answer should be'] : [...this.#stderr];
      const [started, status, version] = [this.#started, this.#status, this.#version];
      resolve({ started, code, signal, status, version, stderr: lines });
    };
    this.#ends = end;
    child.on('error', (error) => {
      // One that has started says so only where it may not be killed: sudo is root's.
      if (child.pid !== undefined) return;
      this.#stderr.push(notStarted(command, error));
      this.#finish();
      end(null, null);
    });
    child.once('exit', (code, signal) => {
      // Its last words may still be on their way; a process that it left behind may hold the pipe for ever.
      const late = setTimeout(() => end(code, signal), 500);
      child.once('close', () => {
        clearTimeout(late);
        end(code, signal);
      });
      if (child.stderr.readableEnded) setImmediate(() => this.#over || end(code, signal));
      else child.stderr.once('end', () => setImmediate(() => this.#over || end(code, signal)));
    });
    child.stdin.on('error', () => {});
    child.stdout.on('error', () => {}).on('end', () => this.#finish());
    child.stderr.on('error', () => {}).setEncoding('utf8');
    child.stderr.on('data', (text: string) => this.#heard(text));
    child.stdout.on('data', (chunk: Buffer) => {
      if (this.#flood) return;
      if (this.#started && data) {
        if (!this.stdout.push(chunk)) child.stdout.pause();
      } else this.#read(chunk, data);
    });
    child.stdin.write(script);
  }

  /** Where lines are: the script's next one, without the mark; undefined where it ended. @param ms to wait; 0: for ever */
  async line(ms: number): Promise<string | undefined> {
    const line = this.#lines.shift();
    if (line !== undefined || this.#over) return line;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve) => {
        this.#waiting = resolve;
        if (ms > 0) timer = setTimeout(resolve, ms, undefined);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }

  /** From now on signs of life go there: before that they would stand in the midst of what is sent. */
  beat(): void {
    const { stdin } = this.#child;
    if (!this.#over) this.#beat ??= setInterval(() => stdin.writable && stdin.write('.\n'), BEAT * 1000).unref();
  }

  get over(): boolean {
    return this.#over;
  }

  /**
   * Sends bytes; resolves when there is room for more, or nobody takes them.
   * @param ms to wait for room
   * @returns whether there was room in time, or will never be
   */
  async send(bytes: string | Uint8Array, ms: number): Promise<boolean> {
    const { stdin } = this.#child;
    if (!stdin.writable || stdin.write(bytes)) return true;
    // Where it is closed instead, the end is near.
    const drained = once(stdin, 'drain').catch(() => {});
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, ms, false);
    });
    const inTime = await Promise.race([Promise.race([drained, this.ended]).then(() => true), late]);
    clearTimeout(timer);
    return inTime;
  }

  /** Lets go of the far side, which ends by that; what does not end here is ended. */
  async end(): Promise<void> {
    const child = this.#child;
    child.stdin.end();
    child.stdout.removeAllListeners('data').resume();
    this.#finish();
    if (this.#over) return;
    await this.#within(GENTLE);
    if (this.#over) return;
    if (!this.#shared) {
      child.kill('SIGTERM');
      await this.#within(FIRM);
      if (this.#over) return;
      child.kill('SIGKILL');
      await this.#within(FIRM);
      if (this.#over) return;
    }
    // What goes on, or may not be killed, is not waited for.
    child.unref();
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
    this.#ends(null, null);
  }

  #finish(): void {
    if (!this.#finished) this.stdout.push(null);
    this.#finished = true;
  }

  async #within(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.ended, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
    clearTimeout(timer);
  }

  /** Looks for lines of the script. */
  #read(chunk: Buffer, data: boolean): void {
    let bytes = this.#before.length > 0 ? Buffer.concat([this.#before, chunk]) : chunk;
    for (;;) {
      const at = bytes.indexOf(`\n${this.#mark} `);
      const end = at < 0 ? -1 : bytes.indexOf(10, at + 1);
      if (end < 0) break;
      this.#said(bytes.toString('utf8', at + this.#mark.length + 2, end));
      // The line break may begin the next one.
      bytes = bytes.subarray(data ? end + 1 : end);
      if (this.#started && data) {
        this.#before = Buffer.alloc(0);
        if (bytes.length > 0 && !this.stdout.push(bytes)) this.#child.stdout.pause();
        return;
      }
    }
    if (bytes.length > MOST_BEFORE || this.#lines.length > MOST_LINES) {
      this.#flood = true;
      this.#child.kill('SIGKILL');
      this.#child.stdin.end();
      this.#child.stdout.destroy();
      this.#finish();
    } else this.#before = bytes;
  }

  #said(line: string): void {
    if (line === 'start' || line.startsWith('start ')) this.#started = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting(line);
    else this.#lines.push(line);
  }

  #heard(text: string): void {
    const lines = (this.#line + text).split(/\r?\n/);
    this.#line = lines.pop()!.slice(0, MOST_LINE);
    for (const line of lines) this.#told(line.slice(0, MOST_LINE));
  }

  #told(line: string): void {
    if (line.startsWith(`${this.#mark} end `)) {
      const [, , status, ...version] = line.split(' ');
      this.#status = /^\d{1,3}$/.test(status!) ? Number(status) : undefined;
      this.#version = version.join(' ');
      return;
    }
    if (line === '' || this.#status !== undefined) return;
    this.#stderr.push(line);
    if (this.#stderr.length > MOST_LINES) this.#stderr.shift();
  }
}
