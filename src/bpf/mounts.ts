/** What is mounted where, in this process's mount namespace. */
import fs from 'node:fs';

export interface Mount {
  /** major:minor */
  readonly device: string;
  /** What of the file system is mounted: a path in it. */
  readonly root: string;
  readonly point: string;
}

/** Mounts of a type of file system, in the kernel's order. */
export function mountsOf(type: string, mountinfo = fs.readFileSync('/proc/self/mountinfo', 'utf8')): Mount[] {
  return mountinfo.split('\n').flatMap((line) => {
    // 36 25 0:32 / /sys/fs/bpf rw,nosuid - bpf bpf rw,mode=700 (proc_pid_mountinfo(5))
    const [fields, rest] = line.split(' - ');
    if (!rest?.startsWith(`${type} `)) return [];
    const [, , device, root, point] = fields.split(' ').map(unescaped);
    return [{ device, root, point }];
  });
}

/** Spaces and the like are written in octal. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
