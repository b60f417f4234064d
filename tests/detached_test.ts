// Copyright the iocp authors. MIT license.
/* Buffers that are transferred, to a Worker or by a stream, during an operation:
 * the caller may get an error, but never a crash, wrong bytes or a false end. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Conn } from "../mod.ts";
import { within } from "./shared/deadline.ts";
import { pair } from "./shared/pair.ts";
import { detach, Digest, digest, pattern } from "./shared/pattern.ts";
import { receiveByLoop } from "./shared/transfer.ts";

/* Receives a stream, and transfers the buffer of every other chunk. */
async function receiveAndTransfer(conn: Conn): Promise<string> {
  const result = new Digest();
  let i = 0;
  for await (const chunk of conn) {
    result.add(chunk);
    if (i++ % 2 === 0) {
      try {
        detach(chunk);
      } catch (error) {
        /* The runtime may refuse the transfer. */
        assert.match((error as Error).name, /^(TypeError|DataCloneError)$/);
      }
    }
  }
  return result.text();
}

test("Transferring the buffer of a chunk does not affect connections", async () => {
  using ends = await pair();
  const { client: one, port, listener } = ends;
  const two = await port.connect(listener.addr);
  const servers = [ends.server, await listener.accept()];
  const received = servers.map(receiveAndTransfer);
  for (let i = 0; i < 300; i++) {
    await one.write(pattern(3_000, 1, i * 3_000));
    await two.write(pattern(3_000, 2, i * 3_000));
  }
  one.close();
  two.close();
  const digests = await within("both loops", Promise.all(received));
  assert.deepEqual(digests, [
    digest(pattern(900_000, 1)),
    digest(pattern(900_000, 2)),
  ]);
});

test("A byte stream that transfers the buffers of chunks gets all bytes", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const chunks = server[Symbol.asyncIterator]();
  const stream = new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const { value, done } = await chunks.next();
      if (done) {
        controller.close();
        return;
      }
      try {
        controller.enqueue(value as Uint8Array<ArrayBuffer>);
      } catch (error) {
        assert.ok(error instanceof TypeError);
        controller.enqueue(value.slice());
      }
    },
  });
  const result = new Digest();
  async function receive() {
    const reader = stream.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return result.text();
      result.add(value);
    }
  }
  const received = receive();
  for (let i = 0; i < 100; i++) {
    await client.write(pattern(9_999, 1, i * 9_999));
  }
  client.close();
  assert.equal(await within("the stream", received), digest(pattern(999_900)));
});

test("A read whose buffer is transferred does not report an end", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const buffer = new Uint8Array(100);
  const read = server.read(buffer).then(String, (error) => error.name);
  detach(buffer);
  await client.write(pattern(10));
  assert.equal(await within("the read", read), "TypeError");
  const next = new Uint8Array(100);
  const count = await within("the next read", server.read(next));
  assert.equal(count, 10);
});

test("A write whose buffer is transferred meanwhile fails", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const bytes = pattern(16 * 1024 * 1024);
  const written = client.write(bytes).then(String, (error) => error.name);
  detach(bytes);
  const received = receiveByLoop(server).then(() => "end", (e) => e.code);
  assert.equal(await within("the write", written), "SocketError");
  client.close();
  await within("the peer", received);
});

test("read(p) and write(p) with a detached buffer resolve to 0", async () => {
  using ends = await pair();
  const bytes = pattern(10);
  detach(bytes);
  assert.equal(await ends.client.write(bytes), 0);
  assert.equal(await ends.client.read(bytes), 0);
});
