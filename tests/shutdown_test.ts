// Copyright the iocp authors. MIT license.
/* listener.shutdown(): the end of a listener with its connections. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CompletionPort, type Conn, type NetAddr } from "../mod.ts";
import { isSettled, within } from "./shared/deadline.ts";
import { isWindows, localPair } from "./shared/local.ts";
import { outcome } from "./shared/outcome.ts";
import { pair, readUntilReset } from "./shared/pair.ts";
import { assertReset, transports } from "./shared/transports.ts";

test("shutdown() waits for the connections, and counts them", async () => {
  using ends = await pair();
  const { port, listener, client, server } = ends;
  const others = await Promise.all([
    port.connect(listener.addr),
    listener.accept(),
  ]);
  const result = listener.shutdown();
  assert.equal(await isSettled(result), false);
  assert.equal(await outcome(() => listener.accept()), "EBADF");
  await client.write(new Uint8Array(3));
  assert.equal(await server.read(new Uint8Array(9)), 3);
  server.close();
  assert.equal(await isSettled(result), false);
  for (const conn of others) conn.close();
  assert.deepEqual(await within("the rest", result), { closed: 2, reset: 0 });
});

for (const { name, open } of transports) {
  test(`shutdown() resets at the deadline what is left, over ${name}`, async () => {
    using ends = await open();
    const { port, listener, client, server } = ends;
    const [closed] = await Promise.all([
      listener.accept(),
      port.connect(listener.addr as NetAddr),
    ]);
    const reset = assertReset(name, client);
    const result = listener.shutdown({ deadline: 50 });
    closed.close();
    assert.deepEqual(await within("it", result), { closed: 1, reset: 1 });
    await reset;
    assert.equal(await outcome(() => server.write(new Uint8Array(1))), "EBADF");
  });
}

test("A loop gets the connections that were accepted before shutdown()", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const clients: Conn[] = [];
  for (let i = 0; i < 3; i++) clients.push(await port.connect(listener.addr));
  /* The others are in the queue when this one is returned. */
  const first = await within("a connection", listener.accept());
  const result = listener.shutdown({ deadline: 60_000 });
  let count = 1;
  first.close();
  for await (const conn of listener) {
    count++;
    conn.close();
  }
  const { closed, reset } = await within("the end", result);
  assert.equal(closed, count);
  assert.equal(reset, 0);
});

test("shutdown() resets at the deadline what accept() has not returned", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const clients: Conn[] = [];
  for (let i = 0; i < 3; i++) clients.push(await port.connect(listener.addr));
  await within("a connection", listener.accept());
  const { closed, reset } = await within(
    "the end",
    listener.shutdown({ deadline: 50 }),
  );
  assert.equal(closed, 0);
  assert.ok(reset >= 1 && reset <= 3, `${reset}`);
  for (const client of clients) await readUntilReset(client);
});

test("A second shutdown() with an earlier deadline ends both", async () => {
  using ends = await pair();
  const { listener } = ends;
  const first = listener.shutdown();
  const second = listener.shutdown({ deadline: 0 });
  assert.deepEqual(await within("it", second), { closed: 0, reset: 1 });
  assert.equal((await within("it", first)).reset, 0);
});

test("shutdown() after close() waits for the connections", async () => {
  using ends = await pair();
  const { listener, server } = ends;
  listener.close();
  const result = listener.shutdown();
  assert.equal(await isSettled(result), false);
  server.close();
  assert.deepEqual(await within("it", result), { closed: 1, reset: 0 });
});

test("shutdown() ends with the port", async () => {
  using ends = await pair();
  const result = ends.listener.shutdown();
  ends.port.close();
  assert.deepEqual(await within("it", result), { closed: 1, reset: 0 });
});

test("shutdown() of a local socket", async () => {
  using ends = await localPair();
  const { listener, server } = ends;
  const result = listener.shutdown();
  assert.equal(await isSettled(result), false);
  server.close();
  assert.deepEqual(await within("it", result), { closed: 1, reset: 0 });
});

test("shutdown() of a named pipe resets what accept() has not returned", {
  skip: !isWindows && "a feature of Windows",
}, async () => {
  using ends = await localPair();
  const { port, listener, server } = ends;
  const { path } = listener.addr;
  const clients = await Promise.all([
    port.connect({ path }),
    port.connect({ path }),
  ]);
  const result = listener.shutdown();
  for (const client of clients) {
    assert.equal(
      await outcome(() => client.read(new Uint8Array(1))),
      "ECONNRESET",
    );
  }
  server.close();
  assert.equal((await within("it", result)).closed, 1);
});

test("Wrong options of shutdown() are refused", async () => {
  using ends = await pair();
  const { listener } = ends;
  const names: [unknown, string][] = [
    [null, "TypeError"],
    [1, "TypeError"],
    [{ deadline: "1" }, "TypeError"],
    [{ deadline: -1 }, "RangeError"],
    [{ deadline: NaN }, "RangeError"],
    [{ deadline: 2 ** 31 }, "RangeError"],
  ];
  for (const [options, name] of names) {
    assert.equal(
      await outcome(() => listener.shutdown(options as never)),
      name,
    );
  }
  const client = await ends.port.connect(listener.addr);
  await within("it still accepts", listener.accept());
  client.close();
});
