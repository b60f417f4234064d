// Copyright the iocp authors. MIT license.
/* Visits with what ends a connection, a close or a listener at a certain time, with
 * limits of a listener, with pipes between two connections, and with readers. */

import type { Addr, Conn, Listener } from "../../../mod.ts";
import { delay } from "../../shared/deadline.ts";
import {
  Model,
  pickBytes,
  pickOp,
  pieces,
  run,
} from "../../shared/framing_model.ts";
import { isWindows, newPath } from "../../shared/local.ts";
import { concat, digest } from "../../shared/pattern.ts";
import { pickOptions } from "../../shared/style.ts";
import { receiveByLoop } from "../../shared/transfer.ts";
import { type Context, fails, type Kind, requireOneOf } from "../context.ts";
import { requireSame, settles, TRANSFER_MAX } from "../context.ts";
import type { Ends } from "../hub.ts";
import { connectLocal } from "./local.ts";
import { exchange, exchangeExactly } from "./stream.ts";

/** More than the buffers of a system take. */
const FLOOD = new Uint8Array(16 * 1024 * 1024);

type Connect = (context: Context) => Promise<Ends>;

const connect: Connect = ({ hub, port, random }) =>
  hub.connect(port, pickOptions(random));

/* Over TCP, or over a local socket. */
const connectAny: Connect = (context) =>
  context.random.chance(0.5) ? connect(context) : connectLocal(context);

/* Reads up to the end, or to a failure as of a closed connection. */
function readAway(context: Context, conn: Conn<Addr>): Promise<void> {
  return settles(context, "a read", receiveByLoop(conn));
}

/* A close whose deadline comes while the peer takes nothing, or does not come. */
async function closeDeadline(context: Context): Promise<void> {
  const { random } = context;
  const { client, server } = await connectAny(context);
  const isLate = random.chance(0.5);
  const bytes = isLate ? FLOOD : FLOOD.subarray(0, TRANSFER_MAX);
  const written = settles(context, "a write", client.write(bytes));
  if (random.chance(0.3)) client.close();
  if (isLate) {
    const closing = client.close({ deadline: random.integer(0, 20) });
    await fails(context, "a close", closing, ["ETIMEDOUT"]);
    await readAway(context, server);
  } else {
    const closing = client.close({ deadline: 300_000 });
    const received = receiveByLoop(server);
    const again = client.close({ deadline: 300_000 });
    await received;
    server.close();
    await Promise.all([closing, again]);
  }
  await written;
  server.close();
}

/* An idle connection ends. */
async function idle(context: Context): Promise<void> {
  const { random } = context;
  const { client, server } = await connectAny(context);
  client.setTimeout(random.integer(1, 30));
  const first = random.chance(0.5)
    ? client.read(new Uint8Array(10))
    : receiveByLoop(client);
  await fails(context, "an idle read", first, ["ETIMEDOUT"]);
  await fails(context, "a later write", client.write(FLOOD), ["ETIMEDOUT"]);
  await readAway(context, server);
  client.close();
  server.close();
}

/* Two connections, and between them two pipes, which may be aborted. */
async function proxy(context: Context): Promise<void> {
  const { random } = context;
  const near = await connectAny(context);
  const far = await connectAny(context).catch((error) => {
    for (const conn of [near.client, near.server]) conn.reset();
    throw error;
  });
  const controller = new AbortController();
  const { signal } = controller;
  const pipes = [
    near.server.pipeTo(far.client, { signal }),
    far.client.pipeTo(near.server, { signal }),
  ];
  const ends = { client: near.client, server: far.server };
  if (random.chance(0.6)) {
    /* A named pipe has no end of one direction. */
    await (isWindows ? exchangeExactly : exchange)(context, ends);
    await Promise.all(pipes.map((pipe) => settles(context, "a pipe", pipe)));
    return;
  }
  const written = settles(context, "a write", ends.client.write(FLOOD));
  const ending = pipes.map((pipe) =>
    fails(context, "a pipe", pipe, ["AbortError"])
  );
  await delay(random.integer(0, 5));
  controller.abort();
  await Promise.all(ending);
  await Promise.all([written, readAway(context, ends.server)]);
  for (const conn of [ends.client, ends.server]) conn.reset();
}

/* Lines, frames and numbers of bytes, and what they leave over. */
async function framing(context: Context): Promise<void> {
  const { random, counters } = context;
  const { client, server } = await connectAny(context);
  const bytes = concat([pickBytes(random), pickBytes(random)]);
  const sent = (async () => {
    for (const piece of pieces(bytes, random.fork())) await client.write(piece);
    client.close();
  })();
  const model = new Model(bytes);
  const reader = server.reader();
  for (let left = random.size(30); left > 0; left--) {
    const op = pickOp(random);
    requireSame(JSON.stringify(op), await run(reader, op), model.run(op));
  }
  requireSame("the rest", await receiveByLoop(server), digest(model.left));
  await sent;
  counters.bytes += bytes.length;
  server.close();
}

type Listening = {
  listener: Listener<Addr>;
  connectMany(): Promise<Conn<Addr>>[];
};

/* Listens for the visit alone, over TCP or on a path. */
function listenAlone(
  { port, otherPort, random, counters }: Context,
  seen: () => boolean,
): Listening {
  const isLocal = random.chance(0.5);
  const isPipe = isLocal && isWindows;
  const limits = {
    allowHalfOpen: !isPipe,
    /* Further clients of a pipe would wait for the first ones to be closed. */
    maxConnections: !isPipe && random.chance(0.5) ? random.integer(1, 4) : 0,
    acceptRate: random.chance(0.3) ? random.integer(200, 1000) : 0,
  };
  const count = random.integer(1, 8);
  const many = (connect: () => Promise<Conn<Addr>>) => () => {
    counters.made += count;
    return Array.from({ length: count }, connect);
  };
  if (isLocal) {
    const path = newPath();
    const listener = otherPort.listen({ path, ...limits });
    return { listener, connectMany: many(() => port.connect({ path })) };
  }
  const blockList = random.chance(0.5) ? { blockList: { check: seen } } : {};
  const address = { hostname: "127.0.0.1", port: 0 };
  const listener = otherPort.listen({ ...address, ...limits, ...blockList });
  const { addr } = listener;
  return { listener, connectMany: many(() => port.connect(addr)) };
}

/* A listener with limits is shut down, and its connections with it. */
async function shutdown(context: Context): Promise<void> {
  const { random } = context;
  let blocked = 0;
  const { listener, connectMany } = listenAlone(context, () => {
    const isBlocked = random.chance(0.3);
    if (isBlocked) blocked++;
    return isBlocked;
  });
  const served: Promise<void>[] = [];
  const loop = (async () => {
    for await (const conn of listener) {
      served.push(readAway(context, conn).then(() => conn.close()));
    }
  })();
  const clients = await Promise.all(connectMany());
  const ended = clients.map(async (client) => {
    if (random.chance(0.5)) {
      await settles(context, "a write", client.write(FLOOD.subarray(0, 1000)));
      if (random.chance(0.5)) client.close();
    }
    await readAway(context, client);
  });
  await delay(random.integer(0, 5));
  requireSame("those that were blocked", listener.stats().blocked, blocked);
  if (random.chance(0.2)) listener.close();
  const results = await Promise.all([
    listener.shutdown({ deadline: random.integer(0, 40) }),
    ...(random.chance(0.3) ? [listener.shutdown({ deadline: 0 })] : []),
  ]);
  for (const { closed, reset } of results) {
    const isPossible = closed >= 0 && reset >= 0 &&
      closed + reset <= clients.length;
    requireSame("the connections of a shutdown", isPossible, true);
  }
  await Promise.all([loop, ...served, ...ended]);
  for (const client of clients) client.close();
}

/* Accepts that end by their timeout or signal lose no connection. */
async function acceptLimits(context: Context): Promise<void> {
  const { random, counters } = context;
  const { listener, connectMany } = listenAlone(context, () => false);
  /* A listener accepts from its first accept() on, and the clients of a pipe wait for
   * that. */
  const connecting = connectMany();
  let left = connecting.length;
  while (left > 0) {
    const controller = new AbortController();
    const { signal } = controller;
    const isTimed = random.chance(0.5);
    const limits = isTimed ? { timeout: random.integer(0, 3) } : { signal };
    const accepting = listener.accept(limits);
    if (!isTimed) delay(random.integer(0, 2)).then(() => controller.abort());
    try {
      /* It may have taken the last place. */
      (await accepting).close();
      left--;
    } catch (error) {
      const codes = ["ETIMEDOUT", "AbortError"];
      requireOneOf("an accept", counters.failed(error), codes);
    }
  }
  for (const client of await Promise.all(connecting)) {
    requireSame("the end", await client.read(new Uint8Array(1)), null);
    client.close();
  }
  listener.close();
}

/* A loop of accepts ends when no client has come for a while, or has all of them. */
async function acceptLoop(context: Context): Promise<void> {
  const { random, counters } = context;
  const { listener, connectMany } = listenAlone(context, () => false);
  const connecting = connectMany();
  const isPatient = random.chance(0.5);
  const timeout = isPatient ? 60_000 : random.integer(0, 3);
  let left = connecting.length;
  try {
    for await (const conn of listener.accepts({ timeout })) {
      conn.close();
      if (--left === 0) break;
    }
  } catch (error) {
    if (isPatient) throw error;
    requireOneOf("a loop of accepts", counters.failed(error), ["ETIMEDOUT"]);
  }
  if (isPatient) requireSame("the clients that were not accepted", left, 0);
  listener.close();
  const codes = ["ECONNREFUSED", "ECONNRESET", "ENOENT"];
  await Promise.all(connecting.map(async (connection) => {
    const client = await connection.catch((error) => {
      requireOneOf("a connect", counters.failed(error), codes);
    });
    if (client === undefined) return;
    await readAway(context, client);
    client.close();
  }));
}

/** The kinds of visits. */
export const CONTROL: Readonly<Record<string, Kind>> = {
  closeDeadline: { visit: closeDeadline, share: 4 },
  idle: { visit: idle, share: 4 },
  proxy: { visit: proxy, share: 8 },
  framing: { visit: framing, share: 8 },
  shutdown: { visit: shutdown, share: 5 },
  acceptLimits: { visit: acceptLimits, share: 4 },
  acceptLoop: { visit: acceptLoop, share: 3 },
};
