// Copyright the iocp authors. MIT license.
/* The ways to move bytes through a connection, all to be used alike. */

import type { Conn } from "../../mod.ts";
import { receiveByDuplex } from "./duplex.ts";
import { Digest, pattern } from "./pattern.ts";

/** Reads to the end and returns the digest; who brings one of his own has what
 * came until an error. */
export type Receive = (conn: Conn, result?: Digest) => Promise<string>;
/** Sends the first `length` bytes of stream `seed`, and the end. */
export type Send = (conn: Conn, length: number, seed: number) => Promise<void>;

/** Receives in a `for await` loop. */
export async function receiveByLoop(
  conn: Conn,
  result: Digest = new Digest(),
): Promise<string> {
  for await (const chunk of conn) result.add(chunk);
  return result.text();
}

/** Receives in a loop, in one buffer of this size. */
export function receiveByChunks(size: number): Receive {
  return async function receiveByChunks(conn, result = new Digest()) {
    const p = new Uint8Array(size);
    for await (const chunk of conn.chunks(p)) result.add(chunk);
    return result.text();
  };
}

/** Receives by read(p), with buffers of these sizes in turn. */
export function receiveByRead(...sizes: number[]): Receive {
  return async function receiveByRead(conn, result = new Digest()) {
    const buffer = new Uint8Array(Math.max(...sizes));
    for (let i = 0;; i++) {
      const p = buffer.subarray(0, sizes[i % sizes.length]);
      const count = await conn.read(p);
      if (count === null) return result.text();
      result.add(p.subarray(0, count));
    }
  };
}

/** Receives by the stream's default reader. */
export async function receiveByStream(
  conn: Conn,
  result: Digest = new Digest(),
): Promise<string> {
  const reader = conn.readable.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return result.text();
    result.add(value);
  }
}

/** Receives by the stream's reader into buffers of its own. */
export async function receiveByByob(
  conn: Conn,
  result: Digest = new Digest(),
): Promise<string> {
  const reader = conn.readable.getReader({ mode: "byob" });
  let buffer = new Uint8Array(10_007);
  for (;;) {
    const { value, done } = await reader.read(buffer);
    if (done) return result.text();
    result.add(value);
    buffer = new Uint8Array(value.buffer);
  }
}

/** Receives by the stream, piped into a place of its own. */
export async function receiveByPipe(
  conn: Conn,
  result: Digest = new Digest(),
): Promise<string> {
  const place = new WritableStream<Uint8Array>({
    write: (chunk) => result.add(chunk),
  });
  await conn.readable.pipeTo(place);
  return result.text();
}

/** Receives by a loop, which reads between its turns as well. */
export async function receiveMixed(
  conn: Conn,
  result: Digest = new Digest(),
): Promise<string> {
  const buffer = new Uint8Array(3_001);
  const chunks = conn[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await chunks.next();
    if (done) return result.text();
    result.add(value);
    for (let i = 0; i < 3; i++) {
      const count = await conn.read(buffer);
      if (count === null) return result.text();
      result.add(buffer.subarray(0, count));
    }
  }
}

/** Sends by one write. */
export async function sendWhole(
  conn: Conn,
  length: number,
  seed: number,
): Promise<void> {
  const count = await conn.write(pattern(length, seed));
  if (count !== length) throw new Error(`wrote ${count} of ${length}`);
  await conn.closeWrite();
}

/** Sends in pieces of odd sizes, without awaiting one before the next. */
export async function sendUnawaited(
  conn: Conn,
  length: number,
  seed: number,
): Promise<void> {
  const bytes = pattern(length, seed);
  const writes: Promise<number>[] = [];
  for (let at = 0, size = 1; at < length; at += size) {
    size = Math.min(size * 3 + 1, 300_007, length - at);
    writes.push(conn.write(bytes.subarray(at, at + size)));
  }
  const ended = conn.closeWrite();
  await Promise.all(writes);
  await ended;
}

/** Sends through the stream. */
export async function sendByStream(
  conn: Conn,
  length: number,
  seed: number,
): Promise<void> {
  const bytes = pattern(length, seed);
  const writer = conn.writable.getWriter();
  for (let at = 0; at < length; at += 100_003) {
    await writer.ready;
    const piece = bytes.subarray(at, Math.min(at + 100_003, length));
    writer.write(piece).catch(() => {});
  }
  await writer.close();
}

/** Sends through the stream, piped from a source that makes it up. */
export async function sendByPipe(
  conn: Conn,
  length: number,
  seed: number,
): Promise<void> {
  let at = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      const size = Math.min(30_011, length - at);
      if (size > 0) controller.enqueue(pattern(size, seed, at));
      else controller.close();
      at += size;
    },
  });
  await source.pipeTo(conn.writable);
}

/** Sends through the duplex, at its pace. */
export async function sendByDuplex(
  conn: Conn,
  length: number,
  seed: number,
): Promise<void> {
  const bytes = pattern(length, seed);
  const stream = conn.duplex();
  const gone = new Promise<never>((_, reject) => {
    stream.on("error", reject);
    stream.on("close", () => reject(new Error("closed before its end")));
  });
  gone.catch(() => {});
  for (let at = 0; at < length; at += 50_001) {
    if (stream.write(bytes.subarray(at, at + 50_001))) continue;
    const drained = new Promise((resolve) => stream.once("drain", resolve));
    await Promise.race([drained, gone]);
  }
  const finished = new Promise<void>((resolve) =>
    stream.once("finish", resolve)
  );
  stream.end();
  await Promise.race([finished, gone]);
}

/** Receives through the duplex. */
export function receiveThroughDuplex(
  conn: Conn,
  result: Digest = new Digest(),
): Promise<string> {
  return receiveByDuplex(conn.duplex(), result);
}
