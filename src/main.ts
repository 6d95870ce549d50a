/** Says where Node is too old for anything else; see start.ts. */

/** Of it: Ink needs 22.0, and the bundles ask for Node's modules without importing them. */
const NEEDED = '22.3';

// Node would open its debugger to who connects: whoever is on this host, with what itertop may.
process.on('SIGUSR1', () => {});

if (!process.getBuiltinModule || Number.parseInt(process.versions.node, 10) < 22) {
  process.stderr.write(
    `itertop: Node.js ${NEEDED} or later is needed, this is ${process.versions.node}; run it with \`npm start\`, which brings its own\n`,
  );
  process.exitCode = 3;
} else await import('./start.ts');
