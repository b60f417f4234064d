// Copyright the iocp authors. MIT license.
/* Visits with unix sockets of datagrams, which only Linux has. Nothing is lost: a
 * sender waits for a receiver that is full. */

import type { BindPathOptions, DatagramSocket } from "../../../mod.ts";
import type { UnixDatagramAddr } from "../../../mod.ts";
import { delay } from "../../shared/deadline.ts";
import { isWindows, newPath } from "../../shared/local.ts";
import { pattern } from "../../shared/pattern.ts";
import { type Context, fails, type Kind, newSeed } from "../context.ts";
import { requireSame, settles } from "../context.ts";
import { makeDatagrams, pickGive, pickTake, requireAll } from "./datagrams.ts";

type UnixSocket = DatagramSocket<UnixDatagramAddr>;

const lacks = isWindows && "Windows has no unix sockets of datagrams";
/* More than net.unix.max_dgram_qlen, usually 10. */
const MANY = 60;

/* A path of each kind that a receiver may have. */
function pickPath({ random }: Context): string {
  const path = newPath();
  return random.chance(0.5) ? path : `\0${path}`;
}

function bindTo({ otherPort }: Context, options: BindPathOptions): UnixSocket {
  return otherPort.bind(options);
}

/* In both directions, or from a socket without an address. */
async function exchange(context: Context): Promise<void> {
  const { random, counters } = context;
  const isNamed = random.chance(0.7);
  using left = context.port.bind({ path: isNamed ? pickPath(context) : "" });
  using right = bindTo(context, { path: pickPath(context) });
  if (random.chance(0.4)) await left.connect(right.addr);
  const carry = async (from: UnixSocket, to: UnixSocket) => {
    const sent = makeDatagrams(random, newSeed(context));
    const addr = from.remoteAddr === undefined ? to.addr : undefined;
    const taken = pickTake(random)(to, sent.length);
    await pickGive(random)(from, sent, addr);
    const received = await taken;
    requireAll(received.map(({ data }) => data), sent);
    for (const { addr } of received) {
      requireSame("the sender", addr.path, from.addr.path);
    }
    counters.datagrams += sent.length;
  };
  for (let i = random.integer(1, 3); i > 0; i--) {
    await carry(left, right);
    if (isNamed) await carry(right, left);
  }
}

/* The receiver is slower than the sender. */
async function backpressure(context: Context): Promise<void> {
  const { random, counters } = context;
  using left = context.port.bind({ path: "" });
  using right = bindTo(context, { path: pickPath(context) });
  const seed = newSeed(context);
  const sent = Array.from(
    { length: MANY },
    (_, i) => pattern(random.size(5_000), seed + i),
  );
  const given = pickGive(random)(left, sent, right.addr);
  await delay(random.integer(0, 5));
  const received = await pickTake(random)(right, MANY);
  await given;
  requireAll(received.map(({ data }) => data), sent);
  counters.datagrams += MANY;
}

/* Either end is closed while sends wait. */
async function closePending(context: Context): Promise<void> {
  const { random, counters } = context;
  using left = context.port.bind({ path: "" });
  using right = bindTo(context, { path: pickPath(context) });
  const { addr } = right;
  /* ETIMEDOUT, when the machine stands still for longer than closeTimeout. */
  const codes = [
    ...["ECONNREFUSED", "ENOENT", "EINTR", "ECONNRESET", "EPIPE"],
    "ETIMEDOUT",
  ];
  const sends = Array.from({ length: MANY }, async (_, i) => {
    try {
      await left.send(pattern(100, i), addr);
    } catch (error) {
      const code = counters.failed(error);
      if (!codes.includes(code)) throw error;
    }
  });
  const pending = settles(
    context,
    "a receive()",
    left.receive(new Uint8Array(10)),
  );
  await delay(random.integer(0, 3));
  for (const socket of random.shuffled([left, right])) {
    socket.close();
    await delay(random.integer(0, 3));
  }
  await Promise.all([...sends, pending]);
}

async function refuse(context: Context): Promise<void> {
  using socket = context.port.bind({ path: "" });
  const path = newPath();
  const { random } = context;
  const isSent = random.chance(0.5);
  const call = isSent
    ? socket.send(pattern(1), { path })
    : socket.connect({ path });
  await fails(context, "a path without a socket", call, ["ENOENT"]);
}

/** The kinds of visits. */
export const UNIX_DATAGRAM: Readonly<Record<string, Kind>> = {
  unixDatagram: { visit: exchange, share: 6, lacks },
  unixDatagramFull: { visit: backpressure, share: 3, lacks },
  unixDatagramClose: { visit: closePending, share: 3, lacks },
  unixDatagramRefuse: { visit: refuse, share: 1, lacks },
};
