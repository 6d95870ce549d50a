/** Conditions evaluated after reading: what needs joins, texts, rates or regular expressions. */
import { AF_INET, AF_INET6 } from '../bpf/family.ts';
import { INET_ADDRESS } from './record.ts';
import type { TableRows } from './table.ts';
import type { Leaf, Network, Num, Where } from './where.ts';

/** Whether a row of the table fulfils the condition. */
export function matchesWhere(where: Where, table: TableRows, row: number): boolean {
  switch (where.kind) {
    case 'and':
      return matchesWhere(where.left, table, row) && matchesWhere(where.right, table, row);
    case 'or':
      return matchesWhere(where.left, table, row) || matchesWhere(where.right, table, row);
    case 'not':
      return !matchesWhere(where.of, table, row);
    default:
      return matchesLeaf(where, table, row);
  }
}

function matchesLeaf(leaf: Leaf | { kind: 'present'; column: string }, table: TableRows, row: number): boolean {
  const { column } = leaf;
  switch (leaf.kind) {
    case 'text': {
      const text = textOf(table, row, column);
      return text !== '' && leaf.values.includes(text);
    }
    case 'match': {
      const text = table.isText(column) ? textOf(table, row, column) : table.cell(row, column);
      return text !== '' && leaf.pattern.test(text);
    }
    case 'net': {
      const bytes = table.bytes(row, column);
      return bytes !== null && leaf.networks.some((network) => inNetwork(bytes, network));
    }
    case 'present':
      return table.isText(column) ? textOf(table, row, column) !== '' : !Number.isNaN(comparable(table, row, column));
    case 'compare': {
      const value = comparable(table, row, column);
      switch (leaf.relation) {
        case '==':
          return value >= leaf.value && value <= leaf.value;
        case '!=':
          return value < leaf.value || value > leaf.value;
        case '<':
          return value < leaf.value;
        case '<=':
          return value <= leaf.value;
        case '>':
          return value > leaf.value;
        case '>=':
          return value >= leaf.value;
      }
      break;
    }
    case 'in': {
      const value = comparable(table, row, column);
      return leaf.ranges.some(({ low, high }) => value >= low && value <= high);
    }
  }
}

/** Addresses and bytes as they are written, texts as the kernel has them. */
function textOf(table: TableRows, row: number, column: string): string {
  const format = table.formatOf(column);
  return format === 'inet' || format === 'hexbytes' ? table.cell(row, column) : table.text(row, column);
}

/**
 * A column's raw number, but for what is shown as something else: an age [ns], a time [ms since the epoch], jiffies [ns].
 * NaN where there is no value, a bigint where a number would be rounded.
 */
function comparable(table: TableRows, row: number, column: string): Num {
  const value = table.number(row, column);
  switch (table.formatOf(column)) {
    case 'age':
      return table.context.nowNs - value;
    case 'time':
      return table.context.bootMs + value / 1e6;
    case 'jiffies':
      return table.context.hz > 0 ? (value * 1e9) / table.context.hz : Number.NaN;
    default:
      return Math.abs(value) > Number.MAX_SAFE_INTEGER ? (table.exact(row, column) ?? value) : value;
  }
}

const familyOf = (bytes: Buffer) => new Uint32Array(bytes.buffer, bytes.byteOffset, 1)[0];

/** An IPv4 network also holds its addresses mapped into IPv6 (::ffff:0:0/96). */
export function inNetwork(field: Buffer, { family, bytes, bits }: Network): boolean {
  const kind = familyOf(field);
  let start = INET_ADDRESS;
  if (family === 4 && kind === AF_INET6) {
    for (let i = 0; i < 12; i++) if (field[INET_ADDRESS + i] !== (i < 10 ? 0 : 0xff)) return false;
    start += 12;
  } else if (kind !== (family === 4 ? AF_INET : AF_INET6)) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (field[start + i] !== bytes[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (field[start + whole] ^ bytes[whole]) >> (8 - rest) === 0;
}
