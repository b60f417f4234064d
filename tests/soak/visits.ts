// Copyright the iocp authors. MIT license.
/* What connections go through in a soak. A visit checks what it sees, leaves
 * nothing open, and throws when something is wrong. */

import type { CompletionPort, Conn } from "../../mod.ts";
import { Digest, digest, pattern } from "../shared/pattern.ts";
import type { Random } from "../shared/random.ts";
import { receiveByLoop, receiveByRead, sendWhole } from "../shared/transfer.ts";
import type { Counters } from "./counters.ts";
import { type Ends, type Hub, Missed, readFully } from "./hub.ts";
import {
  carry,
  changeOptions,
  pickOptions,
  pickPlainStyle,
  pickStyle,
} from "../shared/style.ts";
import { visitWorker } from "./worker_visit.ts";

/** What a visit has to work with. */
export interface Place {
  readonly hub: Hub;
  /** The port that clients connect from. */
  readonly port: CompletionPort;
  /** One that connections may move to. */
  readonly otherPort: CompletionPort;
  /** Where nobody answers. */
  readonly silent: { hostname: string; port: number };
  /** Where nobody listens. */
  readonly closed: { hostname: string; port: number };
  readonly counters: Counters;
  readonly random: Random;
}

export type Visit = (place: Place) => Promise<void>;

const TRANSFER_MAX = 1_000_000;
/** How a connection ends for the peer of one that was reset. */
const RESET_CODES = ["ECONNRESET", "ECONNABORTED", "EPIPE"];
/** How calls end that this side has ended itself. */
const CLOSED_CODES = ["EINTR", "EBADF", ...RESET_CODES];

function requireOneOf(what: string, code: string, codes: string[]): void {
  if (codes.includes(code)) return;
  throw new Error(`${what}: ${code} instead of ${codes.join(" or ")}`);
}

function meet({ hub, port, random }: Place): Promise<Ends> {
  return hub.meet(port, pickOptions(random));
}

/* A promise that must fail, and with one of these codes. */
async function fails(
  { counters }: Place,
  what: string,
  work: Promise<unknown>,
  codes: string[],
): Promise<void> {
  let value: unknown;
  try {
    value = await work;
  } catch (error) {
    requireOneOf(what, counters.failed(error), codes);
    return;
  }
  throw new Error(`${what}: ${value} instead of an error`);
}

/* Whatever comes of it, as long as it is one of these when it fails. */
async function settles(
  { counters }: Place,
  what: string,
  work: Promise<unknown>,
): Promise<void> {
  try {
    await work;
  } catch (error) {
    requireOneOf(what, counters.failed(error), CLOSED_CODES);
  }
}

/* Both directions at once. */
async function exchange(
  { counters, random }: Place,
  { client, server }: Ends,
): Promise<void> {
  const [left, right] = [pickStyle(random), pickStyle(random)];
  const one = { conn: client, ...left };
  const two = { conn: server, ...right };
  const carried = await Promise.all([
    carry(one, two, random.size(TRANSFER_MAX), random.integer(1, 1e9)),
    carry(two, one, random.size(TRANSFER_MAX), random.integer(1, 1e9)),
  ]);
  counters.bytes += carried[0] + carried[1];
}

async function transfer(place: Place): Promise<void> {
  const ends = await meet(place);
  await exchange(place, ends);
  for (const conn of place.random.shuffled([ends.client, ends.server])) {
    conn.close();
  }
}

/* Options change while bytes are on their way. */
async function optionChanges(place: Place): Promise<void> {
  const { random, counters } = place;
  const { client, server } = await meet(place);
  const length = random.size(TRANSFER_MAX);
  const carried = carry(
    { conn: client, send: sendWhole },
    { conn: server, receive: receiveByRead(1, 700, 65_536) },
    length,
    random.integer(1, 1e9),
  );
  for (let i = 0; i < 3; i++) {
    changeOptions(random.pick([client, server]), random);
    await pause(random.integer(0, 2));
  }
  counters.bytes += await carried;
  for (const conn of [client, server]) conn.close();
}

/* One side resets the connection in the midst of a transfer. */
async function reset(place: Place): Promise<void> {
  const { random, counters } = place;
  const { client, server } = await meet(place);
  const [from, to] = random.shuffled([client, server]) as [Conn, Conn];
  const seed = random.integer(1, 1e9);
  const bytes = pattern(TRANSFER_MAX, seed);
  const result = new Digest();
  const received = receiveByLoop(to, result);
  const sent = from.write(bytes);
  const isSender = random.chance(0.5);
  const settledSend = settles(place, "a write that was reset", sent);
  await pause(random.integer(0, 3));
  (isSender ? from : to).reset();
  counters.resets++;
  if (isSender) await fails(place, "a read", received, RESET_CODES);
  else await received;
  await settledSend;
  counters.bytes += result.length;
  const expected = digest(bytes.subarray(0, result.length));
  const hash = result.text();
  if (hash !== expected) throw new Error(`no prefix: ${hash}, ${expected}`);
  for (const conn of [from, to]) conn.close();
}

/* A question, its end, and then the answer. */
async function halfClose(place: Place): Promise<void> {
  const { random, counters } = place;
  const { client, server } = await meet(place);
  const { receive, send } = pickPlainStyle(random);
  const seed = random.integer(1, 1e9);
  counters.bytes += await carry(
    { conn: client, send: sendWhole },
    { conn: server, receive },
    random.size(TRANSFER_MAX),
    seed,
  );
  counters.bytes += await carry(
    { conn: server, send },
    { conn: client, receive: receiveByLoop },
    random.size(TRANSFER_MAX),
    seed + 1,
  );
  for (const conn of [client, server]) conn.close();
}

/* Closed while calls of every kind wait. */
async function closePending(place: Place): Promise<void> {
  const { random } = place;
  const { client, server } = await meet(place);
  const calls: Promise<unknown>[] = [];
  const conn = random.pick([client, server]);
  const peer = conn === client ? server : client;
  for (let i = random.integer(1, 4); i > 0; i--) {
    calls.push(
      random.chance(0.5)
        ? conn.read(new Uint8Array(random.size(70_000)))
        : conn[Symbol.asyncIterator]().next(),
    );
  }
  for (let i = random.integer(0, 2); i > 0; i--) {
    calls.push(conn.write(pattern(random.size(TRANSFER_MAX))));
  }
  const settled = calls.map((call) => settles(place, "a call", call));
  await pause(random.integer(0, 2));
  if (random.chance(0.5)) conn.close();
  else conn.reset();
  /* A peer that takes nothing would have a close wait for its time. */
  peer.reset();
  await Promise.all(settled);
}

/* A loop that is left, in one way or another. */
async function leaveLoop(place: Place): Promise<void> {
  const { random, counters } = place;
  const { client, server } = await meet(place);
  const sent = settles(place, "a write", client.write(pattern(300_000, 3)));
  const way = random.integer(0, 2);
  const chunks = server[Symbol.asyncIterator]();
  const { value } = await chunks.next();
  counters.bytes += value!.length;
  if (way === 0) await chunks.return!();
  else if (way === 1) server.close();
  else {
    for await (const _ of server) break;
  }
  await fails(
    place,
    "a read after it",
    server.read(new Uint8Array(1)),
    ["EBADF"],
  );
  const kept = digest(value!);
  client.reset();
  await sent;
  if (kept !== digest(pattern(value!.length, 3))) {
    throw new Error("a chunk has changed");
  }
}

/* A connect that is given up, sooner or later. */
async function abort(place: Place): Promise<void> {
  const { hub, port, random, counters, silent } = place;
  const controller = new AbortController();
  const { signal } = controller;
  const address = random.chance(0.5) ? hub.address : silent;
  const connecting = port.connect({ ...address, signal });
  const timer = setTimeout(() => controller.abort(), random.integer(0, 3));
  try {
    (await connecting).reset();
  } catch (error) {
    /* The listener may have closed meanwhile. */
    const codes = ["AbortError", "ECONNREFUSED", "ECONNRESET"];
    requireOneOf("an abort", counters.failed(error), codes);
  } finally {
    clearTimeout(timer);
  }
}

async function timeout(place: Place): Promise<void> {
  const { port, random, silent } = place;
  const options = { ...silent, timeout: random.integer(1, 20) };
  /* A real Windows refuses where others say nothing. */
  const codes = ["ETIMEDOUT", "ECONNREFUSED"];
  await fails(place, "a timeout", port.connect(options), codes);
}

/* A close gives a peer that takes nothing only so much time. */
async function closeTimeout(place: Place): Promise<void> {
  const { hub, port, random } = place;
  const options = { ...pickOptions(random), closeTimeout: 20 };
  const { client, server } = await hub.meet(port, options);
  const written = client.write(new Uint8Array(32 * 1024 * 1024));
  client.close();
  await settles(place, "a write that nobody takes", written);
  const received = receiveByLoop(server);
  await fails(place, "a read of a part", received, RESET_CODES);
}

async function refuse(place: Place): Promise<void> {
  const { port, closed } = place;
  await fails(place, "a refusal", port.connect(closed), ["ECONNREFUSED"]);
}

/* A connection changes its port while bytes are on their way. */
async function detach(place: Place): Promise<void> {
  const { random, counters, otherPort } = place;
  const { client, server } = await meet(place);
  const seed = random.integer(1, 1e9);
  const length = random.size(TRANSFER_MAX);
  const sent = sendWhole(server, length, seed);
  const result = new Digest();
  const first = new Uint8Array(Math.min(length, random.size(10_000)));
  await readFully(client, first);
  result.add(first);
  const moved = otherPort.adopt(await client.detach(), pickOptions(random));
  const hash = await pickStyle(random).receive(moved, result);
  await sent;
  const expected = digest(pattern(length, seed));
  if (hash !== expected) throw new Error(`${hash} instead of ${expected}`);
  counters.bytes += length;
  for (const conn of [moved, server]) conn.close();
}

/* The listener goes; whoever was about to meet there has missed it. */
function reopen({ hub, random }: Place): Promise<void> {
  hub.reopen({
    receive: pickOptions(random).receive,
    acceptPool: random.integer(1, 64),
    backlog: random.integer(64, 600),
    deferAccept: random.chance(0.3),
  });
  return Promise.resolve();
}

/** Every kind of visit, and how often it comes. */
export const VISITS: Readonly<Record<string, { visit: Visit; share: number }>> =
  {
    transfer: { visit: transfer, share: 30 },
    optionChanges: { visit: optionChanges, share: 8 },
    reset: { visit: reset, share: 15 },
    halfClose: { visit: halfClose, share: 8 },
    closePending: { visit: closePending, share: 15 },
    leaveLoop: { visit: leaveLoop, share: 10 },
    abort: { visit: abort, share: 8 },
    timeout: { visit: timeout, share: 3 },
    closeTimeout: { visit: closeTimeout, share: 0.5 },
    refuse: { visit: refuse, share: 2 },
    detach: { visit: detach, share: 8 },
    reopen: { visit: reopen, share: 0.3 },
    worker: { visit: visitWorker, share: 0.3 },
  };

/** Does a visit; one whose listener was closed meanwhile has just missed it. */
export async function pay(kind: string, place: Place): Promise<void> {
  try {
    await VISITS[kind]!.visit(place);
    place.counters.visited(kind);
  } catch (error) {
    if (!(error instanceof Missed)) throw error;
    place.counters.visited("missed");
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
