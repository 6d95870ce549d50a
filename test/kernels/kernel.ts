/** A kernel of Debian's, ready to boot: its image, and an initramfs that finds the disks and goes on there. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { type Entry, writeInitramfs } from './initramfs.ts';
import { type Suite, unpack } from './packages.ts';

export interface Kernel {
  /** As uname -r says. */
  readonly release: string;
  readonly image: string;
  readonly initramfs: string;
}

/** What the disks take, then what tests ask for: sockets of each family for `ss`, devices for network namespaces. */
const MODULES = [
  ...['virtio_pci', 'virtio_mmio', 'virtio_blk', 'crc32c_generic', 'crc32c_intel', 'crc32c_cryptoapi', 'ext4'],
  ...[
    'tcp_diag',
    'udp_diag',
    'unix_diag',
    'netlink_diag',
    'inet_diag',
    'ipv6',
    'dummy',
    'veth',
    'af_packet',
    'mptcp_diag',
  ],
  ...['autofs4', 'nf_tables'],
];

/** Where each disk is mounted is the business of `guest.sh`; here the first two are mounted and init is handed over. */
const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
for module in $(/bin/busybox cat /modules/order); do
  /bin/busybox insmod /modules/$module 2>/dev/null
done
n=0
while [ ! -b /dev/vdb ] && [ $n -lt 100 ]; do n=$((n + 1)); /bin/busybox sleep 0.1; done
/bin/busybox mount -t ext4 /dev/vda /root || /bin/busybox poweroff -f
/bin/busybox mount -t ext4 /dev/vdb /root/repo || /bin/busybox poweroff -f
/bin/busybox mount --move /proc /root/proc
/bin/busybox mount --move /sys /root/sys
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /bin/bash /repo/test/kernels/guest.sh
`;

/** Downloads, checks and unpacks it. @throws Error where it cannot be had */
export function takeKernel(suite: Suite, cache: string): Kernel {
  const packages = suite.take('kernel', (apt) => {
    const newest = depends(apt, `linux-image-cloud-${suite.arch}`, /^linux-image-\d/)[0];
    if (!newest) throw new Error(`${suite.name} names no kernel for ${suite.arch}`);
    // Newer packages have the image and the modules apart.
    const parts = depends(apt, newest, /^linux-(binary|modules)-\d/);
    return parts.length > 0 ? parts : [newest];
  });
  const busybox = suite.take('busybox', () => ['busybox-static']);
  const dir = path.join(cache, 'kernels', `${packages[0].name}_${packages[0].version}`);
  const kernel = path.join(dir, 'kernel.json');
  if (!fs.existsSync(kernel)) {
    const files = `${dir}.new`;
    fs.rmSync(files, { recursive: true, force: true });
    fs.mkdirSync(files, { recursive: true });
    for (const { file } of [...packages, ...busybox]) unpack(file, files);
    const made = makeBootable(files);
    fs.rmSync(dir, { recursive: true, force: true });
    fs.mkdirSync(dir, { recursive: true });
    for (const name of ['vmlinuz', 'initramfs']) fs.renameSync(path.join(files, name), path.join(dir, name));
    fs.writeFileSync(kernel, JSON.stringify({ release: made }));
    fs.rmSync(files, { recursive: true, force: true });
  }
  const { release } = JSON.parse(fs.readFileSync(kernel, 'utf8')) as { release: string };
  return { release, image: path.join(dir, 'vmlinuz'), initramfs: path.join(dir, 'initramfs') };
}

function depends(apt: Suite, name: string, wanted: RegExp): string[] {
  const list = (apt.show(name)['Depends'] ?? '').split(/[,|]/).map((d) => d.trim().split(' ')[0]);
  return list.filter((d) => wanted.test(d));
}

/** Makes `vmlinuz` and `initramfs` in the folder where the packages are unpacked. @returns the kernel's release */
function makeBootable(files: string): string {
  const folder = ['usr/lib/modules', 'lib/modules'].find((f) => fs.existsSync(path.join(files, f)))!;
  const [release] = fs.readdirSync(path.join(files, folder));
  const modules = path.join(files, folder, release);
  const image = [path.join(files, 'boot', `vmlinuz-${release}`), path.join(modules, 'vmlinuz')].find(fs.existsSync);
  if (!image) throw new Error(`${release}: there is no kernel image in its packages`);
  fs.renameSync(image, path.join(files, 'vmlinuz'));
  const found = new Map<string, string>();
  for (const name of fs.readdirSync(modules, { recursive: true, encoding: 'utf8' })) {
    const [, module] = /([^/]+)\.ko(?:\.\w+)?$/.exec(name) ?? [];
    if (module) found.set(module.replaceAll('-', '_'), path.join(modules, name));
  }
  const order: string[] = [];
  const entries: Entry[] = [];
  const add = (module: string) => {
    const file = found.get(module.replaceAll('-', '_'));
    // What is not there is built in, or this kernel does without.
    if (!file || order.includes(`${module}.ko`)) return;
    const data = contents(file);
    const [, needs = ''] = /(?:^|\0)depends=([^\0]*)\0/.exec(data.toString('latin1')) ?? [];
    for (const other of needs.split(',').filter((n) => n !== '')) add(other);
    order.push(`${module}.ko`);
    entries.push({ name: `modules/${module}.ko`, mode: 0o100644, data });
  };
  for (const module of MODULES) add(module);
  writeInitramfs(path.join(files, 'initramfs'), [
    { name: 'bin', mode: 0o040755 },
    { name: 'dev', mode: 0o040755 },
    { name: 'modules', mode: 0o040755 },
    { name: 'bin/busybox', mode: 0o100755, data: fs.readFileSync(busyboxIn(files)) },
    { name: 'init', mode: 0o100755, data: Buffer.from(INIT) },
    { name: 'modules/order', mode: 0o100644, data: Buffer.from(order.join('\n')) },
    ...entries,
  ]);
  return release;
}

function busyboxIn(files: string): string {
  return ['bin/busybox', 'usr/bin/busybox'].map((f) => path.join(files, f)).find(fs.existsSync)!;
}

function contents(module: string): Buffer {
  const tool = module.endsWith('.xz') ? 'xz' : module.endsWith('.zst') ? 'zstd' : null;
  return tool ? execFileSync(tool, ['-dc', module], { maxBuffer: 1 << 28 }) : fs.readFileSync(module);
}
