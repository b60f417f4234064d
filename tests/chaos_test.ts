// Copyright the iocp authors. MIT license.
/* Streams in both directions through a proxy that delays, splits, ends and resets
 * connections. What arrives is a prefix of what was sent, an end means that it is
 * all of it, and a reset is an error.
 *
 * Each connection has a seed; IOCP_TEST_SEED=17 runs only that one. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { CompletionPort, type Conn, SocketError } from "../mod.ts";
import {
  ChaosProxy,
  type ChaosRecord,
  type Direction,
  type Fate,
} from "./shared/chaos_proxy.ts";
import { within } from "./shared/deadline.ts";
import { Digest, digest, pattern } from "./shared/pattern.ts";
import { type Random, seeded, seeds } from "./shared/random.ts";
import { pickOptions, pickStyle, type Style } from "./shared/style.ts";

const LENGTH_MAX = 200_000;
/* Wine is ten times slower. */
const COUNT = process.platform === "win32" ? 10 : 50;
const LANES = 8;

/* The transfer in one direction. */
interface Transfer {
  /** What the sender has tried to send. */
  length: number;
  seed: number;
  /** What has arrived. */
  received: Digest;
  sendError: string | undefined;
  receiveError: string | undefined;
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    /* A duplex emits plain errors with a cause, as a net.Socket does. */
    const { cause = error } = error as Error;
    if (cause instanceof SocketError) return cause.code;
    throw error;
  }
}

async function transfer(
  from: { conn: Conn; style: Style },
  to: { conn: Conn; style: Style },
  random: Random,
): Promise<Transfer> {
  const length = random.size(LENGTH_MAX);
  const seed = random.integer(1, 1e9);
  const received = new Digest();
  const [sendError, receiveError] = await Promise.all([
    codeOf(from.style.send(from.conn, length, seed)),
    codeOf(to.style.receive(to.conn, received)),
  ]);
  return { length, seed, received, sendError, receiveError };
}

/* Compares a transfer with what the proxy did. */
function check(
  name: string,
  transfer: Transfer,
  direction: Direction,
  isReset: boolean,
): void {
  const { length, seed, received, sendError, receiveError } = transfer;
  const about = JSON.stringify({
    name,
    length,
    received: received.length,
    ...direction,
  });
  assert.equal(
    received.text(),
    digest(pattern(received.length, seed)),
    `not a prefix: ${about}`,
  );
  assert.ok(received.length <= direction.passed, `too many bytes: ${about}`);
  for (const code of [sendError, receiveError]) {
    if (code === undefined) continue;
    assert.ok(isReset, `${code} without a reset: ${about}`);
    assert.equal(code, "ECONNRESET", about);
  }
  if (receiveError !== undefined) return;
  /* The receiver saw an end, so all bytes before it must have arrived. */
  if (direction.isTruncated) {
    assert.equal(received.length, direction.passed, about);
  } else {
    assert.ok(direction.hasEnded, `an end that was not sent: ${about}`);
    assert.equal(received.length, length, `an early end: ${about}`);
  }
}

async function connection(fate: Fate, random: Random): Promise<void> {
  using port = new CompletionPort();
  const listener = port.listen({
    hostname: "127.0.0.1",
    port: 0,
    ...pickOptions(random),
  });
  using proxy = new ChaosProxy(listener.addr.port, fate, random.fork());
  const [client, server] = await within(
    "connecting",
    Promise.all([
      port.connect({ port: await proxy.port, ...pickOptions(random) }),
      listener.accept(),
    ]),
  );
  const left = { conn: client, style: pickStyle(random) };
  const right = { conn: server, style: pickStyle(random) };
  const [up, down] = await within(
    "both directions",
    Promise.all([
      transfer(left, right, random.fork()),
      transfer(right, left, random.fork()),
    ]),
  );
  checkRecord(up, down, proxy.record);
}

function checkRecord(
  up: Transfer,
  down: Transfer,
  record: ChaosRecord,
): void {
  check("up", up, record.up, record.isReset);
  check("down", down, record.down, record.isReset);
}

const FATES: Readonly<Record<Fate, string>> = {
  slow: "is slow",
  end: "ends a direction before its sender does",
  reset: "resets both sides",
  cut: "resets both sides in the middle of a chunk",
};

describe("Streams arrive whole or fail through a proxy that", () => {
  for (const [fate, what] of Object.entries(FATES)) {
    test(what, async () => {
      const todo = seeds(1, COUNT);
      async function lane() {
        for (let seed; (seed = todo.shift()) !== undefined;) {
          await seeded(
            seed,
            "chaos",
            (random) => connection(fate as Fate, random),
          );
        }
      }
      await Promise.all(Array.from({ length: LANES }, lane));
    });
  }
});
