/** Names of hosts in narrow cells: by what hosts of one kind differ. */

/**
 * `web-1.example.org` ends with a domain, which many share, and is cut there as any text; of `shop/checkout-7d9f-x2x9q`
 * the end stays: `…ut-7d9f-x2x9q`.
 */
export function shortHost(name: string, width: number, ascii: boolean): string {
  if (name.length <= width || width < 2 || !/^[\x21-\x7e]+$/.test(name) || name.includes('.')) return name;
  return (ascii ? '~' : '…') + name.slice(1 - width);
}
