// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { Duplex, Transform } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { test } from "node:test";
import { CompletionPort, type Conn } from "../mod.ts";
import { RECEIVE_WINDOW } from "../src/options/receive_mode.ts";
import {
  delay,
  eventually,
  isSettled,
  settled,
  within,
} from "./shared/deadline.ts";
import { closed, duplexPair, event, receiveByDuplex } from "./shared/duplex.ts";
import { errorFrom } from "./shared/outcome.ts";
import { pair, readUntilReset } from "./shared/pair.ts";
import { bytesOf, digest, pattern, textOf } from "./shared/pattern.ts";
import { sendsOf } from "./shared/sends.ts";
import { receiveByLoop } from "./shared/transfer.ts";
import { transports } from "./shared/transports.ts";

const LARGE = 16 * 1024 * 1024;

test("Conn.duplex() is the same Duplex each time", async () => {
  using ends = await pair();
  const duplex = ends.client.duplex();
  assert.ok(duplex instanceof Duplex);
  assert.equal(ends.client.duplex(), duplex);
  ends.client.close();
  assert.equal(ends.client.duplex(), duplex);
});

test("Conn.duplex() throws when the connection is closed", async () => {
  using ends = await pair();
  ends.client.close();
  const error = await errorFrom(() => Promise.resolve(ends.client.duplex()));
  assert.equal(error.code, "EBADF");
});

test("A duplex has the addresses of its connection, also after it is closed", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  function check() {
    const { localAddr, remoteAddr } = ends.client;
    assert.equal(client.localAddress, localAddr.hostname);
    assert.equal(client.localPort, localAddr.port);
    assert.equal(client.localFamily, "IPv4");
    assert.equal(client.remoteAddress, "127.0.0.1");
    assert.equal(client.remotePort, remoteAddr.port);
    assert.equal(client.remoteFamily, "IPv4");
    assert.deepEqual(client.address(), {
      address: "127.0.0.1",
      family: "IPv4",
      port: localAddr.port,
    });
  }
  check();
  client.destroy();
  check();
});

test("bytesRead and bytesWritten of a duplex count its bytes", async () => {
  using both = await duplexPair();
  const { client, server } = both;
  client.write("hé");
  client.cork();
  client.write(pattern(1000));
  assert.equal(client.bytesWritten, 1003);
  client.uncork();
  client.end();
  await receiveByDuplex(server);
  assert.equal(client.bytesWritten, 1003);
  assert.equal(server.bytesRead, 1003);
});

test("A duplex has a readyState", async () => {
  using both = await duplexPair({ allowHalfOpen: true });
  const { client, server } = both;
  assert.deepEqual([client.connecting, client.pending], [false, false]);
  assert.equal(client.readyState, "open");
  client.end();
  assert.equal(client.readyState, "readOnly");
  server.resume();
  await event(server, "end");
  assert.equal(server.readyState, "writeOnly");
  const ended = closed(server);
  server.end();
  assert.equal(server.readyState, "closed");
  assert.equal(await ended, false);
  assert.equal(server.pending, true);
});

test("A duplex sends and receives large data at the same time", async () => {
  using both = await duplexPair();
  const { client, server } = both;
  const received = [receiveByDuplex(client), receiveByDuplex(server)];
  client.end(pattern(LARGE, 1));
  server.end(pattern(LARGE, 2));
  assert.deepEqual(await Promise.all(received), [
    digest(pattern(LARGE, 2)),
    digest(pattern(LARGE, 1)),
  ]);
});

test("A duplex keeps the order of writes of all sizes", async () => {
  using both = await duplexPair();
  const { client, server } = both;
  const bytes = pattern(4_000_000);
  const received = receiveByDuplex(server);
  client.cork();
  for (let at = 0, size = 0; at < bytes.length; at += size) {
    size = (size * 3 + 1) % 300_007;
    client.write(bytes.subarray(at, at + size));
    if (size % 5 === 0) client.uncork();
    if (size % 5 === 0) client.cork();
  }
  client.end();
  assert.equal(await received, digest(bytes));
});

for (const { name, open } of transports) {
  test(`cork() of a duplex makes one send of many writes, over ${name}`, async () => {
    using ends = await open();
    const client = ends.client.duplex();
    const write = () => {
      for (let i = 0; i < 100; i++) client.write(pattern(100, 1, 100 * i));
    };
    const flushed = () =>
      new Promise<void>((resolve) => client.write("", () => resolve()));
    const sends = await sendsOf(ends.client as Conn, async () => {
      client.cork();
      write();
      assert.equal(client.writableLength, 10_000);
      client.uncork();
      await within("the writes", flushed());
    });
    assert.equal(sends[0], 10_000);
    const received = new Uint8Array(10_000);
    for (let at = 0; at < received.length;) {
      const reading = ends.server.read(received.subarray(at));
      at += await within("the bytes", reading) ?? assert.fail("an end");
    }
    assert.equal(digest(received), digest(pattern(10_000, 1)));
  });
}

test("A duplex works with pipeline() and in for await loops", async () => {
  using both = await duplexPair();
  const { client, server } = both;
  const upper = new Transform({
    transform(chunk, _, callback) {
      callback(null, String(chunk).toUpperCase());
    },
  });
  const piped = pipeline(server, upper, server);
  client.end("quiet");
  const chunks: Uint8Array[] = [];
  for await (const chunk of client) chunks.push(chunk);
  assert.equal(textOf(...chunks), "QUIET");
  await within("the pipeline", Promise.all([piped, finished(client)]));
});

test("The chunks of a duplex never change later", async () => {
  using both = await duplexPair();
  const { client, server } = both;
  const chunks: Uint8Array[] = [];
  const copies: Uint8Array[] = [];
  server.on("data", (chunk: Uint8Array) => {
    chunks.push(chunk);
    copies.push(chunk.slice());
  });
  for (let seed = 0; seed < 100; seed++) client.write(pattern(30_000, seed));
  client.end();
  await event(server, "end");
  assert.equal(digest(...chunks), digest(...copies));
});

test("pause() has no effect while something listens to readable", async () => {
  using both = await duplexPair();
  const { client, server } = both;
  let received = "";
  server.on("readable", () => received += String(server.read() ?? ""));
  /* A read is pending by then. */
  await delay(30);
  server.pause();
  client.write("one");
  await eventually("the bytes", () => received === "one");
});

test("A paused duplex stops the sender", async () => {
  using both = await duplexPair();
  const { server, ends } = both;
  const bytes = pattern(4 * LARGE);
  const written = ends.client.write(bytes);
  server.pause();
  await settled("the sender has stopped", () => ends.port.stats().bytesSent);
  assert.equal(await isSettled(written), false);
  const { readableHighWaterMark, readableLength } = server;
  /* A chunk is at most as large as the receive window. */
  assert.ok(readableLength < readableHighWaterMark + RECEIVE_WINDOW);
  const { bytesReceived } = ends.port.stats();
  assert.ok(
    bytesReceived < readableHighWaterMark + 2 * RECEIVE_WINDOW,
    `${bytesReceived} bytes received`,
  );
  const received = receiveByDuplex(server);
  server.resume();
  await within("the write", written);
  ends.client.close();
  assert.equal(await received, digest(bytes));
});

test("A duplex applies backpressure while the peer reads nothing", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  const piece = pattern(1024 * 1024);
  let pieces = 0;
  let drains = 0;
  client.on("drain", () => drains++);
  do pieces++; while (client.write(piece));
  await settled("the sender has stopped", () => ends.port.stats().bytesSent);
  while (drains > 0 && pieces < 64) {
    drains = 0;
    do pieces++; while (client.write(piece));
    await settled("the sender has stopped", () => ends.port.stats().bytesSent);
  }
  assert.ok(pieces < 64, "it drained, though the peer has read nothing");
  assert.ok(client.writableLength >= client.writableHighWaterMark);
  assert.equal(client.writableNeedDrain, true);
  const received = receiveByLoop(ends.server);
  await event(client, "drain");
  assert.equal(client.writableLength, 0);
  client.end();
  const all = Array.from({ length: pieces }, () => piece);
  assert.equal(await within("the loop", received), digest(...all));
});

test("A duplex still receives after end()", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  client.end("question");
  const buffer = new Uint8Array(100);
  assert.equal(await ends.server.read(buffer), 8);
  assert.equal(await ends.server.read(buffer), null);
  const received = receiveByDuplex(client);
  await ends.server.write(pattern(100_000));
  ends.server.close();
  assert.equal(await received, digest(pattern(100_000)));
});

test("A duplex with allowHalfOpen answers after the peer's end", async () => {
  using both = await duplexPair({ allowHalfOpen: true });
  const { client, server } = both;
  assert.equal(server.allowHalfOpen, true);
  client.end("question");
  assert.equal(await receiveByDuplex(server), digest(bytesOf("question")));
  const received = receiveByDuplex(client);
  const closing = Promise.all([closed(client), closed(server)]);
  server.end(pattern(LARGE));
  assert.equal(await received, digest(pattern(LARGE)));
  assert.deepEqual(await closing, [false, false]);
});

test("A duplex sends everything and then ends itself after the peer's end", async () => {
  using both = await duplexPair();
  const { client, server } = both;
  const closing = closed(server);
  server.resume();
  server.write(pattern(LARGE));
  client.end();
  assert.equal(await receiveByDuplex(client), digest(pattern(LARGE)));
  assert.equal(await closing, false);
});

test("A duplex fails when the peer resets", async () => {
  using both = await duplexPair();
  const { server, ends } = both;
  const error = event(server, "error") as Promise<NodeJS.ErrnoException>;
  const closing = event(server, "close");
  ends.client.reset();
  assert.equal((await error).code, "ECONNRESET");
  assert.equal(await closing, true);
});

test("A duplex fails its writes when the peer resets", async () => {
  using both = await duplexPair();
  const { server, ends } = both;
  const error = event(server, "error") as Promise<NodeJS.ErrnoException>;
  const failed = new Promise((resolve) => {
    server.write(pattern(4 * LARGE), resolve);
  });
  ends.client.reset();
  const { code = "no code" } = await error;
  assert.equal(code, "ECONNRESET");
  assert.ok(await within("the write", failed) instanceof Error);
});

test("destroy() of a duplex ends the connection", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  const closing = closed(client);
  client.destroy();
  assert.equal(await ends.server.read(new Uint8Array(1)), null);
  assert.equal(await closing, false);
  assert.equal((await errorFrom(ends.client.closeWrite())).code, "EBADF");
});

test("destroy() of a duplex with an error resets the connection", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  const error = event(client, "error");
  const closing = event(client, "close");
  const cause = new RangeError("enough");
  client.destroy(cause);
  assert.equal(await error, cause);
  assert.equal(await closing, true);
  const resetError = await readUntilReset(ends.server) as { code?: string };
  assert.equal(resetError.code, "ECONNRESET");
});

test("destroy() of a duplex with pending writes resets the connection", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  const closing = closed(client);
  client.write(pattern(4 * LARGE));
  client.destroy();
  assert.equal(await closing, false);
  const resetError = await readUntilReset(ends.server) as { code?: string };
  assert.equal(resetError.code, "ECONNRESET");
});

test("A destroyed duplex sends what the system has accepted", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  client.write("bye");
  client.destroy();
  const received = await within("the loop", receiveByLoop(ends.server));
  assert.equal(received, digest(bytesOf("bye")));
});

test("resetAndDestroy() of a duplex resets the connection", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  const closing = closed(client);
  assert.equal(client.resetAndDestroy(), client);
  assert.equal(await closing, false);
  const resetError = await readUntilReset(ends.server) as { code?: string };
  assert.equal(resetError.code, "ECONNRESET");
});

test("destroySoon() of a duplex sends everything before it closes", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  const closing = closed(client);
  client.write(pattern(LARGE));
  client.destroySoon();
  const received = await within("the loop", receiveByLoop(ends.server));
  assert.equal(received, digest(pattern(LARGE)));
  assert.equal(await closing, false);
});

const ENDINGS = {
  "Conn.close()": (conn) => conn.close(),
  "Conn.reset()": (conn) => conn.reset(),
  "the port's close()": (_, port) => port.close(),
} satisfies Record<string, (conn: Conn, port: CompletionPort) => void>;
for (const [name, end] of Object.entries(ENDINGS)) {
  for (const isPaused of [false, true]) {
    test(`A ${isPaused ? "paused " : ""}duplex emits close without end after ${name}`, async () => {
      using both = await duplexPair();
      const { client, ends } = both;
      let hasEnded = false;
      client.on("end", () => hasEnded = true);
      if (!isPaused) client.resume();
      const closing = closed(client);
      end(ends.client, ends.port);
      assert.equal(await closing, false);
      assert.equal(hasEnded, false);
      assert.equal(client.destroyed, true);
    });
  }
}

test("A pending write of a duplex is still sent after Conn.close()", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  const closing = closed(client);
  client.write(pattern(LARGE));
  ends.client.close();
  const received = await within("the loop", receiveByLoop(ends.server));
  assert.equal(received, digest(pattern(LARGE)));
  assert.equal(await closing, false);
});

test("A duplex can be used together with its Conn", async () => {
  using both = await duplexPair();
  const { client, server, ends } = both;
  const reads = [1, 2, 3].map(() => ends.server.read(new Uint8Array(10)));
  server.resume();
  const writes = [
    ends.client.write(bytesOf("a")),
    ends.client.write(bytesOf("b")),
  ];
  client.end("c");
  await within("the writes", Promise.all(writes));
  await event(server, "end");
  await within("the reads", Promise.all(reads));
});

test("Many duplexes echo at the same time, and all of them are closed", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  async function serve() {
    for await (const conn of listener) {
      const duplex = conn.duplex();
      duplex.pipe(duplex);
    }
  }
  serve();
  async function runClient(seed: number): Promise<void> {
    await using conn = await port.connect(listener.addr);
    const duplex = conn.duplex();
    const received = receiveByDuplex(duplex);
    duplex.end(pattern(50_000 + seed, seed));
    assert.equal(await received, digest(pattern(50_000 + seed, seed)));
  }
  const clients = Array.from({ length: 200 }, (_, seed) => runClient(seed));
  await within("the clients", Promise.all(clients));
  await eventually(
    "only the listener is open",
    () => port.stats().sockets === 1,
  );
  const { bytesUnsent, bytesPosted, accepted } = port.stats();
  assert.deepEqual([bytesUnsent, bytesPosted, accepted], [0, 0, 200]);
});
