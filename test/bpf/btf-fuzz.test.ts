/** Whatever the bytes, the outcome is an answer or a BtfError, and soon. */
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Btf, BtfError } from '../../src/bpf/btf.ts';
import { resolvePath } from '../../src/bpf/btf-path.ts';
import { cpuTime } from '../support/cpu-time.ts';
import { patience, SEED, times } from '../support/fuzz.ts';
import { everyKind } from './btf-writer.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';

function tolerate(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof BtfError)) throw error;
    expect(error.message).not.toBe('');
  }
}

/** Asks every question of the ids given. */
function interrogate(btf: Btf, ids: Iterable<number>, paths: readonly string[]): void {
  for (const id of ids) {
    const questions: (() => unknown)[] = [
      () => btf.kind(id),
      () => btf.name(id),
      () => btf.typeName(id),
      () => btf.strip(id),
      () => btf.target(id),
      () => btf.members(id),
      () => btf.array(id),
      () => btf.int(id),
      () => btf.pointee(id),
      () => btf.params(id),
      () => btf.enumerators(id),
      () => btf.isUnion(id),
    ];
    questions.forEach(tolerate);
    tolerate(() => {
      const size = btf.sizeOf(id);
      expect(size).toBeGreaterThanOrEqual(0);
      expect(size).toBeLessThanOrEqual(0xffffffff);
    });
    for (const path of paths)
      tolerate(() => {
        const r = resolvePath(btf, id, path);
        for (const n of [...r.loads, r.offset]) expect(Number.isInteger(n) && n >= 0 && n <= 0x7fffffff).toBe(true);
        expect(r.bits === 0 || r.bitOffset + r.bits <= r.size * 8).toBe(true);
      });
  }
  tolerate(() => btf.struct('task_struct'));
  tolerate(() => btf.names('FUNC', 'bpf_'));
  tolerate(() => btf.enumerator('MM_ANONPAGES'));
}

type Mutation = { kind: 'byte' | 'word'; at: number; value: number };
// Words of the kind that counts: small ids, offsets, counts and their limits.
const word = fc.oneof(fc.nat(64), fc.constantFrom(0xffff, 0xffffff, 0x7fffffff, 0xffffffff), fc.nat(0xffffffff));
const mutations = (max: number): fc.Arbitrary<Mutation[]> =>
  fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('byte' as const), at: fc.nat(), value: fc.nat(255) }),
      fc.record({ kind: fc.constant('word' as const), at: fc.nat(), value: word }),
    ),
    { minLength: 1, maxLength: max },
  );

function mutate(bytes: Buffer, changes: readonly Mutation[]): void {
  for (const { kind, at, value } of changes) {
    if (kind === 'byte') bytes[at % bytes.length] = value;
    else if (bytes.length >= 4) bytes.writeUInt32LE(value, (at % (bytes.length >>> 2)) * 4);
  }
}

describe('mutated BTF', () => {
  const paths = [
    'pid',
    'parent->comm[3]',
    'counters[ANON].number',
    'grid[1][2]',
    'across',
    'high',
    'lost->x',
    'tail[9]',
  ];

  it('of every kind, whole or cut short', { timeout: patience(30_000) }, () => {
    const { writer } = everyKind();
    const layout = Array.from({ length: 30 }, (_, kind): [number, number] => [kind % 8, 4 * (kind % 3)]);
    const [plain, laidOut] = [writer.bytes(), writer.bytes(layout)];
    fc.assert(
      fc.property(mutations(6), fc.option(fc.nat(plain.length), { freq: 8 }), fc.boolean(), (changes, cut, old) => {
        const original = old ? plain : laidOut;
        const bytes = Buffer.from(original.subarray(0, cut ?? original.length));
        if (bytes.length) mutate(bytes, changes);
        tolerate(() => {
          const btf = new Btf(bytes);
          expect(btf.typeCount).toBeLessThanOrEqual(1 + bytes.length / 12);
          interrogate(btf, Array(btf.typeCount).keys(), paths);
        });
      }),
      { seed: SEED, numRuns: times(1500) },
    );
  });

  it('on top of a sound base', { timeout: patience(30_000) }, () => {
    const { writer } = everyKind();
    const base = new Btf(writer.bytes());
    const original = Buffer.from(writer.bytes());
    fc.assert(
      fc.property(mutations(4), (changes) => {
        const bytes = Buffer.from(original);
        mutate(bytes, changes);
        tolerate(() => interrogate(new Btf(bytes, base), Array(base.typeCount * 2).keys(), paths.slice(0, 3)));
      }),
      { seed: SEED, numRuns: times(200) },
    );
  });

  it('that is no BTF at all', { timeout: patience(30_000) }, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, header) => {
        if (header && bytes.length >= 8) bytes.set([0x9f, 0xeb, 1, 0, 24, 0, 0, 0]);
        tolerate(() => interrogate(new Btf(bytes), [0, 1, 2, 3], paths));
      }),
      { seed: SEED, numRuns: times(2000) },
    );
  });
});

describe('paths', () => {
  const { writer, ids } = everyKind();
  const btf = new Btf(writer.bytes());
  const piece = fc.constantFrom(
    ...['pid', 'parent', 'comm', 'counters', 'grid', 'flag', 'x', '->', '.', '[', ']', '[0]', '[ANON]', ' ', '-', '9'],
  );

  it('of random pieces have a position where they are wrong, and a canonical text where they are right', {
    timeout: patience(30_000),
  }, () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
        const path = pieces.join('');
        try {
          const resolved = resolvePath(btf, ids.task, path);
          expect(resolvePath(btf, ids.task, resolved.text)).toEqual(resolved);
          expect(path.replaceAll('->', '.')).toBe(resolved.text.replaceAll('->', '.'));
        } catch (error) {
          if (!(error instanceof BtfError)) throw error;
          expect(error.position).toBeGreaterThanOrEqual(0);
          expect(error.position).toBeLessThanOrEqual(path.length);
        }
      }),
      { seed: SEED, numRuns: times(3000) },
    );
  });

  it('of any text do no harm', { timeout: patience(30_000) }, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (path) =>
        tolerate(() => resolvePath(btf, ids.task, path)),
      ),
      { seed: SEED, numRuns: times(1000) },
    );
  });
});

describe.skipIf(!existsSync(VMLINUX))("the running kernel's BTF, mutated", () => {
  const original = existsSync(VMLINUX) ? readFileSync(VMLINUX) : Buffer.alloc(0);
  const paths = ['real_parent->tgid', 'rss_stat[MM_ANONPAGES].count', '__sk_common.skc_num'];

  it('in many places at once', { timeout: patience(120_000) }, () => {
    const bytes = Buffer.from(original);
    fc.assert(
      // The header is left alone in most runs: most mutations there end at once.
      fc.property(mutations(400), fc.boolean(), (changes, header) => {
        original.copy(bytes);
        mutate(header ? bytes : bytes.subarray(24), changes);
        const start = cpuTime();
        tolerate(() => {
          const btf = new Btf(bytes);
          const sample = Array.from({ length: 300 }, (_, i) => Math.floor((i * btf.typeCount) / 300));
          interrogate(btf, sample, paths);
          for (const name of ['task_struct', 'mm_struct', 'tcp_sock'])
            tolerate(() => interrogate(btf, [btf.struct(name)], paths));
        });
        expect(cpuTime() - start).toBeLessThan(5000);
      }),
      { seed: SEED, numRuns: times(40), endOnFailure: true },
    );
  });

  it('only beyond the index, so that the pass succeeds and the questions meet the damage', {
    timeout: patience(120_000),
  }, () => {
    const sound = new Btf(original);
    const bytes = Buffer.from(original);
    const headerBytes = bytes.readUInt32LE(4);
    // Third word of a type (size or id) and what follows it: never its kind or vlen.
    const starts: number[] = [];
    for (let at = headerBytes, id = 1; id < sound.typeCount && id < 20_000; id++) {
      starts.push(at + 8);
      const info = bytes.readUInt32LE(at + 4);
      const [once, each] = (
        { 1: [4, 0], 3: [12, 0], 4: [0, 12], 5: [0, 12], 6: [0, 8], 13: [0, 8], 14: [4, 0] } as Record<number, number[]>
      )[(info >>> 24) & 31] ?? [0, 0];
      at += 12 + once + each * (info & 0xffff);
    }
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(starts.length - 1), word), { minLength: 2000, maxLength: 4000 }),
        (changes) => {
          original.copy(bytes);
          for (const [i, value] of changes) bytes.writeUInt32LE(value, starts[i]);
          const btf = new Btf(bytes);
          interrogate(
            btf,
            Array.from({ length: 2000 }, (_, i) => i * 10),
            paths,
          );
        },
      ),
      { seed: SEED, numRuns: times(12), endOnFailure: true },
    );
  });
});
