// Copyright the iocp authors. MIT license.
/* Calls the method that the first argument names with an array of 4 GiB. */

import assert from "node:assert/strict";
import { totalmem } from "node:os";
import process from "node:process";
import { broadcast, type Conn, connect, listen } from "../../mod.ts";

const LENGTH = 2 ** 32;
const NEEDED = 6 * 2 ** 30;
/* Positions where a length or an offset of 32 bits would overflow. */
const MARKS = [0, 2 ** 29, 2 ** 31 - 1, 2 ** 31, LENGTH - 1];

const writes: Record<string, (conn: Conn, p: Uint8Array) => unknown> = {
  write: (conn, p) => conn.write(p),
  writeSync: (conn, p) => conn.writeSync(p),
  writable: (conn, p) =>
    conn.writable.getWriter().write(p as Uint8Array<ArrayBuffer>),
  broadcast: (conn, p) => broadcast([conn], p),
};
const reads: Record<string, (conn: Conn, p: Uint8Array) => unknown> = {
  read: (conn, p) => conn.read(p),
  readSync: (conn, p) => conn.readSync(p, { timeout: 30_000 }),
  chunks: async (conn, p) => (await conn.chunks(p).next()).value!.length,
  byob: async (conn, p) => {
    const reader = conn.readable.getReader({ mode: "byob" });
    return (await reader.read(p as Uint8Array<ArrayBuffer>)).value!.length;
  },
};

/* Receives the stream and checks its length and the marks. */
async function receive(port: number): Promise<void> {
  const conn = await connect({ port });
  let count = 0;
  const seen: number[] = [];
  for await (const chunk of conn.chunks(new Uint8Array(1 << 22))) {
    for (const mark of MARKS) {
      const at = mark - count;
      if (at >= 0 && at < chunk.length && chunk[at] === 7) seen.push(mark);
    }
    count += chunk.length;
  }
  assert.equal(count, LENGTH);
  assert.deepEqual(seen, MARKS);
}

const [how = "", port] = process.argv.slice(2);
if (how === "receive") await receive(Number(port));
else if (totalmem() < NEEDED) {
  console.log(`skipped: this machine has less than ${NEEDED} bytes of memory`);
} else {
  const p = new Uint8Array(LENGTH);
  const listener = listen({ hostname: "127.0.0.1", port: 0 });
  if (how in writes) {
    for (const mark of MARKS) p[mark] = 7;
    console.log(`listening ${listener.addr.port}`);
    const conn = await listener.accept();
    const result = await writes[how]!(conn, p);
    if (how.startsWith("write") && how !== "writable") {
      assert.equal(result, LENGTH);
    }
    await conn.closeWrite();
    assert.equal(await conn.read(new Uint8Array(1)), null);
  } else {
    const client = await connect(listener.addr);
    const conn = await listener.accept();
    await client.write(new Uint8Array(5));
    const count = await reads[how]!(conn, p) as number;
    assert.ok(count >= 1 && count <= 5, `${count}`);
  }
  console.log("done");
  process.exit(0);
}
