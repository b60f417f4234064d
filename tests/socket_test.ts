// Copyright the iocp authors. MIT license.
/* All ways to send against all ways to receive, in both directions at once and
 * around the size of every buffer; and the addresses of a connection. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Conn } from "../mod.ts";
import { socketOf } from "../src/conn.ts";
import { currentLoop } from "../src/loop/group.ts";
import { formatIp, LOOPBACK } from "../src/native/address.ts";
import { LOCAL } from "../src/native/completion.ts";
import { NativePort } from "../src/native/port.ts";
import { within } from "./shared/deadline.ts";
import { noIpv6 } from "./shared/network.ts";
import { meetReset, type Pair, pair } from "./shared/pair.ts";
import { Digest, digest, pattern } from "./shared/pattern.ts";
import * as transfer from "./shared/transfer.ts";
import { receiveByLoop } from "./shared/transfer.ts";

/* The posted receive buffer of Windows, the least slab, the longest record,
 * and the slab, the receive window and the longest send, which are equal. */
const BOUNDARIES = [1024, 4096, 64 * 1024, 256 * 1024];
const SIZES = [
  0,
  1,
  ...BOUNDARIES.flatMap((size) => [size - 1, size, size + 1]),
];
const LARGE = 64 * 1024 * 1024;

const RECEIVERS: [string, transfer.Receive][] = [
  ["a for await loop", transfer.receiveByLoop],
  ["read(p) of one size", transfer.receiveByRead(65_537)],
  ["read(p) of odd sizes", transfer.receiveByRead(1, 4_095, 77, 100_003)],
  ["the readable stream", transfer.receiveByStream],
  ["the readable stream, BYOB", transfer.receiveByByob],
  ["a loop and read(p) in turns", transfer.receiveMixed],
];
const SENDERS: [string, transfer.Send][] = [
  ["one write", transfer.sendWhole],
  ["un-awaited writes", transfer.sendUnawaited],
  ["the writable stream", transfer.sendByStream],
];

/* Sends both ways at once. */
async function exchange(
  { client, server }: Pair,
  length: number,
  send: transfer.Send,
  receive: transfer.Receive,
): Promise<void> {
  const [atServer, atClient] = await within(
    `${length} bytes both ways`,
    Promise.all([
      receive(server),
      receive(client),
      send(client, length, 1),
      send(server, length, 2),
    ]),
  );
  assert.equal(atServer, digest(pattern(length, 1)), `${length} bytes`);
  assert.equal(atClient, digest(pattern(length, 2)), `${length} bytes`);
}

describe("Conn moves every size both ways at once", () => {
  for (const [sender, send] of SENDERS) {
    for (const [receiver, receive] of RECEIVERS) {
      test(`by ${sender} and ${receiver}`, async () => {
        for (const size of SIZES) {
          using ends = await pair({ allowHalfOpen: true });
          await exchange(ends, size, send, receive);
        }
      });
    }
  }
});

test("Conn echoes 64 MiB, both directions at once", async () => {
  using ends = await pair({ allowHalfOpen: true });
  const { client, server } = ends;
  async function echo() {
    for await (const chunk of server) await server.write(chunk);
    await server.closeWrite();
  }
  const [received] = await within(
    "the echo",
    Promise.all([
      transfer.receiveByLoop(client),
      transfer.sendWhole(client, LARGE, 3),
      echo(),
    ]),
  );
  assert.equal(received, digest(pattern(LARGE, 3)));
});

test("Conn moves 64 MiB both ways by read(p) and un-awaited writes", async () => {
  using ends = await pair();
  await exchange(
    ends,
    LARGE,
    transfer.sendUnawaited,
    transfer.receiveByRead(262_145, 1_001),
  );
});

test("Conn pipes 64 MiB from its readable to its writable stream", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const [received] = await within(
    "the pipe",
    Promise.all([
      transfer.receiveByStream(client),
      transfer.sendByStream(client, LARGE, 4),
      server.readable.pipeTo(server.writable),
    ]),
  );
  assert.equal(received, digest(pattern(LARGE, 4)));
});

test("Conn keeps 50 connections apart", async () => {
  using first = await pair();
  const { port, listener } = first;
  async function serve() {
    for await (const conn of listener) echo(conn);
  }
  async function echo(conn: typeof first.server) {
    for await (const chunk of conn) await conn.write(chunk);
  }
  serve();
  async function visit(seed: number) {
    const conn = await port.connect(listener.addr);
    const result = new Digest();
    const length = 200_000 + seed;
    const sent = conn.write(pattern(length, seed));
    for await (const chunk of conn) {
      result.add(chunk);
      if (result.length >= length) break;
    }
    await sent;
    assert.equal(result.text(), digest(pattern(length, seed)));
  }
  const seeds = Array.from({ length: 50 }, (_, i) => 100 + i);
  await within("50 visits", Promise.all(seeds.map(visit)));
});

test("Connections with the default options share one settings object", async () => {
  using ends = await pair();
  using others = await pair();
  using changed = await pair({ closeTimeout: 1 });
  const settingsOf = (conn: Conn) => socketOf(conn)!.settings;
  assert.equal(settingsOf(ends.client), settingsOf(others.client));
  assert.notEqual(settingsOf(ends.client), settingsOf(changed.client));
  assert.equal(settingsOf(changed.client).closeTimeout, 1);
  const { noDelay } = settingsOf(others.client);
  ends.client.setNoDelay(!noDelay);
  assert.equal(settingsOf(ends.client).noDelay, !noDelay);
  assert.equal(settingsOf(others.client).noDelay, noDelay);
});

/* The ids of the sockets whose own address the library is asked for. */
function watchLocalAddresses(): { asked: number[] } & Disposable {
  const { port } = currentLoop();
  const asked: number[] = [];
  port.addressBytes = (id, end) => {
    if (end === LOCAL) asked.push(id);
    return NativePort.prototype.addressBytes.call(port, id, end);
  };
  return {
    asked,
    [Symbol.dispose]: () =>
      port.addressBytes = NativePort.prototype.addressBytes,
  };
}

describe("An accepted connection's own address is not asked for", () => {
  const closes: Record<string, (ends: Pair) => unknown> = {
    "by close()": ({ server }) => server.close(),
    "by reset()": ({ server }) => server.reset(),
    "by detach()": async ({ server, port }) => {
      port.adopt(await server.detach()).close();
    },
    "at the peer's end": async ({ client, server }) => {
      client.close();
      await receiveByLoop(server);
    },
    "by a failure": async ({ client, server }) => {
      client.reset();
      await meetReset(server);
      server.close();
    },
    "by the close of its port": ({ port }) => port.close(),
  };
  for (const [name, close] of Object.entries(closes)) {
    test(name, async () => {
      using ends = await pair({ listen: { firstByteTimeout: 60_000 } });
      const { id } = socketOf(ends.server)!;
      using watch = watchLocalAddresses();
      await within("the close", Promise.resolve(close(ends)));
      assert.ok(!watch.asked.includes(id), `${watch.asked}`);
      assert.deepEqual(ends.server.localAddr, ends.listener.addr);
      assert.deepEqual(ends.server.remoteAddr, ends.client.localAddr);
    });
  }
});

test("Conn.localAddr is asked for once", async () => {
  using ends = await pair();
  using watch = watchLocalAddresses();
  const { server } = ends;
  const { localAddr } = server;
  assert.deepEqual(watch.asked, [socketOf(server)!.id]);
  assert.equal(server.localAddr, localAddr);
  server.close();
  assert.equal(server.localAddr, localAddr);
  assert.equal(watch.asked.length, 1);
});

test("Conn.localAddr after the close is the listener's if it was not read", async () => {
  const listen = { hostname: "0.0.0.0" };
  using ends = await pair({ listen });
  using others = await pair({ listen });
  const { port } = ends.listener.addr;
  assert.equal(others.server.localAddr.hostname, "127.0.0.1");
  for (const { server } of [ends, others]) server.close();
  assert.deepEqual(ends.server.localAddr, {
    hostname: "0.0.0.0",
    port,
    transport: "tcp",
  });
  assert.equal(others.server.localAddr.hostname, "127.0.0.1");
  assert.equal(ends.client.localAddr.hostname, "127.0.0.1");
});

test("Conn.localAddr on localhost is of the family of the connection", async () => {
  for (const hostname of LOOPBACK.map(formatIp)) {
    if (hostname === "::1" && noIpv6) continue;
    using ends = await pair({
      listen: { hostname: "localhost" },
      connect: { hostname },
    });
    ends.server.close();
    assert.equal(ends.server.localAddr.hostname, hostname);
  }
});
