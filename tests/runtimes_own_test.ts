// Copyright the iocp authors. MIT license.
/* What the sockets of the runtimes themselves do in the place of this module's
 * deadlines, limits and views. docs/transports.md has the table; when a runtime gets
 * one of these, the test fails and the table needs an edit. */

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { EventEmitter, once } from "node:events";
import {
  type AddressInfo,
  BlockList,
  connect,
  createServer,
  type Server,
  Socket,
} from "node:net";
import process from "node:process";
import { describe, test } from "node:test";
import { ownRuntime } from "./shared/child.ts";
import { delay, eventually, isSettled, within } from "./shared/deadline.ts";
import { readText } from "./shared/header.ts";

const LOCAL = "127.0.0.1";
/** More than the buffers of a system take. */
const MANY = 50_000_000;

/* The parts of both that are used here. */
interface DenoConn {
  read(p: Uint8Array, options?: object): Promise<number | null>;
  write(p: unknown, options?: object): Promise<number>;
  closeWrite(options?: object): Promise<void>;
  close(): void;
}
interface DenoListener {
  addr: { hostname: string; port: number };
  accept(options?: object): Promise<DenoConn>;
  close(options?: object): void;
}
interface BunSocket {
  write(p: unknown): number;
  timeout(seconds: number): void;
  pause(): void;
  terminate(): void;
  readonly readyState: number | string;
}
interface BunListener {
  port: number;
  stop(isForced?: boolean): void;
}
const { Deno: deno, Bun: bun } = globalThis as unknown as {
  Deno: {
    listen(options: object): DenoListener;
    connect(options: object): Promise<DenoConn>;
  };
  Bun: {
    listen(options: object): BunListener;
    connect(options: object): Promise<BunSocket>;
  };
};
const MEMBER = /`(conn|socket|listener|server)\.(\w+)/g;
const isDeno = ownRuntime.name === "deno";
const inDeno = { skip: !isDeno && "only Deno has these" };
/* Windows takes a write of any length, and then no further one. */
const isWindows = process.platform === "win32";
const onLinux = { skip: inDeno.skip || isWindows && "only on Linux" };
const inBun = { skip: isDeno && "only Bun has these" };

/* Limits that pass at once, in the names that this module has. */
function limits(): object {
  return { timeout: 1, deadline: 1, signal: AbortSignal.timeout(1) };
}

function blockAll(): BlockList {
  const list = new BlockList();
  list.addAddress(LOCAL);
  return list;
}

/* Limits that no connection passes. */
function closed(): object {
  return { maxConnections: 1, acceptRate: 1, blockList: blockAll() };
}

/* Its use, and then its end. */
async function withDeno(
  use: (client: DenoConn, server: DenoConn) => Promise<void>,
): Promise<void> {
  const listener = deno.listen({ hostname: LOCAL, port: 0 });
  const accepting = listener.accept();
  const client = await deno.connect(listener.addr);
  const server = await accepting;
  try {
    await use(client, server);
  } finally {
    for (const each of [client, server, listener]) each.close();
  }
}

describe("Deno's own", inDeno, () => {
  test("accept(), read() and write() have no limits", inDeno, async () => {
    const listener = deno.listen({ hostname: LOCAL, port: 0 });
    const accepting = listener.accept(limits());
    assert.equal(await isSettled(accepting), false);
    const client = await deno.connect(listener.addr);
    const server = await accepting;
    const reading = client.read(new Uint8Array(1), limits());
    let sent = 0;
    const writing = (async () => {
      for (;;) sent += await server.write(new Uint8Array(MANY), limits());
    })();
    writing.catch(() => {});
    assert.equal(await reading, 1);
    const rest = client.read(new Uint8Array(MANY), limits());
    await rest;
    await eventually("the write waits", async () => {
      const before = sent;
      await delay(50);
      return sent === before;
    });
    assert.equal(await isSettled(writing), false);
    for (const each of [client, server, listener]) each.close();
    await assert.rejects(writing);
  });

  test("connect() has a signal, and no timeout", inDeno, async () => {
    const listener = deno.listen({ hostname: LOCAL, port: 0 });
    const signal = AbortSignal.abort();
    const aborted = deno.connect({ ...listener.addr, signal });
    await assert.rejects(aborted, { name: "AbortError" });
    /* It would have to be a number. */
    const accepting = listener.accept();
    const conn = await deno.connect({ ...listener.addr, timeout: "never" });
    for (const each of [conn, await accepting, listener]) each.close();
  });

  test(
    "write() takes no list of parts",
    inDeno,
    () =>
      withDeno(async (client) => {
        await assert.rejects(client.write([new Uint8Array(1)]), TypeError);
      }),
  );

  test("write() may write a part", onLinux, () =>
    withDeno(async (client) => {
      assert.ok(await client.write(new Uint8Array(MANY)) < MANY);
    }));

  test("listen() has no limits", inDeno, async () => {
    const listener = deno.listen({ hostname: LOCAL, port: 0, ...closed() });
    const conns: DenoConn[] = [];
    for (let i = 0; i < 4; i++) {
      const accepting = listener.accept();
      conns.push(await deno.connect(listener.addr), await accepting);
    }
    for (const each of [...conns, listener]) each.close();
  });

  test(
    "close() has no deadline, and returns nothing",
    inDeno,
    () =>
      withDeno((client) => {
        assert.equal(client.close.length, 0);
        const listener = deno.listen({ hostname: LOCAL, port: 0 });
        assert.equal(listener.close(limits()), undefined);
        return Promise.resolve();
      }),
  );
});

async function denoObjects() {
  const listener = deno.listen({ hostname: LOCAL, port: 0 });
  const accepting = listener.accept();
  const conn = await deno.connect(listener.addr);
  const server = await accepting;
  const end = () => [conn, server, listener].forEach((each) => each.close());
  return { conn, listener, end };
}

async function bunObjects() {
  const options = { hostname: LOCAL, port: 0, socket: { data() {} } };
  const listener = bun.listen(options);
  const conn = await bun.connect({ ...options, port: listener.port });
  const end = () => {
    conn.terminate();
    listener.stop(true);
  };
  return { conn, listener, end };
}

describe("Bun's own", inBun, () => {
  const handlers = { data() {} };
  const listen = (options: object = {}) =>
    bun.listen({ hostname: LOCAL, port: 0, socket: handlers, ...options });
  const connectTo = ({ port }: BunListener, options: object = {}) =>
    bun.connect({ hostname: LOCAL, port, socket: handlers, ...options });

  test("connect() has neither a signal nor a timeout", inBun, async () => {
    const listener = listen();
    const options = { signal: AbortSignal.abort(), timeout: 1 };
    const socket = await connectTo(listener, options);
    await delay(50);
    assert.equal(socket.readyState, 1);
    socket.terminate();
    listener.stop(true);
  });

  test(
    "write() returns at once what it has taken, and takes no list",
    inBun,
    async () => {
      const socket = { data() {}, open: (socket: BunSocket) => socket.pause() };
      const listener = listen({ socket });
      const conn = await connectTo(listener);
      if (isWindows) conn.write(new Uint8Array(MANY));
      assert.ok(conn.write(new Uint8Array(MANY)) < MANY);
      assert.throws(() => conn.write([new Uint8Array(1)]), TypeError);
      conn.terminate();
      listener.stop(true);
    },
  );

  test(
    "timeout() calls a handler after seconds, and leaves it open",
    inBun,
    async () => {
      const listener = listen();
      let isOver = false;
      const timeout = () => void (isOver = true);
      const socket = await connectTo(listener, {
        socket: { data() {}, timeout },
      });
      socket.timeout(1);
      await eventually("the handler is called", () => isOver);
      assert.equal(socket.readyState, 1);
      socket.terminate();
      listener.stop(true);
    },
  );

  test("listen() has no limits", inBun, async () => {
    let opened = 0;
    const socket = { data() {}, open: () => void opened++ };
    const listener = listen({ socket, ...closed() });
    const all = await Promise.all(
      Array.from({ length: 4 }, () => connectTo(listener)),
    );
    await eventually("all are open", () => opened === 4);
    for (const conn of all) conn.terminate();
    listener.stop(true);
  });

  test(
    "stop() leaves all connections open, and stop(true) closes them",
    inBun,
    async () => {
      const listener = listen();
      let isClosed = false;
      const close = () => void (isClosed = true);
      await connectTo(listener, { socket: { data() {}, close } });
      listener.stop();
      await delay(50);
      assert.equal(isClosed, false);
      listener.stop(true);
      await eventually("it is closed", () => isClosed);
    },
  );
});

/* The server, and a client whose errors are of no interest. */
async function withNet(
  server: Server,
  use: (client: Socket, own: Socket) => Promise<void>,
  options: object = {},
): Promise<void> {
  const accepted: Socket[] = [];
  server.on("connection", (socket) => {
    socket.on("error", () => {});
    accepted.push(socket);
  });
  server.listen({ port: 0, host: LOCAL });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: LOCAL, ...options });
  client.on("error", () => {});
  try {
    await within("the connect", once(client, "connect"));
    await use(client, accepted[0]!);
  } finally {
    for (const socket of [client, ...accepted]) socket.destroy();
    server.close();
  }
}

/* once() would reject with the error of the abort. */
const closes = (one: EventEmitter) =>
  within("the close", new Promise<void>((resolve) => one.on("close", resolve)));

describe("node:net:", () => {
  test("a signal ends a socket or a server, not a call", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const server = createServer();
    await withNet(server, async (client) => {
      assert.equal(client.destroyed, false);
      controller.abort();
      await closes(client);
    }, { signal });
    const other = new AbortController();
    const second = createServer();
    second.listen({ port: 0, host: LOCAL, signal: other.signal });
    await once(second, "listening");
    other.abort();
    await closes(second);
  });

  test("what comes after a wait was given up is lost", async () => {
    const server = createServer();
    await withNet(server, async (client, own) => {
      const waiting = once(client, "data", { signal: AbortSignal.timeout(1) });
      await assert.rejects(waiting, { name: "AbortError" });
      own.write("lost");
      await eventually("it has come", () => client.bytesRead === 4);
      await delay(50);
      assert.equal(client.read(), null);
    });
  });

  test("setTimeout() emits an event, and leaves it open", async () => {
    await withNet(createServer(), async (client) => {
      client.setTimeout(20);
      await within("the event", once(client, "timeout"));
      assert.equal(client.destroyed, false);
    });
  });

  test("onread has a buffer of the caller", async () => {
    const buffer = new Uint8Array(64);
    let count = 0;
    const callback = (length: number, got: Uint8Array) => {
      assert.equal(got.buffer, buffer.buffer);
      count += length;
      return true;
    };
    const server = createServer((socket) => void socket.write("hello"));
    await withNet(
      server,
      () => eventually("all has come", () => count === 5),
      { onread: { buffer, callback } },
    );
  });

  test("write() takes everything, and counts it", async () => {
    const server = createServer((socket) => void socket.pause());
    await withNet(server, (client) => {
      if (isWindows) client.write(new Uint8Array(MANY));
      assert.equal(client.write(new Uint8Array(MANY)), false);
      assert.ok(client.writableLength > 0 && client.writableNeedDrain);
      assert.throws(
        () => client.write([new Uint8Array(1)] as never),
        TypeError,
      );
      return Promise.resolve();
    });
  });

  test("cork() joins writes", async () => {
    let chunks = 0;
    const server = createServer((socket) =>
      void socket.on("data", () => chunks++)
    );
    await withNet(server, async (client) => {
      client.cork();
      for (const text of "abcdef") client.write(text);
      client.uncork();
      await eventually("it has come", () => chunks > 0);
      await delay(50);
      assert.equal(chunks, 1);
    });
  });

  test("close() of a server waits, without a deadline", async () => {
    const server = createServer();
    await withNet(server, async (client) => {
      client.resume();
      const closing = closes(server);
      server.close();
      assert.equal(await isSettled(closing), false);
      client.destroy();
      await closing;
    });
  });

  test("maxConnections closes further connections", async () => {
    const server = createServer();
    server.maxConnections = 1;
    await withNet(server, async () => {
      const { port } = server.address() as AddressInfo;
      const further = connect(port, LOCAL).on("error", () => {}).resume();
      await closes(further);
    });
  });

  test("blockList closes connections without a count", async () => {
    let count = 0;
    const options = { blockList: blockAll() } as object;
    const server = createServer(options, () => count++);
    await withNet(server, async (client) => {
      if (!client.closed) await closes(client.resume());
      assert.equal(count, 0);
    });
  });
});

test("node:dgram: a signal closes the socket, not a call", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const socket = createSocket({ type: "udp4", signal });
  socket.bind(0, LOCAL);
  await once(socket, "listening");
  controller.abort();
  await closes(socket);
});

/* The members of the objects that docs/transports.md names, and of our own that it has
 * "-" for, in the column of this runtime and in that of node:net. */
test("no names of ours are members of the runtimes' own objects", async () => {
  const { conn, listener, end } = isDeno
    ? await denoObjects()
    : await bunObjects();
  const net = { socket: new Socket(), server: createServer() };
  const rows = readText("docs/transports.md").split("\n## ").at(-1)!.split("\n")
    .filter((line) => line.startsWith("| ")).slice(2)
    .map((line) => line.split("|").map((cell) => cell.trim()));
  const seen = [0, 0];
  for (const [, here = "", inDeno = "", inBun = "", inNet = ""] of rows) {
    const cells: [string, Record<string, object>][] = [
      [isDeno ? inDeno : inBun, { conn, socket: conn, listener }],
      [inNet, { ...net, conn: net.socket, listener: net.server }],
    ];
    for (const [cell, objects] of cells) {
      for (const [, object = "", member = ""] of cell.matchAll(MEMBER)) {
        assert.ok(member in objects[object]!, `${object}.${member}`);
        seen[0]!++;
      }
      if (!cell.startsWith("-")) continue;
      for (const [, object = "", member = ""] of here.matchAll(MEMBER)) {
        assert.ok(!(member in objects[object]!), `${object}.${member}`);
        seen[1]!++;
      }
    }
  }
  end();
  assert.ok(seen.every((count) => count >= 8), `${seen} names`);
});
