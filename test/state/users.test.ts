import fs from 'node:fs';
import { expect, test } from 'vitest';
import { userId, userName } from '../../src/state/users.ts';

test('names and numbers of /etc/passwd, both ways', () => {
  for (const line of fs.readFileSync('/etc/passwd', 'utf8').trim().split('\n')) {
    const [name, , uid] = line.split(':');
    expect(userId(name)).toBe(Number(uid));
    expect(userId(userName(Number(uid))!)).toBe(Number(uid));
  }
  expect([userName(0), userId('root')]).toEqual(['root', 0]);
});

test('what is not there', () => {
  expect([userName(4294967294), userId('no-such-user'), userId('')]).toEqual([undefined, undefined, undefined]);
});
