// Copyright the iocp authors. MIT license.
/* How long the import of this module takes, by the runtime's own clock. */

const start = performance.now();
await import("../../mod.ts");
console.log(`imported in ${(performance.now() - start).toFixed(3)} ms`);
