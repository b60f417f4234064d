// Copyright the iocp authors. MIT license.
/* Sockets of iocp/net, by the documentation of node:net. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import net from "node:net";
import process from "node:process";
import { describe, test } from "node:test";
import * as ours from "../net.ts";
import { delay, eventually, within } from "./shared/deadline.ts";
import { optionsInForce } from "../src/socket/socket_options.ts";
import { isWindows, newPath } from "./shared/local.ts";
import { connected, type Ends, listening, text } from "./shared/net.ts";
import { digest, pattern } from "./shared/pattern.ts";

describe("A socket of iocp/net", () => {
  test("connects, and has the members of a connection", async () => {
    await using ends = await connected();
    const { client, server } = ends;
    assert.equal(client.connecting, false);
    assert.equal(client.pending, false);
    assert.equal(client.readyState, "open");
    assert.equal(client.remoteAddress, "127.0.0.1");
    assert.equal(client.remoteFamily, "IPv4");
    assert.equal(client.remotePort, server.localPort);
    assert.equal(client.localPort, server.remotePort);
    assert.deepEqual(client.address(), {
      address: "127.0.0.1",
      family: "IPv4",
      port: client.localPort,
    });
    assert.ok(client instanceof ours.Socket);
    client.end("hello");
    assert.equal(await text(server), "hello");
    assert.equal(client.bytesWritten, 5);
    assert.equal(server.bytesRead, 5);
  });

  test("emits what happens while it connects, in order", async () => {
    await using served = await listening();
    const events: unknown[] = [];
    const client = ours.connect(served.port, "localhost");
    assert.equal(client.connecting, true);
    assert.equal(client.pending, true);
    assert.equal(client.readyState, "opening");
    assert.deepEqual(client.address(), {});
    for (
      const name of ["lookup", "connectionAttempt", "connect", "ready"] as const
    ) client.on(name, () => events.push(name));
    await within("ready", once(client, "ready"));
    assert.deepEqual(events.slice(-2), ["connect", "ready"]);
    assert.equal(events[0], "lookup");
    assert.ok(events.includes("connectionAttempt"));
    client.destroy();
  });

  test("sends what was written before it is connected", async () => {
    await using served = await listening();
    const client = new ours.Socket();
    const arrived = within("a socket", once(served.server, "connection"));
    client.connect(served.port, "127.0.0.1");
    let isWritten = false;
    client.write("one ", () => isWritten = true);
    client.write("two");
    assert.equal(client.bufferSize, 7);
    assert.equal(client.bytesWritten, 7);
    client.end();
    const [socket] = await arrived as [net.Socket];
    assert.equal(await text(socket), "one two");
    assert.equal(isWritten, true);
  });

  test("is used again by connect()", async () => {
    await using served = await listening();
    const client = new ours.Socket();
    for (let round = 1; round <= 3; round++) {
      const arrived = within("a socket", once(served.server, "connection"));
      client.connect(served.port, "127.0.0.1");
      client.end(`round ${round}`);
      const [socket] = await arrived as [net.Socket];
      assert.equal(await text(socket), `round ${round}`);
      socket.end();
      await within("close", once(client.resume(), "close"));
      assert.equal(client.destroyed, true);
      assert.equal(client.bytesWritten, 7);
    }
  });

  test("is not paused while something listens to readable", async () => {
    await using ends = await connected();
    const { client, server } = ends;
    let received = "";
    client.on("readable", () => received += String(client.read() ?? ""));
    /* A read is pending by then. */
    await delay(30);
    client.pause();
    server.write("one");
    await eventually("the bytes", () => received === "one");
  });

  test("is used again in the turn in which it was destroyed", async () => {
    await using served = await listening((socket) => {
      socket.on("error", () => {});
      socket.write("hello");
    });
    for (const how of ["destroy", "resetAndDestroy"] as const) {
      const client = ours.connect(served.port, "127.0.0.1");
      await within("data", once(client, "data"));
      const events: string[] = [];
      for (const event of ["close", "connect", "data", "error"]) {
        client.on(event, () => events.push(event));
      }
      /* A read is pending then, which fails with the first connection. */
      client[how]();
      client.connect(served.port, "127.0.0.1");
      await within("data", once(client, "data"));
      assert.deepEqual(events, ["close", "connect", "data"]);
      assert.equal(client.destroyed, false);
      client.destroy();
    }
  });

  test("fails when connect() is called again before its end", async () => {
    await using ends = await connected();
    const { client } = ends;
    client.connect(client.remotePort!, "127.0.0.1");
    const [error] = await within("error", once(client, "error"));
    assert.equal((error as { code: string }).code, "EISCONN");
    assert.equal(client.destroyed, true);
    await using served = await listening();
    const other = ours.connect(served.port, "127.0.0.1");
    other.connect(served.port, "127.0.0.1");
    const [again] = await within("error", once(other, "error"));
    assert.equal((again as { code: string }).code, "EALREADY");
  });

  test("reports that it was refused, as Node does", async () => {
    const port = await freePort();
    const client = ours.connect(port, "127.0.0.1");
    const failures: unknown[] = [];
    client.on("connectionAttemptFailed", (...values) => failures.push(values));
    const closed = within("close", once(client, "close", {}).catch((e) => e));
    const [error] = await within("error", once(client, "error")) as [
      Error & Record<string, unknown>,
    ];
    assert.equal(error.message, `connect ECONNREFUSED 127.0.0.1:${port}`);
    assert.equal(error["code"], "ECONNREFUSED");
    assert.equal(error["syscall"], "connect");
    assert.equal(error["address"], "127.0.0.1");
    assert.equal(error["port"], port);
    assert.equal(typeof error["errno"], "number");
    assert.ok(Number(error["errno"]) < 0);
    assert.deepEqual(failures, [["127.0.0.1", port, 4, error]]);
    await closed;
    assert.equal(client.destroyed, true);
    assert.equal(client.connecting, false);
  });

  test("is closed by destroy() while it connects", async () => {
    await using served = await listening();
    const client = ours.connect(served.port, "127.0.0.1");
    client.on("connect", () => assert.fail("it is connected"));
    const written = new Promise<Error | null | undefined>((resolve) =>
      client.write("lost", resolve)
    );
    client.destroy();
    const [hadError] = await within("close", once(client, "close"));
    assert.equal(hadError, false);
    const error = await within("the write", written) as { code?: string };
    assert.match(String(error.code), /ERR_(SOCKET_CLOSED|STREAM_DESTROYED)/);
  });

  test("is ended by the signal of its options", async () => {
    await using served = await listening();
    const controller = new AbortController();
    const { port } = served;
    const { signal } = controller;
    const client = ours.connect({ port, host: "127.0.0.1", signal });
    await within("connect", once(client, "connect"));
    controller.abort();
    const [error] = await within("error", once(client, "error"));
    assert.equal((error as Error).name, "AbortError");
    assert.equal(client.destroyed, true);
  });

  test("emits timeout, before and after it is connected", async () => {
    const idle = new ours.Socket();
    idle.setTimeout(10);
    assert.equal(idle.timeout, 10);
    const alive = setInterval(() => {}, 1000);
    await within("timeout", once(idle, "timeout"));
    assert.equal(idle.destroyed, false);
    idle.destroy();
    await using ends = await connected();
    const { client } = ends;
    await within(
      "timeout",
      new Promise<void>((resolve) => client.setTimeout(10, resolve)),
    );
    client.setTimeout(0);
    assert.equal(client.listenerCount("timeout"), 0);
    clearInterval(alive);
    assert.throws(() => client.setTimeout("1" as never), {
      code: "ERR_INVALID_ARG_TYPE",
    });
    assert.throws(() => client.setTimeout(-1), { code: "ERR_OUT_OF_RANGE" });
  });

  test("half-closes with allowHalfOpen, and else in both directions", async () => {
    await using half = await connected({ allowHalfOpen: true });
    half.client.end("question");
    assert.equal(await text(half.server), "question");
    assert.equal(half.server.writable, true);
    assert.equal(half.client.readyState, "readOnly");
    half.server.end("answer");
    assert.equal(await text(half.client), "answer");
    await using whole = await connected();
    whole.client.end();
    whole.server.resume();
    const [hadError] = await within("close", once(whole.server, "close"));
    assert.equal(hadError, false);
    assert.equal(whole.server.writableFinished, true);
  });

  test("carries many bytes in both directions, in order", async () => {
    await using ends = await connected();
    const { client, server } = ends;
    const bytes = pattern(5_000_000);
    server.pipe(server);
    const parts: Uint8Array[] = [];
    client.on("data", (part) => {
      assert.ok(part.length <= 65_536);
      parts.push(part as Uint8Array);
    });
    const end = within("end", once(client, "end"));
    client.end(bytes);
    await end;
    assert.equal(digest(Buffer.concat(parts)), digest(bytes));
    assert.equal(client.bytesRead, bytes.length);
    assert.equal(client.bytesWritten, bytes.length);
  });

  test("applies backpressure", async () => {
    await using ends = await connected();
    const { client, server } = ends;
    server.pause();
    const part = pattern(1 << 20);
    let written = 0;
    while (client.write(part)) written++;
    assert.ok(client.writableNeedDrain);
    const drained = within("drain", once(client, "drain"));
    server.resume();
    await drained;
    assert.ok(written >= 0);
    assert.equal(client.writableLength, 0);
  });

  test("announces each part that read() returns", async () => {
    await using ends = await connected();
    const { client, server } = ends;
    const bytes = pattern(500_000);
    let length = 0;
    const all = new Promise<void>((resolve) => {
      client.on("readable", () => {
        length += (client.read() as Uint8Array | null)?.length ?? 0;
        if (length === bytes.length) resolve();
      });
    });
    server.write(bytes);
    await within("all of it", all);
  });

  test("resets by resetAndDestroy()", async () => {
    await using ends = await connected();
    const { client, server } = ends;
    const failed = within("error", once(server, "error"));
    client.resetAndDestroy();
    const [error] = await failed as [Error & { code: string }];
    assert.equal(error.code, "ECONNRESET");
    assert.match(error.message, /^read ECONNRESET$/);
    assert.equal(client.destroyed, true);
    const never = new ours.Socket();
    never.resetAndDestroy();
    const [closedError] = await within("error", once(never, "error"));
    assert.equal((closedError as { code: string }).code, "ERR_SOCKET_CLOSED");
  });

  test("reads into the buffer of onread, and pauses", async () => {
    await using served = await listening((socket) => {
      socket.end(pattern(1000));
    });
    const buffer = new Uint8Array(64);
    const got: number[] = [];
    const parts: Uint8Array[] = [];
    const client = ours.connect({
      port: served.port,
      host: "127.0.0.1",
      onread: {
        buffer,
        callback(count: number, same: Uint8Array) {
          assert.equal(same, buffer);
          parts.push(same.slice(0, count));
          got.push(count);
          return got.length % 3 !== 0;
        },
      },
    });
    client.on("data", () => assert.fail("data"));
    const resumes = setInterval(() => client.resume(), 2);
    await within("end", once(client, "end"));
    clearInterval(resumes);
    assert.equal(digest(Buffer.concat(parts)), digest(pattern(1000)));
    assert.ok(got.every((count) => count <= 64));
  });

  test("tries the addresses of a name one after the other", async () => {
    await using served = await listening();
    const { port } = served;
    const tried: unknown[] = [];
    const client = ours.connect({
      port,
      host: "two.example",
      autoSelectFamily: true,
      lookup: lookup(null, [
        { address: "127.0.0.2", family: 4 },
        { address: "127.0.0.1", family: 4 },
      ]),
    });
    client.on("connectionAttempt", (address) => tried.push(address));
    client.on("connectionAttemptFailed", (address) => tried.push(address));
    await within("connect", once(client, "connect"));
    /* The server listens on 127.0.0.1 alone. */
    assert.deepEqual(tried, ["127.0.0.2", "127.0.0.2", "127.0.0.1"]);
    assert.equal(client.remoteAddress, "127.0.0.1");
    client.destroy();
    const none = ours.connect({
      port: await freePort(),
      host: "two.example",
      lookup: lookup(null, [
        { address: "127.0.0.2", family: 4 },
        { address: "127.0.0.1", family: 4 },
      ]),
    });
    const [error] = await within("error", once(none, "error"));
    assert.ok(error instanceof AggregateError);
    assert.equal((error as { code?: string }).code, "ECONNREFUSED");
    assert.equal(error.errors.length, 2);
  });

  test("reports what a lookup has failed with, or found wrongly", async () => {
    const wrong = [
      ["not an address", 4, "ERR_INVALID_IP_ADDRESS"],
      ["127.0.0.1", 5, "ERR_INVALID_ADDRESS_FAMILY"],
    ] as const;
    for (const [address, family, code] of wrong) {
      const client = ours.connect({
        port: 1,
        host: "a.example",
        autoSelectFamily: false,
        lookup: lookup(null, address, family),
      });
      const [error] = await within("error", once(client, "error"));
      assert.equal((error as { code: string }).code, code);
    }
    const failure = new Error("no such name");
    const client = ours.connect({
      port: 1,
      host: "a.example",
      lookup: lookup(failure),
    });
    let seen: unknown;
    client.on("lookup", (error) => seen = error);
    assert.equal((await within("error", once(client, "error")))[0], failure);
    assert.equal(seen, failure);
  });

  test("connects from localAddress and localPort", async () => {
    await using served = await listening();
    const localPort = await freePort();
    const client = ours.connect({
      port: served.port,
      host: "127.0.0.1",
      localAddress: "127.0.0.1",
      localPort,
    });
    await within("connect", once(client, "connect"));
    assert.equal(client.localPort, localPort);
    client.destroy();
  });

  test("does not connect to what its blockList has", async () => {
    const blockList = new ours.BlockList();
    blockList.addAddress("127.0.0.1");
    await using served = await listening();
    const client = ours.connect({
      port: served.port,
      host: "127.0.0.1",
      blockList,
    });
    const [error] = await within("error", once(client, "error"));
    assert.equal((error as { code: string }).code, "ERR_IP_BLOCKED");
  });

  test("may be made without new, and be a parent in the old style", async () => {
    const make = ours.Socket as unknown as {
      (options?: object): net.Socket;
      call(self: object): void;
      prototype: object;
    };
    assert.ok(make() instanceof ours.Socket);
    function Child(this: object): void {
      make.call(this);
    }
    Object.setPrototypeOf(Child.prototype, make.prototype);
    const Old = Child as unknown as new () => net.Socket;
    await using served = await listening();
    const child = new Old();
    child.connect(served.port, "127.0.0.1");
    await within("connect", once(child, "connect"));
    child.destroy();
    class New extends ours.Socket {}
    assert.ok(new New() instanceof ours.Socket);
    assert.equal(ours.Socket.name, "Socket");
  });

  test("connects to a local socket by its path", async () => {
    const path = newPath();
    const server = ours.createServer((socket) => socket.pipe(socket));
    server.listen(path);
    await within("listening", once(server, "listening"));
    assert.equal(server.address(), path);
    const client = ours.connect(path);
    await within("connect", once(client, "connect"));
    assert.equal(client.remoteAddress, undefined);
    const answer = within("data", once(client, "data"));
    client.write("over a path");
    assert.equal(String((await answer)[0]), "over a path");
    assert.throws(() => client.resetAndDestroy(), {
      code: "ERR_INVALID_HANDLE_TYPE",
    });
    client.destroy();
    server.close();
    await within("close", once(server, "close"));
    const failing = ours.connect(path);
    const [error] = await within("error", once(failing, "error")) as [
      Error & Record<string, unknown>,
    ];
    assert.equal(error["code"], "ENOENT");
    assert.equal(error.message, `connect ENOENT ${path}`);
    assert.equal(error["address"], path);
  });

  test("sets options before and after it is connected", async () => {
    await using served = await listening();
    const client = new ours.Socket();
    assert.equal(client.setNoDelay(), client);
    assert.equal(client.setKeepAlive(true, 5000), client);
    assert.equal(client.unref(), client);
    assert.equal(client.ref(), client);
    client.connect({ port: served.port, host: "127.0.0.1" });
    await within("connect", once(client, "connect"));
    client.setNoDelay(false).setKeepAlive(false);
    client.destroy();
    client.setNoDelay(true).setKeepAlive(true).unref();
  });

  test("sends small writes at once, unless noDelay is false", async () => {
    type Connection = Parameters<typeof optionsInForce>[0];
    const inForce = (socket: unknown) => {
      const { _handle } = socket as {
        _handle: { link: { socket: Connection } };
      };
      return optionsInForce(_handle.link.socket).noDelay;
    };
    for (const noDelay of [undefined, true, false]) {
      const options = noDelay === undefined ? {} : { noDelay };
      await using ends = await connected(options);
      const { client, server } = ends;
      const expected = noDelay ?? true;
      assert.equal(inForce(client), expected);
      assert.equal(inForce(server), expected);
      client.setNoDelay(!expected);
      assert.equal(inForce(client), !expected);
      client.setNoDelay(expected);
      assert.equal(inForce(client), expected);
    }
  });

  test("sets noDelay by its handle for true alone, as in Node", async () => {
    await using served = await listening();
    for (const noDelay of [true, 1, "no", false, 0, "", undefined]) {
      const client = ours.connect({
        port: served.port,
        host: "127.0.0.1",
        noDelay: noDelay as boolean,
      });
      const { _handle } = client as unknown as {
        _handle: { setNoDelay(enable: boolean): void };
      };
      const calls: boolean[] = [];
      _handle.setNoDelay = (enable) => calls.push(enable);
      await within("connect", once(client, "connect"));
      assert.deepEqual(calls, noDelay ? [true] : []);
      client.destroy();
    }
  });

  test("sets the type of service, where programs can", async () => {
    const client = new ours.Socket();
    const { setTypeOfService, getTypeOfService } = client as unknown as {
      setTypeOfService(value: unknown): unknown;
      getTypeOfService(): number;
    };
    const set = (value: unknown) => setTypeOfService.call(client, value);
    for (const [wrong, code] of [["1", "TYPE"], [NaN, "TYPE"]]) {
      assert.throws(() => set(wrong), { code: `ERR_INVALID_ARG_${code}` });
    }
    for (const wrong of [-1, 256, 1.5]) {
      assert.throws(() => set(wrong), { code: "ERR_OUT_OF_RANGE" });
    }
    if (isWindows) {
      assert.throws(() => set(0x10), { name: "NotSupported" });
      return;
    }
    await using served = await listening();
    set(0x10);
    client.connect(served.port, "127.0.0.1");
    await within("connect", once(client, "connect"));
    assert.equal(getTypeOfService.call(client), 0x10);
    set(0xff);
    assert.equal(getTypeOfService.call(client), 0xfc);
    client.destroy();
  });

  test("takes a descriptor, where sockets have them", async (t) => {
    if (isWindows) {
      assert.throws(() => new ours.Socket({ fd: 0 }), { name: "NotSupported" });
      t.diagnostic("NotSupported on Windows");
      return;
    }
    assert.throws(() => new ours.Socket({ fd: -1 }), {
      code: "ERR_OUT_OF_RANGE",
    });
    assert.throws(() => new ours.Socket({ fd: 2 ** 20 }), {
      code: "ERR_INVALID_FD_TYPE",
    });
  });
});

describe("node:net and iocp/net", () => {
  test("talk to each other", async () => {
    await using served = await listening((socket) => socket.pipe(socket));
    const theirs = net.connect(served.port, "127.0.0.1");
    theirs.end("from node:net");
    assert.equal(await text(theirs), "from node:net");
    const server = net.createServer((socket) => socket.pipe(socket));
    server.listen(0, "127.0.0.1");
    await within("listening", once(server, "listening"));
    const { port } = server.address() as net.AddressInfo;
    const client = ours.connect(port, "127.0.0.1");
    client.end("from iocp/net");
    assert.equal(await text(client), "from iocp/net");
    server.close();
  });

  test("have the same members", () => {
    const names = Object.keys(net).filter((name) =>
      !name.startsWith("_") && name !== "default"
    );
    const missing = names.filter((name) => !(name in ours));
    assert.deepEqual(missing, []);
    for (const kind of ["Socket", "Server"] as const) {
      const theirs = Object.getOwnPropertyNames(net[kind].prototype)
        .filter((name) => !name.startsWith("_") && !/[A-Z]{3}|^\$/.test(name));
      const lacking = theirs.filter((name) => !(name in ours[kind].prototype));
      assert.deepEqual(lacking.filter((name) => !OWN.has(name)), []);
    }
  });

  test("tell addresses apart in the same way", () => {
    assert.equal(ours.isIP("127.0.0.1"), 4);
    assert.equal(ours.isIP("::1"), 6);
    assert.equal(ours.isIP("example"), 0);
    assert.equal(ours.isIPv4("1.2.3.4"), true);
    assert.equal(ours.isIPv6("1.2.3.4"), false);
    assert.equal(ours.BlockList, net.BlockList);
    assert.equal(ours.SocketAddress, net.SocketAddress);
  });

  test("have defaults of their own for several addresses", () => {
    const family = ours.getDefaultAutoSelectFamily();
    const ms = ours.getDefaultAutoSelectFamilyAttemptTimeout();
    try {
      ours.setDefaultAutoSelectFamily(!family);
      assert.equal(ours.getDefaultAutoSelectFamily(), !family);
      assert.equal(net.getDefaultAutoSelectFamily(), family);
      ours.setDefaultAutoSelectFamilyAttemptTimeout(1);
      assert.equal(ours.getDefaultAutoSelectFamilyAttemptTimeout(), 10);
      for (const wrong of [0, -1, 1.5, 2 ** 31]) {
        assert.throws(
          () => ours.setDefaultAutoSelectFamilyAttemptTimeout(wrong),
          { code: "ERR_OUT_OF_RANGE" },
        );
      }
      assert.throws(() => ours.setDefaultAutoSelectFamily(1 as never), {
        code: "ERR_INVALID_ARG_TYPE",
      });
    } finally {
      ours.setDefaultAutoSelectFamily(family);
      ours.setDefaultAutoSelectFamilyAttemptTimeout(ms);
    }
  });
});

/* Members of a runtime's own class that are not in Node's documentation. */
const OWN = new Set(["constructor", "getsockname"]);

/* A `lookup` that calls back later, as that of node:dns. */
function lookup(...found: unknown[]): net.LookupFunction {
  return (_name, _options, callback) =>
    process.nextTick(callback as (...values: unknown[]) => void, ...found);
}

/** A port that nothing listens on. */
async function freePort(): Promise<number> {
  const server = ours.createServer().listen(0, "127.0.0.1");
  await within("listening", once(server, "listening"));
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await within("close", once(server, "close"));
  return port;
}

/* Everything that a test has opened is closed at its end. */
test("Nothing is left open", async () => {
  const ends: Ends = await connected();
  await ends[Symbol.asyncDispose]();
  await eventually("the close", () => ends.client.destroyed);
});
