// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers";
import { CompletionPort, type Conn, type NetAddr } from "../mod.ts";
import type { Task } from "./programs/worker.ts";
import { delay, eventually, within } from "./shared/deadline.ts";
import { openHandles } from "./shared/handles.ts";
import { outcome } from "./shared/outcome.ts";
import { digest, pattern } from "./shared/pattern.ts";

const local = { hostname: "127.0.0.1", port: 0 };

/* A Worker, which is terminated at the end of the block. */
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

  post(task: Task): void {
    this.#worker.postMessage(task);
  }

  /** Resolves with the next message. */
  async message(): Promise<unknown> {
    await eventually("a message of the Worker", () => {
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
  helper.post({ task: "serve" });
  return await helper.message() as NetAddr;
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

test("A connection that is busy alone leaves the event loop to others as well", async () => {
  using helper = new Helper();
  const address = await serving(helper);
  using port = new CompletionPort();
  const conn = await port.connect(address);
  let rounds = 0;
  let isDone = false;
  const next = () => {
    rounds++;
    if (!isDone) setImmediate(next);
  };
  next();
  const trips = 3000;
  const chunk = new Uint8Array(64);
  for (let i = 0; i < trips; i++) {
    chunk.fill(i);
    await conn.write(chunk);
    const got = await within("an echo", conn.read(new Uint8Array(100)));
    assert.equal(got, chunk.length);
  }
  isDone = true;
  /* A few turns may share a round. */
  assert.ok(rounds > trips / 5, `${rounds} rounds`);
});

test("Several Workers exchange data at once", async () => {
  using one = new Helper();
  using two = new Helper();
  using three = new Helper();
  using four = new Helper();
  const addresses = await Promise.all([serving(one), serving(two)]);
  three.post({ task: "connect", address: addresses[0], count: 20 });
  four.post({ task: "connect", address: addresses[1], count: 20 });
  one.post({ task: "connect", address: addresses[1], count: 10 });
  using port = new CompletionPort();
  const conns = await Promise.all(
    addresses.map((address) => port.connect(address)),
  );
  const echoes = conns.map(echoed);
  assert.deepEqual(await within("echoes", Promise.all(echoes)), [true, true]);
  for (const helper of [one, three, four]) {
    assert.equal(await helper.message(), "right");
  }
});

/* How the connections of a terminated Worker end: unread data makes it a reset. */
const END_CODES = ["null", "ECONNRESET"];

async function accepting(port: CompletionPort, count: number) {
  const listener = port.listen(local);
  const conns: Promise<Conn>[] = [];
  for (let i = 0; i < count; i++) conns.push(listener.accept());
  return { listener, conns: Promise.all(conns) };
}

for (const way of ["is terminated", "closes itself"]) {
  test(`The connections of a Worker end when it ${way}, and its peer's port still works`, async () => {
    using port = new CompletionPort();
    const warm = openHandles();
    const { listener, conns } = await accepting(port, 30);
    const helper = new Helper();
    helper.post({ task: "hold", address: listener.addr, count: 30 });
    const servers = await within("30 connections", conns);
    assert.equal(await helper.message(), "holding");
    const reads = servers.map((server) =>
      outcome(() => server.read(new Uint8Array(1)))
    );
    await delay(200);
    if (way === "is terminated") helper[Symbol.dispose]();
    else helper.post({ task: "close" });
    for (const seen of await within("30 ends", Promise.all(reads))) {
      assert.ok(END_CODES.includes(seen), seen);
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
    await eventually(
      "all sockets are closed",
      () => port.stats().sockets === 0,
    );
    /* The runtime itself retains some handles after its first Worker. */
    await eventually("handles are closed", () => openHandles() <= warm + 12);
  });
}

test("A connection ends when the Worker of its peer is terminated during a transfer", async () => {
  using port = new CompletionPort();
  const listener = port.listen(local);
  const helper = new Helper();
  helper.post({ task: "flood", address: listener.addr });
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
  assert.ok(END_CODES.includes(seen), seen);
  assert.ok(received > 20_000_000);
});

test("Terminating a Worker closes its connections and listeners", async () => {
  const helper = new Helper();
  const address = await serving(helper);
  using port = new CompletionPort();
  const conn = await port.connect(address);
  helper[Symbol.dispose]();
  const seen = await outcome(() => conn.read(new Uint8Array(1)));
  assert.ok(END_CODES.includes(seen), seen);
  await eventually("the listener is closed", async () => {
    const result = await outcome(async () => {
      (await port.connect(address)).close();
      return "connected";
    });
    return result === "ECONNREFUSED";
  });
});
