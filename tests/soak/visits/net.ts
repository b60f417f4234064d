// Copyright the iocp authors. MIT license.
/* Visits with the sockets of iocp/net, whose peer is another one or a Conn. */

import { once } from "node:events";
import * as net from "../../../net.ts";
import type { Conn } from "../../../mod.ts";
import { delay } from "../../shared/deadline.ts";
import { isWindows, newPath } from "../../shared/local.ts";
import { concat, digest, pattern } from "../../shared/pattern.ts";
import { pickOptions } from "../../shared/style.ts";
import { receiveByLoop, sendUnawaited } from "../../shared/transfer.ts";
import {
  type Context,
  type Kind,
  newSeed,
  requireOneOf,
  requireSame,
  TRANSFER_MAX,
} from "../context.ts";

/* More than the buffers of a system take. */
const LARGE = 8_000_000;

/* Resolves when the socket is closed. An error has to have one of the codes. */
async function closed(
  { counters }: Context,
  socket: net.Socket,
  codes: readonly string[] = [],
): Promise<void> {
  let failure: Error | undefined;
  socket.on("error", (error) => failure = error);
  if (!socket.closed) {
    await new Promise((resolve) => socket.once("close", resolve));
  }
  if (failure === undefined) return;
  const code = String((failure as { code?: unknown }).code);
  counters.errors[code] = (counters.errors[code] ?? 0) + 1;
  requireOneOf("a socket of net", code, codes);
}

/* What comes up to the end or the failure. */
async function received(socket: net.Socket): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  socket.on("data", (chunk: Uint8Array) => parts.push(chunk));
  await new Promise((resolve) => socket.once("close", resolve));
  return concat(parts);
}

interface Ends {
  readonly client: net.Socket;
  readonly server: net.Socket;
}

/* Serves one visit, which gets both ends of a connection. */
async function withSockets(
  context: Context,
  use: (ends: Ends) => Promise<void>,
): Promise<void> {
  const { random, counters } = context;
  const server = net.createServer({ allowHalfOpen: random.chance(0.5) });
  if (random.chance(0.3)) server.listen(newPath());
  else server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address()!;
  const accepted = once(server, "connection");
  const client = typeof address === "string"
    ? net.connect(address)
    : net.connect(address.port, "127.0.0.1");
  const [socket] = await accepted as [net.Socket];
  server.close();
  counters.made++;
  await use({ client, server: socket });
  if (server.listening) throw new Error("the server still listens");
}

/* Some pieces leave by one call: those between cork() and uncork(). */
function writeAll(
  { random }: Context,
  socket: net.Socket,
  bytes: Uint8Array,
): void {
  const piece = random.integer(1_000, 200_000);
  const corks = random.chance(0.5);
  for (let at = 0; at < bytes.length; at += piece) {
    if (corks && random.chance(0.2)) socket.cork();
    socket.write(bytes.subarray(at, at + piece));
    if (corks && random.chance(0.2)) socket.uncork();
  }
  /* It uncorks as well. */
  socket.end();
}

/* An echo through pipe(). */
const echo = (context: Context) =>
  withSockets(context, async ({ client, server }) => {
    const { random, counters } = context;
    const bytes = pattern(random.size(TRANSFER_MAX), newSeed(context));
    /* A named pipe has no half-close. */
    const isOneWay = isWindows && client.remoteAddress === undefined;
    const result = received(isOneWay ? server : client);
    const ended = closed(context, isOneWay ? client : server);
    if (isOneWay) server.on("end", () => server.end());
    else server.pipe(server);
    writeAll(context, client, bytes);
    requireSame("what has come", digest(await result), digest(bytes));
    await ended;
    counters.bytes += bytes.length;
    requireSame("bytesWritten", client.bytesWritten, bytes.length);
    requireSame("bytesRead", server.bytesRead, bytes.length);
  });

/* One end is destroyed or reset in the middle. */
const destroy = (context: Context) =>
  withSockets(context, async ({ client, server }) => {
    const { random, counters } = context;
    const bytes = pattern(LARGE, newSeed(context));
    const [from, to] = random.shuffled([client, server]) as [
      net.Socket,
      net.Socket,
    ];
    const codes = ["ECONNRESET", "EPIPE"];
    const bothClosed = [
      closed(context, from, codes),
      closed(context, to, codes),
    ];
    const came = received(to);
    from.resume();
    for (const socket of [from, to]) socket.on("end", () => socket.end());
    from.write(bytes);
    await delay(random.integer(0, 3));
    const first = random.pick([from, to]);
    /* A local socket has no reset. */
    const isTcp = first.remoteAddress !== undefined;
    if (isTcp && random.chance(0.5)) first.resetAndDestroy();
    else first.destroy();
    await Promise.all(bothClosed);
    const part = await came;
    requireSame(
      "what came",
      digest(part),
      digest(bytes.subarray(0, part.length)),
    );
    counters.resets++;
    counters.bytes += part.length;
  });

/* The peer is a Conn, whose end is seen. */
async function conn(context: Context): Promise<void> {
  const { port, random, counters } = context;
  const server = net.createServer((socket) => {
    socket.on("error", (error) => server.emit("error", error));
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: number } = server.address() as { port: number };
  const address = { hostname: "127.0.0.1", port: number };
  const use = async (client: Conn) => {
    const seed = newSeed(context);
    const length = random.size(TRANSFER_MAX);
    const echoed = receiveByLoop(client);
    await sendUnawaited(client, length, seed);
    requireSame("an echo", await echoed, digest(pattern(length, seed)));
    client.close();
    counters.bytes += 2 * length;
  };
  await Promise.all(
    Array.from({ length: random.integer(1, 4) }, async () => {
      counters.made++;
      const options = { ...address, ...pickOptions(random) };
      await use(await port.connect({ ...options, allowHalfOpen: true }));
    }),
  );
  server.close();
  await once(server, "close");
}

/* A connect is destroyed, times out in its turn, or is refused. */
async function connectEnds(context: Context): Promise<void> {
  const { random, unresponsive, closed: refusing } = context;
  if (random.chance(0.5)) {
    const { hostname, port } = refusing;
    const client = net.connect(port, hostname);
    await closed(context, client, ["ECONNREFUSED"]);
    return;
  }
  const client = net.connect(unresponsive.port, unresponsive.hostname);
  const ended = closed(context, client, ["ECONNREFUSED"]);
  if (random.chance(0.5)) {
    client.setTimeout(random.integer(1, 10), () => client.destroy());
  } else {
    await delay(random.integer(0, 3));
    client.destroy();
  }
  await ended;
}

/** The kinds of visits. */
export const NET: Readonly<Record<string, Kind>> = {
  net: { visit: echo, share: 5 },
  netDestroy: { visit: destroy, share: 4 },
  netConn: { visit: conn, share: 4 },
  netConnect: { visit: connectEnds, share: 2 },
};
