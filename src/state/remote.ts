/**
 * Commands on other hosts, through the user's own ssh or a command of theirs. Nothing has to run there beforehand, and
 * nothing is left running: what is started has this process at the end of its standard input, and ends with it.
 */
import { randomBytes } from 'node:crypto';
import { PassThrough, type Readable } from 'node:stream';
import { thisProgram } from '../bpf/support.ts';
import { sanitize } from '../templates/text.ts';
import { Executable, forMachine } from './remote-copy.ts';
import { copyScript, keeperScript, PACKERS, runScript, TETHER } from './remote-script.ts';
import { sshWay, type Way } from './remote-ssh.ts';
import { Talk } from './remote-talk.ts';
import { endingWords, lastWords, transportWords } from './remote-words.ts';

/** What runs commands on a host: ssh, or whatever the user says (`kubectl exec -i {host} --`). */
export interface RemoteOptions {
  /** How a host is reached: words in which `{host}` stands for the host, `sh` goes after them; default: ssh. */
  readonly via?: readonly string[];
  /** The itertop there, a command (`itertop`). */
  readonly itertop?: string;
  /** Executables that are taken there instead, one for each machine. */
  readonly copy?: readonly Executable[];
  /** Before itertop: `sudo -n`. */
  readonly sudo?: boolean;
  /** Of this itertop, to be compared with that there where that does not understand. */
  readonly version?: string;
}

/** One command there. */
interface RemoteRun {
  /** What the command writes; ends when it ends. */
  readonly stdout: Readable;
  /**
   * Never rejects: why it ended, in one line with the last ones of its standard error, fit for a terminal; '' where it
   * did what it was to do, or was stopped from here.
   */
  readonly ended: Promise<string>;
  /** Ends it there, too, within 2 s. */
  stop(): Promise<void>;
}

/** How much of the executable has gone to a host, in bytes as they travel. */
type CopyProgress = (host: string, sent: number, all: number) => void;

export interface RemoteHost {
  /** As it was typed. */
  readonly name: string;
  /**
   * Makes the connection that runs share, and copies. A run does so by itself; this is for the time before.
   * @param ask what is needed for it may be asked for on the terminal
   * @returns why there is none, '' where it is there; `asks`: it might be if it could ask
   */
  connect(ask?: boolean, progress?: CopyProgress): Promise<{ readonly why: string; readonly asks: boolean }>;
  run(args: readonly string[]): RemoteRun;
  /** Ends all runs, closes the shared connection and removes what was copied. */
  close(): Promise<void>;
}

/** Milliseconds within which a host that cannot ask says its first words. */
const PATIENCE = 30_000;

/** Milliseconds without anything being taken of a copy, and after all was sent, for it to be whole there. */
const STALLED = 120_000;

/** Why there is no connection. */
class Unreachable extends Error {
  readonly asks: boolean;
  constructor(why: string, asks = false) {
    super(why);
    this.asks = asks;
  }
}

/** What is there once a host is connected. */
interface Line {
  /** The words that run `sh` there. */
  readonly words: readonly string[];
  /** The words that run itertop there. */
  readonly itertop: readonly string[];
  readonly keeper: Talk | undefined;
}

export function remoteHosts(names: readonly string[], options: RemoteOptions): RemoteHost[] {
  return names.map((name) => new Host(name, options));
}

class Host implements RemoteHost {
  readonly name: string;
  readonly #options: RemoteOptions;
  readonly #runs = new Set<RemoteRun>();
  #line: Promise<Line> | undefined;
  /** What keeps the connection, or is about to. */
  #keeper: Talk | undefined;
  #closed = false;

  constructor(name: string, options: RemoteOptions) {
    this.name = name;
    this.#options = options;
  }

  async connect(ask = false, progress?: CopyProgress) {
    try {
      await this.#connected(ask, progress);
      return { why: '', asks: false };
    } catch (error) {
      return { why: (error as Error).message, asks: error instanceof Unreachable && error.asks };
    }
  }

  run(args: readonly string[]): RemoteRun {
    const run = new Run(this.#connected(), this.name, args, this.#options.version);
    this.#runs.add(run);
    void run.ended.then(() => this.#runs.delete(run));
    return run;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#runs].map((run) => run.stop()));
    await this.#keeper?.end();
  }

  #connected(ask = false, progress?: CopyProgress): Promise<Line> {
    if (this.#closed) return Promise.reject(new Unreachable('it was closed'));
    if (this.#line) return this.#line;
    const line = this.#connect(ask, progress);
    this.#line = line;
    const forget = () => {
      if (this.#line === line) this.#line = undefined;
    };
    line.then(({ keeper }) => keeper?.ended.then(forget), forget);
    return line;
  }

  async #connect(ask: boolean, progress?: CopyProgress): Promise<Line> {
    const { via, copy, sudo } = this.#options;
    const here = via === undefined && this.name === LOCAL;
    const way = here ? NO_WAY : via === undefined ? await this.#ssh(ask) : viaWay(via, this.name);
    const started = (command: readonly string[]) => [...(sudo ? ['sudo', '-n'] : []), ...command];
    const words = [...way.run, 'sh'];
    if (here) return { words, itertop: started(own()), keeper: undefined };
    if (copy === undefined) {
      const keeper = via === undefined ? await this.#keep(way, keeperScript, ask) : undefined;
      keeper?.talk.beat();
      return { words, itertop: started([this.#options.itertop ?? 'itertop']), keeper: keeper?.talk };
    }
    const { talk, line } = await this.#keep(way, copyScript, ask);
    try {
      const itertop = await this.#copied(talk, line, copy, progress);
      talk.beat();
      return { words, itertop: started([itertop]), keeper: talk };
    } catch (error) {
      await talk.end();
      throw error;
    }
  }

  async #ssh(ask: boolean): Promise<Way> {
    try {
      return await sshWay(this.name, ask);
    } catch (error) {
      throw new Unreachable((error as Error).message);
    }
  }

  /** Starts what holds the connection. @returns it and its first line */
  async #keep(
    { keeper, shared, released }: Way,
    script: (mark: string) => string,
    ask: boolean,
  ): Promise<{ talk: Talk; line: string }> {
    const mark = newMark();
    let talk: Talk;
    try {
      talk = new Talk([...keeper, 'sh'], script(mark), mark, { data: false, terminal: ask, shared });
    } catch (error) {
      released();
      throw new Unreachable(sanitize((error as Error).message));
    }
    void talk.ended.then(released);
    this.#keeper = talk;
    if (this.#closed) await talk.end();
    const line = await talk.line(ask ? 0 : PATIENCE);
    if (line !== undefined) return { talk, line };
    if (!talk.over) {
      await talk.end();
      throw new Unreachable(`no answer within ${PATIENCE / 1000} s`);
    }
    const ending = await talk.ended;
    throw new Unreachable(
      endingWords(this.name, ending, undefined, 'sh'),
      transportWords(this.name, ending.stderr).asks,
    );
  }

  /** @returns where the executable is there @throws Unreachable */
  async #copied(talk: Talk, line: string, copy: readonly Executable[], progress?: CopyProgress): Promise<string> {
    const [, machine = '', packers = '', hash, ...where] = line.split(' ');
    const fail = async (why: string) => {
      await talk.end();
      const said = lastWords((await talk.ended).stderr);
      throw new Unreachable(said === '' ? why : `${why}: ${said}`);
    };
    if (hash === 'unknown') return fail('it has no sha256sum, so a copy could not be checked');
    const executable = forMachine(copy, sanitize(machine));
    const told = (sent: number, all = executable.size) => progress?.(this.name, sent, all);
    if (hash === (await during(executable.hash, () => told(0)))) {
      await talk.send('0 0 cat\n', STALLED);
      return where.join(' ');
    }
    const packer = PACKERS.find((p) => packers.split(',').includes(p) && Executable.packs(p)) ?? 'cat';
    const bytes = await during(executable.packed(packer), () => told(0));
    await talk.send(`${executable.size} ${bytes.length} ${packer}\n`, STALLED);
    const [answer = '', ...folder] = (await talk.line(PATIENCE))?.split(' ') ?? [];
    if (answer === 'nowhere')
      return fail(
        `it has no folder with ${Math.ceil(executable.size / 1e6)} MB free whose files may be run (tried TMPDIR, /run/user, the home, /var/tmp and /dev/shm)`,
      );
    if (answer !== 'folder') return fail('the connection was lost while it was copied');
    for (let sent = 0; sent < bytes.length && !talk.over; sent += CHUNK) {
      told(sent, bytes.length);
      if (!(await talk.send(bytes.subarray(sent, sent + CHUNK), STALLED)))
        return fail(`it takes nothing more of the copy since ${STALLED / 1000} s`);
    }
    // What ssh still holds of it has to arrive, be unpacked and looked through.
    const last = await during(talk.line(STALLED), () => told(bytes.length - 1, bytes.length));
    const [copied, arrived] = last?.split(' ') ?? [];
    if (last === undefined && !talk.over) return fail(`the copy is not there after ${STALLED / 1000} s`);
    if (copied !== 'copied') return fail('the connection was lost while it was copied');
    if (arrived !== (await executable.hash)) return fail('what arrived there is not what was sent');
    told(bytes.length, bytes.length);
    return `${folder.join(' ')}/itertop`;
  }
}

const CHUNK = 1 << 17;

/** Tells again and again that something is under way. */
async function during<T>(work: Promise<T>, tell: () => void): Promise<T> {
  tell();
  const timer = setInterval(tell, 500);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** This machine, without ssh. */
const LOCAL = 'localhost';
const NO_WAY: Way = { keeper: [], run: [], shared: false, released: () => {} };

/** The words that start this program once more. */
function own(): string[] {
  const { executable, script } = thisProgram();
  return script === undefined ? [executable] : [executable, script];
}

function viaWay(via: readonly string[], name: string): Way {
  const words = via.map((word) => word.replaceAll('{host}', name));
  return { keeper: words, run: words, shared: false, released: () => {} };
}

const newMark = () => `itertop-${randomBytes(8).toString('hex')}`;

class Run implements RemoteRun {
  readonly stdout = new PassThrough();
  readonly ended: Promise<string>;
  readonly #host: string;
  #talk: Talk | undefined;
  #stopped = false;
  /** Stopped before it began: nothing is waited for. */
  readonly #given = Promise.withResolvers<string>();

  constructor(line: Promise<Line>, host: string, args: readonly string[], version: string | undefined) {
    this.#host = host;
    const why = this.#go(line, args, version).catch((error: Error) => {
      this.stdout.end();
      return sanitize(error.message);
    });
    this.ended = Promise.race([why.then((text) => (this.#stopped ? '' : text)), this.#given.promise]);
  }

  async #go(connected: Promise<Line>, args: readonly string[], version: string | undefined): Promise<string> {
    let line: Line;
    try {
      line = await connected;
    } catch (error) {
      this.stdout.end();
      return (error as Error).message;
    }
    if (this.#stopped) return '';
    const mark = newMark();
    const script = runScript(mark, line.itertop, [...args, '--tether', String(TETHER)]);
    const talk = new Talk(line.words, script, mark, { data: true });
    this.#talk = talk;
    talk.stdout.pipe(this.stdout);
    if ((await talk.line(PATIENCE)) === undefined && !talk.over) {
      await talk.end();
      return `no answer within ${PATIENCE / 1000} s`;
    }
    talk.beat();
    const ending = await talk.ended;
    // Who keeps the connection knows best why it is gone.
    const keeper = ending.status === undefined ? await soon(line.keeper?.ended) : undefined;
    const { why } = transportWords(this.#host, keeper?.stderr ?? []);
    return why || endingWords(this.#host, ending, version, line.itertop.at(-1)!);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#talk) {
      await this.#talk.end();
      await soon(this.ended);
    } else {
      this.stdout.end();
      this.#given.resolve('');
    }
  }
}

/** What comes within a second. */
async function soon<T>(promise: Promise<T> | undefined): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, 1000, undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
