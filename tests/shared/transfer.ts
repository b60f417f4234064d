// Copyright the iocp authors. MIT license.
/* All ways to send and to receive, behind one interface. */

import assert from "node:assert/strict";
import type { Addr, Conn, OperationOptions } from "../../mod.ts";
import { SocketError } from "../../mod.ts";
import { within } from "./deadline.ts";
import { receiveByDuplex } from "./duplex.ts";
import { Digest, pattern, textOf } from "./pattern.ts";

/** Reads to the end and returns the digest. After an error, the `result` of the
 * caller has what arrived before it. */
export type Receive = (conn: Conn<Addr>, result?: Digest) => Promise<string>;
/** Sends the first `length` bytes of stream `seed`, then shuts down the
 * sending side. */
export type Send = (
  conn: Conn<Addr>,
  length: number,
  seed: number,
) => Promise<void>;

/** Writes back what arrives, up to the peer's end. */
export async function echo(conn: Conn<Addr>): Promise<void> {
  for await (const chunk of conn) await conn.write(chunk);
}

/** The text that one read() returns. */
export async function readText(conn: Pick<Conn, "read">): Promise<string> {
  const p = new Uint8Array(100);
  const count = await within("a read", conn.read(p));
  assert.ok(count !== null, "the end");
  return textOf(p.subarray(0, count));
}

/** Receives in a `for await` loop. */
export async function receiveByLoop(
  conn: Conn<Addr>,
  result: Digest = new Digest(),
): Promise<string> {
  for await (const chunk of conn) result.add(chunk);
  return result.text();
}

/** Receives by leased(). */
export async function receiveByLease(
  conn: Conn<Addr>,
  result: Digest = new Digest(),
): Promise<string> {
  for await (const chunk of conn.leased()) result.add(chunk);
  return result.text();
}

/** Receives by a reader. */
export async function receiveByReader(
  conn: Conn<Addr>,
  result: Digest = new Digest(),
): Promise<string> {
  for await (const chunk of conn.reader()) result.add(chunk);
  return result.text();
}

/** Receives by reads whose timeouts and signals end many of them. */
export async function receiveWithLimits(
  conn: Conn<Addr>,
  result: Digest = new Digest(),
): Promise<string> {
  const p = new Uint8Array(30_011);
  for (let i = 0;; i++) {
    try {
      const count = await limited(i, (limits) => conn.read(p, limits));
      if (count === null) return result.text();
      result.add(p.subarray(0, count));
    } catch (error) {
      requireLimit(error);
    }
  }
}

/** Receives by chunks(p), with one buffer of this size. */
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

/** Receives by the default reader of the stream. */
export async function receiveByStream(
  conn: Conn<Addr>,
  result: Digest = new Digest(),
): Promise<string> {
  const reader = conn.readable.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return result.text();
    result.add(value);
  }
}

/** Receives by the BYOB reader of the stream. */
export async function receiveByByob(
  conn: Conn<Addr>,
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

/** Receives by a pipe from the stream. */
export async function receiveByPipe(
  conn: Conn<Addr>,
  result: Digest = new Digest(),
): Promise<string> {
  const sink = new WritableStream<Uint8Array>({
    write: (chunk) => result.add(chunk),
  });
  await conn.readable.pipeTo(sink);
  return result.text();
}

/** Receives by an iterator and by read(p) in turn. */
export async function receiveMixed(
  conn: Conn<Addr>,
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
  conn: Conn<Addr>,
  length: number,
  seed: number,
): Promise<void> {
  const count = await conn.write(pattern(length, seed));
  if (count !== length) throw new Error(`wrote ${count} of ${length}`);
  await conn.closeWrite();
}

/** Sends in pieces of odd sizes, without awaiting the writes in between. */
export async function sendUnawaited(
  conn: Conn<Addr>,
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

/** Sends several parts at a time. */
export async function sendParts(
  conn: Conn<Addr>,
  length: number,
  seed: number,
): Promise<void> {
  const bytes = pattern(length, seed);
  for (let at = 0, size = 1; at < length;) {
    const parts: Uint8Array[] = [];
    for (let i = 0; i < 3; i++, at += size, size = size * 3 % 90_001) {
      parts.push(bytes.subarray(at, at + size));
    }
    await conn.write(parts);
  }
  await conn.closeWrite();
}

/** Sends by tryWrite(), and waits only when nothing is accepted. */
export async function sendByTry(
  conn: Conn<Addr>,
  length: number,
  seed: number,
): Promise<void> {
  const bytes = pattern(length, seed);
  for (let at = 0; at < length;) {
    const count = conn.tryWrite(bytes.subarray(at, at + 100_003));
    if (count === 0) await conn.drained();
    at += count;
  }
  await conn.closeWrite();
}

/** Sends by writes whose timeouts and signals end many of them. */
export async function sendWithLimits(
  conn: Conn<Addr>,
  length: number,
  seed: number,
): Promise<void> {
  const bytes = pattern(length, seed);
  for (let at = 0, i = 0; at < length; i++) {
    const part = bytes.subarray(at, at + 200_003);
    try {
      const parts = [part.subarray(0, 1000), part.subarray(1000)];
      const p = i % 2 === 0 ? part : parts;
      at += await limited(i, (limits) => conn.write(p, limits));
    } catch (error) {
      at += requireLimit(error).bytesWritten!;
    }
  }
  await conn.closeWrite({ timeout: DUPLEX_MS });
}

/* Runs a call with a short timeout, or with a signal that aborts soon. */
async function limited<T>(
  turn: number,
  call: (limits: OperationOptions) => Promise<T>,
): Promise<T> {
  if (turn % 3 === 0) return call({ timeout: turn % 5 });
  const controller = new AbortController();
  const { signal } = controller;
  const timer = setTimeout(() => controller.abort(ENOUGH), turn % 4);
  try {
    return await call({ signal });
  } finally {
    clearTimeout(timer);
  }
}

/* The reason of the signals, as an error with the code of a write that is aborted. */
const ENOUGH = new SocketError("ECANCELED", { syscall: "read" });

function requireLimit(error: unknown): SocketError {
  if (!(error instanceof SocketError)) throw error;
  if (!["ETIMEDOUT", "ECANCELED"].includes(error.code)) throw error;
  return error;
}

/** Sends by the writer of the stream. */
export async function sendByStream(
  conn: Conn<Addr>,
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

/** Sends by a pipe into the stream. */
export async function sendByPipe(
  conn: Conn<Addr>,
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

/** Sends through the duplex, waiting for "drain". */
export async function sendByDuplex(
  conn: Conn<Addr>,
  length: number,
  seed: number,
): Promise<void> {
  const bytes = pattern(length, seed);
  const stream = conn.duplex();
  const failed = new Promise<never>((_, reject) => {
    stream.on("error", reject);
    stream.on("close", () => reject(new Error("closed before its end")));
  });
  failed.catch(() => {});
  for (let at = 0; at < length; at += 50_001) {
    if (stream.write(bytes.subarray(at, at + 50_001))) continue;
    const drained = new Promise((resolve) => stream.once("drain", resolve));
    await Promise.race([drained, failed]);
  }
  const finished = new Promise<void>((resolve) =>
    stream.once("finish", resolve)
  );
  stream.end();
  await Promise.race([finished, failed]);
}

/* Many small buffers take long on a machine that is busy; callers have a limit of
 * their own. */
const DUPLEX_MS = 900_000;

/** Receives through the duplex. */
export function receiveThroughDuplex(
  conn: Conn<Addr>,
  result: Digest = new Digest(),
): Promise<string> {
  return receiveByDuplex(conn.duplex(), result, DUPLEX_MS);
}
