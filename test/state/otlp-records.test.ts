/** Rows as OTLP records, decoded with OpenTelemetry's own definitions. */
import { describe, expect, test } from 'vitest';
import { attributeOf, partsOf, sentColumns } from '../../src/state/otlp-names.ts';
import { Records } from '../../src/state/otlp-records.ts';
import { ProtobufBytes } from '../../src/state/protobuf.ts';
import { snapshotWriter } from '../../src/state/snapshot.ts';
import { shownTemplates } from '../../src/templates/registry.ts';
import type { Table } from '../../src/templates/table.ts';
import { columnOf, identityOf } from '../../src/templates/template.ts';
import { allKinds, exactly, KINDS, STATS, snapshotOf } from '../support/all-kinds.ts';
import { tableOf } from '../support/batch.ts';
import { allColumns, collect, collector, describeKernel } from '../support/kernel.ts';
import { type AnyValue, decodeLogs, type LogRecord } from '../support/otlp-collector.ts';

function sent(table: Table, columns: readonly string[], shown: readonly string[] = columns) {
  const records = new Records({ 'host.name': 'h' }, { name: 'itertop', version: '1' });
  const requests = [
    ...records.requests(snapshotOf(table, columns, { stats: { ...STATS, begin: STATS.begin + 0.125 } }), shown, null),
  ];
  const found = requests.map(({ bytes, count }) => {
    const made = decodeLogs(bytes);
    expect(made.length).toBe(count);
    return made;
  });
  return { requests, records: found.flat() };
}

const TEXTS = [
  '\x1b[2Jgone',
  'line\nbreak',
  'quote"comma,',
  'päth 日本',
  'x'.repeat(127),
  'é'.repeat(64),
  'y'.repeat(200),
  'z'.repeat(4000),
  'é'.repeat(2000),
];
const table = allKinds(TEXTS);

/** As NDJSON has it, integers with all their digits as texts. */
function plain(value: AnyValue | undefined): unknown {
  if (value === undefined) return null;
  const [[kind, held]] = Object.entries(value);
  if (kind === 'arrayValue') return ((held as { values?: AnyValue[] }).values ?? []).map(plain);
  return kind === 'doubleValue' ? String(held) : held;
}

describe('log records', () => {
  test('types go by column: 64 bits exactly, what an int64 does not hold as text, fractions also where they are whole', () => {
    const { records } = sent(table, KINDS);
    const of = (name: string) => records.map(({ attributes }) => attributes[`itertop.${name}`]);
    expect(of('low')).toEqual(TEXTS.map((_, i) => ({ intValue: String(-(2n ** 63n) + BigInt(i)) })));
    expect(of('safe')).toEqual(TEXTS.map((_, i) => ({ intValue: String(2n ** 53n + BigInt(i)) })));
    expect(of('n')).toEqual(TEXTS.map((_, i) => ({ intValue: String(-i) })));
    expect(of('addr')[0]).toEqual({ stringValue: String(0xffff_8881_0000_0001n) });
    expect(of('big').slice(0, 3)).toEqual([
      { intValue: String(2n ** 63n - 2n) },
      { intValue: String(2n ** 63n - 1n) },
      { stringValue: String(2n ** 63n) },
    ]);
    expect(of('rate')).toEqual([undefined, ...TEXTS.slice(1).map((_, i) => ({ doubleValue: (i + 1) / 3 }))]);
    expect(of('flag').slice(0, 2)).toEqual([{ boolValue: false }, { boolValue: true }]);
    expect(of('gone')).toEqual(TEXTS.map(() => undefined));
    expect(of('path')).toEqual(TEXTS.map((text) => ({ stringValue: text })));
    expect(of('size')[0]).toEqual({ intValue: String(3 * table.context.pageSize) });
  });

  test('the time of the refresh, when it was seen, how much it matters, and a line to read', () => {
    const before = Date.now();
    const [record] = sent(table, KINDS, ['n', 'kind', 'path']).records as [LogRecord];
    expect(record).toMatchObject({
      timeUnixNano: '1770091506007125000',
      severityNumber: 9,
      severityText: 'INFO',
      eventName: `itertop.${table.template.name}.row`,
      body: { stringValue: String.raw`n=0 kind=one path=\x1b[2Jgone` },
    });
    const observed = Number(BigInt(record.observedTimeUnixNano) / 1_000_000n);
    expect(observed).toBeGreaterThanOrEqual(before);
    expect(observed).toBeLessThanOrEqual(Date.now());
  });

  test('many rows are several requests', () => {
    const many = tableOf(
      { n: { type: 'u32' }, name: { type: 'text', as: 'text' } },
      Array.from({ length: 20_000 }, (_, n) => ({ values: { n, name: `name ${n} ${'x'.repeat(n % 300)}` } })),
      {},
    );
    const { requests, records } = sent(many, ['n', 'name']);
    expect(requests.length).toBeGreaterThan(4);
    for (const { bytes } of requests) expect(bytes.length).toBeLessThan(600 << 10);
    expect(records.map(({ attributes }) => Number(attributes['itertop.n']!['intValue']))).toEqual(
      Array.from({ length: 20_000 }, (_, n) => n),
    );
  });

  test.each([0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])(
    'a message of %i bytes has its length before it',
    (length) => {
      const out = new ProtobufBytes(16);
      const begun = out.begin(1);
      out.raw(Buffer.alloc(length, 7));
      out.end(begun);
      const { written } = out;
      let [at, found, shift] = [1, 0, 0];
      for (; ; shift += 7) {
        const byte = written[at++];
        found |= (byte & 127) << shift;
        if (byte < 128) break;
      }
      expect([written[0], found, written.length - at]).toEqual([10, length, length]);
      expect(written.subarray(at).every((byte) => byte === 7)).toBe(true);
    },
  );

  test.each(shownTemplates().map((t) => [t.name, t] as const))(
    '%s: no two columns are the same attribute',
    (_name, template) => {
      const columns = allColumns(template).filter((name) => partsOf(columnOf(template, name)).length === 0);
      const names = columns.map((name) => attributeOf(template, name));
      expect(new Set(names).size).toBe(names.length);
    },
  );

  test('an endpoint is sent as its address and its port', () => {
    const tcp = shownTemplates().find((t) => t.name === 'tcp')!;
    expect(sentColumns(tcp, ['state', 'local'])).toEqual(['sk', 'lport', 'rport', 'cookie', 'state', 'local', 'laddr']);
  });
});

describeKernel('log records of this kernel', () => {
  const names = shownTemplates().map((t) => t.name);
  test.each(names.filter((name) => name !== 'ksym'))(
    '%s: all columns as in NDJSON',
    (name) => {
      using from = collector(name);
      const collected = collect(from);
      const shown = [...new Set([...identityOf(from.template), ...allColumns(from.template)])];
      const snapshot = snapshotOf(collected.table, shown, { stats: collected.stats });
      const text = [...snapshotWriter('ndjson', false).snapshot(snapshot)].join('');
      const lines = text.trimEnd().split('\n').slice(1);
      const { records } = sent(collected.table, shown, from.template.show);
      expect(records.length).toBe(lines.length);
      // A call of expect() for each of millions of values would take minutes.
      const different: unknown[] = [];
      const fields = shown.flatMap((column) => {
        const attribute = attributeOf(from.template, column);
        return partsOf(columnOf(from.template, column)).length > 0 ? [] : [{ column, attribute }];
      });
      for (const [i, line] of lines.entries()) {
        const row = exactly(line);
        for (const { column, attribute } of fields) {
          const value = plain(records[i]!.attributes[attribute]);
          const other = row[column];
          const same =
            (Array.isArray(value) && JSON.stringify(value) === JSON.stringify(other)) ||
            (attribute === 'network.connection.state' &&
              value === (STATES[String(other)] ?? String(other).toLowerCase())) ||
            value === other;
          if (!same) different.push([i, column, value, other]);
        }
      }
      expect(different).toEqual([]);
    },
    120_000,
  );
});

const STATES: Readonly<Record<string, string>> = {
  CLOSE: 'closed',
  FIN_WAIT1: 'fin_wait_1',
  FIN_WAIT2: 'fin_wait_2',
  SYN_RECV: 'syn_received',
};
