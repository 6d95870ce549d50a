/** How V8 is set up, in the program and where the build has it compile: code made with other flags is not taken. */
export const V8_FLAGS: readonly string[] = [
  // Little of what a screen takes lives long: room for it that grows is never given back, 15 MB of it in each thread.
  '--semi-space-growth-factor=1',
  // What lives in so little room is copied sooner than other threads are woken up to help.
  '--no-parallel-scavenge',
];
