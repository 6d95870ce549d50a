// Loaded before the program, in each of its threads (NODE_OPTIONS=--require): does FAULT once the file FAULT_FILE is there.
//   main:throw, main:reject, worker:throw, worker:exit, worker:oom, worker:spin   in that thread
//   draw                         a number that is written as text throws, as what lacks something in BTF does
//   clock:MS                     the wall clock is set by so many milliseconds, in all threads
//   bpf:COMMAND:ERRNO            bpf(2) refuses that command (numbers), for as long as the file is there
const fs = require('node:fs');
const Module = require('node:module');
const { isMainThread } = require('node:worker_threads');

const file = process.env.FAULT_FILE;
const [where, what, errno] = (process.env.FAULT ?? '').split(':');
const due = () => fs.existsSync(file);

if (where === 'clock') {
  const RealDate = Date;
  const real = RealDate.now;
  const now = () => real() + (due() ? Number(what) : 0);
  globalThis.Date = class extends RealDate {
    constructor(...args) {
      if (args.length === 0) super(now());
      else super(...args);
    }
    static now() {
      return now();
    }
  };
} else if (where === 'draw') {
  const { toFixed } = Number.prototype;
  Number.prototype.toFixed = function (digits) {
    if (isMainThread && due()) throw Object.assign(new Error('made to fail'), { name: 'BtfError' });
    return toFixed.call(this, digits);
  };
} else if (where === 'bpf') {
  const load = Module._load;
  let refused = 0;
  Module._load = function (request, ...rest) {
    const loaded = load.call(this, request, ...rest);
    if (!/^(koffi|@koromix\/koffi-.*)$/.test(request)) return loaded;
    const library = (path) => {
      const real = loaded.load(path);
      return {
        func(prototype) {
          const call = real.func(prototype);
          if (!/^long syscall\(long nr, int cmd/.test(prototype)) return call;
          return (nr, command, attr, size) => {
            refused = command === Number(what) && due() ? Number(errno) : 0;
            return refused ? -1 : call(nr, command, attr, size);
          };
        },
      };
    };
    return { ...loaded, load: library, errno: () => refused || loaded.errno() };
  };
} else if (isMainThread === (where === 'main')) {
  const timer = setInterval(() => {
    if (!due()) return;
    clearInterval(timer);
    if (!process.env.FAULT_STAYS) fs.rmSync(file);
    if (what === 'throw') throw new Error('made to fail');
    if (what === 'reject') void Promise.reject(new Error('made to fail'));
    if (what === 'exit') process.exit(7);
    if (what === 'spin') for (;;);
    if (what === 'oom') for (const kept = []; ; ) kept.push(new Array(1e6).fill(0.5));
  }, 20);
  timer.unref();
}
