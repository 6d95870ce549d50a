/** How many of something, in words. */
const format = new Intl.NumberFormat('en-US');

/** `18,002` */
export const grouped = (count: number): string => format.format(count);

/** `1 row`, `18,002 rows`. @param many what more (or less) than one are called */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${grouped(count)} ${count === 1 ? one : many}`;
