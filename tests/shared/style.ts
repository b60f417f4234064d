// Copyright the iocp authors. MIT license.
/* Random choices of how an end of a connection sends and receives. */

import type {
  Addr,
  Conn,
  ConnOptions,
  PathConnOptions,
  ReceiveOptions,
} from "../../mod.ts";
import { digest, pattern } from "./pattern.ts";
import type { Random } from "./random.ts";
import {
  type Receive,
  receiveByByob,
  receiveByLease,
  receiveByLoop,
  receiveByPipe,
  receiveByRead,
  receiveByReader,
  receiveByStream,
  receiveMixed,
  receiveThroughDuplex,
  receiveWithLimits,
  type Send,
  sendByDuplex,
  sendByPipe,
  sendByStream,
  sendByTry,
  sendParts,
  sendUnawaited,
  sendWhole,
  sendWithLimits,
} from "./transfer.ts";

/** How an end of a connection sends and receives. */
export interface Style {
  send: Send;
  receive: Receive;
}

/* A web stream that ends closes the connection unless the other web stream is in
 * use as well, and a duplex owns the whole connection. So these are only combined
 * with their own kind. */
const PLAIN_SENDS = [
  sendWhole,
  sendUnawaited,
  sendParts,
  sendByTry,
  sendWithLimits,
];
const PLAIN_RECEIVES = [
  receiveByLoop,
  receiveByLease,
  receiveByReader,
  receiveWithLimits,
  receiveMixed,
  receiveByRead(1, 700, 65_536),
  receiveByRead(16_384),
];
const STREAM_SENDS = [sendByStream, sendByPipe];
const STREAM_RECEIVES = [receiveByStream, receiveByByob, receiveByPipe];

/** For transfers in both directions at once. */
export function pickStyle(random: Random): Style {
  const kind = random.integer(0, 3);
  if (kind === 0) return { send: sendByDuplex, receive: receiveThroughDuplex };
  if (kind === 1) {
    return {
      send: random.pick(STREAM_SENDS),
      receive: random.pick(STREAM_RECEIVES),
    };
  }
  return pickPlainStyle(random);
}

/** Receives to the end, where nothing is sent the other way. */
export function pickReceive(random: Random): Receive {
  return random.pick([
    ...PLAIN_RECEIVES,
    ...STREAM_RECEIVES,
    receiveThroughDuplex,
  ]);
}

/** For transfers in one direction after the other as well. */
export function pickPlainStyle(random: Random): Style {
  return {
    send: random.pick(PLAIN_SENDS),
    receive: random.pick(PLAIN_RECEIVES),
  };
}

function pickReceiveMode(random: Random): ReceiveOptions {
  return random.pick<ReceiveOptions>([
    { mode: "auto" },
    { mode: "auto", bufferSize: random.size(65_536) },
    { mode: "zero-byte" },
    { mode: "flow", bufferSize: 256 + random.size(65_536) },
    { mode: "burst", bufferSize: 256 + random.size(16_384), depth: 4 },
  ]);
}

/** Random options of one end, which a local socket has as well. */
export function pickLocalOptions(random: Random): PathConnOptions {
  return {
    allowHalfOpen: true,
    sendConcurrency: random.chance(0.3) ? random.integer(1, 8) : 1,
    receive: pickReceiveMode(random),
  };
}

/** Random options of one end. */
export function pickOptions(random: Random): ConnOptions {
  return {
    ...pickLocalOptions(random),
    noDelay: random.chance(0.5),
    keepAlive: random.chance(0.2),
  };
}

/** Changes options of an open connection at random. */
export function changeOptions(conn: Conn, random: Random): void {
  const { noDelay, keepAlive, receive, sendConcurrency } = pickOptions(random);
  conn.setNoDelay(noDelay);
  conn.setKeepAlive(keepAlive);
  conn.setOptions({ receive, sendConcurrency });
}

/**
 * Sends a stream from one end to the other and compares what arrives.
 * @returns its length in bytes
 */
export async function transferStream(
  from: { conn: Conn<Addr>; send: Send },
  to: { conn: Conn<Addr>; receive: Receive },
  length: number,
  seed: number,
): Promise<number> {
  const sent = from.send(from.conn, length, seed);
  const received = to.receive(to.conn);
  const [hash] = await Promise.all([received, sent]);
  const expected = digest(pattern(length, seed));
  if (hash !== expected) {
    throw new Error(
      `mismatch: sent ${expected} by ${from.send.name}, ` +
        `received ${hash} by ${to.receive.name}, ` +
        `${JSON.stringify(to.conn.options.receive)}`,
    );
  }
  return length;
}
