// Copyright the iocp authors. MIT license.
/* chunks(p), which receives into a buffer of the caller: what ends the loop and
 * what that does to the connection, and the contents of the buffer. Long transfers
 * are in receive_mode_test.ts. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Conn } from "../mod.ts";
import { eventually, within } from "./shared/deadline.ts";
import { pair } from "./shared/pair.ts";
import { bytesOf, detach, digest, pattern } from "./shared/pattern.ts";
import { receiveByChunks, receiveByLoop } from "./shared/transfer.ts";

const room = (length = 1000) => new Uint8Array(length);

/* The result of a loop: the lengths of its chunks, or the code of its error. */
async function outcome(conn: Conn, p: Uint8Array): Promise<string> {
  const lengths: number[] = [];
  try {
    for await (const chunk of conn.chunks(p)) lengths.push(chunk.length);
    return `${lengths}`;
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).name;
  }
}

test("A chunk is the filled part of the buffer", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const p = room(100).subarray(10, 60);
  const chunks = server.chunks(p);
  for (const text of ["hello", "again"]) {
    await client.write(bytesOf(text));
    const { value } = await within("a chunk", chunks.next());
    assert.equal(value!.buffer, p.buffer);
    assert.equal(value!.byteOffset, 10);
    assert.deepEqual(value!.slice(), bytesOf(text));
  }
});

test("No chunk is larger than the buffer, and nothing is lost", async () => {
  using ends = await pair();
  const bytes = pattern(100_000);
  ends.client.write(bytes).then(() => ends.client.close());
  const received = receiveByChunks(777)(ends.server);
  assert.equal(await within("the loop", received), digest(bytes));
});

describe("Several pending next() calls settle in order", () => {
  const loops = {
    "in a loop": (conn: Conn) => conn[Symbol.asyncIterator](),
    "in a loop in a buffer": (conn: Conn) => conn.chunks(room()),
  };
  for (const [name, loopOf] of Object.entries(loops)) {
    test(name, async () => {
      using ends = await pair();
      const { client, server } = ends;
      const chunks = loopOf(server);
      const results = Array.from({ length: 4 }, () => chunks.next());
      for (const [index, text] of ["a", "bc", "def"].entries()) {
        await client.write(bytesOf(text));
        const { value } = await within(text, results[index]!);
        assert.deepEqual(value!.slice(), bytesOf(text));
      }
      await client.closeWrite();
      const { done } = await within("the end", results[3]!);
      assert.equal(done, true);
    });
  }
});

test("A loop gets the chunks that an earlier loop has not read", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const bytes = pattern(50_000);
  await client.write(bytes.subarray(0, 10));
  const first = await server[Symbol.asyncIterator]().next();
  await client.write(bytes.subarray(10));
  await eventually("bytes ahead", () => server.stats().bytesAhead > 0);
  const p = room();
  let length = first.value!.length;
  for await (const chunk of server.chunks(p)) {
    assert.deepEqual(
      chunk.slice(),
      bytes.slice(length, length + chunk.length),
    );
    length += chunk.length;
    if (length === bytes.length) break;
  }
});

describe("The loop ends", () => {
  test("at the peer's end, and the connection is closed", async () => {
    using ends = await pair();
    await ends.client.write(bytesOf("hello"));
    await ends.client.closeWrite();
    assert.equal(await within("the loop", outcome(ends.server, room())), "5");
    await assert.rejects(ends.server.read(room()), { code: "EBADF" });
  });
  test("at the peer's end, and allowHalfOpen leaves it open", async () => {
    using ends = await pair({ allowHalfOpen: true });
    await ends.client.closeWrite();
    assert.equal(await within("the loop", outcome(ends.server, room())), "");
    await ends.server.write(bytesOf("answer"));
    ends.server.close();
    const received = await within("the answer", receiveByLoop(ends.client));
    assert.equal(received, digest(bytesOf("answer")));
  });
  test("by an error, which is thrown once", async () => {
    using ends = await pair();
    const chunks = ends.server.chunks(room());
    const next = chunks.next();
    ends.client.reset();
    await assert.rejects(within("the chunk", next), { code: "ECONNRESET" });
    assert.deepEqual(await chunks.next(), { value: undefined, done: true });
  });
  test("by a close, without an error", async () => {
    using ends = await pair();
    const loop = outcome(ends.server, room());
    ends.server.close();
    assert.equal(await within("the loop", loop), "");
    assert.equal(
      await within("a later loop", outcome(ends.server, room())),
      "",
    );
  });
  test("by a detach, without an error", async () => {
    using ends = await pair();
    const loop = outcome(ends.server, room());
    const socket = await within("the detach", ends.server.detach());
    assert.equal(await within("the loop", loop), "");
    ends.port.adopt(socket).close();
  });
  test("by a detach, which returns the unread bytes", async () => {
    using ends = await pair();
    const { client, server, port } = ends;
    await client.write(bytesOf("hello"));
    const chunks = server[Symbol.asyncIterator]();
    await within("a chunk", chunks.next());
    await client.write(bytesOf("again"));
    await eventually("bytes ahead", () => server.stats().bytesAhead === 5);
    const detached = server.detach();
    assert.deepEqual(await chunks.next(), { value: undefined, done: true });
    const socket = await within("the detach", detached);
    assert.deepEqual(socket.bytes, bytesOf("again"));
    port.adopt(socket).close();
  });
  test("by the close of its port", async () => {
    using ends = await pair();
    const loop = outcome(ends.server, room());
    ends.port.close();
    assert.equal(await within("the loop", loop), "");
  });
  test("by break, which closes the connection", async () => {
    using ends = await pair();
    await ends.client.write(bytesOf("hello"));
    for await (const _ of ends.server.chunks(room())) break;
    assert.equal(await within("the end", ends.client.read(room())), null);
  });
  test("by a TypeError when its buffer is transferred, and the connection is closed", async () => {
    using ends = await pair();
    const p = room();
    const loop = outcome(ends.server, p);
    detach(p);
    await ends.client.write(bytesOf("hello"));
    assert.equal(await within("the loop", loop), "TypeError");
    await assert.rejects(ends.server.read(room()), { code: "EBADF" });
  });
});

test("chunks(p) refuses an empty buffer", async () => {
  using ends = await pair();
  const { server } = ends;
  assert.throws(() => server.chunks(room(0)), {
    name: "RangeError",
    message: 'The "p" argument must not be empty',
  });
  for (const p of [undefined, null, "p", new ArrayBuffer(8), [1]]) {
    assert.throws(() => server.chunks(p as never), { name: "TypeError" });
  }
});
