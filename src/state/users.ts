/** User names from /etc/passwd, read once; users of other name services show as numbers. */
import fs from 'node:fs';

let names: Map<number, string> | undefined;
let ids: Map<string, number> | undefined;

function load(): void {
  names = new Map();
  ids = new Map();
  let text = '';
  try {
    text = fs.readFileSync('/etc/passwd', 'utf8');
  } catch {
    // No such file in a bare root: numbers are shown.
  }
  for (const line of text.split('\n')) {
    const [name, , uid] = line.split(':');
    if (!name || !/^\d+$/.test(uid ?? '')) continue;
    if (!names.has(Number(uid))) names.set(Number(uid), name);
    ids.set(name, Number(uid));
  }
}

export function userName(uid: number): string | undefined {
  if (!names) load();
  return names!.get(uid);
}

export function userId(name: string): number | undefined {
  if (!ids) load();
  return ids!.get(name);
}
