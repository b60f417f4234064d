// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { CompletionPort, connect, listen, type SocketError } from "../mod.ts";
import { STATS_FIELDS } from "../src/native/completion.ts";
import { eventually, within } from "./shared/deadline.ts";
import { errorFrom, outcome } from "./shared/outcome.ts";
import { pair, readUntilReset } from "./shared/pair.ts";
import { pattern } from "./shared/pattern.ts";
import { receiveByLoop } from "./shared/transfer.ts";

const local = { hostname: "127.0.0.1", port: 0 };

test("listen() and connect() share one port of the thread", async () => {
  using listener = listen(local);
  const [client, server] = await within(
    "a connection",
    Promise.all([connect(listener.addr), listener.accept()]),
  );
  await client.write(pattern(10));
  assert.equal(await server.read(new Uint8Array(20)), 10);
  client.close();
  server.close();
});

test("CompletionPort.engine and libraryPath are the engine and the path of the library", () => {
  using port = new CompletionPort();
  const isWindows = process.platform === "win32";
  assert.equal(port.engine, isWindows ? "iocp" : "epoll");
  assert.match(port.libraryPath, isWindows ? /\.dll$/ : /\.so$/);
});

test("CompletionPort.stats() counts sockets, bytes and accepts", async () => {
  using ends = await pair();
  const { port, client, server, listener } = ends;
  const before = port.stats();
  assert.deepEqual(Object.keys(before), [...STATS_FIELDS]);
  assert.equal(before.sockets, 3);
  assert.equal(before.accepted, 1);
  assert.equal(before.acceptFailures, 0);
  const received = receiveByLoop(server);
  await client.write(pattern(500_000));
  client.close();
  await within("the loop", received);
  listener.close();
  await eventually("all sockets are closed", () => port.stats().sockets === 0);
  const after = port.stats();
  assert.equal(after.bytesReceived - before.bytesReceived, 500_000);
  assert.equal(after.bytesSent - before.bytesSent, 500_000);
  assert.equal(after.bytesUnsent, 0);
  assert.equal(after.bytesPosted, 0);
  assert.ok(after.polls > before.polls);
  assert.ok(after.records > before.records);
});

test("CompletionPort.stats() counts each port separately", async () => {
  using one = await pair();
  using two = new CompletionPort();
  assert.equal(two.stats().sockets, 0);
  await two.connect(one.listener.addr);
  assert.equal(two.stats().sockets, 1);
});

test("CompletionPort.close() ends loops and rejects pending calls", async () => {
  using ends = await pair();
  const { port, client, server, listener } = ends;
  const accept = errorFrom(listener.accept());
  const next = outcome(() => listener[Symbol.asyncIterator]().next());
  const chunk = outcome(() => client[Symbol.asyncIterator]().next());
  const read = errorFrom(server.read(new Uint8Array(8)));
  const write = errorFrom(client.write(pattern(32 * 1024 * 1024)));
  port.close();
  port.close();
  assert.equal((await accept).code, "EBADF");
  assert.equal(await next, "done");
  assert.equal(await chunk, "done");
  assert.equal((await read).code, "EINTR");
  assert.equal((await write).code, "EINTR");
});

test("CompletionPort.close() resets connections with bytes to send", async () => {
  using ends = await pair();
  using other = new CompletionPort();
  const client = await other.connect(ends.listener.addr);
  const server = await ends.listener.accept();
  const write = errorFrom(client.write(pattern(32 * 1024 * 1024)));
  client.close();
  other.close();
  await write;
  const error = await readUntilReset(server) as { code: string };
  assert.equal(error.code, "ECONNRESET");
});

test("CompletionPort.close() frees its addresses at once", () => {
  let freed = 0;
  for (let i = 0; i < 10; i++) {
    const port = new CompletionPort();
    const { addr } = port.listen(local);
    port.close();
    using other = new CompletionPort();
    try {
      using listener = other.listen(addr);
      assert.equal(listener.addr.port, addr.port);
      freed++;
    } catch (error) {
      /* Another process may bind one of them meanwhile. */
      assert.equal((error as SocketError).code, "EADDRINUSE");
    }
  }
  assert.ok(freed > 7, `${freed} of 10`);
});

test("A closed CompletionPort refuses every call", async () => {
  const port = new CompletionPort();
  port.close();
  const calls: [() => unknown, string][] = [
    [() => port.listen(local), "EBADF"],
    [() => port.connect({ port: 1 }), "EBADF"],
    [() => port.stats(), "EBADF"],
    [() => port.engine.length > 0, "true"],
    [() => port.libraryPath.length > 0, "true"],
    [() => port.close(), "undefined"],
    [() => port[Symbol.dispose](), "undefined"],
  ];
  for (const [call, expected] of calls) {
    assert.equal(await outcome(call), expected, call.toString());
  }
});

test("CompletionPort.close() may be called in a callback", async () => {
  using ends = await pair();
  const { port, client, server } = ends;
  const loops = [client, server].map(async (conn) => {
    for await (const _ of conn) port.close();
  });
  await client.write(pattern(100_000));
  await within("the loops", Promise.all(loops));
  assert.equal(await outcome(() => server.write(pattern(1))), "EBADF");
});

test("Many ports can be open at once", async () => {
  const ports = Array.from({ length: 40 }, () => new CompletionPort());
  try {
    const listeners = ports.map((port) => port.listen(local));
    const exchanges = ports.map(async (port, i) => {
      const { addr } = listeners[(i + 1) % ports.length]!;
      const [client, server] = await Promise.all([
        port.connect(addr),
        listeners[i]!.accept(),
      ]);
      await client.write(pattern(10_000, i));
      return await server.read(new Uint8Array(20_000));
    });
    for (const count of await within("exchanges", Promise.all(exchanges))) {
      assert.ok(count! > 0);
    }
  } finally {
    for (const port of ports) port.close();
  }
});
