// Runs in a child process: what its parent sends is called here, so that a test makes kernel objects with known values.
import koffi from 'koffi';

const libc = koffi.load(null);
const functions = new Map();

function prototype(text) {
  const known = functions.get(text) ?? libc.func(text);
  functions.set(text, known);
  return known;
}

/** Errors are said with errno; everything else is the function's value. */
function call(text) {
  return (...args) => {
    const value = prototype(text)(...args);
    if (Number(value) < 0) throw new Error(`${text}: errno ${koffi.errno()}`);
    return value;
  };
}

const tools = {
  kept: { addressOf: (bytes) => BigInt(koffi.address(bytes)) },
  libc: call,
  node: (name) => process.getBuiltinModule(name),
};

process.on('message', async ({ source, argument }) => {
  try {
    process.send({ value: await new Function(`return (${source})`)()(tools, argument) });
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) });
  }
});
process.on('disconnect', () => process.exit(0));
process.send({ value: 'ready' });
