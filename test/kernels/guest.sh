#!/bin/bash
# PID 1 of a guest: looks at this kernel with the program and its tests, leaves what it found on the third disk, ends.
export PATH=/node_modules/node/bin:/usr/sbin:/usr/bin HOME=/tmp TERM=dumb LANG=C.UTF-8 CI=1 ITERTOP_TEST_SLOW=10
cd /repo
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mkdir -p /dev/pts /dev/shm /run/out
mount -t devpts pts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t tracefs tracing /sys/kernel/tracing 2>/dev/null
mount -t debugfs debug /sys/kernel/debug 2>/dev/null
mount --bind /node_modules /repo/node_modules
ln -sf /proc/self/fd /dev/fd
ip link set lo up
ulimit -n 65536

out=/run/out
# An emulated machine pays more for V8's optimizing compiler than short runs give back.
run() { timeout -k 10 1100 node --no-opt "dist/kernels/test/$1.mjs"; }
keep() { tar -cf /dev/vdc -C $out . && sync; }
step() {
  local name=$1; shift
  echo "== $name"
  local from=$SECONDS
  "$@" >"$out/$name.txt" 2>"$out/$name.err"
  echo "== $name ended with $? after $((SECONDS - from)) s" | tee -a $out/steps.txt
  [ -s "$out/$name.err" ] && tail -n 5 "$out/$name.err"
  keep
}
tests() {
  local file
  while read -r file <&3; do
    echo "-- $file" >/dev/console
    local from=$SECONDS
    export ITERTOP_TEST_FILE=$file
    run "${file:5:-3}" 2>$out/one.err
    local ended=$?
    [ $ended = 0 ] || printf '\n{"file":"%s","name":"(file)","state":"failed","message":"ended with %d"}\n' "$file" $ended
    { echo "-- $file: $ended, $((SECONDS - from)) s"; cat $out/one.err; } >&2
    rm -f $out/one.err
    keep
  done 3<dist/kernels/tests
}
# Without Node, and with nothing of this repository but the one file.
executable() {
  cp dist/bin/itertop-linux-* /tmp/itertop &&
    unshare --mount bash -euc '
      mount -t tmpfs none /repo
      mount -t tmpfs none /node_modules
      cd /tmp
      PATH=/usr/sbin:/usr/bin
      if command -v node; then echo "there is a node here"; exit 1; fi
      ./itertop --version
      ./itertop doctor
      ./itertop dump task -c pid,comm,rss --pid 1 --format csv | tee one
      grep -q "^1,bash,[1-9]" one
      ./itertop dump tcp --format json >two
      grep -q "\"columns\"" two'
}

probe() { run kernels/probe; }
screen() { run kernels/screen; }

echo "== up: $(uname -r)"
for name in $(cat dist/kernels/steps); do step "$name" "$name"; done
# Of lockups and stalls a machine that stands still now and then is the reason, not the program.
dmesg | grep -E 'BUG:|WARNING:|Oops|general protection|Unable to handle|refcount_t' | grep -vE 'soft lockup|workqueue lockup' >$out/complaints.txt
echo "== all done" | tee -a $out/steps.txt
keep
echo o >/proc/sysrq-trigger
sleep 600
