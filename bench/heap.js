// Copyright the iocp authors. MIT license.

// The live heap of a connection that waits in a `for await` loop, without what
// the collector reserves. Both ends and the caller's loop are part of it.
//
//   deno run -A --v8-flags=--expose-gc bench/heap.js
//   bun bench/heap.js

import process from "node:process";
import { connect, listen } from "../mod.ts";

const { gc, Bun } = globalThis;

async function heapBytes() {
  for (let i = 0; i < 5; i++) {
    Bun ? Bun.gc(true) : gc();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (!Bun) return process.memoryUsage().heapUsed;
  return (await import("bun:jsc")).heapStats().heapSize;
}

async function echo(conn) {
  for await (const chunk of conn) await conn.write(chunk);
}

const listener = listen({ hostname: "127.0.0.1", port: 0 });
async function open(count) {
  for (let i = 0; i < count; i++) {
    const accepted = listener.accept();
    echo(await connect(listener.addr));
    echo(await accepted);
  }
  return await heapBytes();
}
const before = await open(500);
const bytes = (await open(2000) - before) / 4000;
console.log(`${bytes.toFixed(0)} bytes of live heap a connection`);
process.exit(0);
