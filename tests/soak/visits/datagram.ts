// Copyright the iocp authors. MIT license.
/* Visits with UDP sockets. What one visit sends at a time fits into the buffer of the
 * receiver, so that nothing may be lost, except in `datagramFlood`. */

import {
  type BindOptions,
  type CompletionPort,
  type Datagram,
  type DatagramSocket,
  listenDatagram,
} from "../../../mod.ts";
import { delay } from "../../shared/deadline.ts";
import { group, LOOPBACK_INDEX, noSources } from "../../shared/groups.ts";
import { noIpv6 } from "../../shared/network.ts";
import { digest, pattern } from "../../shared/pattern.ts";
import type { Random } from "../../shared/random.ts";
import { isWindows } from "../../shared/local.ts";
import {
  type Context,
  fails,
  type Kind,
  newSeed,
  requireOneOf,
  requireSame,
} from "../context.ts";
import {
  makeDatagrams,
  pickGive,
  pickTake,
  requireAll,
  takeByReceive,
} from "./datagrams.ts";

/* Hosts whose sockets reach each other. */
const HOSTS = noIpv6 ? ["127.0.0.1"] : ["127.0.0.1", "::1", "localhost"];
const FLOOD = 2_000;
const EMPTY = new Uint8Array(0);
/* Wine asks Linux to end the connection, and Linux forgets the port. */
const CAN_DISCONNECT = !isWindows;

function pickOptions(random: Random): BindOptions {
  return {
    port: 0,
    systemReceiveBuffer: random.chance(0.5) ? 200_000 : undefined,
    ttl: random.chance(0.2) ? random.integer(1, 255) : undefined,
    offload: !isWindows && random.chance(0.3),
  };
}

/** Two sockets, which are closed at the end of the block. */
class Link implements Disposable {
  readonly left: DatagramSocket;
  readonly right: DatagramSocket;

  constructor(
    { port, otherPort, random }: Context,
    options: BindOptions = pickOptions(random),
  ) {
    const hostname = random.pick(HOSTS);
    this.left = port.bind({ ...options, hostname });
    this.right = otherPort.bind({ ...options, hostname });
  }

  [Symbol.dispose](): void {
    this.left.close();
    this.right.close();
  }
}

/* Sends what one burst may have, and receives it. */
async function burst(
  context: Context,
  from: DatagramSocket,
  to: DatagramSocket,
): Promise<Datagram[]> {
  const { random, counters } = context;
  const sent = makeDatagrams(random, newSeed(context));
  const addr = from.remoteAddr === undefined ? to.addr : undefined;
  const taken = pickTake(random)(to, sent.length);
  await pickGive(random)(from, sent, addr);
  const received = await taken;
  requireAll(received.map(({ data }) => data), sent);
  for (const datagram of received) {
    requireSame("isTruncated", datagram.isTruncated, false);
    requireSame("the size", datagram.size, datagram.data.length);
    requireSame("the port of the sender", datagram.addr.port, from.addr.port);
  }
  counters.datagrams += sent.length;
  return received;
}

/* Nothing was lost, and nothing is left. */
function requireCounts(
  socket: DatagramSocket,
  expected: { sent: number; received: number },
): void {
  const stats = socket.stats();
  requireSame("datagrams received", stats.datagramsReceived, expected.received);
  requireSame("datagrams sent", stats.datagramsSent, expected.sent);
  requireSame("datagrams dropped", stats.datagramsDropped, 0);
  requireSame("sends", stats.sends + stats.bytesUnsent, 0);
}

/* Bursts in both directions, by all ways to send and to receive. */
async function exchange(context: Context): Promise<void> {
  const { random } = context;
  using link = new Link(context);
  const { left, right } = link;
  if (random.chance(0.4)) await left.connect(right.addr);
  let [there, back] = [0, 0];
  for (let i = random.integer(1, 4); i > 0; i--) {
    const received = await burst(context, left, right);
    there += received.length;
    const { addr } = received[0]!;
    const answer = pattern(random.size(1_400), newSeed(context));
    const taken = takeByReceive(left, 1);
    requireSame("an answer", await right.send(answer, addr), answer.length);
    requireAll((await taken).map(({ data }) => data), [answer]);
    back += 1 + (await burst(context, right, left)).length;
    if (CAN_DISCONNECT && random.chance(0.3)) left.disconnect();
  }
  requireCounts(left, { sent: there, received: back });
  requireCounts(right, { sent: back, received: there });
}

/* Data that is longer than the buffer of the receiver is truncated, and nothing
 * else is. */
async function truncate(context: Context): Promise<void> {
  const { random } = context;
  using link = new Link(context);
  const { left, right } = link;
  const sent = pattern(random.integer(2, 9_000), newSeed(context));
  const p = new Uint8Array(random.integer(1, sent.length - 1));
  await left.send(sent, right.addr);
  await left.send(EMPTY, right.addr);
  const received = await right.receive(p);
  requireSame("isTruncated", received.isTruncated, true);
  /* Windows does not say it. */
  if (received.size !== undefined || !isWindows) {
    requireSame("the size", received.size, sent.length);
  }
  requireSame(
    "the part that fits",
    digest(received.data),
    digest(sent.subarray(0, p.length)),
  );
  const next = await right.receive(p);
  requireSame("isTruncated", next.isTruncated, false);
  requireSame("the next one", next.data.length, 0);
}

/* Calls that wait are canceled, and lose no datagram. */
async function cancel(context: Context): Promise<void> {
  const { random } = context;
  using link = new Link(context);
  const { left, right } = link;
  const controller = new AbortController();
  const { signal } = controller;
  const p = new Uint8Array(100);
  const aborted = right.receive(p, { signal });
  const timeout = random.integer(0, 5);
  const late = right.receive(p, { timeout });
  const next = right.receive(new Uint8Array(65_536));
  await Promise.all([
    fails(context, "a receive()", late, ["ETIMEDOUT"]),
    delay(random.integer(0, 3)).then(() => controller.abort()),
    fails(context, "a receive()", aborted, ["AbortError"]),
  ]);
  const sent = pattern(random.size(1_400), newSeed(context));
  await left.send(sent, right.addr);
  requireAll([(await next).data], [sent]);
  requireCounts(right, { sent: 0, received: 1 });
}

/* A socket is closed while calls wait, and a loop ends. */
async function close(context: Context): Promise<void> {
  const { random } = context;
  using link = new Link(context);
  const { left, right } = link;
  const loop = (async () => {
    for await (const _ of right) throw new Error("nothing was sent");
  })();
  const waiting = Array.from(
    { length: random.integer(1, 4) },
    () => right.receive(new Uint8Array(random.size(2_000))),
  );
  const interrupted = waiting.map((call) =>
    fails(context, "a receive()", call, ["EINTR"])
  );
  await delay(random.integer(0, 2));
  right.close();
  await Promise.all([...interrupted, loop]);
  const codes = ["EBADF"];
  await fails(context, "receive()", right.receive(EMPTY), codes);
  await fails(context, "send()", right.send(EMPTY, left.addr), codes);
}

/* A loop ends by break, which closes the socket. */
async function leaveLoop(context: Context): Promise<void> {
  const { random } = context;
  using link = new Link(context);
  const { left, right } = link;
  const sent = makeDatagrams(random, newSeed(context));
  await pickGive(random)(left, sent, right.addr);
  if (random.chance(0.5)) {
    for await (const _ of right.batches()) break;
  } else {
    for await (const _ of right) break;
  }
  const late = right.receive(EMPTY);
  await fails(context, "a receive() after the loop", late, ["EBADF"]);
}

/* No socket has the port that it is connected to. */
async function refuse(context: Context): Promise<void> {
  const { port, closed, counters, random } = context;
  const errors: string[] = [];
  const onError = (error: Error) => errors.push(counters.failed(error));
  using socket = port.bind({ hostname: "127.0.0.1", port: 0, onError });
  const { hostname, port: closedPort } = closed;
  await socket.connect({ hostname, port: closedPort });
  for (let i = random.integer(1, 3); i > 0; i--) {
    await socket.send(pattern(10)).catch(onError);
    await delay(random.integer(0, 2));
  }
  for (const code of errors) requireOneOf("send()", code, ["ECONNREFUSED"]);
  if (!CAN_DISCONNECT) return;
  socket.disconnect();
  using other = port.bind({ hostname: "127.0.0.1", port: 0 });
  const sent = pattern(100, newSeed(context));
  await other.send(sent, socket.addr);
  for await (const { data } of socket) {
    requireAll([data], [sent]);
    break;
  }
}

/* More than the buffer has room for: what arrives is right, and comes once. */
async function flood(context: Context): Promise<void> {
  const { counters, random } = context;
  const systemReceiveBuffer = random.integer(10_000, 400_000);
  using link = new Link(context, { port: 0, systemReceiveBuffer });
  const { left, right } = link;
  const seed = newSeed(context);
  const length = random.integer(4, 1_400);
  const sent = Array.from({ length: FLOOD }, (_, i) => {
    const data = pattern(length, seed + i);
    new DataView(data.buffer, data.byteOffset).setUint32(0, i);
    return data;
  });
  const seen = new Set<number>();
  const received = (async () => {
    for await (const { data } of right) {
      if (data.length === 0) break;
      const i = new DataView(data.buffer, data.byteOffset).getUint32(0);
      if (seen.has(i)) throw new Error(`datagram ${i} came twice`);
      seen.add(i);
      requireSame(`datagram ${i}`, digest(data), digest(sent[i]!));
      if (i % 64 === 0) await delay(0);
    }
    return true;
  })();
  const { addr } = right;
  await left.sendMany(sent.map((data) => ({ data, addr })));
  /* The one that ends the loop may be lost as well. */
  let isOver: unknown = false;
  while (isOver !== true) {
    await left.send(EMPTY, addr);
    isOver = await Promise.race([received, delay(5)]);
  }
  counters.datagrams += FLOOD;
  counters.dropped += FLOOD - seen.size;
}

/* The same with the shape of Deno. These sockets are on the port of the thread. */
async function listen(context: Context): Promise<void> {
  const { random } = context;
  const options = { hostname: "127.0.0.1", port: 0, transport: "udp" } as const;
  using left = listenDatagram(options);
  using right = listenDatagram(options);
  const sent = makeDatagrams(random, newSeed(context));
  const received: Uint8Array[] = [];
  const loop = (async () => {
    for await (const [data] of right) {
      received.push(data);
      if (received.length === sent.length - 1) break;
    }
  })();
  for (const data of sent) {
    const count = await left.send(data, right.addr);
    requireSame("send()", count, data.length);
  }
  await loop;
  /* Leaving the loop has not closed it. */
  const [data, addr] = await right.receive(
    random.chance(0.5) ? new Uint8Array(65_536) : undefined,
  );
  requireSame("the port of the sender", addr.port, left.addr.port);
  requireAll([...received, data], sent);
  const pending = right.receive();
  right.close();
  await fails(context, "a receive()", pending, ["EINTR"]);
}

/* A member of a group receives what is sent there, until it has left. */
async function multicast(context: Context): Promise<void> {
  const { port, otherPort, random } = context;
  using receiver = bindToAll(otherPort);
  const options = { interface: LOOPBACK_INDEX, ...pickSource(random) };
  receiver.joinMulticast(group, options);
  using sender = port.bind({
    hostname: "127.0.0.1",
    port: 0,
    multicastInterface: LOOPBACK_INDEX,
  });
  const addr = { hostname: group, port: receiver.addr.port };
  const sent = makeDatagrams(random, newSeed(context));
  const taken = pickTake(random)(receiver, sent.length);
  await pickGive(random)(sender, sent, addr);
  requireAll((await taken).map(({ data }) => data), sent);
  receiver.leaveMulticast(group, options);
  await sender.send(EMPTY, addr);
  /* What comes first now was sent later. */
  const last = pattern(7, newSeed(context));
  await sender.send(last, { ...addr, hostname: "127.0.0.1" });
  requireAll([await receiveAfterLeave(receiver)], [last]);
}

/* Under Wine a datagram of the group may come as long as another socket of this
 * machine is in it: IP_MULTICAST_ALL is on (ip(7)). */
async function receiveAfterLeave(
  receiver: DatagramSocket,
): Promise<Uint8Array> {
  for (;;) {
    const { data } = await receiver.receive(new Uint8Array(100));
    if (!isWindows || data.length > 0) return data;
  }
}

function bindToAll(port: CompletionPort): DatagramSocket {
  return port.bind({ hostname: "0.0.0.0", port: 0 });
}

function pickSource(random: Random): { source?: string } {
  return noSources === false && random.chance(0.3)
    ? { source: "127.0.0.1" }
    : {};
}

/** The kinds of visits. */
export const DATAGRAM: Readonly<Record<string, Kind>> = {
  datagram: { visit: exchange, share: 15 },
  datagramTruncate: { visit: truncate, share: 3 },
  datagramCancel: { visit: cancel, share: 5 },
  datagramClose: { visit: close, share: 5 },
  datagramLeaveLoop: { visit: leaveLoop, share: 3 },
  datagramRefuse: { visit: refuse, share: 3 },
  datagramFlood: { visit: flood, share: 1 },
  datagramListen: { visit: listen, share: 4 },
  multicast: { visit: multicast, share: 4 },
};
