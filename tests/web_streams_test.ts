// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { within } from "./shared/deadline.ts";
import { errorFrom } from "./shared/outcome.ts";
import { meetReset, pair } from "./shared/pair.ts";
import { bytesOf, digest, pattern } from "./shared/pattern.ts";
import { receiveByLoop } from "./shared/transfer.ts";

test("Conn.readable and writable are the same stream each time", async () => {
  using ends = await pair();
  assert.equal(ends.client.readable, ends.client.readable);
  assert.equal(ends.client.writable, ends.client.writable);
});

test("Conn.readable closes the connection at its end", async () => {
  using ends = await pair();
  const { client, server } = ends;
  await client.write(bytesOf("hello"));
  await client.closeWrite();
  assert.equal(await new Response(server.readable).text(), "hello");
  assert.equal((await errorFrom(server.write(bytesOf("x")))).code, "EBADF");
  assert.equal(await client.read(new Uint8Array(1)), null);
});

test("Conn.readable leaves the connection open while writable is in use", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const writer = server.writable.getWriter();
  await client.write(bytesOf("hello"));
  await client.closeWrite();
  assert.equal(await new Response(server.readable).text(), "hello");
  await writer.write(bytesOf("answer"));
  await writer.close();
  assert.equal(await receiveByLoop(client), digest(bytesOf("answer")));
  assert.equal((await errorFrom(server.closeWrite())).code, "EBADF");
});

test("Conn.readable.cancel() closes the connection", async () => {
  using ends = await pair();
  const { client, server } = ends;
  await server.readable.cancel();
  assert.equal(await client.read(new Uint8Array(1)), null);
  assert.equal((await errorFrom(server.write(bytesOf("x")))).code, "EBADF");
});

test("Conn.readable.cancel() ends a read that waits", async () => {
  using ends = await pair();
  const reader = ends.server.readable.getReader();
  const read = reader.read();
  await reader.cancel();
  assert.equal((await within("the read", read)).done, true);
});

test("Conn.readable.cancel() leaves writable usable", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const writer = server.writable.getWriter();
  await server.readable.cancel();
  await writer.write(bytesOf("still"));
  await writer.close();
  assert.equal(await receiveByLoop(client), digest(bytesOf("still")));
});

test("Conn.readable pulls nothing before somebody reads", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const stream = server.readable;
  await client.write(bytesOf("for read(p)"));
  const buffer = new Uint8Array(100);
  assert.equal(await server.read(buffer), 11);
  await client.write(bytesOf("for the stream"));
  await client.closeWrite();
  assert.equal(await new Response(stream).text(), "for the stream");
});

test("Conn.readable ends when the connection is closed", async () => {
  using ends = await pair();
  const { server } = ends;
  const reader = server.readable.getReader();
  server.close();
  assert.equal((await within("the read", reader.read())).done, true);
});

test("Conn.readable can be split by tee()", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const halves = server.readable.tee().map((half) =>
    new Response(half).arrayBuffer()
  );
  const bytes = pattern(500_000);
  await client.write(bytes);
  client.close();
  for (const half of await within("both halves", Promise.all(halves))) {
    assert.equal(digest(new Uint8Array(half)), digest(bytes));
  }
});

test("Conn.writable.close() ends the sending direction", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const writer = client.writable.getWriter();
  writer.write(bytesOf("question"));
  await writer.close();
  assert.equal(await new Response(server.readable).text(), "question");
  assert.equal((await errorFrom(client.write(bytesOf("x")))).code, "EPIPE");
});

test("Conn.writable.abort() resets the connection", async () => {
  using ends = await pair();
  await ends.client.writable.abort(new Error("enough"));
  const error = await meetReset(ends.server);
  assert.equal((error as { code?: string }).code, "ECONNRESET");
});

test("Conn.writable refuses chunks that are no Uint8Array", async () => {
  using ends = await pair();
  const writer = ends.client.writable
    .getWriter() as unknown as WritableStreamDefaultWriter<unknown>;
  writer.closed.catch(() => {});
  await assert.rejects(writer.write("text"), {
    name: "TypeError",
    message: /Uint8Array/,
  });
});

test("Conn.writable holds its writer back while the peer takes nothing", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const writer = client.writable.getWriter();
  const bytes = pattern(32 * 1024 * 1024);
  const written = writer.write(bytes);
  assert.ok(writer.desiredSize! <= 0);
  const ended = writer.close();
  assert.equal(await receiveByLoop(server), digest(bytes));
  await within("the writer", Promise.all([written, ended]));
});

test("Conn.writable fails when the peer has reset", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const writer = client.writable.getWriter();
  writer.closed.catch(() => {});
  const written = errorFrom(writer.write(pattern(32 * 1024 * 1024)));
  server.reset();
  const { code } = await written;
  assert.ok(["ECONNRESET", "EPIPE", "ECONNABORTED"].includes(code), code);
});

test("Conn's streams pipe through a transformation", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const upper = new TransformStream<string, string>({
    transform(text, controller) {
      controller.enqueue(text.toUpperCase());
    },
  });
  const served = server.readable
    .pipeThrough(new TextDecoderStream() as never)
    .pipeThrough(upper)
    .pipeThrough(new TextEncoderStream())
    .pipeTo(server.writable as WritableStream);
  await client.write(bytesOf("quiet"));
  await client.closeWrite();
  assert.equal(await new Response(client.readable).text(), "QUIET");
  await within("the pipe", served);
});
