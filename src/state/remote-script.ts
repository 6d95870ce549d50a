/**
 * What runs on another host, as scripts of a POSIX shell. They go to `sh` on its standard input: no other shell sees
 * them, so it makes no difference which one the user has there, or whether there is one between (`kubectl exec` has
 * none). Each is one command in braces, which a shell reads to its end before it begins with it: what comes after it
 * on standard input is for the command. Standard input is the tether, too: where it ends, all ends.
 */

/** Seconds between signs of life on standard input, and how long the far side does without. */
export const BEAT = 15;
export const TETHER = 60;

/** A word as every POSIX shell reads it. */
const quoted = (word: string) => `'${word.replaceAll("'", String.raw`'\''`)}'`;

/**
 * A line of the script's own begins with the mark, which no one else knows; whatever a login writes before it is told
 * apart by that, and by the line break before it what had none.
 */
const says = (mark: string) => `itertop_says() { printf '\\n${mark} %s\\n' "$*"; }`;

/**
 * Runs a command: `start` goes before what it writes; then, on standard error, `end STATUS` and, where it did not take
 * its words, `VERSION`.
 * @param command the words that make it itertop, `sudo -n itertop` say; `args` follow
 */
export function runScript(mark: string, command: readonly string[], args: readonly string[]): string {
  const itertop = command.map(quoted).join(' ');
  return `{
${says(mark)}
itertop_says start
${itertop} ${args.map(quoted).join(' ')}
s=$?
v=
case $s in 1|2) v=$(${itertop} --version </dev/null 2>/dev/null) ;; esac
itertop_says end "$s" "$v" >&2
exit $s
}
`;
}

/** Goes on until standard input ends, or is silent for too long. */
const WAITS = `if command -v timeout >/dev/null 2>&1 && command -v head >/dev/null 2>&1; then
  while [ -n "$(timeout ${TETHER} head -n 1)" ]; do :; done
else
  while read -r x; do :; done
fi`;

/** Says `start`, and keeps the connection. */
export function keeperScript(mark: string): string {
  return `{
${says(mark)}
itertop_says start
${WAITS}
exit
}
`;
}

/** What makes a file smaller, and whole again; the first that both sides have is taken. */
export const PACKERS = ['zstd', 'gzip', 'cat'] as const;
export type Packer = (typeof PACKERS)[number];

/**
 * Keeps the connection and a copy of the executable, in a folder of its own that goes with it.
 *
 * It says `start MACHINE PACKERS HASH PATH`, hash and path being those of an itertop that is there (`none`, and
 * `unknown` where nothing tells a hash); is told `BYTES PACKED PACKER`, the sizes of what comes; says `folder PATH`, or
 * `nowhere`; takes it; says `copied HASH`. With `0 0 cat` nothing comes.
 */
export function copyScript(mark: string): string {
  return `{
umask 077
d=
trap '[ -z "$d" ] || rm -rf "$d"' EXIT
trap 'exit 1' HUP INT TERM PIPE
${says(mark)}
z=
for c in ${PACKERS.join(' ')}; do if command -v $c >/dev/null 2>&1; then z=$z$c,; fi; done
h=none
p=$(command -v itertop 2>/dev/null)
if ! command -v sha256sum >/dev/null 2>&1; then h=unknown
elif [ -f "$p" ] && [ -r "$p" ]; then h=$(sha256sum <"$p"); fi
itertop_says start "$(uname -m)" "$z" "\${h%% *}" "$p"
read -r size packed z || exit
if [ "$size" -gt 0 ]; then
  for t in "\${TMPDIR:-/tmp}" "$XDG_RUNTIME_DIR" "/run/user/$(id -u)" "$HOME/.cache" "$HOME" /var/tmp /dev/shm; do
    case $t in /*) ;; *) continue ;; esac
    d=$(mktemp -d "$t/itertop.XXXXXXXXXX" 2>/dev/null) || { d=; continue; }
    free=$(df -Pk "$d" 2>/dev/null | { read -r x; read -r x x x free x; echo "$free"; })
    # A folder whose files may not be run says so only when one is.
    if [ "\${free:-999999999}" -gt $((size / 1024)) ] && printf '#!/bin/sh\\n' >"$d/itertop" &&
      chmod 700 "$d/itertop" && "$d/itertop" 2>/dev/null; then break; fi
    rm -rf "$d"
    d=
  done
  if [ -z "$d" ]; then itertop_says nowhere; exit 1; fi
  itertop_says folder "$d"
  rm "$d/itertop"
  if [ $z = cat ]; then head -c "$packed" >"$d/itertop"; else head -c "$packed" | $z -dc >"$d/itertop"; fi
  chmod 500 "$d/itertop"
  h=$(sha256sum <"$d/itertop")
  itertop_says copied "\${h%% *}"
fi
${WAITS}
exit
}
`;
}
