/** Links that need a network namespace, for a test that runs this in one of its own; held until stdin ends. */
import fs from 'node:fs';
import { ATTACH, link, load, PROG } from './bpf.ts';

const LOOPBACK = 1;
const NFPROTO_IPV4 = 2;
/** NF_INET_LOCAL_OUT; priorities are free but for the ends. */
const HOOK = 3;
const PRIORITY = -5;

const held = [];
const made: Record<string, string> = {};
for (const [name, type, returns, attachType, target, more, flags] of [
  ['t_xdp', PROG.xdp, 2, ATTACH.xdp, LOOPBACK, [], 2],
  ['t_tcx', PROG.sched_cls, 0, ATTACH.tcx_ingress, LOOPBACK, [], 0],
  ['t_netns', PROG.sk_lookup, 1, ATTACH.sk_lookup, fs.openSync('/proc/self/ns/net', 'r'), [], 0],
  ['t_netfilter', PROG.netfilter, 1, ATTACH.netfilter, 0, [NFPROTO_IPV4, HOOK, PRIORITY >>> 0, 0], 0],
] as const) {
  try {
    const program = load({ type, name, attachType, returns });
    held.push(program, link(program, target, attachType, more, flags));
    made[name] = '';
  } catch (error) {
    made[name] = (error as Error).message;
  }
}
process.stdout.write(`${JSON.stringify({ made, netns: fs.readlinkSync('/proc/self/ns/net') })}\n`);
process.stdin.resume().on('end', () => process.exit());
