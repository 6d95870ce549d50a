/** A process that connects to hosts on a terminal, for tests: `ask-main.ts NAMES...`. */
import { connectHosts } from '../../src/host-connect.ts';
import { remoteHosts } from '../../src/state/remote.ts';

const hosts = remoteHosts(process.argv.slice(2), {});
const left = await connectHosts(hosts);
console.log(`over: ${JSON.stringify(Object.fromEntries(left))}`);
await Promise.all(hosts.map((host) => host.close()));
