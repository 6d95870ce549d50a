import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tcp } from '../../src/templates/builtin/tcp.ts';
import { udp } from '../../src/templates/builtin/udp.ts';
import { unix } from '../../src/templates/builtin/unix.ts';
import { containerOf } from '../../src/templates/container.ts';
import { Child } from '../support/child.ts';
import { describeKernel, eventually, ownNetwork, readOnce, rowsOf } from '../support/kernel.ts';
import * as proc from '../support/proc.ts';
import { prepare } from '../support/tcp-sockets.ts';

const ID = '4f5e6d7c8b9a0123456789abcdef0123456789abcdef0123456789abcdef0123';
const SHORT = '4f5e6d7c8b9a';
const OTHER = 'aaaabbbbccccdddd'.repeat(4);
const POD = 'pod0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0';
const SLICE = `kubepods-burstable-${POD.replaceAll('-', '_')}.slice`;

describe('the container of a cgroup', () => {
  test.each([
    // docker with cgroupfs and with systemd, a systemd of its own inside, docker in docker
    [`/docker/${ID}`, SHORT],
    [`/system.slice/docker-${ID}.scope`, SHORT],
    [`/docker/${ID}/init.scope`, SHORT],
    [`/docker/${ID}/system.slice/ssh.service`, SHORT],
    [`/docker/${OTHER}/docker/${ID}`, SHORT],
    ['/system.slice/docker.service', ''],
    ['/docker', ''],
    // podman: as root, rootless, with cgroupfs, within the unit of a service
    [`/machine.slice/libpod-${ID}.scope`, SHORT],
    [`/machine.slice/libpod-${ID}.scope/container`, SHORT],
    [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`, SHORT],
    [`/libpod_parent/libpod-${ID}`, SHORT],
    [`/machine.slice/machine-libpod_pod_${OTHER}.slice/libpod-${ID}.scope`, SHORT],
    [`/machine.slice/machine-libpod_pod_${OTHER}.slice`, ''],
    [`/system.slice/web.service/libpod-payload-${ID}`, SHORT],
    [`/machine.slice/libpod-conmon-${ID}.scope`, ''],
    // containerd: by ctr and nerdctl
    [`/default/${ID}`, SHORT],
    [`/system.slice/nerdctl-${ID}.scope`, SHORT],
    ['/system.slice/containerd.service', ''],
    // Kubernetes with cgroupfs and systemd, over containerd, CRI-O, docker
    [`/kubepods/besteffort/${POD}/${ID}`, SHORT],
    [`/kubepods/${POD}/${ID}`, SHORT],
    [`/kubepods/burstable/${POD}/crio-${ID}`, SHORT],
    [`/kubepods.slice/kubepods-burstable.slice/${SLICE}/cri-containerd-${ID}.scope`, SHORT],
    [`/kubepods.slice/kubepods-burstable.slice/${SLICE}/crio-${ID}.scope`, SHORT],
    [`/kubepods.slice/kubepods-burstable.slice/${SLICE}/crio-${ID}.scope/container`, SHORT],
    [`/kubepods.slice/kubepods-burstable.slice/${SLICE}/docker-${ID}.scope`, SHORT],
    [`/kubepods.slice/kubepods-burstable.slice/${SLICE}/crio-conmon-${ID}.scope`, ''],
    [`/system.slice/containerd.service/${SLICE}:cri-containerd:${ID}`, SHORT],
    [`/docker/${OTHER}/kubelet.slice/kubelet-kubepods.slice/${SLICE}/cri-containerd-${ID}.scope`, SHORT],
    [`/kubepods.slice/kubepods-burstable.slice/${SLICE}`, ''],
    [`/kubepods/besteffort/${POD}`, ''],
    // LXC
    ['/lxc/web', 'web'],
    ['/lxc/100/ns/system.slice/ssh.service', '100'],
    ['/lxc.payload.web', 'web'],
    ['/lxc.payload.web/init.scope', 'web'],
    ['/lxc.payload/web', 'web'],
    ['/lxc.monitor.web', ''],
    ['/lxc.monitor/web', ''],
    [`/lxc.payload.host/docker/${ID}`, SHORT],
    ['/lxc', ''],
    // machines
    ['/machine.slice/machine-web.scope', 'web'],
    ['/machine.slice/machine-web\\x2dtwo.scope/payload', 'web-two'],
    ['/machine.slice/machine-web.scope/supervisor', ''],
    ['/machine.slice/systemd-nspawn@web.service', 'web'],
    ['/machine.slice/systemd-nspawn@web\\x2dtwo.service/payload/init.scope', 'web-two'],
    ['/machine.slice/systemd-nspawn@web.service/supervisor', ''],
    ['/machine.slice/machine-qemu\\x2d1\\x2dvm.scope', ''],
    ['/machine.slice', ''],
    // neither
    ['', ''],
    ['/', ''],
    ['/user.slice/user-1000.slice/session-3.scope', ''],
    ['/system.slice/cron.service', ''],
    [`/${ID}0`, ''],
    [`/${ID.slice(1)}`, ''],
    [`/docker-${ID.toUpperCase()}.scope`, ''],
    [`/docker-${ID}.slice`, ''],
    // cut: only the last levels are known
    [`/…/${ID}/init.scope`, SHORT],
  ])('%s: %s', (cgroup, container) => {
    expect(containerOf(cgroup)).toBe(container);
  });
});

describeKernel('a cgroup that is named like a container', () => {
  const mount = proc.cgroupMount();
  const slice = mount ? path.join(mount, `itertop-container-${process.pid}`) : '';
  const at = path.join(slice, `docker-${ID}.scope`);
  let child: Child;
  let ports: { made: number; moved: number; udp: number };

  beforeAll(async () => {
    expect(mount, 'a cgroup2 mount in /proc/self/mountinfo').toBeDefined();
    ownNetwork();
    fs.mkdirSync(at, { recursive: true });
    child = await Child.start();
    await prepare(child);
    // One socket from before it came into the container: then only its owner tells.
    const moved = await child.run(({ kept }) => kept.tcp.port(kept.tcp.listener(4, 1)) as number);
    fs.writeFileSync(path.join(at, 'cgroup.procs'), String(child.pid));
    ports = await child.run(({ kept, libc }, moved) => {
      const { tcp } = kept;
      const datagram = tcp.socket(2, 2 | 0o2000000, 0);
      tcp.bind(datagram, tcp.address(4, 0), 16);
      libc('int socketpair(int, int, int, void *)')(1, 1 | 0o2000000, 0, Buffer.alloc(8));
      return { made: tcp.port(tcp.listener(4, 1)), moved, udp: tcp.port(datagram) };
    }, moved);
  });
  afterAll(async () => {
    await child.end();
    await eventually(() => {
      fs.rmdirSync(at);
      fs.rmdirSync(slice);
    });
  });

  const container = (template: Parameters<typeof readOnce>[0], is: (row: ReturnType<typeof rowsOf>[0]) => boolean) =>
    rowsOf(readOnce(template, { columns: ['container', 'pid', ...(template === unix ? [] : ['lport'])] }).table)
      .filter(is)
      .map((row) => row.cell('container'));

  test('task: the process in it, and no other', () => {
    const rows = rowsOf(readOnce('task', { columns: ['pid', 'container'] }).table);
    expect(rows.filter((r) => r.text('container') === SHORT).map((r) => r.number('pid'))).toEqual([child.pid]);
    expect(rows.find((r) => r.number('pid') === process.pid)!.value('container')).toBe(null);
  });

  test('sockets: by their own cgroup, else by the one of their owner', () => {
    const own = rowsOf(readOnce(tcp).table);
    const of = (port: number) => own.find((r) => r.number('lport') === port)!;
    expect(of(ports.moved).text('owner_cgroup')).toBe(proc.cgroup(child.pid));
    expect(of(ports.moved).text('cgroup')).not.toBe(of(ports.made).text('cgroup'));
    expect(container(tcp, () => true)).toEqual([SHORT, SHORT]);
    expect(container(udp, (r) => r.number('lport') === ports.udp)).toEqual([SHORT]);
    const pair = container(unix, (r) => r.number('pid') === child.pid);
    expect(pair.length).toBeGreaterThanOrEqual(2);
    expect(new Set(pair)).toEqual(new Set([SHORT]));
  });

  test('can be asked for', () => {
    const ask = (where: string) => readOnce('task', { columns: ['pid'], where });
    const { table, after } = ask(`container == "${SHORT}"`);
    expect(after.map((c) => c.text)).toEqual([`container == "${SHORT}"`]);
    expect(rowsOf(table).some((r) => r.text('container') === SHORT)).toBe(true);
  });
});
