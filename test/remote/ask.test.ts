/** What ssh asks is answered on the terminal, one host after another, before anything else. */
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, TestTerminal } from '../terminal/terminal.ts';
import { TestHosts } from './hosts.ts';
import { skip } from './runs.ts';

const MAIN = new URL('./ask-main.ts', import.meta.url).pathname;

describe.skipIf(skip)('ssh that asks (needs root and sshd)', () => {
  let hosts: TestHosts;
  beforeAll(() => {
    hosts = new TestHosts({ fine: {}, one: { key: 'unknown' }, two: { key: 'unknown' }, changed: { key: 'changed' } });
  }, 120_000);
  afterAll(() => hosts?.[Symbol.dispose]());

  it('is answered', async () => {
    const terminal = new TestTerminal(process.execPath, [MAIN, 'fine', 'one', 'changed', 'two']);
    try {
      await terminal.waitFor(/authenticity of host.*continue connecting/s);
      terminal.type(`yes${KEY.enter}`);
      await terminal.waitFor(/continue connecting.*continue connecting/s);
      terminal.type(`no${KEY.enter}`);
      await terminal.waitFor(/over: /);
      const said = /over: (.*)/.exec(terminal.text().replaceAll('\n', ''))![1]!;
      expect(JSON.parse(said.slice(0, said.lastIndexOf('}') + 1))).toEqual({
        changed: 'its host key has changed: `ssh changed` says which one is known',
        two: 'its host key is not known: `ssh two` once',
      });
      expect(fs.readFileSync(`${hosts.folder}/known`, 'utf8')).toContain(hosts.hosts['one']!.key);
    } finally {
      terminal.kill();
    }
  });
});
