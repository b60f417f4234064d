// Copyright the iocp authors. MIT license.
/* All combinations of sending and receiving, in both directions at once and with
 * lengths around the size of every buffer; and the addresses of a connection. */

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
import { type Pair, pair, readUntilReset } from "./shared/pair.ts";
import { Digest, digest, pattern } from "./shared/pattern.ts";
import * as transfer from "./shared/transfer.ts";
import { receiveByLoop } from "./shared/transfer.ts";

/* The posted receive buffer of Windows, the smallest slab, the longest record, and
 * the slab, the receive window and the longest send, which are equal. */
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

/* Transfers in both directions at once. */
async function exchange(
  { client, server }: Pair,
  length: number,
  send: transfer.Send,
  receive: transfer.Receive,
): Promise<void> {
  const [atServer, atClient] = await within(
    `${length} bytes in both directions`,
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

describe("Conn transfers every length in both directions at once", () => {
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

test("Conn echoes 64 MiB, in both directions at once", async () => {
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

test("Conn transfers 64 MiB in both directions by read(p) and unawaited writes", async () => {
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

test("50 connections do not mix their bytes", async () => {
  using first = await pair();
  const { port, listener } = first;
  async function serve() {
    for await (const conn of listener) echo(conn);
  }
  async function echo(conn: typeof first.server) {
    for await (const chunk of conn) await conn.write(chunk);
  }
  serve();
  async function runClient(seed: number) {
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
  await within("50 clients", Promise.all(seeds.map(runClient)));
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

/* Records the ids of the sockets whose local address is requested from the
 * library. */
function recordLocalAddresses(): { requested: number[] } & Disposable {
  const { port } = currentLoop();
  const requested: number[] = [];
  port.addressBytes = (id, end) => {
    if (end === LOCAL) requested.push(id);
    return NativePort.prototype.addressBytes.call(port, id, end);
  };
  return {
    requested,
    [Symbol.dispose]: () =>
      port.addressBytes = NativePort.prototype.addressBytes,
  };
}

describe("The local address of an accepted connection is not requested from the system", () => {
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
      await readUntilReset(server);
      server.close();
    },
    "by the close of its port": ({ port }) => port.close(),
  };
  for (const [name, close] of Object.entries(closes)) {
    test(name, async () => {
      using ends = await pair({ listen: { firstByteTimeout: 60_000 } });
      const { id } = socketOf(ends.server)!;
      using record = recordLocalAddresses();
      await within("the close", Promise.resolve(close(ends)));
      assert.ok(!record.requested.includes(id), `${record.requested}`);
      assert.deepEqual(ends.server.localAddr, ends.listener.addr);
      assert.deepEqual(ends.server.remoteAddr, ends.client.localAddr);
    });
  }
});

test("Conn.localAddr is requested from the system once", async () => {
  using ends = await pair();
  using record = recordLocalAddresses();
  const { server } = ends;
  const { localAddr } = server;
  assert.deepEqual(record.requested, [socketOf(server)!.id]);
  assert.equal(server.localAddr, localAddr);
  server.close();
  assert.equal(server.localAddr, localAddr);
  assert.equal(record.requested.length, 1);
});

test("Conn.localAddr that is first read after the close is the listener's", async () => {
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

test("Conn.localAddr on localhost has the family of the connection", async () => {
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
