/** A way to hosts that are all this one, for --via: each can be told to be gone, and what runs there be frozen. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ITERTOP } from './stand-in-hosts.ts';

export class TestVia implements Disposable {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), 'itertop-via-'));
  /** Options that lead there. */
  readonly options: readonly string[];

  constructor() {
    const via = path.join(this.folder, 'via');
    const itertop = path.join(this.folder, 'itertop');
    const script = `#!/bin/sh
host=$1
shift
if [ -e ${this.folder}/gone-$host ]; then
  echo "ssh: connect to host $host port 22: Connection refused" >&2
  exit 255
fi
echo $$ >>${this.folder}/pids-$host
exec "$@"
`;
    fs.writeFileSync(via, script, { mode: 0o755 });
    fs.writeFileSync(itertop, `#!/bin/sh\nexec ${process.execPath} ${ITERTOP} "$@"\n`, { mode: 0o755 });
    this.options = ['--via', `${via} {host}`, '--itertop', itertop];
  }

  /** What was started for a host and still runs. */
  pids(host: string): number[] {
    const file = path.join(this.folder, `pids-${host}`);
    if (!fs.existsSync(file)) return [];
    const shells = fs.readFileSync(file, 'utf8').trim().split('\n').map(Number);
    const of = (pid: number): number[] => {
      try {
        const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
        return [pid, ...(children === '' ? [] : children.split(' ').map(Number).flatMap(of))];
      } catch {
        return [];
      }
    };
    return shells.flatMap(of);
  }

  signal(host: string, signal: NodeJS.Signals): void {
    for (const pid of this.pids(host)) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  /** What runs there ends, and nothing is reached there any more. */
  leave(host: string): void {
    fs.writeFileSync(path.join(this.folder, `gone-${host}`), '');
    this.signal(host, 'SIGKILL');
  }
  comeBack(host: string): void {
    fs.rmSync(path.join(this.folder, `gone-${host}`));
  }

  [Symbol.dispose](): void {
    fs.rmSync(this.folder, { recursive: true });
  }
}
