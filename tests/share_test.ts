// Copyright the iocp authors. MIT license.
/* A listener whose connections are handed out to Workers. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Addr,
  CompletionPort,
  type Conn,
  connect,
  type ConnOptions,
  listen,
  type Listener,
} from "../mod.ts";
import type { Busy, End, Task } from "./programs/share_worker.ts";
import { ownRuntime, run } from "./shared/child.ts";
import { delay, eventually, within } from "./shared/deadline.ts";
import { openHandles } from "./shared/handles.ts";
import { isWindows, newPath } from "./shared/local.ts";
import { failure, outcome } from "./shared/outcome.ts";
import { bytesOf } from "./shared/pattern.ts";
import { ca, server as identity } from "./shared/tls.ts";

const local = { hostname: "127.0.0.1", port: 0 };

/* A Worker with a part, which is terminated at the end of the block. */
class Helper implements Disposable {
  readonly name: string;
  readonly #worker: Worker;
  readonly messages: unknown[] = [];

  constructor(listener: Listener, name: string, options?: Partial<Task>) {
    const url = new URL("./programs/share_worker.ts", import.meta.url);
    this.name = name;
    this.#worker = new Worker(url.href, { type: "module" });
    this.#worker.onmessage = ({ data }) => this.messages.push(data);
    /* Some are to fail. */
    this.#worker.onerror = (event) => event.preventDefault?.();
    const task: Task = { share: listener.share(), name, ...options };
    this.#worker.postMessage(task);
  }

  /** Resolves when its part accepts. */
  async started(): Promise<this> {
    await eventually("a part", () => this.messages.length > 0);
    return this;
  }

  /** Its loop is over. */
  get hasEnded(): boolean {
    return this.messages.at(-1) === "ended";
  }

  end(way: End | "is terminated"): void {
    if (way === "is terminated") this.#worker.terminate();
    else this.#worker.postMessage(way);
  }

  compute(task: Busy): void {
    this.#worker.postMessage(task);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

/* A client, and the Worker that answers. */
interface Client {
  conn: Conn;
  name: string;
}

async function nameOf(conn: Conn): Promise<string> {
  const p = new Uint8Array(10);
  const count = await within("a name", conn.read(p));
  return new TextDecoder().decode(p.subarray(0, count ?? 0));
}

async function connected(listener: Listener): Promise<Client> {
  const conn = await within("a connection", connect(listener.addr));
  return { conn, name: await nameOf(conn) };
}

async function clientsOf(listener: Listener, count: number) {
  const clients: Client[] = [];
  for (let i = 0; i < count; i++) clients.push(await connected(listener));
  return clients;
}

function countOf(clients: Client[], helper: Helper): number {
  return clients.filter(({ name }) => name === helper.name).length;
}

async function isEchoed({ conn }: Client): Promise<boolean> {
  const p = new Uint8Array(10);
  await conn.write(bytesOf("hello"));
  return await within("an echo", conn.read(p)) === 5;
}

function closeAll(clients: Client[]): void {
  for (const { conn } of clients) conn.close();
}

test("A listener hands its connections out in equal parts", async () => {
  using listener = listen(local);
  using one = new Helper(listener, "one");
  using two = new Helper(listener, "two");
  using three = new Helper(listener, "three");
  for (const helper of [one, two, three]) await helper.started();
  assert.deepEqual(one.messages, [listener.addr]);
  const clients = await clientsOf(listener, 30);
  for (const helper of [one, two, three]) {
    assert.equal(countOf(clients, helper), 10);
  }
  for (const client of clients) assert.ok(await isEchoed(client));
  assert.equal(listener.stats().accepted, 30);
  closeAll(clients);
});

/* How the connections of a Worker end that has gone. */
const END_CODES = ["null", "ECONNRESET"];

describe("Only its own connections end with a Worker that", () => {
  for (
    const way of ["is terminated", "throws", "exits", "closes itself"] as const
  ) {
    test(way, async () => {
      using listener = listen(local);
      using one = new Helper(listener, "one");
      using two = new Helper(listener, "two");
      await one.started();
      await two.started();
      const clients = await clientsOf(listener, 20);
      assert.equal(countOf(clients, one), 10);
      one.end(way);
      for (const { conn, name } of clients) {
        if (name !== "one") continue;
        const end = outcome(() => conn.read(new Uint8Array(1)));
        const seen = await within("an end", end);
        assert.ok(END_CODES.includes(seen), seen);
      }
      const others = await clientsOf(listener, 10);
      assert.equal(countOf(others, two), 10);
      for (const client of [...clients, ...others]) {
        if (client.name === "two") assert.ok(await isEchoed(client));
      }
      closeAll([...clients, ...others]);
    });
  }
});

test("What a Worker was given and has not taken goes to the others", async () => {
  using listener = listen(local);
  using busy = new Helper(listener, "busy");
  await busy.started();
  const gate = new SharedArrayBuffer(8);
  const view = new Int32Array(gate);
  busy.compute({ gate });
  await eventually("it computes", () => Atomics.load(view, 1) === 1);
  using other = new Helper(listener, "other");
  await other.started();
  const conns = await Promise.all(
    Array.from({ length: 20 }, () => connect(listener.addr)),
  );
  const names = conns.map(nameOf);
  let answered = 0;
  for (const name of names) name.then(() => answered++, () => {});
  /* At most 4 wait for the busy one. */
  await eventually("answers", () => answered >= 16);
  await delay(50);
  assert.ok(answered < 20);
  /* Bun ends it at once, and Deno when its code returns or throws. */
  busy.end("is terminated");
  Atomics.store(view, 0, 1);
  const takers = new Set(await Promise.all(names));
  /* In Deno the busy one may take some before it has ended. */
  if ("Deno" in globalThis) takers.delete("busy");
  assert.deepEqual(takers, new Set(["other"]));
  for (const conn of conns) conn.close();
});

test("The close of a listener ends the loops of all Workers", async () => {
  const listener = listen(local);
  using one = new Helper(listener, "one");
  using two = new Helper(listener, "two");
  await one.started();
  await two.started();
  const clients = await clientsOf(listener, 4);
  listener.close();
  for (const client of clients) assert.ok(await isEchoed(client));
  closeAll(clients);
  await eventually("the ends", () => one.hasEnded && two.hasEnded);
  assert.equal(failure(() => listener.share()).code, "EBADF");
});

test("1,000 connections find a Worker while Workers come and go", async () => {
  using listener = listen(local);
  using always = new Helper(listener, "always");
  await always.started();
  const warm = openHandles();
  let served = 0;
  let started = 0;
  let left = 0;
  let isUnused = false;
  const isOver = () => served >= 1000 && left >= 6;
  const comeAndGo = async () => {
    while (!isOver()) {
      const leaveAfter = 15 + started % 10;
      using helper = new Helper(listener, `${++started}`, { leaveAfter });
      /* Its connections would end with it. */
      await eventually("the end", () => helper.hasEnded || isUnused);
      if (helper.hasEnded) left++;
    }
  };
  const use = async () => {
    while (!isOver()) {
      const client = await connected(listener);
      assert.notEqual(client.name, "");
      client.conn.close();
      served++;
    }
  };
  const users = Promise.all(Array.from({ length: 20 }, use))
    .finally(() => isUnused = true);
  const all = Promise.all([users, comeAndGo(), comeAndGo()]);
  await within("the clients", all, 240_000);
  assert.equal(listener.stats().accepted, served);
  /* Runtimes retain some for a Worker. */
  const slack = 8 + 6 * started;
  await eventually("handles are closed", () => openHandles() <= warm + slack);
});

test("No connection is refused or hangs while Workers are terminated", async () => {
  using listener = listen(local);
  using always = new Helper(listener, "always");
  await always.started();
  let open = 0;
  let isOver = false;
  let lost = 0;
  const terminate = async () => {
    while (!isOver) {
      using helper = new Helper(listener, "short");
      await helper.started();
      await delay(20);
    }
  };
  const use = async () => {
    while (open < 300) {
      open++;
      const conn = await within("a connection", connect(listener.addr));
      const seen = await outcome(() => nameOf(conn));
      if (seen === "" || END_CODES.includes(seen)) lost++;
      else assert.match(seen, /always|short/);
      conn.close();
    }
  };
  const terminating = terminate();
  await within(
    "the clients",
    Promise.all([use(), use(), use(), use(), use()]),
    240_000,
  );
  isOver = true;
  await terminating;
  assert.equal(listener.stats().accepted, 300);
  assert.ok(lost < 150, `${lost} lost`);
});

/* The rest is in one thread. */
async function pairOf(listener: Listener<Addr>, part: Listener<Addr>) {
  const client = await connect(listener.addr as { port: number });
  const server = await within("a connection", part.accept());
  return { client, server };
}

describe("A part", () => {
  test("has options of its own", async () => {
    using listener = listen({ ...local, keepAlive: true });
    for (const noDelay of [true, false]) {
      const options: ConnOptions = {
        noDelay,
        keepAlive: { idle: 77 },
        receive: { mode: "zero-byte" },
      };
      using part = listen({ share: listener.share(), ...options });
      assert.equal(part.options.noDelay, noDelay);
      assert.equal(part.options.backlog, undefined);
      const { client, server } = await pairOf(listener, part);
      assert.equal(server.options.noDelay, noDelay);
      assert.equal((server.options.keepAlive as { idle: number }).idle, 77);
      assert.equal(server.options.receive.mode, "zero-byte");
      assert.deepEqual(server.remoteAddr, client.localAddr);
      assert.deepEqual(server.localAddr, client.remoteAddr);
      client.close();
      server.close();
    }
  });

  test("refuses an option that the system lacks", {
    skip: !isWindows && "Linux has all",
  }, () => {
    using listener = listen(local);
    assert.throws(
      () => listen({ share: listener.share(), dscp: 10 }),
      { name: "NotSupported" },
    );
  });

  test("waits for data with deferAccept", async () => {
    using listener = listen(local);
    using part = listen({ share: listener.share(), deferAccept: true });
    const first = part.accept();
    using silent = await connect(listener.addr);
    using client = await connect(listener.addr);
    await client.write(bytesOf("hello"));
    using server = await within("a connection", first);
    assert.deepEqual(server.remoteAddr, client.localAddr);
    assert.equal(await server.read(new Uint8Array(10)), 5);
    await silent.write(bytesOf("hi"));
    using other = await within("a connection", part.accept());
    assert.deepEqual(other.remoteAddr, silent.localAddr);
  });

  test("makes TLS of its connections", async () => {
    using listener = listen(local);
    using part = listen({ share: listener.share(), tls: identity });
    const tls = { ca, serverName: "localhost" };
    const [client, server] = await within(
      "both ends",
      Promise.all([connect({ ...listener.addr, tls }), part.accept()]),
    );
    await client.write(bytesOf("hello"));
    assert.equal(await server.read(new Uint8Array(10)), 5);
    assert.equal(server.tls?.protocol, "TLSv1.3");
    client.close();
    server.close();
  });

  test("resets a peer that sends nothing in time", async () => {
    using listener = listen(local);
    using part = listen({ share: listener.share(), firstByteTimeout: 50 });
    const { client, server } = await pairOf(listener, part);
    const read = outcome(() => server.read(new Uint8Array(1)));
    assert.equal(await within("a timeout", read), "ETIMEDOUT");
    client.close();
  });

  test("with maxConnections leaves the others to other parts", async () => {
    using listener = listen(local);
    using small = listen({ share: listener.share(), maxConnections: 2 });
    using large = listen({ share: listener.share() });
    let inSmall = 0;
    let inLarge = 0;
    (async () => {
      for await (const _ of small) inSmall++;
    })();
    (async () => {
      for await (const _ of large) inLarge++;
    })();
    const clients = [];
    for (let i = 0; i < 12; i++) {
      clients.push(await connect(listener.addr));
      await eventually("it", () => inSmall + inLarge >= i - 1);
    }
    await eventually("all but one", () => inSmall + inLarge >= 11);
    assert.equal(inSmall, 2);
    for (const client of clients) client.close();
  });

  test("keeps what was delivered when its listener is closed", async () => {
    const listener = listen(local);
    using part = listen({ share: listener.share() });
    const first = part.accept();
    const clients = await Promise.all(
      Array.from({ length: 5 }, () => connect(listener.addr)),
    );
    await first;
    await eventually("handed out", () => listener.stats().accepted === 5);
    listener.close();
    let count = 1;
    for await (const conn of part) {
      count++;
      conn.close();
    }
    assert.equal(count, 5);
    assert.equal(await outcome(() => part.accept()), "EBADF");
    for (const client of clients) client.close();
  });

  test("is closed with its port", async () => {
    using listener = listen(local);
    const port = new CompletionPort();
    const part = port.listen({ share: listener.share() });
    const ended = outcome(() => part.accept());
    port.close();
    assert.equal(await ended, "EBADF");
    using other = listen({ share: listener.share() });
    const { client, server } = await pairOf(listener, other);
    client.close();
    server.close();
  });
});

test("A listener that stops hands out what it has accepted", async () => {
  using port = new CompletionPort();
  const listener = port.listen(local);
  using part = listen({ share: listener.share() });
  const first = part.accept();
  const client = await connect(listener.addr);
  await eventually("handed out", () => listener.stats().accepted === 1);
  await within("the stop", listener.stop());
  const server = await within("a connection", first);
  for await (const _ of part) assert.fail("there is no other");
  client.close();
  server.close();
});

test("A listener on localhost hands out both families", async () => {
  using listener = listen({ hostname: "localhost", port: 0 });
  using part = listen({ share: listener.share() });
  const { port } = listener.addr;
  for (const hostname of ["127.0.0.1", "::1"]) {
    const client = await connect({ hostname, port });
    const server = await within("a connection", part.accept());
    assert.equal(server.localAddr.transport, "tcp");
    client.close();
    server.close();
  }
});

test("A unix socket is shared", {
  skip: isWindows && "Wine has none",
}, async () => {
  using listener = listen({ path: newPath() });
  using part = listen({ share: listener.share() });
  assert.deepEqual(part.addr, listener.addr);
  const client = await connect(listener.addr);
  const server = await within("a connection", part.accept());
  await client.write(bytesOf("hello"));
  assert.equal(await server.read(new Uint8Array(10)), 5);
  client.close();
  server.close();
});

test("A named pipe is not shared", {
  skip: !isWindows && "Linux has none",
}, () => {
  using listener = listen({ path: newPath() });
  assert.throws(() => listener.share(), { name: "NotSupported" });
});

describe("A share is refused", () => {
  const given = [
    { deferAccept: true },
    { firstByteTimeout: 5 },
    { maxConnections: 5 },
    { acceptRate: 5 },
    { blockList: { check: () => false } },
    { tls: identity },
  ];
  for (const options of given) {
    const key = Object.keys(options)[0]!;
    test(`of a listener with ${key}`, () => {
      using listener = listen({ ...local, ...options });
      assert.throws(() => listener.share(), {
        name: "NotSupported",
        message: new RegExp(key),
      });
    });
  }

  test("of a part, which has no backlog either", () => {
    using listener = listen(local);
    using part = listen({ share: listener.share() });
    assert.throws(() => part.share(), { name: "NotSupported" });
    assert.throws(
      () => part.setOptions({ backlog: 5 }),
      { name: "NotSupported", message: /shared/ },
    );
    assert.throws(
      () => listener.setOptions({ maxConnections: 5 }),
      { name: "NotSupported" },
    );
  });

  test("when its listener is closed, or it is of another process", () => {
    const listener = listen(local);
    const share = listener.share();
    assert.equal(listener.share(), share);
    const other = { ...share, pid: share.pid + 1 };
    assert.equal(failure(() => listen({ share: other })).code, "ENOENT");
    listener.close();
    assert.equal(failure(() => listen({ share })).code, "ENOENT");
  });

  test("with other bytes or options", () => {
    using listener = listen(local);
    const share = listener.share();
    for (const wrong of [5, null, "x", {}, { ...share, id: "1" }]) {
      assert.throws(() => listen({ share: wrong as never }), TypeError);
    }
    assert.throws(
      () => listen({ share: { ...share, id: -1 } }),
      RangeError,
    );
    for (const key of ["port", "fd", "backlog", "reusePort"]) {
      const options = { share, [key]: 3 } as never;
      assert.throws(() => listen(options), TypeError);
    }
  });
});

test("A part needs Deno's permission to listen at the address", {
  skip: ownRuntime.name !== "deno" && "only Deno has permissions",
}, async () => {
  const flags = ["--allow-ffi", "--allow-net", "--allow-env", "--allow-read"];
  const { stdout, stderr } = await run("share_permission", [], { flags });
  assert.equal(stdout.trim(), "listening NotCapable", stderr);
});
