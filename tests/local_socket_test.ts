// Copyright the iocp authors. MIT license.
/* What unix sockets and named pipes have in common, on the transport of the system
 * that runs the test. Their bytes and options are in local_bytes_test.ts and
 * local_options_test.ts; what only one of them has is in unix_socket_test.ts and
 * pipe_test.ts. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers";
import { inspect } from "node:util";
import {
  adopt,
  CompletionPort,
  connect,
  connectSync,
  listen,
  type PathAddr,
  type SocketError,
} from "../mod.ts";
import { programPath, run, start } from "./shared/child.ts";
import { eventually, settled, within } from "./shared/deadline.ts";
import { openHandles } from "./shared/handles.ts";
import { isWindows, localPair, newPath, transport } from "./shared/local.ts";
import { errorFrom, failure } from "./shared/outcome.ts";
import { bytesOf, digest, pattern, textOf } from "./shared/pattern.ts";
import { echo, readText, receiveByLoop } from "./shared/transfer.ts";

const LARGE = 3 << 20;

describe("Addresses", () => {
  test("a listener and both ends have the path", async () => {
    using ends = await localPair();
    const { client, listener, server } = ends;
    const { path } = listener.addr;
    assert.deepEqual(listener.addr, { transport, path });
    assert.deepEqual(client.remoteAddr, { transport, path });
    assert.deepEqual(server.localAddr, { transport, path });
    /* A client of a unix socket has no name. */
    const ofClient = { transport, path: isWindows ? path : "" };
    assert.deepEqual(client.localAddr, ofClient);
    assert.deepEqual(server.remoteAddr, ofClient);
  });

  test("both ends keep their addresses after the close", async () => {
    using ends = await localPair();
    const { client, server } = ends;
    const before = [client.localAddr, client.remoteAddr, server.remoteAddr];
    client.close();
    server.close();
    const after = [client.localAddr, client.remoteAddr, server.remoteAddr];
    assert.deepEqual(after, before);
    assert.deepEqual(server.localAddr, ends.listener.addr);
  });

  test("an address is enough to connect", async () => {
    using ends = await localPair();
    const { listener, port } = ends;
    const other = await port.connect(listener.addr);
    using accepted = await within("accept", listener.accept());
    await other.write(bytesOf("hello"));
    assert.equal(await readText(accepted), "hello");
  });

  test("console.log() shows the path", async () => {
    using ends = await localPair();
    const { path } = ends.listener.addr;
    /* Backslashes are shown twice. */
    const shown = inspect(ends.client).replaceAll("\\\\", "\\");
    assert.ok(shown.includes(path), shown);
    assert.match(shown, /state: .open/);
    assert.match(inspect(ends.listener), /Listener \{/);
  });

  test("conn.peer is this process", async () => {
    using ends = await localPair();
    for (const { peer } of [ends.client, ends.server]) {
      assert.equal(peer.pid, process.pid);
      assert.equal(peer.uid, process.getuid?.());
      assert.equal(peer.gid, process.getgid?.());
    }
    ends.client.close();
    const error = failure(() => ends.client.peer);
    assert.equal(error.code, "EBADF");
    assert.match(error.message, /^Cannot get the process of the peer/);
  });

  test("conn.peer is the process of the other end", async () => {
    for (const role of ["client", "server"]) {
      const path = newPath();
      using listener = role === "client" ? listen({ path }) : undefined;
      using child = start(programPath("local_peer"), [role, path]);
      if (role === "server") await child.output(/listening/);
      using conn = await within(
        "the connection",
        listener?.accept() ?? connect({ path }),
      );
      assert.equal(conn.peer.pid, child.process.pid, role);
      /* The child sends what it sees. */
      assert.equal(await readText(conn), String(process.pid), role);
      assert.notEqual(conn.peer.pid, process.pid);
    }
  });

  test("conn.peer says nothing over TCP", async () => {
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    using conn = await connect(listener.addr);
    assert.deepEqual(conn.peer, {
      pid: undefined,
      uid: undefined,
      gid: undefined,
    });
  });
});

describe("A listener on a path", () => {
  test("is an async iterable, which break closes", async () => {
    const path = newPath();
    const listener = listen({ path });
    const clients = Promise.all([connect({ path }), connect({ path })]);
    let count = 0;
    for await (const conn of listener) {
      conn.close();
      if (++count === 2) break;
    }
    for (const client of await clients) client.close();
    assert.equal((await errorFrom(connect({ path }))).code, "ENOENT");
  });

  test("is in use until it is closed", async () => {
    const path = newPath();
    const listener = listen({ path });
    const error = failure(() => listen({ path }));
    assert.equal(error.code, "EADDRINUSE");
    assert.equal(error.address, listener.addr.path);
    assert.equal(error.port, undefined);
    assert.equal(
      error.message,
      `Cannot listen on ${listener.addr.path}: address already in use`,
    );
    listener.close();
    listen({ path }).close();
  });

  test("serves many clients, one after the other and at once", async () => {
    using ends = await localPair();
    const { listener, port } = ends;
    const serving = (async () => {
      for await (const conn of listener) echo(conn).catch(() => {});
    })();
    const visit = async () => {
      const conn = await port.connect({ ...listener.addr, timeout: 30_000 });
      await conn.write(bytesOf("x"));
      assert.equal(await readText(conn), "x");
      conn.close();
    };
    for (let i = 0; i < 100; i++) await visit();
    await within("the rest", Promise.all(Array.from({ length: 100 }, visit)));
    listener.close();
    await serving;
  });

  test("is found by each of 2,000 clients in a row", async () => {
    /* A pipe then has one instance that waits; Linux has no such pool. */
    using ends = await localPair({ listen: { acceptPool: 1 } });
    const { listener, port } = ends;
    let served = 0;
    const serving = (async () => {
      for await (const conn of listener) {
        await conn.write(bytesOf(String(served++)));
        conn.close();
        /* So the next client may come before the next accept(). */
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let i = 0; i < 2_000; i++) {
      const conn = await within("a client", port.connect(listener.addr));
      assert.equal(await readText(conn), String(i));
      conn.close();
    }
    listener.close();
    await serving;
    assert.equal(served, 2_000);
  });

  test("resets connections that were not accepted when it closes", async () => {
    using port = new CompletionPort();
    const path = newPath();
    const listener = port.listen({ path });
    const accepting = listener.accept();
    const first = await port.connect({ path });
    (await accepting).close();
    first.close();
    const second = await port.connect({ path });
    listener.close();
    const read = within("an end", second.read(new Uint8Array(1)));
    assert.match(
      await read.then(String, (error: SocketError) => error.code),
      /^(null|ECONNRESET|EPIPE)$/,
    );
  });

  test("acceptSync() and connectSync() block", () => {
    using port = new CompletionPort();
    const path = newPath();
    const listener = port.listen({ path });
    const client = port.connectSync({ path, timeout: 10_000 });
    const server = listener.acceptSync({ timeout: 10_000 });
    client.writeSync(bytesOf("sync"));
    const p = new Uint8Array(10);
    const count = server.readSync(p, { timeout: 10_000 })!;
    assert.equal(textOf(p.subarray(0, count)), "sync");
    const error = failure(() => listener.acceptSync({ timeout: 10 }));
    assert.equal(error.code, "ETIMEDOUT");
    assert.equal(error.address, listener.addr.path);
    server.close();
    assert.equal(client.readSync(p, { timeout: 10_000 }), null);
    assert.equal(
      failure(() => connectSync({ path: newPath() })).code,
      "ENOENT",
    );
  });

  test("closes with its completion port", async () => {
    const ends = await localPair();
    const reading = errorFrom(ends.client.read(new Uint8Array(1)));
    const accepting = errorFrom(ends.listener.accept());
    ends.port.close();
    assert.equal((await reading).code, "EINTR");
    assert.equal((await accepting).code, "EBADF");
    using listener = listen({ path: ends.listener.addr.path });
    assert.equal(listener.addr.path, ends.listener.addr.path);
    ends[Symbol.dispose]();
  });

  test("does not keep the process alive after unref()", async () => {
    const { code, stdout, stderr } = await run("local_life", ["unref"]);
    assert.deepEqual([code, stdout.trim()], [0, "done"], stderr);
  });
});

describe("connect() with a path", () => {
  test("fails where nothing listens", async () => {
    const path = newPath();
    const error = await errorFrom(connect({ path }));
    assert.equal(error.code, "ENOENT");
    assert.equal(error.name, "NotFound");
    assert.equal(error.syscall, "connect");
    assert.equal(error.address, path);
    assert.ok(error.message.startsWith(`Cannot connect to ${path}: `));
    assert.notEqual(error.errno, 0);
  });

  test("throws the reason of a signal that has aborted", async () => {
    using ends = await localPair();
    const reason = new Error("stop");
    const signal = AbortSignal.abort(reason);
    const { addr } = ends.listener;
    await assert.rejects(connect({ ...addr, signal }), reason);
    assert.throws(() => connectSync({ ...addr, signal }), reason);
  });

  test("works with a signal and a timeout that do not fire", async () => {
    using ends = await localPair();
    const { signal } = new AbortController();
    using conn = await ends.port.connect({
      ...ends.listener.addr,
      signal,
      timeout: 60_000,
    });
    assert.equal(conn.remoteAddr.transport, transport);
  });
});

/* Calls that fail, and connections that end in each of the ways. */
async function useUp(port: CompletionPort): Promise<void> {
  const path = newPath();
  const listener = port.listen({ path });
  await errorFrom(async () => port.listen({ path }));
  await errorFrom(port.connect({ path: newPath() }));
  const ends = ["close", "reset", "detach"] as const;
  for (const way of ends) {
    const [client, server] = await Promise.all([
      port.connect({ path }),
      listener.accept(),
    ]);
    await client.write(pattern(100, 1));
    if (way === "detach") adopt(await client.detach()).close();
    else client[way]();
    await receiveByLoop(server).catch(() => {});
    server.close();
  }
  listener.close();
}

test("Local sockets and failed calls leave no handle", async () => {
  using port = new CompletionPort();
  const idle = () =>
    eventually("all are closed", () => port.stats().sockets === 0);
  for (let i = 0; i < 5; i++) await useUp(port);
  await idle();
  const before = await settled("the handles", openHandles);
  for (let i = 0; i < 50; i++) await useUp(port);
  await idle();
  await eventually("no handle is left", () => openHandles() <= before + 2);
});

describe("A connection over a path", () => {
  test("can be detached and adopted, with its unread bytes", async () => {
    using ends = await localPair();
    await ends.client.write(bytesOf("before"));
    await eventually(
      "the bytes are there",
      () => ends.server.stats().bytesReadable > 0 || isWindows,
    );
    const socket = await within("detach", ends.server.detach());
    await ends.client.write(bytesOf(", after"));
    using adopted = adopt<PathAddr>(socket);
    assert.deepEqual(adopted.localAddr, ends.listener.addr);
    let text = "";
    while (text.length < 13) text += await readText(adopted);
    assert.equal(text, "before, after");
    await adopted.write(bytesOf("back"));
    assert.equal(await readText(ends.client), "back");
  });

  test("reports a write after the peer's close", async () => {
    using ends = await localPair();
    ends.server.close();
    const error = await errorFrom((async () => {
      for (;;) {
        await ends.client.write(new Uint8Array(1000));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })());
    assert.match(error.code, /^(EPIPE|ECONNRESET)$/);
    assert.equal(error.address, ends.listener.addr.path);
  });

  test("times out in readSync(), and then still reads", async () => {
    using ends = await localPair();
    const p = new Uint8Array(10);
    const error = failure(() => ends.client.readSync(p, { timeout: 5 }));
    assert.equal(error.code, "ETIMEDOUT");
    assert.equal(error.address, ends.listener.addr.path);
    await ends.server.write(bytesOf("late"));
    assert.equal(await readText(ends.client), "late");
  });

  test("fails after a firstByteTimeout in which it has sent nothing", async () => {
    using ends = await localPair({ listen: { firstByteTimeout: 50 } });
    const error = await errorFrom(ends.server.read(new Uint8Array(1)));
    assert.equal(error.code, "ETIMEDOUT");
  });

  test("reset() ends it, and pending writes fail", async () => {
    using ends = await localPair();
    const writing = errorFrom(ends.client.write(pattern(LARGE, 6)));
    ends.client.reset();
    assert.equal((await writing).code, "EINTR");
    const all = receiveByLoop(ends.server);
    await within("an end", all.catch(() => {}));
    assert.notEqual(await all.catch(() => ""), digest(pattern(LARGE, 6)));
  });
});
