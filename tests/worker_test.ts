// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CompletionPort, type Conn, type NetAddr } from "../mod.ts";
import type { Order } from "./programs/worker.ts";
import { delay, eventually, within } from "./shared/deadline.ts";
import { openHandles } from "./shared/handles.ts";
import { outcome } from "./shared/outcome.ts";
import { digest, pattern } from "./shared/pattern.ts";

const local = { hostname: "127.0.0.1", port: 0 };

/* A Worker that is ended with the block. */
class Helper implements Disposable {
  readonly #worker: Worker;
  #failure: Error | undefined;
  #messages: unknown[] = [];

  constructor() {
    const url = new URL("./programs/worker.ts", import.meta.url);
    this.#worker = new Worker(url.href, { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#messages.push(data);
    this.#worker.onerror = (event) => {
      this.#failure ??= new Error((event as ErrorEvent).message);
    };
  }

  tell(order: Order): void {
    this.#worker.postMessage(order);
  }

  /** The next message. */
  async answer(): Promise<unknown> {
    await eventually("an answer of the Worker", () => {
      if (this.#failure !== undefined) throw this.#failure;
      return this.#messages.length > 0;
    });
    return this.#messages.shift();
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

async function serving(helper: Helper): Promise<NetAddr> {
  helper.tell({ task: "serve" });
  return await helper.answer() as NetAddr;
}

async function echoed(conn: Conn): Promise<boolean> {
  const bytes = pattern(100_000, 9);
  const received = new Uint8Array(bytes.length);
  const written = conn.write(bytes);
  for (let at = 0; at < received.length;) {
    const count = await conn.read(received.subarray(at));
    if (count === null) return false;
    at += count;
  }
  await written;
  return digest(received) === digest(bytes);
}

test("A Worker serves the main thread", async () => {
  using helper = new Helper();
  const address = await serving(helper);
  using port = new CompletionPort();
  const conn = await port.connect(address);
  assert.ok(await within("the echo", echoed(conn)));
});

test("Several Workers exchange data at once", async () => {
  using one = new Helper();
  using two = new Helper();
  using three = new Helper();
  using four = new Helper();
  const addresses = await Promise.all([serving(one), serving(two)]);
  three.tell({ task: "visit", address: addresses[0], count: 20 });
  four.tell({ task: "visit", address: addresses[1], count: 20 });
  one.tell({ task: "visit", address: addresses[1], count: 10 });
  using port = new CompletionPort();
  const conns = await Promise.all(
    addresses.map((address) => port.connect(address)),
  );
  const echoes = conns.map(echoed);
  assert.deepEqual(await within("echoes", Promise.all(echoes)), [true, true]);
  for (const helper of [one, three, four]) {
    assert.equal(await helper.answer(), "right");
  }
});

/* What a peer sees of connections whose Worker is gone. */
const GONE = ["null", "ECONNRESET", "ECONNABORTED"];

async function accepting(port: CompletionPort, count: number) {
  const listener = port.listen(local);
  const conns: Promise<Conn>[] = [];
  for (let i = 0; i < count; i++) conns.push(listener.accept());
  return { listener, conns: Promise.all(conns) };
}

for (const way of ["terminated", "closed by itself"]) {
  test(`A Worker ${way} with open connections harms nobody`, async () => {
    using port = new CompletionPort();
    const warm = openHandles();
    const { listener, conns } = await accepting(port, 30);
    const helper = new Helper();
    helper.tell({ task: "hold", address: listener.addr, count: 30 });
    const servers = await within("30 connections", conns);
    assert.equal(await helper.answer(), "holding");
    const reads = servers.map((server) =>
      outcome(() => server.read(new Uint8Array(1)))
    );
    await delay(200);
    if (way === "terminated") helper[Symbol.dispose]();
    else helper.tell({ task: "leave" });
    for (const seen of await within("30 ends", Promise.all(reads))) {
      assert.ok(GONE.includes(seen), seen);
    }
    for (const server of servers) server.close();
    const [client, server] = await within(
      "one more connection",
      Promise.all([port.connect(listener.addr), listener.accept()]),
    );
    await client.write(new Uint8Array(3));
    assert.equal(await server.read(new Uint8Array(4)), 3);
    for (const conn of [client, server]) conn.close();
    listener.close();
    await eventually("no socket is left", () => port.stats().sockets === 0);
    /* What the runtime itself keeps of a first Worker is not counted. */
    await eventually("the handles are back", () => openHandles() <= warm + 12);
  });
}

test("A Worker terminated in the midst of a transfer harms nobody", async () => {
  using port = new CompletionPort();
  const listener = port.listen(local);
  const helper = new Helper();
  helper.tell({ task: "flood", address: listener.addr });
  const server = await within("accept", listener.accept());
  let received = 0;
  const loop = outcome(async () => {
    for await (const chunk of server) {
      received += chunk.length;
      if (received > 20_000_000) helper[Symbol.dispose]();
    }
    return null;
  });
  const seen = await within("the end", loop);
  assert.ok(GONE.includes(seen), seen);
  assert.ok(received > 20_000_000);
});

test("A listener of a terminated Worker is gone", async () => {
  const helper = new Helper();
  const address = await serving(helper);
  using port = new CompletionPort();
  const conn = await port.connect(address);
  helper[Symbol.dispose]();
  const seen = await outcome(() => conn.read(new Uint8Array(1)));
  assert.ok(GONE.includes(seen), seen);
  await eventually("nobody listens", async () => {
    const result = await outcome(async () => {
      (await port.connect(address)).close();
      return "somebody listens";
    });
    return result === "ECONNREFUSED";
  });
});
