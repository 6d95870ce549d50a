/** What this system lacks for BPF iterators, and the command that would help. Asked only after something failed. */
import fs from 'node:fs';
import os from 'node:os';

export interface Missing {
  readonly what: 'linux' | 'kernel version' | 'BTF' | 'CAP_BPF' | 'CAP_PERFMON' | 'lockdown';
  readonly why: string;
  /** What to run or to ask for. */
  readonly help: string;
}

export const BTF_PATH = '/sys/kernel/btf/vmlinux';
/** include/uapi/linux/capability.h */
export const CAPABILITIES = { CAP_SYS_PTRACE: 19, CAP_SYS_ADMIN: 21, CAP_PERFMON: 38, CAP_BPF: 39 } as const;

/** Effective capabilities of this process as a bit set. */
export function effectiveCapabilities(status = fs.readFileSync('/proc/self/status', 'latin1')): bigint {
  return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
}

export function hasCapability(name: keyof typeof CAPABILITIES, effective = effectiveCapabilities()): boolean {
  return ((effective >> BigInt(CAPABILITIES[name])) & 1n) === 1n;
}

export interface System {
  readonly platform: string;
  /** uname -r */
  readonly release: string;
  readonly btf: boolean;
  readonly capabilities: bigint;
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
  return {
    platform: process.platform,
    release: os.release(),
    btf: fs.existsSync(BTF_PATH),
    capabilities: linux ? effectiveCapabilities() : 0n,
    lockdown,
  };
}

/** Everything that is missing, the most fundamental first. Empty where iterators should work. */
export function missing(system: System = thisSystem(), executable = process.execPath): Missing[] {
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
      why: `${BTF_PATH} is not there: the kernel was built without CONFIG_DEBUG_INFO_BTF, or /sys is not mounted`,
      help: `ls -l ${BTF_PATH}; grep DEBUG_INFO_BTF "/boot/config-$(uname -r)"`,
    });
  }
  const has = (name: keyof typeof CAPABILITIES) => hasCapability(name, system.capabilities);
  if (!has('CAP_SYS_ADMIN')) {
    const help = `run it as root (sudo itertop), or: sudo setcap cap_bpf,cap_perfmon+ep ${executable}`;
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
  return found.map((m) => `missing ${m.what}: ${m.why}\n  what helps: ${m.help}`).join('\n');
}
