/** /proc, read independently of what is tested. */
import fs from 'node:fs';

/** /proc/PID/stat by the names of proc(5). */
export function stat(pid: number, tid = pid): Record<string, number> & { readonly state: never } {
  const text = fs.readFileSync(`/proc/${pid}/task/${tid}/stat`, 'latin1');
  return parseStat(text);
}

/** The whole process: counters over all threads. */
export function processStat(pid: number) {
  return parseStat(fs.readFileSync(`/proc/${pid}/stat`, 'latin1'));
}

const STAT = (
  'ppid pgrp session tty_nr tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime priority nice ' +
  'num_threads itrealvalue starttime vsize rss rsslim startcode endcode startstack kstkesp kstkeip signal blocked ' +
  'sigignore sigcatch wchan nswap cnswap exit_signal processor rt_priority policy'
).split(' ');

function parseStat(text: string) {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Object.fromEntries(STAT.map((name, i) => [name, Number(fields[i + 1])])) as Record<string, number> & {
    readonly state: never;
  };
}

/** The letter that /proc shows. */
export function stateLetter(pid: number, tid = pid): string {
  const text = fs.readFileSync(`/proc/${pid}/task/${tid}/stat`, 'latin1');
  return text[text.lastIndexOf(')') + 2];
}

/** /proc/PID/status: name -> text behind the colon. */
export function status(pid: number, tid?: number): Record<string, string> {
  const text = fs.readFileSync(tid === undefined ? `/proc/${pid}/status` : `/proc/${pid}/task/${tid}/status`, 'latin1');
  return Object.fromEntries(
    text
      .split('\n')
      .filter((l) => l.includes(':'))
      .map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 1).trim()]),
  );
}

export function io(pid: number, tid?: number): Record<string, number> {
  const text = fs.readFileSync(tid === undefined ? `/proc/${pid}/io` : `/proc/${pid}/task/${tid}/io`, 'latin1');
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((l) => l.split(': '))
      .map(([k, v]) => [k, Number(v)]),
  );
}

/** Nanoseconds on a CPU, as the scheduler counts them. */
export function runTime(pid: number, tid: number): number {
  return Number(fs.readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'latin1').split(' ')[0]);
}

export function threads(pid: number): number[] {
  return fs.readdirSync(`/proc/${pid}/task`).map(Number);
}

export function pids(): number[] {
  return fs
    .readdirSync('/proc')
    .filter((n) => /^\d+$/.test(n))
    .map(Number);
}

/** The number of a namespace: net:[4026531833]. */
export function namespace(pid: number, kind: string): number {
  return Number(/\d+/.exec(fs.readlinkSync(`/proc/${pid}/ns/${kind}`))![0]);
}

/** The v2 path of /proc/PID/cgroup. */
export function cgroup(pid: number): string {
  return /^0::(.*)$/m.exec(fs.readFileSync(`/proc/${pid}/cgroup`, 'utf8'))![1];
}

/** Where a cgroup v2 hierarchy is mounted; undefined where none is. */
export function cgroupMount(): string | undefined {
  for (const line of fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [before, after] = line.split(' - ');
    if (after?.startsWith('cgroup2 ')) return before.split(' ')[4];
  }
  return undefined;
}

/** /proc/PID/fdinfo/FD: name -> text. */
export function fdinfo(pid: number | 'self', fd: number): Record<string, string> {
  const text = fs.readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1');
  return Object.fromEntries(
    text
      .split('\n')
      .filter((l) => l.includes(':'))
      .map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 1).trim()]),
  );
}

export function descriptors(pid: number | 'self'): number[] {
  return fs.readdirSync(`/proc/${pid}/fd`).map(Number);
}

/** dev_t as user space has it (gnu_dev_makedev of glibc) -> the kernel's own MKDEV(major, minor). */
export function kernelDevice(dev: number): number {
  const wide = BigInt(dev);
  const major = ((wide >> 8n) & 0xfffn) | ((wide >> 32n) & 0xfffff000n);
  const minor = (wide & 0xffn) | ((wide >> 12n) & 0xffffff00n);
  return Number((major << 20n) | minor);
}
