// Copyright the iocp authors. MIT license.
/* One message to many connections, in one call of the library. */

import { type Conn, socketOf } from "./conn.ts";
import type { Addr } from "./native/address.ts";
import type { Loop } from "./loop/loop.ts";
import { CALL_MAX, isWhole } from "./socket/send_queue.ts";
import type { Socket } from "./socket/socket.ts";
import { requireBytes, wrongType } from "./options/validate.ts";

/* The sockets of a call, and the library's result for each. They are used within
 * one turn of the loop only, and grow with the largest call. */
let sockets = new Int32Array(64);
let results = new Int32Array(64);
let broadcasts = 0;

function makeRoom(count: number): void {
  if (count <= sockets.length) return;
  sockets = new Int32Array(count * 2);
  results = new Int32Array(count * 2);
}

/* Collects all of them before the first byte is sent, because iterating runs
 * code of the caller, which may write or close. */
function collect<A extends Addr>(conns: Iterable<Conn<A>>): Conn<A>[] {
  if (typeof conns?.[Symbol.iterator] !== "function") {
    wrongType("conns", "an iterable of connections", conns);
  }
  return [...conns];
}

function requireSocket(conn: unknown): Socket {
  const socket = socketOf(conn);
  if (socket === undefined) {
    wrongType("conns", "an iterable of connections only", conn);
  }
  return socket;
}

/* Sends to the connections with empty queues, which are on one loop. The send
 * queues then send what the system has not accepted. */
function sendDirectly<A extends Addr>(
  loop: Loop,
  free: readonly Conn<A>[],
  p: Uint8Array,
  resume: (conn: Conn<A>, written: Promise<number>) => void,
): void {
  const { length } = p;
  const others = loop.port.broadcast(sockets, results, free.length, p);
  if (others === 0) return;
  const counts = results.slice(0, free.length);
  for (const [index, conn] of free.entries()) {
    const result = counts[index]!;
    /* After an error nothing was sent, so write() gets the same error. */
    if (others < 0 || result < 0) resume(conn, conn.write(p));
    else if (!isWhole(result, length)) {
      resume(conn, socketOf(conn)!.send.resume(p, result));
    }
  }
}

/**
 * Writes all of `p` to each of many connections, as `write()` on each would,
 * with one call of the native library for all connections that have no pending
 * write. A connection that is given twice gets the bytes once.
 *
 * Until the promise resolves `p` must not be changed. A program that awaits it
 * is as slow as its slowest peer. A program that does not should close
 * connections whose peers read nothing, because the bytes for them stay in
 * memory.
 *
 * @param conns the connections, for example a `Set` of them.
 * @param p the bytes.
 * @returns a promise of the connections that failed, with their errors. It
 * resolves when, for each connection, the system has accepted all bytes or the
 * connection has failed; a failed connection does not reject it.
 * @throws {TypeError} as a rejection, when `conns` contains anything but
 * connections, or `p` is not a `Uint8Array`; nothing is sent then.
 *
 * @example A chat
 * ```ts
 * import { broadcast, type Conn, connect, listen } from "iocp";
 *
 * const peers = new Set<Conn>();
 * async function talk(conn: Conn) {
 *   peers.add(conn);
 *   try {
 *     for await (const chunk of conn) broadcast(peers, chunk);
 *   } finally {
 *     peers.delete(conn);
 *   }
 * }
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * listener.accept().then(talk);
 * await using conn = await connect(listener.addr);
 * await conn.write(new TextEncoder().encode("hello"));
 * ```
 */
export async function broadcast<A extends Addr>(
  conns: Iterable<Conn<A>>,
  p: Uint8Array,
): Promise<Map<Conn<A>, Error>> {
  requireBytes("p", p);
  const all = collect(conns);
  const ends = all.map(requireSocket);
  const failed = new Map<Conn<A>, Error>();
  const waits: Promise<unknown>[] = [];
  const resume = (conn: Conn<A>, written: Promise<number>): void => {
    waits.push(written.catch((error) => failed.set(conn, error)));
  };

  makeRoom(all.length);
  broadcasts++;
  let loop: Loop | undefined;
  const free: Conn<A>[] = [];
  for (
    const [index, { isClosed, threadLoop: own, send, id }] of ends.entries()
  ) {
    if (send.broadcast === broadcasts) continue;
    send.broadcast = broadcasts;
    const conn = all[index]!;
    const isDirect = own !== undefined && !isClosed && send.isIdle &&
      p.length <= CALL_MAX;
    if (isDirect && own === (loop ??= own)) {
      sockets[free.length] = id;
      free.push(conn);
    } else resume(conn, conn.write(p));
  }
  if (loop !== undefined) {
    sendDirectly(loop, free, p, resume);
    const { length } = free;
    await loop.allowance.settled(undefined, length * p.length, length);
  }
  if (waits.length > 0) await Promise.all(waits);
  return failed;
}
