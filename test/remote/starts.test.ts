/** Commands that do not start, do not listen, or go on: what waits for them goes on, too. */
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { type FromHosts, HostPump } from '../../src/state/host-port.ts';
import { Talk } from '../../src/state/remote-talk.ts';
import { MadeHost } from '../support/stand-in-hosts.ts';
import { closeAll, host, output } from './runs.ts';

describe('a command for other hosts', () => {
  afterEach(closeAll);

  it.for([
    ['/etc/passwd/no', /^\/etc\/passwd\/no does not start: .*ENOTDIR$/],
    ['', /^'' does not start: /],
    ['/nowhere/at-all', 'there is no /nowhere/at-all here'],
  ] as const)('%j does not start: in words', async ([command, why]) => {
    const via = [command];
    const said = await output('one', ['record'], { via });
    expect(said).toEqual(['', expect.stringMatching(why)]);
    const { why: there } = await host('one', { via, copy: [] }).connect();
    expect(there).toMatch(why);
  });

  it('one that writes without end is not listened to', async () => {
    const run = host('one', { via: ['sh', '-c', 'trap "" TERM; yes'] }).run([]);
    expect([await text(run.stdout), await run.ended]).toEqual([
      '',
      'it writes other things where its answer should be',
    ]);
  });

  it('one that takes nothing of what is sent is not waited for without end', async () => {
    const talk = new Talk(['sleep', '100'], '', 'mark', { data: false });
    const much = new Uint8Array(1 << 22);
    expect(await talk.send(much, 300)).toBe(false);
    // Its end wakes who waits for room.
    const sent = talk.send(much, 60_000);
    await talk.end();
    expect([await sent, (await talk.ended).signal]).toEqual([true, 'SIGTERM']);
  });

  it('one that others share goes on, and is not waited for', async () => {
    const options = { data: false, shared: true };
    const talk = new Talk(['sh', '-c', 'echo $$ >&2; exec sleep 100'], '', 'mark', options);
    const line = talk.line(0);
    const before = performance.now();
    while (performance.now() - before < 500) await new Promise((done) => setTimeout(done, 50));
    await talk.end();
    expect([await line, talk.over]).toEqual([undefined, true]);
    const { stderr } = await talk.ended;
    process.kill(Number(stderr[0]), 'SIGKILL');
  });
});

describe('hosts for the thread that reads', () => {
  it('the end of a run is not that of another with its number', async () => {
    const made = new MadeHost('a');
    const late = Promise.withResolvers<string>();
    const run = made.run.bind(made);
    let first = true;
    made.run = (args) => {
      const begun = run(args);
      const its = first ? { ...begun, ended: late.promise, stop: async () => {} } : begun;
      first = false;
      return its;
    };
    const posted: FromHosts[] = [];
    const pump = new HostPump([made], (message) => posted.push(message));
    const begin = () => pump.received({ type: 'hostRun', run: 0, host: 'a', args: [] });
    begin();
    pump.stop();
    begin();
    late.resolve('');
    await new Promise((done) => setImmediate(done));
    expect(posted).toEqual([]);
    made.end('it went');
    await new Promise((done) => setImmediate(done));
    expect(posted).toEqual([{ type: 'hostEnded', run: 0, why: 'it went' }]);
  });
});
