// Copyright the iocp authors. MIT license.

// The live heap of a connection that waits in a `for await` loop: what is left
// when the collector is done, without the room that it keeps for itself.
//
//   deno run --allow-all --v8-flags=--expose-gc bench/heap.js
//   bun bench/heap.js
//
// Both ends are in this process, and the user's own loop is part of it.

import process from "node:process";
import { connect, listen } from "../mod.ts";

const FEW = 500;
const MANY = 2000;

const { gc, Bun } = globalThis;

/* Bytes that are in use after a few collections. */
async function heapBytes() {
  for (let i = 0; i < 5; i++) {
    if (Bun === undefined) gc();
    else Bun.gc(true);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (Bun === undefined) return process.memoryUsage().heapUsed;
  const { heapStats } = await import("bun:jsc");
  return heapStats().heapSize;
}

async function echo(conn) {
  for await (const chunk of conn) await conn.write(chunk);
}

if (Bun === undefined && gc === undefined) {
  console.error("heap: deno needs --v8-flags=--expose-gc");
  process.exit(2);
}
const listener = listen({ hostname: "127.0.0.1", port: 0 });
const open = async (count) => {
  for (let i = 0; i < count; i++) {
    const accepted = listener.accept();
    echo(await connect(listener.addr));
    echo(await accepted);
  }
};
await open(FEW);
const few = await heapBytes();
await open(MANY);
const many = await heapBytes();
const each = (many - few) / (2 * MANY);
console.log(`${each.toFixed(0)} bytes of live heap a connection`);
process.exit(0);
