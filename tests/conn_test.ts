// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { type CompletionPort, type Conn, SocketError } from "../mod.ts";
import { collectGarbage } from "./shared/collect.ts";
import { delay, isSettled, within } from "./shared/deadline.ts";
import { errorFrom, outcome } from "./shared/outcome.ts";
import { pair, readUntilReset } from "./shared/pair.ts";
import {
  bytesOf,
  concat,
  Digest,
  digest,
  pattern,
  textOf,
} from "./shared/pattern.ts";
import { receiveByLoop } from "./shared/transfer.ts";

test("Conn yields chunks that never change later", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const retained: Uint8Array[] = [];
  const copies: Uint8Array[] = [];
  async function collect() {
    for await (const chunk of server) {
      retained.push(chunk);
      copies.push(chunk.slice());
    }
  }
  const collected = collect();
  for (let seed = 0; seed < 200; seed++) {
    await client.write(pattern(40_000 + seed, seed));
  }
  client.close();
  await within("the loop", collected);
  using others = await pair();
  const received = receiveByLoop(others.server);
  await others.client.write(new Uint8Array(4 * 1024 * 1024).fill(0xa5));
  others.client.close();
  await within("more traffic", received);
  ends.port.close();
  collectGarbage();
  assert.equal(digest(...retained), digest(...copies));
});

test("Conn yields chunks of at least one byte", async () => {
  using ends = await pair();
  await ends.client.write(new Uint8Array(0));
  await ends.client.write(bytesOf("a"));
  ends.client.close();
  const lengths: number[] = [];
  for await (const chunk of ends.server) lengths.push(chunk.length);
  assert.deepEqual(lengths, [1]);
});

test("Conn's loop closes the connection at the peer's end", async () => {
  using ends = await pair();
  const { client, server } = ends;
  await client.closeWrite();
  for await (const chunk of server) assert.fail(`${chunk.length} bytes`);
  assert.equal((await errorFrom(server.write(bytesOf("x")))).code, "EBADF");
  assert.equal(await client.read(new Uint8Array(1)), null);
});

test("Conn's loop leaves the connection open at the peer's end with allowHalfOpen", async () => {
  using ends = await pair({ allowHalfOpen: true });
  const { client, server } = ends;
  await client.write(bytesOf("question"));
  await client.closeWrite();
  for await (const chunk of server) assert.equal(textOf(chunk), "question");
  await server.write(bytesOf("answer"));
  server.close();
  assert.equal(await receiveByLoop(client), digest(bytesOf("answer")));
});

test("break in Conn's loop closes the connection", async () => {
  using ends = await pair({ allowHalfOpen: true });
  const { client, server } = ends;
  await client.write(bytesOf("x"));
  for await (const chunk of server) {
    assert.equal(chunk.length, 1);
    break;
  }
  assert.equal(await client.read(new Uint8Array(1)), null);
  assert.equal((await errorFrom(server.write(bytesOf("x")))).code, "EBADF");
});

test("throw in Conn's loop closes the connection", async () => {
  using ends = await pair({ allowHalfOpen: true });
  const { client, server } = ends;
  await client.write(bytesOf("x"));
  async function fail() {
    for await (const chunk of server) throw new RangeError(`${chunk.length}`);
  }
  await assert.rejects(fail(), RangeError);
  assert.equal(await client.read(new Uint8Array(1)), null);
});

test("Conn's loop throws when the peer resets", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const loop = receiveByLoop(server);
  client.reset();
  const error = await errorFrom(loop);
  assert.equal(error.code, "ECONNRESET");
  assert.equal(error.syscall, "read");
  assert.deepEqual(
    [error.address, error.port],
    [client.localAddr.hostname, client.localAddr.port],
  );
  assert.ok(error.errno !== 0);
});

test("Conn.close() ends a pending for await loop", async () => {
  using ends = await pair();
  const loop = receiveByLoop(ends.server);
  assert.equal(await isSettled(loop), false);
  ends.server.close();
  assert.equal(await within("the loop", loop), digest());
});

test("Conn.close() rejects pending reads", async () => {
  using ends = await pair();
  const reads = [1, 2, 3].map(() => ends.server.read(new Uint8Array(8)));
  const errors = reads.map((read) => errorFrom(read));
  ends.server.close();
  for (const error of await Promise.all(errors)) {
    assert.equal(error.code, "EINTR");
  }
});

test("Conn.close() may be called twice, and reset() after it", async () => {
  using ends = await pair();
  const { client } = ends;
  client.close();
  client.close();
  client.reset();
  client[Symbol.dispose]();
  await within("disposal", client[Symbol.asyncDispose]());
  assert.equal(await ends.server.read(new Uint8Array(1)), null);
});

test("Conn.close() delivers bytes that were written before", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const length = 8 * 1024 * 1024;
  const bytes = pattern(length);
  const writes: Promise<number>[] = [];
  for (let at = 0; at < length; at += 999_999) {
    writes.push(client.write(bytes.subarray(at, at + 999_999)));
  }
  client.close();
  assert.equal(await receiveByLoop(server), digest(bytes));
  await within("the writes", Promise.all(writes));
});

test("Conn.close() delivers bytes even if received bytes were not read", async () => {
  using ends = await pair();
  const { client, server } = ends;
  await server.write(pattern(100_000));
  const bytes = pattern(2 * 1024 * 1024, 2);
  const written = client.write(bytes);
  client.close();
  assert.equal(await receiveByLoop(server), digest(bytes));
  assert.equal(await within("the write", written), bytes.length);
});

test("Conn.close() resets after closeTimeout when the peer acknowledges nothing", async () => {
  using ends = await pair({ closeTimeout: 50 });
  const { client, server } = ends;
  const written = errorFrom(client.write(pattern(64 * 1024 * 1024)));
  client.close();
  await within("disposal", client[Symbol.asyncDispose]());
  assert.equal((await written).syscall, "write");
  const error = await readUntilReset(server);
  assert.equal((error as SocketError).code, "ECONNRESET");
});

const TRICKLE = 16 * 1024 * 1024;

/* The peer reads slowly, for longer than `closeTimeout`. Wine does not report what
 * the peer has acknowledged, so there the timeout must suffice for one send to
 * complete. Resolves to what the peer has received, or to undefined if the machine
 * paused for too long. */
async function trickle(
  close: (conn: Conn, port: CompletionPort) => unknown,
): Promise<string | undefined> {
  const closeTimeout = 1500;
  const part = new Uint8Array(process.platform === "win32" ? 262_144 : 8192);
  using ends = await pair({ closeTimeout });
  const { client, server } = ends;
  const written = outcome(() => client.write(pattern(TRICKLE)));
  const closed = outcome(async () => await close(client, ends.port));
  const result = new Digest();
  const start = performance.now();
  let last = start;
  while (performance.now() - start < 3 * closeTimeout) {
    const count = await within("a read", server.read(part)) ?? 0;
    if (performance.now() - last > closeTimeout / 4) return undefined;
    if (count === 0) break;
    last = performance.now();
    result.add(part.subarray(0, count));
    await delay(20);
  }
  const rest = async () => {
    for await (const chunk of server) result.add(chunk);
  };
  await within("the rest", rest());
  assert.equal(await written, String(TRICKLE));
  assert.equal(await closed, "undefined");
  return result.text();
}

test("Conn.close() delivers everything to a slow peer", async () => {
  const ways: ((conn: Conn, port: CompletionPort) => unknown)[] = [
    (conn) => conn.close(),
    async (conn, port) => port.adopt(await conn.detach()).close(),
  ];
  for (const close of ways) {
    let result: string | undefined;
    for (let i = 0; i < 5 && result === undefined; i++) {
      result = await trickle(close);
    }
    assert.ok(result !== undefined, "the machine paused for too long");
    assert.equal(result, digest(pattern(TRICKLE)));
  }
});

test("Conn.reset() rejects pending writes", async () => {
  using ends = await pair();
  const writes = [1, 2].map((seed) =>
    errorFrom(ends.client.write(pattern(16 * 1024 * 1024, seed)))
  );
  ends.client.reset();
  for (const error of await Promise.all(writes)) {
    assert.equal(error.code, "EINTR");
  }
});

test("Conn.reset() fails the reads of the peer", async () => {
  const ways: ((conn: Conn) => Promise<unknown>)[] = [
    (conn) => conn.read(new Uint8Array(8)),
    (conn) => receiveByLoop(conn),
    (conn) => conn.readable.getReader().read(),
    (conn) => conn.readable.getReader({ mode: "byob" }).read(new Uint8Array(8)),
    (conn) => conn.readable.pipeTo(new WritableStream()),
  ];
  for (const read of ways) {
    using ends = await pair();
    const error = errorFrom(read(ends.server));
    ends.client.reset();
    assert.equal((await error).code, "ECONNRESET", read.toString());
  }
});

test("Conn[Symbol.asyncDispose]() waits until writes are sent", async () => {
  using ends = await pair();
  const bytes = pattern(4 * 1024 * 1024);
  let written = 0;
  async function send() {
    await using client = ends.client;
    client.write(bytes).then((count) => written = count);
  }
  const sent = send();
  assert.equal(await isSettled(sent), false);
  assert.equal(await receiveByLoop(ends.server), digest(bytes));
  await within("disposal", sent);
  assert.equal(written, bytes.length);
});

test("Conn.read(p) calls settle in order", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const bytes = pattern(1_000);
  const buffers = Array.from({ length: 10 }, () => new Uint8Array(100));
  const reads = buffers.map((buffer) => server.read(buffer));
  for (let at = 0; at < 1_000; at += 50) {
    await client.write(bytes.subarray(at, at + 50));
  }
  await client.closeWrite();
  const counts = await within("the reads", Promise.all(reads));
  const parts = buffers.map((buffer, i) => buffer.subarray(0, counts[i] ?? 0));
  const received = concat(parts);
  assert.equal(digest(received), digest(bytes.subarray(0, received.length)));
  assert.notEqual(counts[0], null);
});

test("Conn.read(p) and next() get the bytes in the order of the calls", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const chunks = server[Symbol.asyncIterator]();
  const small = new Uint8Array(3);
  const pending = [
    server.read(small),
    chunks.next(),
    server.read(new Uint8Array(1)),
    chunks.next(),
  ];
  await client.write(pattern(10));
  await client.closeWrite();
  const results = await within("four readers", Promise.all(pending));
  assert.equal(results[0], 3);
  assert.equal(digest(small), digest(pattern(3)));
  const chunk = (results[1] as IteratorResult<Uint8Array>).value;
  assert.equal(digest(chunk), digest(pattern(7, 1, 3)));
  assert.equal(results[2], null);
  assert.equal((results[3] as IteratorResult<Uint8Array>).done, true);
});

test("Conn.read(p) and write(p) use only the given view of a larger buffer", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const source = pattern(100);
  await client.write(source.subarray(10, 20));
  const target = new Uint8Array(100);
  assert.equal(await server.read(target.subarray(50, 60)), 10);
  const expected = new Uint8Array(100);
  expected.set(source.subarray(10, 20), 50);
  assert.deepEqual(target, expected);
});

test("Conn.write(p) accepts every kind of Uint8Array", async () => {
  using ends = await pair();
  const bytes = pattern(300_000);
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  const resizable = new Uint8Array(
    new ArrayBuffer(bytes.length, { maxByteLength: 400_000 }),
  );
  resizable.set(bytes);
  const all = [bytes, Buffer.from(bytes), shared, resizable];
  const received = receiveByLoop(ends.server);
  for (const one of all) assert.equal(await ends.client.write(one), 300_000);
  ends.client.close();
  assert.equal(await received, digest(bytes, bytes, bytes, bytes));
});

test("Conn.localAddr and remoteAddr are available after a close", async () => {
  for (const end of ["close", "reset", "peer", "port"]) {
    using ends = await pair();
    const { client, server, port, listener } = ends;
    if (end === "close") client.close();
    if (end === "reset") client.reset();
    if (end === "port") port.close();
    if (end === "peer") {
      server.reset();
      await readUntilReset(client);
    }
    assert.deepEqual(client.remoteAddr, listener.addr, end);
    assert.equal(client.localAddr.hostname, "127.0.0.1");
    assert.deepEqual(client.localAddr, server.remoteAddr, end);
    assert.deepEqual(server.localAddr, listener.addr, end);
  }
});

test("Conn.setNoDelay() and setKeepAlive() switch the option on and off", async () => {
  using ends = await pair({ noDelay: true, keepAlive: true });
  for (const isOn of [false, true, undefined]) {
    assert.equal(
      await outcome(() => ends.client.setNoDelay(isOn)),
      "undefined",
    );
    assert.equal(
      await outcome(() => ends.client.setKeepAlive(isOn)),
      "undefined",
    );
  }
});
