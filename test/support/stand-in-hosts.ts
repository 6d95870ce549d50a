/** Hosts that are none: the program on this one, or bytes that a test makes up. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import type { Host, HostRun } from '../../src/state/host-feed.ts';

export const ITERTOP = path.resolve(import.meta.dirname, '../../dist/itertop.js');

/** Words for the command line by which hosts of any names are this one. @param folder where a file may be made */
export function hereWords(folder: string): string[] {
  const file = path.join(folder, 'itertop-here');
  fs.writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${ITERTOP}' "$@"\n`, { mode: 0o755 });
  return ['--via', 'env HOST={host}', '--itertop', file];
}

/** Runs itertop here. @param env of it */
export function localHost(name: string, env: NodeJS.ProcessEnv = {}): Host & { readonly children: ChildProcess[] } {
  const children: ChildProcess[] = [];
  return {
    name,
    children,
    run(args) {
      const child = spawn(process.execPath, [ITERTOP, ...args], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      children.push(child);
      let said = '';
      child.stderr.on('data', (bytes) => {
        said += bytes;
      });
      let stopped = false;
      const ended = once(child, 'close').then(([code]) => (stopped ? '' : said.trim() || `it ended with code ${code}`));
      return {
        stdout: child.stdout,
        ended,
        async stop() {
          stopped = true;
          child.kill('SIGTERM');
          await ended;
        },
      };
    },
  };
}

/** Sends what a test hands over. */
export class MadeHost implements Host {
  readonly name: string;
  /** What was asked for so far, and what is sent to the last of it. */
  readonly asked: string[][] = [];
  #end = (_: string) => {};
  #out = new PassThrough();
  constructor(name: string) {
    this.name = name;
  }
  run(args: readonly string[]): HostRun {
    this.asked.push([...args]);
    const out = new PassThrough();
    const ended = Promise.withResolvers<string>();
    this.#out = out;
    this.#end = (why) => {
      out.end();
      ended.resolve(why);
    };
    return { stdout: out, ended: ended.promise, stop: async () => ended.resolve('') };
  }
  send(bytes: Uint8Array): void {
    this.#out.write(bytes);
  }
  end(why: string): void {
    this.#end(why);
  }
}
