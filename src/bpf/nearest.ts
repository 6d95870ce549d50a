/** Suggestions for a mistyped name: "did you mean ...?" */

/**
 * The names nearest to `word`, best first, at most `limit`; none that a reader would call unrelated.
 *
 * Near is an edit distance (insert, delete, replace, swap of neighbours; case ignored) of up to a third of the
 * word, at least 2, or a name with the word as one of its `_` parts: kernel members carry prefixes that people
 * leave out ("rcvbuf" for "sk_rcvbuf", "state" for "__state").
 */
export function nearest(word: string, candidates: Iterable<string>, limit = 3): string[] {
  const wanted = word.toLowerCase();
  const far = Math.max(2, Math.floor(wanted.length / 3));
  const found: { name: string; distance: number }[] = [];
  for (const name of new Set(candidates)) {
    const lower = name.toLowerCase();
    // A name of one or two letters is within two edits of everything as short: ask for a letter in common.
    const most = Math.min(far, Math.max(wanted.length, lower.length) - 1);
    const distance = `_${lower}_`.includes(`_${wanted}_`) ? 0.5 : editDistance(wanted, lower, most);
    if (distance <= most) found.push({ name, distance });
  }
  found.sort((a, b) => a.distance - b.distance || a.name.length - b.name.length || (a.name < b.name ? -1 : 1));
  return found.slice(0, limit).map((f) => f.name);
}

/** `; did you mean a, b or c?`, or nothing when there is nothing to suggest: ready to end a message with. */
export function didYouMean(suggestions: readonly string[]): string {
  if (suggestions.length === 0) return '';
  const last = suggestions.at(-1);
  const others = suggestions.slice(0, -1).join(', ');
  return `; did you mean ${others ? `${others} or ${last}` : last}?`;
}

/** Edit distance of `a` and `b` (optimal string alignment), or `most + 1` as soon as it must be more than `most`. */
function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, before[j - 2] + 1);
      row.push(cost);
      best = Math.min(best, cost);
    }
    if (best > most) return most + 1;
    before = above;
    above = row;
  }
  return above[b.length];
}
