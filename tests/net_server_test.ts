// Copyright the iocp authors. MIT license.
/* Servers of iocp/net, by the documentation of node:net. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import type { AddressInfo, DropArgument, Server, Socket } from "node:net";
import { describe, test } from "node:test";
import * as net from "../net.ts";
import { within } from "./shared/deadline.ts";
import { isWindows, newPath } from "./shared/local.ts";
import { connected, listening, text } from "./shared/net.ts";

/** Resolves when the server listens. */
async function ready(server: Server): Promise<AddressInfo> {
  await within("listening", once(server, "listening"));
  return server.address() as AddressInfo;
}

async function closing(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  await within("close", closed);
}

function connections(server: Server): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) =>
      error ? reject(error) : resolve(count)
    )
  );
}

describe("A server of iocp/net", () => {
  test("listens by each of the signatures", async () => {
    const path = newPath();
    const ways: [unknown[], RegExp][] = [
      [[], /^(::|0\.0\.0\.0)$/],
      [[0], /^(::|0\.0\.0\.0)$/],
      [["0"], /^(::|0\.0\.0\.0)$/],
      [[undefined], /^(::|0\.0\.0\.0)$/],
      [[null], /^(::|0\.0\.0\.0)$/],
      [[0, 10], /^(::|0\.0\.0\.0)$/],
      [[0, "127.0.0.1"], /^127\.0\.0\.1$/],
      [[0, "127.0.0.1", 10], /^127\.0\.0\.1$/],
      [[{ port: 0, host: "127.0.0.1", backlog: 5 }], /^127\.0\.0\.1$/],
      [[{ port: 0, host: "localhost", exclusive: true }], /^(127\.0|::1)/],
      [[path], /./],
      [[{ path }], /./],
    ];
    for (const [args, address] of ways) {
      for (const hasCallback of [true, false]) {
        const server = net.createServer();
        const called = hasCallback
          ? new Promise<void>((resolve) => args.push(resolve))
          : once(server, "listening");
        assert.equal(server.listening, false);
        assert.equal((server.listen as Function)(...args), server);
        await within(`listening: ${args}`, called as Promise<unknown>);
        if (hasCallback) args.pop();
        assert.equal(server.listening, true);
        const where = server.address()!;
        if (typeof where === "string") assert.equal(where, path);
        else {
          assert.match(where.address, address);
          assert.ok(where.port > 0);
          assert.match(where.family, /^IPv[46]$/);
        }
        await closing(server);
        assert.equal(server.address(), null);
        assert.equal(server.listening, false);
      }
    }
  });

  test("has its address at once when there is no name to look up", async () => {
    const server = net.createServer().listen(0);
    assert.ok((server.address() as AddressInfo).port > 0);
    await closing(server);
  });

  test("reports a port in use by an event", async () => {
    await using served = await listening();
    const server = net.createServer();
    const closed = once(server, "error");
    server.listen(served.port, "127.0.0.1");
    const [error] = await within("error", closed) as [
      Error & Record<string, unknown>,
    ];
    assert.equal(error["code"], "EADDRINUSE");
    assert.equal(error["syscall"], "listen");
    assert.equal(error["address"], "127.0.0.1");
    assert.equal(error["port"], served.port);
    assert.equal(
      error.message,
      `listen EADDRINUSE: address already in use 127.0.0.1:${served.port}`,
    );
    assert.equal(server.listening, false);
    /* It can listen elsewhere after that. */
    server.listen(0, "127.0.0.1");
    await ready(server);
    await closing(server);
  });

  test("reports a name that does not exist", async () => {
    const server = net.createServer().listen(0, "no-such-host.invalid");
    const [error] = await within("error", once(server, "error"));
    assert.match((error as { code: string }).code, /^(ENOTFOUND|EAI_AGAIN)$/);
    assert.equal((error as { syscall: string }).syscall, "getaddrinfo");
  });

  test("refuses to listen twice, and wrong arguments", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await ready(server);
    assert.throws(() => server.listen(0), {
      code: "ERR_SERVER_ALREADY_LISTEN",
    });
    await closing(server);
    const wrong: [unknown, string][] = [
      [{ port: -1 }, "ERR_SOCKET_BAD_PORT"],
      [{ port: 65_536 }, "ERR_SOCKET_BAD_PORT"],
      [{ port: 1.5 }, "ERR_SOCKET_BAD_PORT"],
      [{ port: "x" }, "ERR_SOCKET_BAD_PORT"],
      [{ port: false }, "ERR_INVALID_ARG_VALUE"],
      [{ port: true }, "ERR_INVALID_ARG_VALUE"],
      [{}, "ERR_INVALID_ARG_VALUE"],
      [{ host: "127.0.0.1" }, "ERR_INVALID_ARG_VALUE"],
      [{ path: 1 }, "ERR_INVALID_ARG_VALUE"],
      [{ fd: -1 }, "ERR_INVALID_ARG_VALUE"],
      [{ port: 0, signal: "x" }, "ERR_INVALID_ARG_TYPE"],
      [-1, "ERR_SOCKET_BAD_PORT"],
      [65_536, "ERR_SOCKET_BAD_PORT"],
      [true, "ERR_INVALID_ARG_VALUE"],
    ];
    for (const [options, code] of wrong) {
      assert.throws(
        () => net.createServer().listen(options as never),
        { code },
        JSON.stringify(options),
      );
    }
    const options: [unknown, string][] = [
      ["x", "ERR_INVALID_ARG_TYPE"],
      [1, "ERR_INVALID_ARG_TYPE"],
      [{ keepAliveInitialDelay: "1" }, "ERR_INVALID_ARG_TYPE"],
      [{ highWaterMark: "1" }, "ERR_INVALID_ARG_TYPE"],
      [{ blockList: {} }, "ERR_INVALID_ARG_TYPE"],
    ];
    for (const [given, code] of options) {
      assert.throws(() => net.createServer(given as never), { code });
    }
  });

  test("calls back from close() when the last connection is closed", async () => {
    await using ends = await connected();
    const { client, server: socket } = ends;
    const server = (socket as Socket & { server: Server }).server;
    assert.equal(await connections(server), 1);
    let isClosed = false;
    const closed = new Promise<unknown>((resolve) =>
      server.close((error) => {
        isClosed = true;
        resolve(error);
      })
    );
    /* Connections that are open go on. */
    client.write("still open");
    const [data] = await within("data", once(socket, "data"));
    assert.equal(String(data), "still open");
    assert.equal(isClosed, false);
    client.end();
    socket.resume();
    assert.equal(await within("close", closed), undefined);
    assert.equal(await connections(server), 0);
    const again = new Promise<unknown>((resolve) => server.close(resolve));
    const error = await within("close", again) as { code: string };
    assert.equal(error.code, "ERR_SERVER_NOT_RUNNING");
  });

  test("closes connections above maxConnections, and emits drop", async () => {
    await using served = await listening();
    const { server, port } = served;
    server.maxConnections = 1;
    const first = net.connect(port, "127.0.0.1");
    await within("connection", once(server, "connection"));
    const dropped = once(server, "drop");
    const second = net.connect(port, "127.0.0.1");
    second.on("error", () => {});
    second.resume();
    const [data] = await within("drop", dropped) as [DropArgument];
    assert.equal(data.localPort, port);
    assert.equal(data.remoteAddress, "127.0.0.1");
    assert.equal(data.remoteFamily, "IPv4");
    await within("close", once(second, "close"));
    assert.equal(await connections(server), 1);
    first.destroy();
  });

  test("closes connections of its blockList", async () => {
    const blockList = new net.BlockList();
    blockList.addAddress("127.0.0.1");
    await using served = await listening(
      () => assert.fail("connection"),
      { blockList },
    );
    const client = net.connect(served.port, "127.0.0.1");
    client.on("error", () => {});
    client.resume();
    await within("close", once(client, "close"));
  });

  test("passes its options to its sockets", async () => {
    await using served = await listening(undefined, {
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 5000,
      highWaterMark: 1234,
    });
    const arrived = once(served.server, "connection");
    const client = net.connect(served.port, "127.0.0.1");
    client.end("paused");
    const [socket] = await within("connection", arrived) as [Socket];
    assert.equal(socket.allowHalfOpen, true);
    assert.equal(socket.isPaused(), true);
    assert.equal(socket.readableHighWaterMark, 1234);
    assert.equal(socket.writableHighWaterMark, 1234);
    assert.equal(await text(socket.resume()), "paused");
    assert.equal(socket.writable, true);
    socket.end();
  });

  test("is closed by the signal of its options", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const server = net.createServer().listen({ port: 0, signal });
    await ready(server);
    const closed = once(server, "close");
    controller.abort();
    await within("close", closed);
    const aborted = net.createServer();
    const also = once(aborted, "close");
    aborted.listen({ port: 0, signal });
    await within("close", also);
  });

  test("is closed by await using", async () => {
    const server = net.createServer().listen(0);
    await within("dispose", server[Symbol.asyncDispose]());
    assert.equal(server.listening, false);
    await within("dispose", server[Symbol.asyncDispose]());
  });

  test("lets a listener of connection throw, and goes on", async () => {
    /* As a rejected promise of an async listener, with captureRejections. */
    const server = net.createServer(
      { captureRejections: true } as object,
      async () => {
        await Promise.resolve();
        throw new Error("thrown by a listener");
      },
    );
    const { port } = await ready(server.listen(0, "127.0.0.1"));
    for (let round = 0; round < 2; round++) {
      const arrived = once(server, "connection");
      const client = net.connect(port, "127.0.0.1").on("error", () => {});
      const [socket] = await within("connection", arrived) as [Socket];
      const failed = within("error", once(socket, "error"));
      const [error] = await failed as [Error];
      assert.equal(error.message, "thrown by a listener");
      client.destroy();
    }
    await closing(server);
  });

  test("may be made without new", () => {
    const make = net.Server as unknown as () => Server;
    assert.ok(make() instanceof net.Server);
    assert.equal(net.Server.name, "Server");
  });

  test("gives others access to a path by its options", async (t) => {
    const path = newPath();
    const server = net.createServer();
    server.listen({ path, readableAll: true, writableAll: true });
    await ready(server);
    if (isWindows) t.diagnostic("a pipe has no file");
    else assert.equal(statSync(path).mode & 0o666, 0o666);
    await closing(server);
    assert.equal(existsSync(path), false);
  });

  test("reports what is wrong with a path by an event", async () => {
    const path = newPath();
    const server = net.createServer().listen(path);
    await ready(server);
    const other = net.createServer().listen(path);
    const [error] = await within("error", once(other, "error")) as [
      Error & Record<string, unknown>,
    ];
    assert.equal(error["code"], "EADDRINUSE");
    assert.equal(error["address"], path);
    assert.equal(error["port"], undefined);
    await closing(server);
  });

  test("takes many connections at once", async () => {
    const count = 100;
    await using served = await listening((socket) => socket.pipe(socket));
    const answers = Array.from({ length: count }, async (_, number) => {
      const client = net.connect(served.port, "127.0.0.1");
      client.end(`client ${number}`);
      assert.equal(await text(client), `client ${number}`);
    });
    await within("all", Promise.all(answers));
  });

  test("does not keep the process alive after unref()", () => {
    const server = net.createServer();
    assert.equal(server.unref(), server);
    assert.equal(server.ref(), server);
    /* This listener stays open: the test program ends all the same. */
    server.unref().listen(0, "127.0.0.1");
  });
});
