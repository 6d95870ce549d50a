#!/bin/bash
# PID 1 of a guest: looks at this kernel with the program and its tests, leaves what it found on the third disk, ends.
export PATH=/node_modules/.bin:/usr/sbin:/usr/bin HOME=/tmp TERM=dumb LANG=C.UTF-8 CI=1 NODE_COMPILE_CACHE=/tmp/compiled
export PATH=/node_modules/node/bin:$PATH
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

option() { sed -n "s/.*itertop\.$1=\([^ ]*\).*/\1/p" /proc/cmdline; }
keep() { tar -cf /dev/vdc -C /run/out . && sync; }
step() {
  local name=$1; shift
  echo "== $name"
  local from=$SECONDS
  timeout "$(option limit)" "$@" >"/run/out/$name.txt" 2>"/run/out/$name.err"
  echo "== $name ended with $? after $((SECONDS - from)) s" | tee -a /run/out/steps.txt
  [ -s "/run/out/$name.err" ] && tail -n 5 "/run/out/$name.err"
  keep
}

uname -r >/run/out/release
step probe node test/kernels/probe.ts
step doctor node dist/itertop.js doctor
step screen node test/kernels/screen.ts
tests=$(option tests | tr , ' ')
if [ -n "$tests" ]; then
  step tests node node_modules/vitest/vitest.mjs run $tests --reporter=./test/kernels/reporter.ts \
    --testTimeout=240000 --hookTimeout=240000 --no-cache
fi
dmesg 2>/dev/null | grep -E 'BUG|WARNING|Oops|Call Trace|RCU|hung' >/run/out/complaints.txt
keep
sync
echo s >/proc/sysrq-trigger
echo o >/proc/sysrq-trigger
sleep 60
