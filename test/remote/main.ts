/** A process with a run on another host, for tests that kill it: `main.ts NAME EXECUTABLE|'' ITERTOP ARGS...`. */
import { remoteHosts } from '../../src/state/remote.ts';
import { Executable } from '../../src/state/remote-copy.ts';

const [name, copy, itertop, ...args] = process.argv.slice(2);
const [host] = remoteHosts([name!], copy ? { copy: [new Executable(copy)] } : { itertop: itertop! });
const { why } = await host!.connect();
if (why !== '') throw new Error(why);
const run = host!.run(args);
run.stdout.pipe(process.stdout);
process.stdout.write(`ended: ${await run.ended}\n`);
await host!.close();
