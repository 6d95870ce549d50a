/** BPF objects that this process holds. */
import fs from 'node:fs';
import { descriptors, fdinfo } from './proc.ts';

export interface Held {
  readonly fd: number;
  readonly kind: 'prog' | 'map' | 'link';
  readonly id: number;
}

/** From /proc/self: its own bpf descriptors, whatever else is loaded on this machine. */
export function heldObjects(): Held[] {
  const found: Held[] = [];
  for (const fd of descriptors('self')) {
    let link: string;
    try {
      link = fs.readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      continue; // the descriptor by which the folder was read
    }
    const kind = /^anon_inode:(?:bpf-(prog|map)|bpf_(link))/.exec(link);
    if (!kind) continue;
    const name = (kind[1] ?? kind[2]) as Held['kind'];
    found.push({ fd, kind: name, id: Number(fdinfo('self', fd)[`${name}_id`]) });
  }
  return found;
}

export function idsOf(kind: Held['kind']): number[] {
  return heldObjects()
    .filter((o) => o.kind === kind)
    .map((o) => o.id)
    .sort((a, b) => a - b);
}

/** All descriptors but the one that reads the folder. */
export function openDescriptors(): string[] {
  return descriptors('self').flatMap((fd) => {
    try {
      return [`${fd} ${fs.readlinkSync(`/proc/self/fd/${fd}`)}`];
    } catch {
      return [];
    }
  });
}
