// Copyright the iocp authors. MIT license.
/* Streams in both directions through a proxy that delays, cuts, resets, trickles
 * and ends: whatever it does, what arrives is a prefix of what was sent, an end
 * means that it is all of it, and what was broken is an error.
 *
 * Each connection has a seed; IOCP_TEST_SEED=17 runs only that one. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { CompletionPort, type Conn, SocketError } from "../mod.ts";
import {
  ChaosProxy,
  type ChaosRecord,
  type Fate,
  type Way,
} from "./shared/chaos_proxy.ts";
import { within } from "./shared/deadline.ts";
import { Digest, digest, pattern } from "./shared/pattern.ts";
import { type Random, seeded, seeds } from "./shared/random.ts";
import { pickOptions, pickStyle, type Style } from "./shared/style.ts";

const LENGTH_MAX = 200_000;
/* Wine takes ten times as long. */
const COUNT = process.platform === "win32" ? 10 : 50;
const LANES = 8;
/** How a connection ends that somebody else has broken. */
const BROKEN_CODES = ["ECONNRESET", "ECONNABORTED", "EPIPE"];

/* What came of one direction. */
interface Seen {
  /** As its sender meant it. */
  length: number;
  seed: number;
  /** What the receiver got. */
  received: Digest;
  sendError: string | undefined;
  receiveError: string | undefined;
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    /* Those of a duplex are plain errors with a cause, as a net.Socket's. */
    const { cause = error } = error as Error;
    if (cause instanceof SocketError) return cause.code;
    throw error;
  }
}

async function stream(
  from: { conn: Conn; style: Style },
  to: { conn: Conn; style: Style },
  random: Random,
): Promise<Seen> {
  const length = random.size(LENGTH_MAX);
  const seed = random.integer(1, 1e9);
  const received = new Digest();
  const [sendError, receiveError] = await Promise.all([
    codeOf(from.style.send(from.conn, length, seed)),
    codeOf(to.style.receive(to.conn, received)),
  ]);
  return { length, seed, received, sendError, receiveError };
}

/* Holds what one direction saw against what was done to it. */
function check(name: string, seen: Seen, way: Way, isReset: boolean): void {
  const { length, seed, received, sendError, receiveError } = seen;
  const about = JSON.stringify({ name, length, got: received.length, ...way });
  assert.equal(
    received.text(),
    digest(pattern(received.length, seed)),
    `not a prefix: ${about}`,
  );
  assert.ok(received.length <= way.passed, `more than has passed: ${about}`);
  for (const code of [sendError, receiveError]) {
    if (code === undefined) continue;
    assert.ok(isReset, `${code} though nothing was broken: ${about}`);
    assert.ok(BROKEN_CODES.includes(code), `${code}: ${about}`);
  }
  if (receiveError !== undefined) return;
  /* It saw an end: somebody must have said it, and all before it came. */
  if (way.isCutShort) assert.equal(received.length, way.passed, about);
  else {
    assert.ok(way.hasEnded, `an end that nobody said: ${about}`);
    assert.equal(received.length, length, `an end too early: ${about}`);
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
      stream(left, right, random.fork()),
      stream(right, left, random.fork()),
    ]),
  );
  checkRecord(up, down, proxy.record);
}

function checkRecord(up: Seen, down: Seen, record: ChaosRecord): void {
  check("up", up, record.up, record.isReset);
  check("down", down, record.down, record.isReset);
}

const FATES: Readonly<Record<Fate, string>> = {
  slow: "is slow",
  end: "ends a direction before its sender does",
  reset: "resets both sides",
  cut: "cuts the connection in the midst of a chunk",
};

describe("Streams are whole or fail through a proxy that", () => {
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
