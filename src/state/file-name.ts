/** Names of files that are written where no name was given. */

const two = (n: number) => String(n).padStart(2, '0');

/** `itertop-tcp-20261126-140322` */
export function fileStem(template: string, now: Date): string {
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `itertop-${template}-${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}
