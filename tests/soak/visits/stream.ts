// Copyright the iocp authors. MIT license.
/* What visits do with a connection, over whichever transport it is. Each of these
 * closes both ends. */

import type { Addr, Conn, ConnOptions } from "../../../mod.ts";
import { delay } from "../../shared/deadline.ts";
import { Digest, digest, pattern } from "../../shared/pattern.ts";
import {
  pickPlainStyle,
  pickReceive,
  pickStyle,
  transferStream,
} from "../../shared/style.ts";
import { receiveByLoop, type Send, sendWhole } from "../../shared/transfer.ts";
import {
  type Context,
  fails,
  newSeed,
  requireSame,
  settles,
  TRANSFER_MAX,
} from "../context.ts";
import { type Ends, readFully } from "../hub.ts";

type EndOfConn = Conn<Addr>;

/** Sends in one direction, and closes: a named pipe has no other end. */
export async function sendAndClose(
  conn: EndOfConn,
  length: number,
  seed: number,
): Promise<void> {
  const count = await conn.write(pattern(length, seed));
  requireSame("the bytes of a write", count, length);
  conn.close();
}

/** Transfers in both directions at once, each up to its end. */
export async function exchange(
  context: Context,
  { client, server }: Ends,
): Promise<void> {
  const { counters, random } = context;
  const [left, right] = [pickStyle(random), pickStyle(random)];
  const one = { conn: client, ...left };
  const two = { conn: server, ...right };
  const carried = await Promise.all([
    transferStream(one, two, random.size(TRANSFER_MAX), newSeed(context)),
    transferStream(two, one, random.size(TRANSFER_MAX), newSeed(context)),
  ]);
  counters.bytes += carried[0] + carried[1];
  for (const conn of random.shuffled([client, server])) conn.close();
}

/** Transfers in both directions at once, as many bytes as both sides know of. Then
 * one side closes, and the other one sees the end. */
export async function exchangeExactly(
  context: Context,
  { client, server }: Ends,
): Promise<void> {
  const { random, counters } = context;
  const carry = async (from: EndOfConn, to: EndOfConn) => {
    const bytes = pattern(random.size(TRANSFER_MAX), newSeed(context));
    const received = new Uint8Array(bytes.length);
    await Promise.all([from.write(bytes), readFully(to, received)]);
    requireSame("an exchange", digest(received), digest(bytes));
    counters.bytes += bytes.length;
  };
  await Promise.all([carry(client, server), carry(server, client)]);
  const [first, last] = random.shuffled([client, server]);
  first!.close();
  requireSame("the end", await last!.read(new Uint8Array(1)), null);
  last!.close();
}

/** Transfers in one direction, up to the close of the sender. */
export async function carry(
  context: Context,
  { client, server }: Ends,
): Promise<void> {
  const { random, counters } = context;
  const [from, to] = random.shuffled([client, server]) as [
    EndOfConn,
    EndOfConn,
  ];
  counters.bytes += await transferStream(
    { conn: from, send: sendAndClose },
    { conn: to, receive: pickReceive(random) },
    random.size(TRANSFER_MAX),
    newSeed(context),
  );
  to.close();
}

/** The client sends and shuts down its sending side; then the server answers. */
export async function halfClose(
  context: Context,
  { client, server }: Ends,
): Promise<void> {
  const { random, counters } = context;
  const { receive, send } = pickPlainStyle(random);
  counters.bytes += await transferStream(
    { conn: client, send: sendWhole },
    { conn: server, receive },
    random.size(TRANSFER_MAX),
    newSeed(context),
  );
  counters.bytes += await transferStream(
    { conn: server, send },
    { conn: client, receive: receiveByLoop },
    random.size(TRANSFER_MAX),
    newSeed(context),
  );
  for (const conn of [client, server]) conn.close();
}

/** One side resets the connection during a transfer. `isSeen`: whether the receiver
 * is sure to see a reset, and never an end. */
export async function reset(
  context: Context,
  { client, server }: Ends,
  isSeen: (sender: "client" | "server") => boolean,
): Promise<void> {
  const { random, counters } = context;
  const [from, to] = random.shuffled([client, server]) as [
    EndOfConn,
    EndOfConn,
  ];
  const seed = newSeed(context);
  const bytes = pattern(TRANSFER_MAX, seed);
  const result = new Digest();
  const received = receiveByLoop(to, result);
  const sent = from.write(bytes);
  const isSender = random.chance(0.5);
  const settledSend = settles(context, "a write that was reset", sent);
  await delay(random.integer(0, 3));
  (isSender ? from : to).reset();
  counters.resets++;
  if (!isSender) await received;
  else if (isSeen(from === client ? "client" : "server")) {
    await fails(context, "a read", received, ["ECONNRESET"]);
  } else await settles(context, "a read", received);
  await settledSend;
  counters.bytes += result.length;
  const expected = digest(bytes.subarray(0, result.length));
  requireSame("what came before a reset", result.text(), expected);
  for (const conn of [from, to]) conn.close();
}

/** A connection is closed while calls of all kinds are pending. */
export async function closePending(
  context: Context,
  { client, server }: Ends,
): Promise<void> {
  const { random } = context;
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
  await delay(random.integer(0, 2));
  if (random.chance(0.5)) conn.close();
  else conn.reset();
  /* Otherwise the close would wait for the peer to read, until closeTimeout. */
  peer.reset();
  await Promise.all(settled);
}

/** A loop ends by return(), by close() or by break. */
export async function leaveLoop(
  context: Context,
  { client, server }: Ends,
): Promise<void> {
  const { random, counters } = context;
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
  requireSame("a chunk", hash, digest(pattern(value!.length, 3)));
}

/** A connection moves during a transfer: `move` makes another one of it. */
export async function moveDuring(
  context: Context,
  { client, server }: Ends,
  send: Send,
  move: (conn: EndOfConn) => Promise<EndOfConn>,
): Promise<void> {
  const { random, counters } = context;
  const seed = newSeed(context);
  const length = random.size(TRANSFER_MAX);
  const sent = send(server, length, seed);
  const result = new Digest();
  const first = new Uint8Array(Math.min(length, random.size(10_000)));
  await readFully(client, first);
  result.add(first);
  const moved = await move(client);
  const hash = await pickReceive(random)(moved, result);
  await sent;
  requireSame("a move", hash, digest(pattern(length, seed)));
  counters.bytes += length;
  for (const conn of [moved, server]) conn.close();
}

/** Detaches a connection, and adopts it on another port. */
export async function moveToOtherPort(
  { otherPort }: Context,
  conn: EndOfConn,
  options: ConnOptions,
): Promise<EndOfConn> {
  return otherPort.adopt<Addr>(await conn.detach(), options);
}
