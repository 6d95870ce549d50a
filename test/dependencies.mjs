// Dependencies point one way: ui -> state -> templates -> bpf. Run by `npm run lint`.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const ROOMS = ['bpf', 'templates', 'state', 'ui'];
const root = new URL('../src/', import.meta.url).pathname;
const wrong = [];
for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
  const file = join(entry.parentPath, entry.name).slice(root.length);
  const room = ROOMS.indexOf(file.split('/')[0]);
  if (room < 0) continue;
  const text = readFileSync(join(root, file), 'utf8');
  for (const [, target] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
    const to = normalize(join(dirname(file), target));
    const other = ROOMS.indexOf(to.split('/')[0]);
    if (other < 0 || other > room)
      wrong.push(`src/${file} imports ${target}: ${ROOMS[room]} may not depend on ${to.split('/')[0]}`);
  }
}
if (wrong.length > 0) {
  console.error(wrong.join('\n'));
  process.exitCode = 1;
}
