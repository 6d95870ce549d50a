/** What this system lacks for BPF iterators, and the command that would help. Asked only after something failed. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isSea } from 'node:sea';
import { inInitialUserNamespace, VMLINUX_BTF } from './host.ts';

export interface Missing {
  readonly what: 'linux' | 'kernel version' | 'BTF' | 'host capabilities' | 'CAP_BPF' | 'CAP_PERFMON' | 'lockdown';
  readonly why: string;
  /** What to run or to ask for. */
  readonly help: string;
}

/** include/uapi/linux/capability.h */
export const CAPABILITIES = {
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;

/** Effective capabilities of this process as a bit set. */
export function effectiveCapabilities(status = fs.readFileSync('/proc/self/status', 'latin1')): bigint {
  return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
}

export function hasCapability(name: keyof typeof CAPABILITIES, effective = effectiveCapabilities()): boolean {
  return ((effective >> BigInt(CAPABILITIES[name])) & 1n) === 1n;
}

/** Whether this process has what loading a program takes: where it is refused all the same, a policy of the kernel forbids it. */
export function mayLoad(): boolean {
  const effective = effectiveCapabilities();
  const has = (name: keyof typeof CAPABILITIES) => hasCapability(name, effective);
  return inInitialUserNamespace() && (has('CAP_SYS_ADMIN') || (has('CAP_BPF') && has('CAP_PERFMON')));
}

export interface System {
  readonly platform: string;
  /** uname -r */
  readonly release: string;
  readonly btf: boolean;
  readonly capabilities: bigint;
  /** Not the initial one: what capabilities are worth there bpf(2) does not ask. */
  readonly userNamespace: boolean;
  /** Neither sudo nor capabilities of a file have any effect (prctl(2), PR_SET_NO_NEW_PRIVS). */
  readonly noNewPrivileges: boolean;
  /** Content of /sys/kernel/security/lockdown, '' where there is none. */
  readonly lockdown: string;
}

export function thisSystem(): System {
  let lockdown = '';
  try {
    lockdown = fs.readFileSync('/sys/kernel/security/lockdown', 'latin1');
  } catch {
    // securityfs is not mounted or the kernel has no lockdown: nothing is locked down.
  }
  const linux = process.platform === 'linux';
  const status = linux ? fs.readFileSync('/proc/self/status', 'latin1') : '';
  return {
    platform: process.platform,
    release: os.release(),
    btf: fs.existsSync(VMLINUX_BTF),
    capabilities: effectiveCapabilities(status),
    userNamespace: linux && !inInitialUserNamespace(),
    noNewPrivileges: /^NoNewPrivs:\s*1/m.test(status),
    lockdown,
  };
}

/** What was started: the executable, and where that is Node the script that it runs. */
export interface Started {
  readonly executable: string;
  /** undefined for a single executable. */
  readonly script: string | undefined;
}

export function thisProgram(): Started {
  const [executable, script] = [process.execPath, process.argv[1]];
  return { executable, script: isSea() || script === undefined ? undefined : path.resolve(script) };
}

/** SIGUSR1 has no effect from the first moment; src/main.ts sees to it a little later. Node has the option since 22.14. */
const noDebugger = () => (process.allowedNodeEnvironmentFlags.has('--disable-sigusr1') ? '--disable-sigusr1 ' : '');

/**
 * How to be permitted what loading takes. Node itself is not given the capabilities: every script of every user would
 * have them. A copy that only its owner may run is.
 */
function howToBePermitted({ noNewPrivileges }: System, { executable, script }: Started): string {
  if (noNewPrivileges)
    return 'no_new_privs is set here, so neither sudo nor setcap has any effect: start itertop from outside of what set it (NoNewPrivileges=no, a shell of the host)';
  const root = 'run it as root: sudo itertop';
  const word = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  if (script === undefined) return `${root}; or once: sudo setcap cap_bpf,cap_perfmon=ep ${word(executable)}`;
  return [
    `${root}; or once, with a copy of Node that only you may run:`,
    `install -m 700 ${word(executable)} ~/.itertop-node && sudo setcap cap_bpf,cap_perfmon=ep ~/.itertop-node`,
    `~/.itertop-node ${noDebugger()}${word(script)}`,
  ].join('\n    ');
}

/** Everything that is missing, the most fundamental first. Empty where iterators should work. */
export function missing(system: System = thisSystem(), started: Started = thisProgram()): Missing[] {
  const found: Missing[] = [];
  if (system.platform !== 'linux') {
    return [
      {
        what: 'linux',
        why: `BPF iterators are a part of Linux; this is ${system.platform}`,
        help: 'run itertop on a Linux host',
      },
    ];
  }
  const [major, minor] = system.release.split('.').map((part) => Number.parseInt(part, 10));
  if (major < 5 || (major === 5 && minor < 8)) {
    found.push({
      what: 'kernel version',
      why: `BPF iterators came with Linux 5.8; this is ${system.release}`,
      help: 'boot a kernel of 5.8 or later',
    });
  }
  if (!system.btf) {
    found.push({
      what: 'BTF',
      why: `${VMLINUX_BTF} is not there: the kernel was built without CONFIG_DEBUG_INFO_BTF, or /sys is not mounted`,
      help: `ls -l ${VMLINUX_BTF}; grep DEBUG_INFO_BTF "/boot/config-$(uname -r)"`,
    });
  }
  const has = (name: keyof typeof CAPABILITIES) => hasCapability(name, system.capabilities);
  if (system.userNamespace) {
    found.push({
      what: 'host capabilities',
      why: 'this process is in a user namespace of its own (unshare -U, a rootless container): its capabilities count only there, and bpf(2) asks for those of the host',
      help: 'start it on the host, or in a container without a user namespace with --cap-add BPF --cap-add PERFMON --pid host',
    });
  } else if (!has('CAP_SYS_ADMIN')) {
    const help = howToBePermitted(system, started);
    if (!has('CAP_BPF')) found.push({ what: 'CAP_BPF', why: 'this process may not load BPF programs', help });
    if (!has('CAP_PERFMON')) {
      found.push({ what: 'CAP_PERFMON', why: 'this process may not load BPF programs that read kernel memory', help });
    }
  }
  if (system.lockdown.includes('[confidentiality]')) {
    found.push({
      what: 'lockdown',
      why: 'the kernel is locked down for confidentiality: no BPF program may read kernel memory, root or not',
      help: 'boot without lockdown=confidentiality (cat /sys/kernel/security/lockdown shows the mode)',
    });
  }
  return found;
}

export function describeMissing(found: readonly Missing[]): string {
  return found
    .map(({ what, why, help }, at) => {
      const said = `missing ${what}: ${why}`;
      return help === found[at + 1]?.help ? said : `${said}\n  what helps: ${help}`;
    })
    .join('\n');
}
