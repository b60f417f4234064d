// Copyright the iocp authors. MIT license.
/* Datagrams of a visit: how they are made, sent, received and compared. */

import type {
  Datagram,
  DatagramAddr,
  DatagramSocket,
  Destination,
} from "../../../mod.ts";
import { digest, pattern } from "../../shared/pattern.ts";
import type { Random } from "../../shared/random.ts";
import { requireSame } from "../context.ts";

/** Receives so many datagrams, and leaves the socket open. */
type Take = <A extends DatagramAddr>(
  socket: DatagramSocket<A>,
  count: number,
) => Promise<Datagram<A>[]>;

/** Sends the datagrams, to the peer of the socket without an address. */
type Give = <A extends DatagramAddr>(
  socket: DatagramSocket<A>,
  datagrams: readonly Uint8Array[],
  addr: Destination<A> | undefined,
) => Promise<void>;

/* Together they fit into the buffer of a receiver, which on Windows has 65,536 bytes
 * and on Linux counts up to two KiB more for each of them. */
const BYTES_MAX = 40_000;
const COUNT_MAX = 24;
/** The most bytes of a datagram of UDP. */
const DATAGRAM_MAX = 65_507;

/** Some datagrams, at least two: several small ones, or a large one, and empty
 * ones among them. */
export function makeDatagrams(random: Random, seed: number): Uint8Array[] {
  if (random.chance(0.1)) {
    return [
      pattern(0),
      pattern(random.integer(9_000, DATAGRAM_MAX - 500), seed),
    ];
  }
  const isEqual = random.chance(0.3);
  const length = random.size(1_400);
  const count = random.integer(2, COUNT_MAX);
  const result: Uint8Array[] = [];
  for (let i = 0, bytes = 0; i < count; i++) {
    const size = isEqual ? length : random.chance(0.1) ? 0 : random.size(1_400);
    if (result.length >= 2 && (bytes += size) > BYTES_MAX) break;
    result.push(pattern(size, seed + i));
  }
  return result;
}

/* ---- receiving */

async function takeByLoop<A extends DatagramAddr>(
  socket: DatagramSocket<A>,
  count: number,
): Promise<Datagram<A>[]> {
  const loop = socket[Symbol.asyncIterator]();
  const taken: Datagram<A>[] = [];
  while (taken.length < count) taken.push((await loop.next()).value!);
  return taken;
}

async function takeByBatches<A extends DatagramAddr>(
  socket: DatagramSocket<A>,
  count: number,
): Promise<Datagram<A>[]> {
  const loop = socket.batches();
  const taken: Datagram<A>[] = [];
  while (taken.length < count) taken.push(...(await loop.next()).value!);
  return taken;
}

/** Receives one after the other. */
export async function takeByReceive<A extends DatagramAddr>(
  socket: DatagramSocket<A>,
  count: number,
): Promise<Datagram<A>[]> {
  const taken: Datagram<A>[] = [];
  while (taken.length < count) {
    taken.push(await socket.receive(new Uint8Array(65_536)));
  }
  return taken;
}

/* All calls wait at the same time. */
function takeAtOnce<A extends DatagramAddr>(
  socket: DatagramSocket<A>,
  count: number,
): Promise<Datagram<A>[]> {
  const { signal } = new AbortController();
  const options = { timeout: 120_000, signal };
  return Promise.all(Array.from({ length: count }, (_, i) => {
    const p = new Uint8Array(65_536);
    return socket.receive(p, i % 2 === 0 ? options : undefined);
  }));
}

/* Timeouts end many of the calls. */
async function takeWithLimits<A extends DatagramAddr>(
  socket: DatagramSocket<A>,
  count: number,
): Promise<Datagram<A>[]> {
  const taken: Datagram<A>[] = [];
  for (let i = 0; taken.length < count; i++) {
    const receiving = socket.receive(new Uint8Array(65_536), {
      timeout: i % 4,
    });
    const datagram = await receiving.catch(timedOut);
    if (datagram !== undefined) taken.push(datagram);
  }
  return taken;
}

function timedOut(error: unknown): undefined {
  if ((error as { code?: string }).code !== "ETIMEDOUT") throw error;
}

/** One of the ways to receive. */
export function pickTake(random: Random): Take {
  return random.pick<Take>([
    takeByLoop,
    takeByBatches,
    takeByReceive,
    takeAtOnce,
    takeWithLimits,
  ]);
}

/* ---- sending */

const giveOneByOne: Give = async (socket, datagrams, addr) => {
  for (const data of datagrams) {
    requireSame("send()", await socket.send(data, addr), data.length);
  }
};

const giveAtOnce: Give = async (socket, datagrams, addr) => {
  await Promise.all(datagrams.map((data) => socket.send(data, addr)));
};

const giveMany: Give = async (socket, datagrams, addr) => {
  const all = datagrams.map((data) => ({ data, addr }));
  requireSame("sendMany()", await socket.sendMany(all), all.length);
};

/* What a timeout has ended is sent as a whole or not at all. */
const giveWithLimits: Give = async (socket, datagrams, addr) => {
  for (const [i, data] of datagrams.entries()) {
    for (let isSent = false; !isSent;) {
      isSent = await socket.send(data, addr, { timeout: i % 4 })
        .then(() => true, (error) => {
          timedOut(error);
          return error.datagramsSent === 1;
        });
    }
  }
};

/** One of the ways to send. */
export function pickGive(random: Random): Give {
  return random.pick<Give>([
    giveOneByOne,
    giveAtOnce,
    giveMany,
    giveWithLimits,
  ]);
}

/* ---- comparing */

/** Requires that each datagram has come, and once. Their order is that of the
 * network. */
export function requireAll(
  received: readonly Uint8Array[],
  sent: readonly Uint8Array[],
): void {
  const shown = (list: readonly Uint8Array[]) =>
    list.map((data) => digest(data)).sort().join("\n");
  requireSame("the datagrams", shown(received), shown(sent));
}
