// Copyright the iocp authors. MIT license.
/* Connections, ports, listeners and failed calls leak no memory and no handle. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CompletionPort, type Listener } from "../mod.ts";
import { eventually, within } from "./shared/deadline.ts";
import { openHandles } from "./shared/handles.ts";
import { liveBytes } from "./shared/live_bytes.ts";
import { outcome } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";
import { pattern } from "./shared/pattern.ts";

const MIB = 1024 * 1024;
/* Much longer than the connections take, even under Wine. */
const CHURN_MS = 300_000;
/* Connections at a time. */
const LANES = 10;

/* Makes a connection and ends it; `i` chooses one of the ways. */
async function useConnection(
  port: CompletionPort,
  listener: Listener,
  i: number,
): Promise<void> {
  const [client, server] = await Promise.all([
    port.connect(listener.addr),
    listener.accept(),
  ]);
  await client.write(pattern(100, i));
  const buffer = new Uint8Array(200);
  if (i % 4 === 0) {
    assert.equal(await server.read(buffer), 100);
    client.close();
    assert.equal(await server.read(buffer), null);
    server.close();
  } else if (i % 4 === 1) {
    for await (const chunk of server) {
      assert.equal(chunk.length, 100);
      break;
    }
    assert.equal(await client.read(buffer), null);
    client.close();
  } else if (i % 4 === 2) {
    client.reset();
    await outcome(() => server.read(buffer));
    server.close();
  } else {
    const read = outcome(() => client.read(buffer));
    client.close();
    assert.equal(await read, "EINTR");
    server.reset();
  }
}

async function churn(
  port: CompletionPort,
  listeners: Listener[],
  count: number,
): Promise<void> {
  const lanes = listeners.map(async (listener, lane) => {
    for (let i = lane; i < count; i += LANES) {
      await useConnection(port, listener, i);
    }
  });
  await within(`${count} connections`, Promise.all(lanes), CHURN_MS);
  await eventually(
    "only the listeners are open",
    () => port.stats().sockets === LANES,
  );
}

test("10,000 connections leave no socket, handle or memory", async () => {
  using port = new CompletionPort();
  /* One for each connection at a time, since connections that are made together
   * may be accepted in another order. */
  const listeners = Array.from(
    { length: LANES },
    () => port.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  await churn(port, listeners, 2_000);
  const handles = openHandles();
  const before = await liveBytes();
  await churn(port, listeners, 8_000);
  assert.ok(openHandles() <= handles + 4, `${openHandles()}, were ${handles}`);
  const after = await liveBytes();
  /* Less than 4 KiB per connection, and of the heaps less than one: nothing of a
   * connection is retained. */
  const resident = after.resident - before.resident;
  assert.ok(resident < 32 * MIB, `${resident} bytes more`);
  const used = after.used - before.used;
  assert.ok(used < 6 * MIB, `${used} bytes more`);
  const { bytesUnsent, bytesPosted, accepted } = port.stats();
  assert.deepEqual([bytesUnsent, bytesPosted], [0, 0]);
  assert.equal(accepted, 10_000);
  for (const listener of listeners) listener.close();
  await eventually("all sockets are closed", () => port.stats().sockets === 0);
  assert.equal(port.stats().operations, 0);
});

test("Closed ports leave no handle or memory", async () => {
  async function round() {
    using ends = await pair();
    await ends.client.write(pattern(1_000));
    await ends.server.read(new Uint8Array(1_000));
    ends.server.read(new Uint8Array(1)).catch(() => {});
  }
  for (let i = 0; i < 50; i++) await round();
  const handles = openHandles();
  const before = await liveBytes();
  for (let i = 0; i < 200; i++) await round();
  await eventually("handles are closed", () => openHandles() <= handles + 4);
  const after = await liveBytes();
  const resident = after.resident - before.resident;
  assert.ok(resident < 128 * MIB, `${resident} bytes more`);
  const used = after.used - before.used;
  assert.ok(used < 6 * MIB, `${used} bytes more`);
});

test("Failed and aborted calls leave no socket or handle", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const { addr } = listener;
  async function round() {
    await outcome(() => port.listen(addr));
    const controller = new AbortController();
    const { signal } = controller;
    const connecting = outcome(() => port.connect({ ...addr, signal }));
    controller.abort();
    assert.equal(await connecting, "AbortError");
    const options = { ...addr, localAddress: "192.0.2.1" };
    assert.equal(await outcome(() => port.connect(options)), "EADDRNOTAVAIL");
  }
  for (let i = 0; i < 20; i++) await round();
  const handles = openHandles();
  for (let i = 0; i < 200; i++) await round();
  await eventually(
    "only the listener is open",
    () => port.stats().sockets === 1,
  );
  assert.ok(openHandles() <= handles + 4);
});

test("Listeners that are opened and closed leave no handle", async () => {
  using port = new CompletionPort();
  async function round() {
    const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted = outcome(() => listener.accept());
    listener.close();
    assert.equal(await accepted, "EBADF");
  }
  for (let i = 0; i < 20; i++) await round();
  await eventually("it is closed", () => port.stats().sockets === 0);
  const handles = openHandles();
  for (let i = 0; i < 500; i++) await round();
  await eventually("all are closed", () => port.stats().sockets === 0);
  assert.ok(openHandles() <= handles + 4);
});
