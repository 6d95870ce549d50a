/** What OpenTelemetry calls what a table shows: names of its semantic conventions (1.45), `itertop.<column>` for the rest. */
import { unitOf } from '../templates/format.ts';
import { HOST } from '../templates/host-column.ts';
import { type Column, columnOf, type Format, identityOf, type Template } from '../templates/template.ts';

type Names = Readonly<Record<string, string>>;

/** What names a process, in whichever table. */
const PROCESS: Names = {
  pid: 'process.pid',
  comm: 'process.command',
  command: 'process.command',
  container: 'container.id',
};

const SOCKET: Names = {
  ...PROCESS,
  laddr: 'network.local.address',
  lport: 'network.local.port',
  raddr: 'network.peer.address',
  rport: 'network.peer.port',
};

const NAMES: Readonly<Record<string, Names>> = {
  task: {
    ...PROCESS,
    tid: 'thread.id',
    ppid: 'process.parent_pid',
    pgrp: 'process.group_leader.pid',
    sid: 'process.session_leader.pid',
    user: 'process.user.id',
    ruser: 'process.real_user.id',
    cmdline: 'process.command_line',
    exe: 'process.executable.path',
    cwd: 'process.working_directory',
    cgroup: 'process.linux.cgroup',
  },
  task_file: { ...SOCKET, tid: 'thread.id', user: 'process.user.id' },
  task_vma: { ...PROCESS, tid: 'thread.id', user: 'process.user.id' },
  tcp: { ...SOCKET, state: 'network.connection.state' },
  udp: SOCKET,
  unix: PROCESS,
  netlink: PROCESS,
};

/** The name of a column's attribute. */
export function attributeOf(template: Template, column: string): string {
  return column === HOST ? 'host.name' : (NAMES[template.name]?.[column] ?? `itertop.${column}`);
}

/** The values of network.connection.state, by those of the kernel. */
const STATES: Names = {
  CLOSE: 'closed',
  FIN_WAIT1: 'fin_wait_1',
  FIN_WAIT2: 'fin_wait_2',
  SYN_RECV: 'syn_received',
};

/** The words that the convention has for this attribute's values; null where they are as they are. */
export function wordsOf(attribute: string): ((word: string) => string) | null {
  return attribute === 'network.connection.state' ? (word) => STATES[word] ?? word.toLowerCase() : null;
}

/** What all rows of a table have in common. */
const COMMON: Readonly<Record<string, Names>> = {
  tcp: { 'network.transport': 'tcp' },
  udp: { 'network.transport': 'udp' },
  unix: { 'network.transport': 'unix' },
};

export const commonOf = (template: Template): Names => COMMON[template.name] ?? {};

/** An endpoint is one text: the address and the port that it is made of are attributes of their own. */
export function partsOf(column: Column | undefined): readonly string[] {
  const parts = /^endpoint\((\w+), (\w+)\)$/.exec(column?.derive ?? '');
  return parts ? [parts[1]!, parts[2]!] : [];
}

/** Columns that a record has: what names it, what is shown, and of endpoints their address and port. */
export function sentColumns(template: Template, shown: readonly string[]): string[] {
  const parts = shown.flatMap((name) => partsOf(columnOf(template, name)));
  return [...new Set([...identityOf(template), ...shown, ...parts])];
}

/** Units as UCUM writes them. */
const UNITS: Names = { bytes: 'By', 'bytes/s': 'By/s', '1/s': '1/s', '%': '%', ns: 'ns', us: 'us', ms: 'ms', s: 's' };

/** UCUM unit of a gauge; undefined for what is no amount, such as the time since boot. */
export function ucumOf(format: Format): string | undefined {
  const unit = unitOf(format);
  return unit === '' ? '1' : UNITS[unit];
}
