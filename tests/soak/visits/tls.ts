// Copyright the iocp authors. MIT license.
/* Visits with TLS, over TCP and over local sockets. A `node:tls` may end both directions
 * when the peer ends one, so these transfer as many bytes as both sides know of, or in
 * one direction. */

import { type Addr, type Conn, SocketError } from "../../../mod.ts";
import { delay } from "../../shared/deadline.ts";
import { Digest, digest, pattern } from "../../shared/pattern.ts";
import { pickOptions } from "../../shared/style.ts";
import { ca, server as identity } from "../../shared/tls.ts";
import { receiveByLoop } from "../../shared/transfer.ts";
import {
  type Context,
  fails,
  type Kind,
  newSeed,
  requireOneOf,
  requireSame,
  settles,
} from "../context.ts";
import { type Ends, readFully } from "../hub.ts";
import { connectLocal } from "./local.ts";
import { carry, exchangeExactly, leaveLoop } from "./stream.ts";

const TLS = { ca, serverName: "localhost" };
/* More than the buffers of a system take. */
const FLOOD = 8_000_000;

/* Over TCP or a local socket, before TLS. */
function connectPlain(context: Context): Promise<Ends> {
  const { hub, port, random } = context;
  if (random.chance(0.3)) return connectLocal(context);
  return hub.connect(port, pickOptions(random));
}

/* Connects to a listener with TLS. */
async function connectSecure(context: Context): Promise<Ends> {
  const { port, otherPort, random, counters } = context;
  const listener = otherPort.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: identity,
    ...pickOptions(random),
  });
  const options = { ...listener.addr, tls: TLS, ...pickOptions(random) };
  const [client, server] = await Promise.all([
    port.connect(options),
    listener.accept(),
  ]);
  listener.close();
  counters.made++;
  return { client, server };
}

/* Makes TLS of a connection that both ends have. */
async function start({ client, server }: Ends): Promise<Ends> {
  const [one, two] = await Promise.all([
    client.startTls(TLS),
    server.startTls({ isServer: true, ...identity }),
  ]);
  return { client: one, server: two };
}

async function connect(context: Context): Promise<Ends> {
  if (context.random.chance(0.6)) return connectSecure(context);
  const ends = await connectPlain(context);
  const secure = await start(ends);
  requireSame("the protocol", secure.client.tls?.protocol, "TLSv1.3");
  return secure;
}

const transfer = async (context: Context) =>
  context.random.pick([carry, exchangeExactly, leaveLoop])(
    context,
    await connect(context),
  );

/* Writes that end by a signal or a timeout, and are continued where they have ended. */
async function writeOn(context: Context, conn: Conn<Addr>, bytes: Uint8Array) {
  const { random, counters } = context;
  for (let at = 0; at < bytes.length;) {
    const isTimed = random.chance(0.5);
    const limits = isTimed
      ? { timeout: random.integer(0, 5) }
      : { signal: AbortSignal.timeout(random.integer(0, 5)) };
    try {
      at += await conn.write(bytes.subarray(at), limits);
    } catch (error) {
      const codes = ["ETIMEDOUT", "ECANCELED"];
      requireOneOf("a write", counters.failed(error), codes);
      at += (error as SocketError).bytesWritten!;
    }
  }
}

/* Calls are aborted, and nothing is lost. */
async function cancel(context: Context): Promise<void> {
  const { random, counters } = context;
  const { client, server } = await connect(context);
  const bytes = pattern(random.size(FLOOD), newSeed(context));
  const idle = server.read(new Uint8Array(10), { timeout: 0 });
  await fails(context, "a read", idle, ["ETIMEDOUT"]);
  const result = new Digest();
  const received = receiveByLoop(server, result);
  await writeOn(context, client, bytes);
  client.close();
  await received;
  requireSame("an aborted transfer", result.text(), digest(bytes));
  counters.bytes += bytes.length;
  server.close();
}

/* One end is reset in the middle of a transfer: the other one sees no end. */
async function reset(context: Context): Promise<void> {
  const { random, counters } = context;
  const { client, server } = await connect(context);
  const [from, to] = random.shuffled([client, server]) as [
    Conn<Addr>,
    Conn<Addr>,
  ];
  const bytes = pattern(FLOOD, newSeed(context));
  const sent = settles(context, "a write", from.write(bytes));
  const result = new Digest();
  const first = new Uint8Array(random.size(10_000));
  await readFully(to, first);
  result.add(first);
  counters.resets++;
  if (random.chance(0.5)) {
    const codes = ["ECONNRESET", "EUNEXPECTEDEND"];
    const received = receiveByLoop(to, result);
    await delay(random.integer(0, 3));
    from.reset();
    await fails(context, "a read", received, codes);
    const expected = digest(bytes.subarray(0, result.length));
    requireSame("what came", result.text(), expected);
  } else to.reset();
  await sent;
  for (const conn of [from, to]) conn.close();
}

/* A handshake ends by a signal, a timeout, a reset, or because the peer speaks no
 * TLS: the connection is closed then. */
async function handshake(context: Context): Promise<void> {
  const { random } = context;
  const { client, server } = await connectPlain(context);
  const way = random.integer(0, 3);
  const limits = [
    { timeout: random.integer(0, 5) },
    { signal: AbortSignal.timeout(random.integer(0, 5)) },
    {},
    {},
  ][way];
  const codes = [
    "ETIMEDOUT",
    "TimeoutError",
    "ECONNRESET",
    "EUNEXPECTEDEND",
    "EPIPE",
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  ];
  const failing = fails(
    context,
    "a handshake",
    client.startTls({ ...TLS, ...limits }),
    codes,
  );
  if (way === 2) server.reset();
  if (way === 3) {
    await settles(context, "a write", server.write(pattern(1_000)));
  }
  await failing;
  await settles(context, "a read", receiveByLoop(server));
  for (const conn of [client, server]) conn.close();
}

/** The kinds of visits. */
export const TLS_VISITS: Readonly<Record<string, Kind>> = {
  tls: { visit: transfer, share: 5 },
  tlsCancel: { visit: cancel, share: 2 },
  tlsReset: { visit: reset, share: 3 },
  tlsHandshake: { visit: handshake, share: 3 },
};
