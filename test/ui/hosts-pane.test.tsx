/** Hosts that do not answer: all of them in the second line, whatever room there is, and each in the list of `:hosts`. */
import { afterEach, describe, expect, it } from 'vitest';
import type { HostStatus } from '../../src/state/host-feed.ts';
import { missingLine } from '../../src/ui/hosts-text.ts';
import { taskView } from './fake-view.ts';
import { expectGolden, fakeSession, openScreen, type Screen } from './screen.tsx';

function host(name: string, more: Partial<HostStatus> = {}): HostStatus {
  const well = { condition: 'live', reason: '', silent: 400, again: -1, rows: 1234, kernel: '6.1.0' } as const;
  return { ...well, name, absent: new Map(), ...more };
}
const gone = (name: string, reason: string, again: number) =>
  host(name, { condition: 'gone', reason, silent: -1, again, rows: 0, kernel: '' });
const slow = (name: string, silent: number) => host(name, { condition: 'slow', silent });

const WEB2 = slow('web2', 17_000);
const GONE = gone('gone', 'Connection timed out', 46_000);
const DENIED = gone('db', 'permission denied (publickey): `ssh db` has to work without a question', -1);
const AWAITED = host('web9', { condition: 'awaited', silent: -1, rows: 0, kernel: '' });

describe('the line about hosts that do not answer', () => {
  it.each<[string, readonly HostStatus[], number, string]>([
    ['all answer', [host('web1')], 80, ''],
    ['one', [host('web1'), GONE], 80, 'gone: Connection timed out, again in 46 s'],
    ['a reason is cut', [DENIED], 50, 'db: permission denied (publicke..., trying again'],
    ['two fit', [WEB2, GONE], 67, 'web2: no answer for 17 s  gone: Connection timed out, again in 46 s'],
    ['two by name', [WEB2, GONE], 60, 'web2, gone do not answer (:hosts)'],
    ['one by name', [DENIED], 30, 'db does not answer (:hosts)'],
    ['not all names', [WEB2, GONE, DENIED, AWAITED], 40, 'web2, +3 more do not answer (:hosts)'],
    ['no names', [WEB2, GONE, DENIED, AWAITED], 10, '4 hosts do not answer (:hosts)'],
  ])('%s', (_name, hosts, room, line) => {
    expect(missingLine(hosts, room)).toBe(line);
  });
});

let screen: Screen;
afterEach(() => screen?.close());

async function show(options: { columns: number; rows: number }, hosts: readonly HostStatus[] | undefined) {
  screen = await openScreen({ session: fakeSession(), ...options });
  screen.session.getState().received(Object.assign(taskView(40), hosts ? { hosts } : {}));
  await screen.settle();
}

describe.each([
  ['80x24', { columns: 80, rows: 24 }],
  ['200x50', { columns: 200, rows: 50 }],
])('at %s', (size, options) => {
  const HOSTS = [host('web1'), WEB2, host('web3', { rows: 56_789 }), GONE, AWAITED, DENIED];

  it('the second line names no fewer hosts than the first counts, and keeps what is asked', async () => {
    await show(options, [host('web1'), WEB2, host('web3'), GONE]);
    const [first, second] = screen.lines();
    expect(first).toContain('2 of 4 hosts');
    expect(second).toMatch(/^web2.*gone/);
    expect(second).toContain('filter  none');
  });

  it(':hosts lists them, the worst first, and says of each what there is to say', async () => {
    await show(options, HOSTS);
    await screen.press(':', 'hosts', '\r');
    expectGolden(`ui-hosts-${size}`, screen.text());
    await screen.press('j');
    expect(screen.text()).toContain('db: permission denied (publickey): `ssh db` has to work without a question,');
    await screen.press('G');
    expect(screen.text()).toContain('web3 answers; Linux 6.1.0');
    await screen.press('\x1b');
    expect(screen.text()).not.toContain('NEXT TRY');
  });
});

it('of one host there is no list', async () => {
  await show({ columns: 80, rows: 24 }, undefined);
  await screen.press(':', 'hosts', '\r');
  expect(screen.text()).toContain('there is no table or action "hosts"');
});
