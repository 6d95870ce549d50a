/** What a guest finds out about its kernel; `probe.ts` writes it, `table.ts` shows it. */

export interface FoundTable {
  readonly name: string;
  readonly target: string;
  /** `absent`: this kernel has no such iterator. */
  readonly state: 'ok' | 'absent' | 'failed';
  readonly rows: number;
  readonly columns: number;
  /** Columns that this kernel does not have -> why. */
  readonly absent: Readonly<Record<string, string>>;
  readonly error: string;
}

export interface FoundMap {
  /** hash, sockmap, ... */
  readonly type: string;
  /** Who walked: the kernel's iterator, or bpf(2). */
  readonly by: string;
  readonly rows: number;
  readonly error: string;
}

export interface Found {
  readonly release: string;
  readonly arch: string;
  readonly targets: readonly string[];
  readonly tables: readonly FoundTable[];
  /** Tables for targets without a template, from BTF alone. */
  readonly generic: readonly FoundTable[];
  readonly maps: readonly FoundMap[];
}

export interface TestResult {
  readonly file: string;
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly message: string;
}
