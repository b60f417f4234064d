// Copyright the iocp authors. MIT license.
/* What goes in comes out: all ways to send against all ways to receive, both
 * directions at once, around every buffer's boundary. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { within } from "./shared/deadline.ts";
import { type Pair, pair } from "./shared/pair.ts";
import { Digest, digest, pattern } from "./shared/pattern.ts";
import * as transfer from "./shared/transfer.ts";

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
