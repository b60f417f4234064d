// Copyright the iocp authors. MIT license.
/* node:tls over duplexes, at one end or both. */

import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { request as requestHttps } from "node:https";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import {
  connect as connectTls,
  createServer as createTlsServer,
  TLSSocket,
} from "node:tls";
import { CompletionPort } from "../mod.ts";
import { eventually, within } from "./shared/deadline.ts";
import { closed, event, identity, receiveByDuplex } from "./shared/duplex.ts";
import { type Pair, pair } from "./shared/pair.ts";
import { Digest, digest, pattern } from "./shared/pattern.ts";

const LARGE = 8 * 1024 * 1024;
const ca = identity.cert;
const servername = "localhost";

/**
 * Sends bytes to an echo server and returns the digest of the answer. It calls end()
 * only after that: when the peer of a TLS socket over a stream ends first, the
 * runtimes lose the bytes that the socket has not sent yet.
 */
async function sendToEcho(
  client: TLSSocket,
  bytes: Uint8Array,
): Promise<string> {
  const result = new Digest();
  const received = new Promise<void>((resolve, reject) => {
    client.on("error", reject);
    client.on(
      "close",
      () => reject(new Error("closed before the whole answer")),
    );
    client.on("data", (chunk: Uint8Array) => {
      result.add(chunk);
      if (result.length >= bytes.length) resolve();
    });
  });
  client.write(bytes);
  await within("the echo", received);
  client.end();
  return result.text();
}

/** TLS at both ends of a pair; the client trusts the certificate. */
function secure(ends: Pair): { client: TLSSocket; server: TLSSocket } {
  return {
    server: new TLSSocket(ends.server.duplex(), {
      isServer: true,
      ...identity,
    }),
    client: connectTls({ socket: ends.client.duplex(), ca, servername }),
  };
}

test("TLS works over duplexes at both ends", async () => {
  using ends = await pair();
  const { client, server } = secure(ends);
  const received = [receiveByDuplex(client), receiveByDuplex(server)];
  await event(client, "secureConnect");
  assert.equal(client.authorized, true);
  client.end(pattern(LARGE, 1));
  server.end(pattern(LARGE, 2));
  assert.deepEqual(await Promise.all(received), [
    digest(pattern(LARGE, 2)),
    digest(pattern(LARGE, 1)),
  ]);
  await eventually(
    "only the listener is open",
    () => ends.port.stats().sockets === 1,
  );
});

test("tls.connect() over a duplex connects to the runtime's own server", async () => {
  using port = new CompletionPort();
  const server = createTlsServer(identity, (socket) => socket.pipe(socket));
  await within(
    "listening",
    new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    }),
  );
  const address = server.address() as AddressInfo;
  const conn = await port.connect({
    hostname: "127.0.0.1",
    port: address.port,
  });
  const client = connectTls({ socket: conn.duplex(), ca, servername });
  const bytes = pattern(1_000_000);
  assert.equal(await sendToEcho(client, bytes), digest(bytes));
  await eventually("all sockets are closed", () => port.stats().sockets === 0);
  await new Promise((resolve) => server.close(resolve));
});

test("A TLS server over a duplex serves the runtime's own client", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  async function serve() {
    const conn = await listener.accept();
    const socket = new TLSSocket(conn.duplex(), {
      isServer: true,
      ...identity,
    });
    socket.pipe(socket);
  }
  serve();
  const { hostname, port: number } = listener.addr;
  const client = connectTls({ host: hostname, port: number, ca, servername });
  const bytes = pattern(1_000_000);
  assert.equal(await sendToEcho(client, bytes), digest(bytes));
  await eventually(
    "only the listener is open",
    () => port.stats().sockets === 1,
  );
});

test("http serves HTTPS over TLS sockets over duplexes", async () => {
  using port = new CompletionPort();
  const bytes = pattern(LARGE);
  const site = createHttpServer((_, response) => response.end(bytes));
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  async function serve() {
    for await (const conn of listener) {
      const socket = new TLSSocket(conn.duplex(), {
        isServer: true,
        ...identity,
      });
      site.emit("connection", socket);
    }
  }
  serve();
  async function runClient(): Promise<string> {
    const { hostname, port: number } = listener.addr;
    const options = { host: hostname, port: number, ca, servername };
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      requestHttps({ ...options, agent: false }, resolve)
        .on("error", reject).end();
    });
    const result = new Digest();
    for await (const chunk of await within("the answer", answer)) {
      result.add(chunk);
    }
    return result.text();
  }
  const clients = Array.from({ length: 5 }, runClient);
  for (const body of await within("the clients", Promise.all(clients))) {
    assert.equal(body, digest(bytes));
  }
  await eventually(
    "only the listener is open",
    () => port.stats().sockets === 1,
  );
});

test("tls.connect() over a duplex refuses an unknown certificate", async () => {
  using ends = await pair();
  const server = new TLSSocket(ends.server.duplex(), {
    isServer: true,
    ...identity,
  });
  server.on("error", () => {});
  const client = connectTls({ socket: ends.client.duplex(), servername });
  const error = await event(client, "error") as NodeJS.ErrnoException;
  assert.match(String(error.code ?? error.message), /CERT|certificate/i);
  client.destroy();
  server.destroy();
  await eventually(
    "only the listener is open",
    () => ends.port.stats().sockets === 1,
  );
});

test("A TLS server over a duplex ends when its peer resets", async () => {
  using ends = await pair();
  const { client, server } = secure(ends);
  server.resume();
  client.on("error", () => {});
  const closing = closed(server);
  await event(client, "secureConnect");
  ends.client.reset();
  await closing;
  await eventually(
    "only the listener is open",
    () => ends.port.stats().sockets === 1,
  );
});

test("A TLSSocket over a duplex has the addresses of the connection, also after it is closed", async () => {
  using ends = await pair();
  const { client, server } = secure(ends);
  await event(client, "secureConnect");
  const { localAddr, remoteAddr } = ends.client;
  function check() {
    assert.equal(client.localAddress, localAddr.hostname);
    assert.equal(client.localPort, localAddr.port);
    assert.equal(client.localFamily, "IPv4");
    assert.equal(client.remoteAddress, remoteAddr.hostname);
    assert.equal(client.remotePort, remoteAddr.port);
    assert.equal(client.remoteFamily, "IPv4");
    assert.equal(server.remotePort, localAddr.port);
  }
  check();
  assert.deepEqual(client.address(), {
    address: "127.0.0.1",
    family: "IPv4",
    port: localAddr.port,
  });
  const closing = closed(client);
  client.destroy();
  await closing;
  assert.equal(client.remotePort, remoteAddr.port);
});

test("A TLSSocket over a duplex forwards ref(), unref() and socket options", async () => {
  using ends = await pair({ noDelay: false });
  const { client } = secure(ends);
  await event(client, "secureConnect");
  assert.equal(client.setNoDelay(true), client);
  assert.equal(ends.client.options.noDelay, true);
  client.setNoDelay(false);
  assert.equal(ends.client.options.noDelay, false);
  assert.equal(client.setKeepAlive(true, 60_000), client);
  const { keepAlive } = ends.client.options;
  assert.equal(keepAlive && keepAlive.idle, 60);
  client.resume();
  const timeout = event(client, "timeout");
  client.setTimeout(20);
  await timeout;
  client.destroy();
});

test("A TLSSocket over any other stream is not changed", async () => {
  using ends = await pair();
  ends.client.duplex();
  const server = createTlsServer(identity, (socket) => socket.end("hello"));
  await within(
    "listening",
    new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)),
  );
  const { port } = server.address() as AddressInfo;
  const client = connectTls({ host: "127.0.0.1", port, ca, servername });
  await event(client, "secureConnect");
  assert.equal(client.remotePort, port);
  assert.equal(client.remoteAddress, "127.0.0.1");
  assert.equal((client.address() as AddressInfo).address, "127.0.0.1");
  assert.equal(client.setNoDelay(true), client);
  assert.equal(client.unref(), client);
  assert.equal(client.ref(), client);
  await receiveByDuplex(client);
  await new Promise((resolve) => server.close(resolve));
});

test("destroySoon() of a TLS server over a duplex sends everything before it closes", async () => {
  using ends = await pair();
  const { client, server } = secure(ends);
  const bytes = pattern(20_000_000);
  const received = receiveByDuplex(client);
  server.write(bytes);
  server.destroySoon();
  assert.equal(await received, digest(bytes));
});
