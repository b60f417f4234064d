// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Conn } from "../mod.ts";
import { socketOf } from "../src/conn.ts";
import { run } from "./shared/child.ts";
import { eventually, isSettled, within } from "./shared/deadline.ts";
import { errorFrom } from "./shared/outcome.ts";
import { pair, readUntilReset } from "./shared/pair.ts";
import { bytesOf, concat, digest, pattern } from "./shared/pattern.ts";
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

test("Conn.readable gets all bytes though writable is closed before they are read", async () => {
  using ends = await pair({
    receive: { mode: "burst", bufferSize: 65_536, depth: 4 },
  });
  const { client, server } = ends;
  const bytes = pattern(100_000);
  await client.write(bytes);
  await client.closeWrite();
  const reader = server.readable.getReader({ mode: "byob" });
  const first = await reader.read(new Uint8Array(10_000));
  const { receive } = socketOf(server)!;
  await eventually("the end is there", () => receive.isEnded);
  await server.writable.close();
  const parts = [first.value!];
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(10_000));
    if (done) break;
    parts.push(value);
  }
  assert.equal(digest(concat(parts)), digest(bytes));
  assert.equal((await errorFrom(server.closeWrite())).code, "EBADF");
});

test("Conn.readable.cancel() closes the connection", async () => {
  using ends = await pair();
  const { client, server } = ends;
  await server.readable.cancel();
  assert.equal(await client.read(new Uint8Array(1)), null);
  assert.equal((await errorFrom(server.write(bytesOf("x")))).code, "EBADF");
});

test("Conn.readable.cancel() ends a pending read", async () => {
  using ends = await pair();
  const reader = ends.server.readable.getReader();
  const read = reader.read();
  await reader.cancel();
  assert.equal((await within("the read", read)).done, true);
});

/* Canceling or aborting a stream closes the whole connection: the peer sees its end
 * or a reset, and no socket remains on the port. */

type Act = (conn: Conn) => unknown;

async function breakLoop(conn: Conn): Promise<void> {
  for await (const _ of conn.readable) break;
}

const failingSource = () =>
  new ReadableStream<Uint8Array>({
    start: (controller) => controller.error(new Error("the source has failed")),
  });
const failingDestination = () =>
  new WritableStream({
    write() {
      throw new Error("the destination has failed");
    },
  });

function badChunk(conn: Conn): Promise<unknown> {
  const writer = conn.writable
    .getWriter() as unknown as WritableStreamDefaultWriter<unknown>;
  writer.closed.catch(() => {});
  return writer.write("text").catch(() => {});
}

const canceled: Record<string, { act: Act; seen: "end" | "ECONNRESET" }> = {
  "readable.cancel()": { act: (conn) => conn.readable.cancel(), seen: "end" },
  "cancel() of a reader": {
    act: (conn) => conn.readable.getReader().cancel(),
    seen: "end",
  },
  "cancel() of a BYOB reader": {
    act: (conn) => conn.readable.getReader({ mode: "byob" }).cancel(),
    seen: "end",
  },
  "break in a loop": { act: breakLoop, seen: "end" },
  "a pipeTo() whose destination fails": {
    act: (conn) => conn.readable.pipeTo(failingDestination()).catch(() => {}),
    seen: "end",
  },
  "cancel() of both branches of tee()": {
    act: (conn) =>
      Promise.all(conn.readable.tee().map((half) => half.cancel())),
    seen: "end",
  },
  "writable.abort()": {
    act: (conn) => conn.writable.abort("enough"),
    seen: "ECONNRESET",
  },
  "a pipeTo() whose source fails": {
    act: (conn) => failingSource().pipeTo(conn.writable).catch(() => {}),
    seen: "ECONNRESET",
  },
  "a chunk of a wrong type": { act: badChunk, seen: "ECONNRESET" },
  "a pipeTo() with a chunk of a wrong type": {
    act: (conn) =>
      new Blob(["text"]).stream().pipeThrough(new TextDecoderStream() as never)
        .pipeTo(conn.writable).catch(() => {}),
    seen: "ECONNRESET",
  },
};

const usedBefore: Record<string, Act> = {
  "neither in use before": () => {},
  "both requested before": (conn) => [conn.readable, conn.writable],
  "written to before": async (conn) => {
    const writer = conn.writable.getWriter();
    await writer.write(bytesOf("before"));
    writer.releaseLock();
  },
  "read from before": async (conn) => {
    const reader = conn.readable.getReader();
    await reader.read();
    reader.releaseLock();
  },
};

for (const [what, { act, seen }] of Object.entries(canceled)) {
  for (const [before, use] of Object.entries(usedBefore)) {
    test(`${what} closes the connection, ${before}`, async () => {
      using ends = await pair();
      const { client, server, port } = ends;
      await client.write(bytesOf("first"));
      await use(server);
      await client.write(bytesOf("second"));
      await within("the call", Promise.resolve(act(server)));
      const result = await readUntilReset(client)
        .then(
          (error) => (error as { code?: string }).code,
          ({ message }) => /without a reset/.test(message) ? "end" : message,
        );
      assert.equal(result, seen);
      assert.equal((await errorFrom(server.write(bytesOf("x")))).code, "EBADF");
      client.close();
      await eventually(
        "its socket is closed",
        () => port.stats().sockets === 1,
      );
    });
  }
}

test("Conn.readable fails and does not end after writable was aborted", async () => {
  using ends = await pair();
  const { server } = ends;
  const reader = server.readable.getReader();
  reader.closed.catch(() => {});
  await server.writable.abort(new Error("enough"));
  assert.equal((await errorFrom(reader.read())).code, "EBADF");
});

test("A pending read of Conn.readable fails when writable is aborted", async () => {
  using ends = await pair();
  const { server } = ends;
  const reader = server.readable.getReader();
  reader.closed.catch(() => {});
  const read = errorFrom(reader.read());
  assert.equal(await isSettled(read), false);
  await server.writable.abort(new Error("enough"));
  assert.equal((await read).code, "EINTR");
});

test("Conn.readable fails after a reset, and closes the connection", async () => {
  using ends = await pair();
  const { client, server, port } = ends;
  const writer = server.writable.getWriter();
  writer.closed.catch(() => {});
  const reader = server.readable.getReader();
  reader.closed.catch(() => {});
  client.reset();
  assert.equal((await errorFrom(reader.read())).code, "ECONNRESET");
  assert.equal(
    (await errorFrom(writer.write(bytesOf("x")))).code,
    "ECONNRESET",
  );
  await eventually("both are closed", () => port.stats().sockets === 1);
});

test("Conn.writable fails after a reset and closes the connection, and readable fails instead of ending", async () => {
  using ends = await pair();
  const { client, server, port } = ends;
  const writer = server.writable.getWriter();
  writer.closed.catch(() => {});
  client.reset();
  await errorFrom(async () => {
    for (;;) await writer.write(pattern(64 * 1024));
  });
  const reader = server.readable.getReader();
  reader.closed.catch(() => {});
  const { code } = await errorFrom(reader.read());
  assert.equal(code, "ECONNRESET");
  await eventually("both are closed", () => port.stats().sockets === 1);
});

test("Conn.writable fails after Conn.closeWrite() and closes the connection, and the peer receives everything", async () => {
  using ends = await pair();
  const { client, server, port } = ends;
  await server.write(bytesOf("all of it"));
  await server.closeWrite();
  const writer = server.writable.getWriter();
  writer.closed.catch(() => {});
  assert.equal((await errorFrom(writer.write(bytesOf("x")))).code, "EPIPE");
  assert.equal(await receiveByLoop(client), digest(bytesOf("all of it")));
  await eventually("both are closed", () => port.stats().sockets === 1);
});

test("Conn.writable.abort() resolves at once while the peer reads nothing", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const writer = server.writable.getWriter();
  writer.closed.catch(() => {});
  const written = errorFrom(writer.write(pattern(64 * 1024 * 1024)));
  assert.equal(await isSettled(written), false);
  await within("the abort", writer.abort("too slow"));
  assert.equal((await written).code, "EINTR");
  const error = await readUntilReset(client);
  assert.equal((error as { code?: string }).code, "ECONNRESET");
});

/* Pipes to a peer that reads nothing. */
const PIPES: Record<
  string,
  (conn: Conn, source: ReadableStream, signal: AbortSignal) => unknown
> = {
  "pipeTo()": (conn, source, signal) =>
    source.pipeTo(conn.writable as WritableStream, { signal }),
  "pipeThrough()": (conn, source, signal) =>
    source.pipeThrough(conn as TransformStream, { signal }).cancel,
};

for (const [name, pipe] of Object.entries(PIPES)) {
  test(`Aborting ${name} cancels the source and resets the connection while the peer reads nothing`, async () => {
    using ends = await pair();
    const { client, server } = ends;
    const cancelled = Promise.withResolvers<unknown>();
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024)),
      cancel: cancelled.resolve,
    });
    const controller = new AbortController();
    const reason = new RangeError("too slow");
    const piped = Promise.resolve(pipe(server, source, controller.signal));
    assert.equal(await isSettled(cancelled.promise), false);
    controller.abort(reason);
    assert.equal(await within("the source", cancelled.promise), reason);
    if (name === "pipeTo()") {
      await assert.rejects(within("the pipe", piped), (e) => e === reason);
    }
    const error = await readUntilReset(client);
    assert.equal((error as { code?: string }).code, "ECONNRESET");
  });
}

test("A pipe to a connection leaves no listener on its signal", async () => {
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  const counted = {
    addEventListener: (_: string, one: unknown) => void listeners.add(one),
    removeEventListener: (_: string, one: unknown) => listeners.delete(one),
  };
  for (const [name, value] of Object.entries(counted)) {
    Object.defineProperty(signal, name, { value });
  }
  using ends = await pair();
  const piped = failingSource()
    .pipeTo(ends.client.writable as WritableStream, { signal });
  assert.ok(listeners.size > 0);
  await assert.rejects(within("the pipe", piped));
  await eventually("no listener", () => listeners.size === 0);
});

test("Pipes between other streams are not changed, and pipeTo() is only replaced with the first connection", async () => {
  const { code, stdout, stderr } = await run("pipes", []);
  assert.equal(code, 0, stderr);
  const found = JSON.parse(stdout);
  assert.equal(found.isSameAtListen, true);
  assert.equal(found.isSameAfter, false);
  assert.deepEqual(found.after, found.before);
  assert.deepEqual(found.othersAfter, found.othersBefore);
});

test("A pipe to a connection with wrong options rejects", async () => {
  using ends = await pair();
  const { writable } = ends.client as { writable: WritableStream };
  const wrong = new Error("no signal");
  const options = {
    get signal(): AbortSignal {
      throw wrong;
    },
  };
  const piped = new ReadableStream().pipeTo(writable, options);
  await assert.rejects(within("the pipe", piped), (error) => error === wrong);
});

test("A pipe with preventAbort leaves the connection open", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const controller = new AbortController();
  const piped = new ReadableStream().pipeTo(
    server.writable as WritableStream,
    { signal: controller.signal, preventAbort: true },
  );
  controller.abort();
  await assert.rejects(within("the pipe", piped));
  await server.write(bytesOf("still here"));
  assert.equal(await client.read(new Uint8Array(20)), 10);
});

test("Conn.readable receives nothing before a read", async () => {
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

test("Conn.readable works with tee()", async () => {
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

test("Conn.writable.close() shuts down the sending direction", async () => {
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
  const error = await readUntilReset(ends.server);
  assert.equal((error as { code?: string }).code, "ECONNRESET");
});

const sources: Record<string, () => unknown> = {
  "an ArrayBuffer": () => pattern(300).buffer,
  "a SharedArrayBuffer": () => {
    const shared = new SharedArrayBuffer(300);
    new Uint8Array(shared).set(pattern(300));
    return shared;
  },
  "a view of a SharedArrayBuffer": () => {
    const shared = new Uint8Array(new SharedArrayBuffer(302), 1, 300);
    shared.set(pattern(300));
    return shared;
  },
  "a DataView of a part": () => {
    const bytes = new Uint8Array(310);
    bytes.set(pattern(300), 7);
    return new DataView(bytes.buffer, 7, 300);
  },
  "a Uint8ClampedArray": () => new Uint8ClampedArray(pattern(300)),
  "a Float32Array of a part": () => {
    const bytes = new Uint8Array(308);
    bytes.set(pattern(300), 4);
    return new Float32Array(bytes.buffer, 4, 75);
  },
  "a BigInt64Array": () => new BigInt64Array(pattern(320).buffer, 0, 40),
};

test("Conn.writable accepts every buffer and view", async () => {
  for (const [what, make] of Object.entries(sources)) {
    using ends = await pair();
    const chunk = make() as Uint8Array;
    const { byteLength } = chunk;
    const writer = ends.server.writable.getWriter();
    await writer.write(chunk);
    await writer.close();
    const expected = digest(pattern(byteLength));
    assert.equal(await receiveByLoop(ends.client), expected, what);
  }
});

test("Conn.writable accepts empty buffers", async () => {
  using ends = await pair();
  const writer = ends.client.writable.getWriter();
  for (const empty of [new Uint8Array(0), new ArrayBuffer(0)]) {
    await writer.write(empty as Uint8Array);
  }
  await writer.close();
  assert.equal(await ends.server.read(new Uint8Array(1)), null);
});

test("Conn.writable refuses chunks that are not buffers, and detached buffers", async () => {
  const detached = new Uint8Array(8);
  const detachedBuffer = detached.buffer;
  structuredClone(detached, { transfer: [detachedBuffer] });
  const chunks = ["text", 1, null, undefined, [1], new Blob(["x"]), {}];
  for (const chunk of [...chunks, detached, detachedBuffer]) {
    using ends = await pair();
    const writer = ends.client.writable
      .getWriter() as unknown as WritableStreamDefaultWriter<unknown>;
    writer.closed.catch(() => {});
    await assert.rejects(writer.write(chunk), { name: "TypeError" });
    await assert.rejects(writer.write(new Uint8Array(1)));
  }
});

test("Conn.writable applies backpressure while the peer reads nothing", async () => {
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
  assert.equal(code, "ECONNRESET");
});

test("Conn's streams work with pipeThrough()", async () => {
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
