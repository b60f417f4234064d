// Copyright the iocp authors. MIT license.

// What a message leaves for the collector of Bun, in bytes: the parts of
// docs/where_the_time_goes.md, each made many times in a process of its own.
//
//   node bench/garbage.js

import process from "node:process";
import { bunPath, ensureNodeModules, runOrThrow } from "../scripts/setup.js";

const COUNT = 200_000;

// Statements that are repeated. A compiler cannot leave out what `last` holds.
const parts = {
  "a promise, as an async function makes it": "last = settled();",
  "a promise, its two functions and their scope":
    "last = new Promise(nothing);",
  "Promise.withResolvers()": "last = Promise.withResolvers();",
  "an iterator result": "last = { value: slab, done: false };",
  "a view of 64 bytes":
    "last = new Uint8Array(slab.buffer, (i % 4096) * 64, 64);",
  "a view of 64 bytes, and its part of the slab":
    "if (i % 4096 === 0) slab = new Uint8Array(262144);" +
    "last = new Uint8Array(slab.buffer, (i % 4096) * 64, 64);",
  "a copy of 64 bytes": "last = slab.slice(0, 64);",
};

function programOf(statement) {
  return `
    const nothing = () => {};
    async function settled() {}
    let slab = new Uint8Array(262144), last;
    slab.buffer;
    function repeat(count) { for (let i = 0; i < count; i++) { ${statement} } }
    repeat(20_000);
    Bun.gc(true);
    console.error("BEGIN");
    repeat(${COUNT});
    Bun.gc(true);`;
}

// The heap grows from what a collection keeps to what the next one begins with.
// The program's thread conducts it (M), or that of the collector (C).
function grown(log) {
  const [before, after] = log.split("BEGIN\n");
  const each = /START [MC] (\d+)kb => .* => (\d+)kb/g;
  const earlier = [...before.matchAll(each)];
  const collections = [...after.matchAll(each)];
  if (earlier.length === 0 || collections.length === 0) {
    throw new Error(`no collection in the log: ${log}`);
  }
  let [left, bytes] = [+earlier.at(-1)[2], 0];
  for (const [, from, kept] of collections) {
    bytes += (+from - left) * 1024;
    left = +kept;
  }
  return bytes / COUNT;
}

await ensureNodeModules();
const options = { env: { ...process.env, BUN_JSC_logGC: "1" } };
for (const [name, statement] of Object.entries(parts)) {
  const args = ["-e", programOf(statement)];
  const { output } = await runOrThrow(bunPath(), args, options);
  console.log(`${grown(output).toFixed(0).padStart(5)}  ${name}`);
}
