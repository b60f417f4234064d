// Copyright the iocp authors. MIT license.
/* The ways in which one end of a connection sends and receives. */

import type { Conn, ConnOptions, ReceiveOptions } from "../../mod.ts";
import { digest, pattern } from "./pattern.ts";
import type { Random } from "./random.ts";
import {
  type Receive,
  receiveByByob,
  receiveByLoop,
  receiveByPipe,
  receiveByRead,
  receiveByStream,
  receiveMixed,
  receiveThroughDuplex,
  type Send,
  sendByDuplex,
  sendByPipe,
  sendByStream,
  sendUnawaited,
  sendWhole,
} from "./transfer.ts";

/** Both directions of an end. */
export interface Style {
  send: Send;
  receive: Receive;
}

/* The end of a stream closes the connection unless the other stream is used as
 * well, and a duplex has the whole connection. */
const PLAIN_SENDS = [sendWhole, sendUnawaited];
const PLAIN_RECEIVES = [
  receiveByLoop,
  receiveMixed,
  receiveByRead(1, 700, 65_536),
  receiveByRead(16_384),
];
const STREAM_SENDS = [sendByStream, sendByPipe];
const STREAM_RECEIVES = [receiveByStream, receiveByByob, receiveByPipe];

/** For both directions at once. */
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

/** For one direction after the other, too. */
export function pickPlainStyle(random: Random): Style {
  return {
    send: random.pick(PLAIN_SENDS),
    receive: random.pick(PLAIN_RECEIVES),
  };
}

function pickReceive(random: Random): ReceiveOptions {
  return random.pick<ReceiveOptions>([
    { mode: "auto" },
    { mode: "auto", bufferSize: random.size(65_536) },
    { mode: "zero-byte" },
    { mode: "flow", bufferSize: 256 + random.size(65_536) },
    { mode: "burst", bufferSize: 256 + random.size(16_384), depth: 4 },
  ]);
}

/** Options of one end. */
export function pickOptions(random: Random): ConnOptions {
  return {
    allowHalfOpen: true,
    noDelay: random.chance(0.5),
    keepAlive: random.chance(0.2),
    sendConcurrency: random.chance(0.3) ? random.integer(1, 8) : 1,
    receive: pickReceive(random),
  };
}

/** Changes options of a connection that is in use. */
export function changeOptions(conn: Conn, random: Random): void {
  const { noDelay, keepAlive, receive, sendConcurrency } = pickOptions(random);
  conn.setNoDelay(noDelay);
  conn.setKeepAlive(keepAlive);
  conn.setOptions({ receive, sendConcurrency });
}

/**
 * Sends a stream from one end to the other. Resolves to its length; throws when
 * something else has come.
 */
export async function carry(
  from: { conn: Conn; send: Send },
  to: { conn: Conn; receive: Receive },
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
