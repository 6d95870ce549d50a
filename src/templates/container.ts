/** Which container a cgroup belongs to, by the names that container engines give their cgroups. */

/** Docker shows as many digits of an id. */
const SHORT_ID = 12;
const ID = /^[0-9a-f]{64}$/;
/**
 * An id with its engine before it: docker-<id>.scope, cri-containerd-<id>.scope, crio-<id>, libpod-<id>.scope,
 * libpod-payload-<id>, nerdctl-<id>.scope; POD.slice:cri-containerd:<id>, where runc was asked for systemd's form
 * without systemd.
 */
const PREFIXED_ID = /^(.*)[-:]([0-9a-f]{64})(?:\.scope)?$/;
/** What watches a container from outside: conmon of podman and CRI-O. */
const MONITOR = /(?:^|-)conmon$/;
/** systemd's names of units with its escapes: machine-NAME.scope, systemd-nspawn@NAME.service. */
const MACHINE = /^(?:machine-(.+)\.scope|systemd-nspawn@(.+)\.service)$/;
/** liblxc: lxc.payload.NAME since 4.0; lxc.monitor.NAME is the process outside. */
const LXC_PAYLOAD = /^lxc\.payload\.(.+)$/;

/**
 * The innermost container on a cgroup's path: 12 digits of the id of docker, containerd, CRI-O, podman and what
 * Kubernetes runs with them, the name of an LXC container or of a machine of systemd-nspawn; '' for none.
 */
export function containerOf(cgroup: string): string {
  let found = '';
  const names = cgroup.split('/');
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const parent = names[i - 1] ?? '';
    if (ID.test(name)) found = name.slice(0, SHORT_ID);
    else if (parent === 'lxc' || parent === 'lxc.payload') found = name;
    // nspawn itself is not within the machine that it runs.
    else if (name === 'supervisor' && MACHINE.test(parent)) found = '';
    else {
      const prefixed = PREFIXED_ID.exec(name);
      if (prefixed && !MONITOR.test(prefixed[1])) found = prefixed[2].slice(0, SHORT_ID);
      else found = LXC_PAYLOAD.exec(name)?.[1] ?? (machineOf(name) || found);
    }
  }
  return found;
}

function machineOf(name: string): string {
  const match = MACHINE.exec(name);
  const machine = unescapeUnit(match?.[1] ?? match?.[2] ?? '');
  // libvirt registers virtual machines the same way: no container.
  return machine.startsWith('qemu-') ? '' : machine;
}

/** systemd.unit(5): \x2d is a minus. */
function unescapeUnit(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
