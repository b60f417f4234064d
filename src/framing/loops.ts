// Copyright the iocp authors. MIT license.
/* Loops over lines and frames that are the only use of their source. */

import type { ByteSource } from "./byte_source.ts";
import { ConnSource } from "./conn_source.ts";
import { Frames } from "./frames.ts";
import { IteratorSource } from "./iterator_source.ts";
import { Lines } from "./lines.ts";
import {
  COUNTED_LENGTH,
  type FrameOptions,
  frameSettings,
  LINE_LENGTH,
  type LineOptions,
  lineSettings,
} from "../options/framing.ts";
import { ReadCalls } from "./read_calls.ts";
import type { Socket } from "../socket/socket.ts";

/**
 * The lines of a stream of bytes, without "\n" or "\r\n": a loop over text in UTF-8.
 * Leaving the loop leaves the loop over `source`. To continue with the bytes that
 * follow, use {@linkcode ByteReader.lines}; for a connection, {@linkcode Conn.lines}.
 *
 * @param source an async iterable, such as a `ReadableStream` or a stream of Node.
 * @throws {SocketError} from the loop, as {@linkcode Conn.lines}.
 *
 * @example
 * ```ts
 * import { lines } from "iocp";
 *
 * const file = new Blob(["one\r\ntwo\nthree"]).stream();
 * for await (const line of lines(file)) console.log(line);
 * ```
 */
export function lines(
  source: AsyncIterable<Uint8Array>,
  options: LineOptions = {},
): AsyncIterableIterator<string, undefined> {
  const settings = lineSettings(options, LINE_LENGTH);
  return new Lines(callsOf(new IteratorSource(source)), settings, true);
}

/**
 * The frames of a stream of bytes whose header has their length. Each has memory of
 * its own. Leaving the loop leaves the loop over `source`. To continue with the bytes
 * that follow, use {@linkcode ByteReader.frames}; for a connection,
 * {@linkcode Conn.frames}.
 *
 * @param source an async iterable, such as a `ReadableStream` or a stream of Node.
 * @throws {SocketError} from the loop, as {@linkcode Conn.frames}.
 *
 * @example
 * ```ts
 * import { frames } from "iocp";
 *
 * const stream = new Blob([new Uint8Array([0, 2, 10, 20, 0, 1, 30])]).stream();
 * for await (const frame of frames(stream, { lengthBytes: 2 })) {
 *   console.log(frame);
 * }
 * ```
 */
export function frames(
  source: AsyncIterable<Uint8Array>,
  options: FrameOptions = {},
): AsyncIterableIterator<Uint8Array<ArrayBuffer>, undefined> {
  const settings = frameSettings(options, COUNTED_LENGTH);
  return new Frames(callsOf(new IteratorSource(source)), settings, true);
}

/** The lines of a connection. */
export function linesOf(
  socket: Socket,
  options: LineOptions = {},
): AsyncIterableIterator<string, undefined> {
  const settings = lineSettings(options, LINE_LENGTH);
  return new Lines(callsOf(new ConnSource(socket)), settings, true);
}

/** The frames of a connection. */
export function framesOf(
  socket: Socket,
  options: FrameOptions = {},
): AsyncIterableIterator<Uint8Array<ArrayBuffer>, undefined> {
  const settings = frameSettings(options, COUNTED_LENGTH);
  return new Frames(callsOf(new ConnSource(socket)), settings, true);
}

function callsOf(source: ByteSource): ReadCalls {
  return new ReadCalls(source);
}
