// Copyright the iocp authors. MIT license.
/* The scenarios of a soak. A visit makes a connection, uses it in one way, checks
 * the results and closes it. It throws if a result is wrong. */

import type { CompletionPort, Conn } from "../../mod.ts";
import { Digest, digest, pattern } from "../shared/pattern.ts";
import type { Random } from "../shared/random.ts";
import { receiveByLoop, receiveByRead, sendWhole } from "../shared/transfer.ts";
import type { Counters } from "./counters.ts";
import { type Ends, type Hub, ListenerReplaced, readFully } from "./hub.ts";
import {
  changeOptions,
  pickOptions,
  pickPlainStyle,
  pickStyle,
  transferStream,
} from "../shared/style.ts";
import { visitWorker } from "./worker_visit.ts";

/** What a visit uses. */
export interface Context {
  readonly hub: Hub;
  /** The port that clients connect from. */
  readonly port: CompletionPort;
  /** A port that detached connections move to. */
  readonly otherPort: CompletionPort;
  /** An address that does not answer. */
  readonly unresponsive: { hostname: string; port: number };
  /** An address that refuses connections. */
  readonly closed: { hostname: string; port: number };
  readonly counters: Counters;
  readonly random: Random;
}

export type Visit = (context: Context) => Promise<void>;

const TRANSFER_MAX = 1_000_000;
/** Errors of calls on a connection that this side or the peer has closed. */
const CLOSED_CODES = ["EINTR", "EBADF", "ECONNRESET"];

function requireOneOf(what: string, code: string, codes: string[]): void {
  if (codes.includes(code)) return;
  throw new Error(`${what}: ${code} instead of ${codes.join(" or ")}`);
}

function connect({ hub, port, random }: Context): Promise<Ends> {
  return hub.connect(port, pickOptions(random));
}

/* Requires that `work` rejects with one of these codes. */
async function fails(
  { counters }: Context,
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

/* Requires that `work` resolves, or rejects with one of CLOSED_CODES. */
async function settles(
  { counters }: Context,
  what: string,
  work: Promise<unknown>,
): Promise<void> {
  try {
    await work;
  } catch (error) {
    requireOneOf(what, counters.failed(error), CLOSED_CODES);
  }
}

/* Transfers in both directions at once. */
async function exchange(
  { counters, random }: Context,
  { client, server }: Ends,
): Promise<void> {
  const [left, right] = [pickStyle(random), pickStyle(random)];
  const one = { conn: client, ...left };
  const two = { conn: server, ...right };
  const carried = await Promise.all([
    transferStream(one, two, random.size(TRANSFER_MAX), random.integer(1, 1e9)),
    transferStream(two, one, random.size(TRANSFER_MAX), random.integer(1, 1e9)),
  ]);
  counters.bytes += carried[0] + carried[1];
}

async function transfer(context: Context): Promise<void> {
  const ends = await connect(context);
  await exchange(context, ends);
  for (const conn of context.random.shuffled([ends.client, ends.server])) {
    conn.close();
  }
}

/* Options change during a transfer. */
async function optionChanges(context: Context): Promise<void> {
  const { random, counters } = context;
  const { client, server } = await connect(context);
  const length = random.size(TRANSFER_MAX);
  const carried = transferStream(
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

/* One side resets the connection during a transfer. */
async function reset(context: Context): Promise<void> {
  const { random, counters } = context;
  const { client, server } = await connect(context);
  const [from, to] = random.shuffled([client, server]) as [Conn, Conn];
  const seed = random.integer(1, 1e9);
  const bytes = pattern(TRANSFER_MAX, seed);
  const result = new Digest();
  const received = receiveByLoop(to, result);
  const sent = from.write(bytes);
  const isSender = random.chance(0.5);
  const settledSend = settles(context, "a write that was reset", sent);
  await pause(random.integer(0, 3));
  (isSender ? from : to).reset();
  counters.resets++;
  if (isSender) await fails(context, "a read", received, ["ECONNRESET"]);
  else await received;
  await settledSend;
  counters.bytes += result.length;
  const expected = digest(bytes.subarray(0, result.length));
  const hash = result.text();
  if (hash !== expected) throw new Error(`not a prefix: ${hash}, ${expected}`);
  for (const conn of [from, to]) conn.close();
}

/* The client sends and shuts down its sending side; then the server answers. */
async function halfClose(context: Context): Promise<void> {
  const { random, counters } = context;
  const { client, server } = await connect(context);
  const { receive, send } = pickPlainStyle(random);
  const seed = random.integer(1, 1e9);
  counters.bytes += await transferStream(
    { conn: client, send: sendWhole },
    { conn: server, receive },
    random.size(TRANSFER_MAX),
    seed,
  );
  counters.bytes += await transferStream(
    { conn: server, send },
    { conn: client, receive: receiveByLoop },
    random.size(TRANSFER_MAX),
    seed + 1,
  );
  for (const conn of [client, server]) conn.close();
}

/* A connection is closed while calls of all kinds are pending. */
async function closePending(context: Context): Promise<void> {
  const { random } = context;
  const { client, server } = await connect(context);
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
  const settled = calls.map((call) => settles(context, "a call", call));
  await pause(random.integer(0, 2));
  if (random.chance(0.5)) conn.close();
  else conn.reset();
  /* Otherwise the close would wait for the peer to read, until closeTimeout. */
  peer.reset();
  await Promise.all(settled);
}

/* A loop ends by return(), by close() or by break. */
async function leaveLoop(context: Context): Promise<void> {
  const { random, counters } = context;
  const { client, server } = await connect(context);
  const sent = settles(context, "a write", client.write(pattern(300_000, 3)));
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
    context,
    "a read after the loop",
    server.read(new Uint8Array(1)),
    ["EBADF"],
  );
  const hash = digest(value!);
  client.reset();
  await sent;
  if (hash !== digest(pattern(value!.length, 3))) {
    throw new Error("a chunk has changed");
  }
}

/* A connect is aborted. */
async function abort(context: Context): Promise<void> {
  const { hub, port, random, counters, unresponsive } = context;
  const controller = new AbortController();
  const { signal } = controller;
  const address = random.chance(0.5) ? hub.address : unresponsive;
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

async function timeout(context: Context): Promise<void> {
  const { port, random, unresponsive } = context;
  const options = { ...unresponsive, timeout: random.integer(1, 20) };
  /* Windows, unlike Wine, refuses connections when the backlog is full. */
  const codes = ["ETIMEDOUT", "ECONNREFUSED"];
  await fails(context, "a timeout", port.connect(options), codes);
}

/* A close resets the connection if the peer reads nothing within closeTimeout. */
async function closeTimeout(context: Context): Promise<void> {
  const { hub, port, random } = context;
  const options = { ...pickOptions(random), closeTimeout: 20 };
  const { client, server } = await hub.connect(port, options);
  const written = client.write(new Uint8Array(32 * 1024 * 1024));
  client.close();
  await settles(context, "a write that the peer does not read", written);
  const received = receiveByLoop(server);
  await fails(context, "a read after the reset", received, ["ECONNRESET"]);
}

async function refuse(context: Context): Promise<void> {
  const { port, closed } = context;
  await fails(context, "a refusal", port.connect(closed), ["ECONNREFUSED"]);
}

/* A connection moves to another port during a transfer. */
async function detach(context: Context): Promise<void> {
  const { random, counters, otherPort } = context;
  const { client, server } = await connect(context);
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

/* Replaces the listener. Visits that are connecting end with ListenerReplaced. */
function reopen({ hub, random }: Context): Promise<void> {
  hub.reopen({
    receive: pickOptions(random).receive,
    acceptPool: random.integer(1, 64),
    backlog: random.integer(64, 600),
    deferAccept: random.chance(0.3),
  });
  return Promise.resolve();
}

/** Every kind of visit, and its relative frequency. */
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

/** Runs a visit. One whose listener was replaced meanwhile is counted apart. */
export async function runVisit(kind: string, context: Context): Promise<void> {
  try {
    await VISITS[kind]!.visit(context);
    context.counters.visited(kind);
  } catch (error) {
    if (!(error instanceof ListenerReplaced)) throw error;
    context.counters.visited("listenerReplaced");
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
