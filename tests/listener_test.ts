// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import {
  CompletionPort,
  type Conn,
  Listener,
  NotSupported,
  type SocketError,
} from "../mod.ts";
import { eventually, isSettled, within } from "./shared/deadline.ts";
import { errorFrom, outcome } from "./shared/outcome.ts";
import { bytesOf, textOf } from "./shared/pattern.ts";
import { readUntilReset } from "./shared/pair.ts";

const isWindows = process.platform === "win32";
const hostname = "127.0.0.1";

/* A port with a listener, which are closed at the end of the block. */
function setUp(options: object = {}) {
  const port = new CompletionPort();
  const listener = port.listen({ hostname, port: 0, ...options });
  return { port, listener, [Symbol.dispose]: () => port.close() };
}

test("Listener.addr has the port number that the system chose", () => {
  using it = setUp();
  const { addr } = it.listener;
  assert.equal(addr.transport, "tcp");
  assert.equal(addr.hostname, hostname);
  assert.ok(addr.port > 0 && addr.port < 65536);
  it.listener.close();
  assert.deepEqual(it.listener.addr, addr);
});

test("Listener.accept() returns connections in the order in which they were made", async () => {
  using it = setUp();
  const ports: number[] = [];
  for (let i = 0; i < 20; i++) {
    const conn = await it.port.connect(it.listener.addr);
    ports.push(conn.localAddr.port);
  }
  for (const expected of ports) {
    const conn = await within("accept", it.listener.accept());
    assert.equal(conn.remoteAddr.port, expected);
  }
});

test("Pending Listener.accept() calls settle in order", async () => {
  using it = setUp();
  const accepted: number[] = [];
  const accepts = [0, 1, 2, 3].map(async (i) => {
    const conn = await it.listener.accept();
    accepted.push(i);
    return conn.remoteAddr.port;
  });
  const ports: number[] = [];
  for (let i = 0; i < 4; i++) {
    ports.push((await it.port.connect(it.listener.addr)).localAddr.port);
  }
  assert.deepEqual(await within("four accepts", Promise.all(accepts)), ports);
  assert.deepEqual(accepted, [0, 1, 2, 3]);
});

test("Listener loses no connection that is waiting for accept()", async () => {
  using it = setUp({ backlog: 400 });
  const clients = await within(
    "200 connections",
    Promise.all(
      Array.from({ length: 200 }, () => it.port.connect(it.listener.addr)),
    ),
  );
  for (const [i, client] of clients.entries()) client.write(bytesOf(`${i}`));
  const seen = new Set<string>();
  const buffer = new Uint8Array(10);
  for (let i = 0; i < 200; i++) {
    const conn = await within(`accept ${i}`, it.listener.accept());
    const count = await within(`read ${i}`, conn.read(buffer));
    seen.add(textOf(buffer.subarray(0, count!)));
    conn.close();
  }
  assert.equal(seen.size, 200);
});

test("Listener's loop continues while its connections are served", async () => {
  using it = setUp();
  const { port, listener } = it;
  async function serve() {
    let count = 0;
    for await (const conn of listener) {
      conn.write(bytesOf("hello")).then(() => conn.close());
      if (++count === 150) break;
    }
  }
  const served = serve();
  async function runClient() {
    const conn = await port.connect(listener.addr);
    const chunks: Uint8Array[] = [];
    for await (const chunk of conn) chunks.push(chunk);
    return textOf(...chunks);
  }
  const clients = Array.from({ length: 150 }, runClient);
  const texts = await within("150 clients", Promise.all(clients));
  assert.deepEqual(new Set(texts), new Set(["hello"]));
  await within("the loop", served);
});

test("break in Listener's loop closes the listener, but no connection", async () => {
  using it = setUp();
  const { port, listener } = it;
  const client = port.connect(listener.addr);
  let accepted: Conn | undefined;
  for await (const conn of listener) {
    accepted = conn;
    break;
  }
  assert.equal((await errorFrom(listener.accept())).code, "EBADF");
  assert.equal(
    (await errorFrom(port.connect(listener.addr))).code,
    "ECONNREFUSED",
  );
  /* Accepted connections stay open. */
  await accepted!.write(bytesOf("x"));
  assert.equal(await (await client).read(new Uint8Array(2)), 1);
});

test("throw in Listener's loop closes the listener", async () => {
  using it = setUp();
  const { port, listener } = it;
  port.connect(listener.addr).catch(() => {});
  async function fail() {
    for await (const conn of listener) throw new RangeError(`${conn}`);
  }
  await assert.rejects(within("the loop", fail()), RangeError);
  assert.equal((await errorFrom(listener.accept())).code, "EBADF");
});

test("Listener.close() ends a pending for await loop", async () => {
  using it = setUp();
  async function loop() {
    for await (const conn of it.listener) assert.fail(`${conn}`);
    return "ended";
  }
  const ended = loop();
  assert.equal(await isSettled(ended), false);
  it.listener.close();
  assert.equal(await within("the loop", ended), "ended");
});

test("Listener.close() rejects pending accept() calls", async () => {
  using it = setUp();
  const errors = [1, 2, 3].map(() => errorFrom(it.listener.accept()));
  it.listener.close();
  for (const error of await Promise.all(errors)) {
    assert.equal(error.code, "EBADF");
    assert.equal(error.syscall, "accept");
  }
});

test("Listener.close() frees its address at once", () => {
  using it = setUp();
  let freed = 0;
  for (let i = 0; i < 20; i++) {
    const listener = it.port.listen({ hostname, port: 0 });
    const { port } = listener.addr;
    listener.close();
    freed += canListen(it.port, port);
  }
  /* Another process may bind one of them meanwhile. */
  assert.ok(freed > 15, `${freed} of 20`);
});

function canListen(completionPort: CompletionPort, port: number): number {
  try {
    using again = completionPort.listen({ hostname, port });
    assert.equal(again.addr.port, port);
    return 1;
  } catch (error) {
    assert.equal((error as SocketError).code, "EADDRINUSE");
    return 0;
  }
}

test("Listener.close() resets connections that were not accepted", async () => {
  using it = setUp();
  const client = await it.port.connect(it.listener.addr);
  const second = await it.port.connect(it.listener.addr);
  await within("accept", it.listener.accept());
  it.listener.close();
  const error = await readUntilReset(second) as { code: string };
  assert.equal(error.code, "ECONNRESET");
  assert.equal(await client.write(bytesOf("x")), 1);
});

describe("On a closed listener", () => {
  const calls: Record<string, [(listener: Listener) => unknown, string]> = {
    "accept()": [(listener) => listener.accept(), "EBADF"],
    "next()": [(listener) => listener[Symbol.asyncIterator]().next(), "done"],
    "return()": [
      (listener) => listener[Symbol.asyncIterator]().return!(),
      "done",
    ],
    "addr": [(listener) => listener.addr, "an address"],
    "lastError": [(listener) => listener.lastError, "undefined"],
    "ref()": [(listener) => listener.ref(), "undefined"],
    "unref()": [(listener) => listener.unref(), "undefined"],
    "close()": [(listener) => listener.close(), "undefined"],
    "[Symbol.dispose]()": [
      (listener) => listener[Symbol.dispose](),
      "undefined",
    ],
    "[Symbol.asyncDispose]()": [
      (listener) => listener[Symbol.asyncDispose](),
      "undefined",
    ],
  };
  for (const [name, [call, expected]] of Object.entries(calls)) {
    test(`Listener.${name} gives ${expected}`, async () => {
      for (const closing of ["listener", "port"]) {
        using it = setUp();
        if (closing === "port") it.port.close();
        else it.listener.close();
        assert.equal(await outcome(() => call(it.listener)), expected);
      }
    });
  }
});

test("Listener is closed by a using declaration", async () => {
  using port = new CompletionPort();
  let address;
  {
    using listener = port.listen({ hostname, port: 0 });
    address = listener.addr;
  }
  {
    await using listener = port.listen({ hostname, port: address.port });
    assert.equal(listener.addr.port, address.port);
  }
  assert.equal((await errorFrom(port.connect(address))).code, "ECONNREFUSED");
});

test("Listener's connections inherit its options", async () => {
  using it = setUp({ allowHalfOpen: true });
  const client = await it.port.connect(it.listener.addr);
  const server = await it.listener.accept();
  await client.closeWrite();
  for await (const chunk of server) assert.fail(`${chunk.length} bytes`);
  await server.write(bytesOf("x"));
  assert.equal(await client.read(new Uint8Array(2)), 1);
});

test("A program that changes the objects it gets from a listener changes no connection", async () => {
  using it = setUp({ keepAlive: { idle: 50 } });
  const { addr, options } = it.listener;
  const port = addr.port;
  const [conn] = await Promise.all([
    it.listener.accept(),
    it.port.connect({ hostname, port }),
  ]);
  addr.hostname = "192.0.2.1";
  assert.ok(options.keepAlive);
  options.keepAlive.idle = 9;
  options.receive.mode = "burst";
  conn.close();
  assert.deepEqual(conn.localAddr, { transport: "tcp", hostname, port });
  assert.deepEqual(it.listener.options.keepAlive, { idle: 50 });
  assert.equal(it.listener.options.receive.mode, "auto");
});

test("Listener accepts connections with the smallest backlog", async () => {
  using it = setUp({ backlog: 1 });
  for (let i = 0; i < 5; i++) {
    const [client, server] = await within(
      "a connection",
      Promise.all([it.port.connect(it.listener.addr), it.listener.accept()]),
    );
    client.close();
    server.close();
  }
});

test("Listener shares its address with reusePort", {
  skip: isWindows && "Windows has no SO_REUSEPORT",
}, async () => {
  using it = setUp({ reusePort: true });
  const { addr } = it.listener;
  using other = it.port.listen({
    hostname,
    port: addr.port,
    reusePort: true,
  });
  const counts = [0, 0];
  async function serve(listener: Listener, i: number) {
    for await (const conn of listener) {
      counts[i]! += 1;
      conn.close();
    }
  }
  serve(it.listener, 0);
  serve(other, 1);
  await eventually("both have accepted", async () => {
    (await it.port.connect(addr)).close();
    return counts.every((count) => count > 0);
  });
});

test("Listener's reusePort is not supported on Windows", {
  skip: !isWindows && "this system has SO_REUSEPORT",
}, () => {
  using port = new CompletionPort();
  assert.throws(
    () => port.listen({ hostname, port: 0, reusePort: true }),
    (error) => error instanceof NotSupported && /reusePort/.test(error.message),
  );
});
