// Copyright the iocp authors. MIT license.

import type { ByteSource } from "./byte_source.ts";
import { ConnSource } from "./conn_source.ts";
import type { Chunk } from "../socket/chunk_queue.ts";
import { tooLong } from "./failures.ts";
import { Frames } from "./frames.ts";
import { IteratorSource } from "./iterator_source.ts";
import { Line } from "./line.ts";
import { Lines } from "./lines.ts";
import {
  type ByteReaderOptions,
  COUNTED_LENGTH,
  type FrameOptions,
  frameSettings,
  LINE_LENGTH,
  type LineOptions,
  type LineSettings,
  lineSettings,
  readerMaxLength,
  type ReadOptions,
  type ReadSettings,
  readSettings,
} from "../options/framing.ts";
import type { OperationOptions } from "../options/operation.ts";
import {
  requireBytes,
  requireInteger,
  wrongType,
} from "../options/validate.ts";
import { ReadCalls } from "./read_calls.ts";
import { TextEncoder } from "../runtime/globals.ts";
import type { Socket } from "../socket/socket.ts";
import type { Want } from "./want.ts";
import {
  ANY_BYTES,
  BytesInto,
  DelimitedBytes,
  ExactBytes,
  PeekedBytes,
  SkippedBytes,
} from "./wants.ts";

const encoder = new TextEncoder();

/** Makes the reader of a connection. For internal use. */
export let readerOf: (
  socket: Socket,
  options: ByteReaderOptions | undefined,
) => ByteReader;

/**
 * A buffered reader: of a connection, from {@linkcode Conn.reader}, or of any async
 * iterable of bytes, such as a `ReadableStream`, a file, or a stream of Node.
 *
 * - What a call returns does not depend on how the bytes were divided into chunks.
 * - Calls are settled in order. One that the buffer satisfies settles at once.
 * - A call that its `timeout` or `signal` has ended loses no byte: what it has
 *   collected is for the next call. (`skip()` has dropped what it has skipped.)
 * - No call collects more than `maxLength` bytes, so a peer cannot fill the memory:
 *   then it fails with `EMSGSIZE`, and the bytes stay in the reader.
 * - Where bytes are missing at the end, a call fails with `EUNEXPECTEDEND`, and those
 *   that have come stay in the reader.
 *
 * What a reader of a connection has not used is for the next read: other methods
 * of the connection take it back. So it needs no release, and can be mixed with
 * `conn.read()`, loops, `readable` and `duplex()`, one after the other.
 *
 * @example A header, and as many bytes as it says
 * ```ts
 * import { ByteReader } from "iocp";
 *
 * async function* source() {
 *   yield new TextEncoder().encode("content-length: 5\r\n\r");
 *   yield new TextEncoder().encode("\nhello, and the rest");
 * }
 * const reader = new ByteReader(source());
 * let length = 0;
 * for await (const line of reader.lines({ timeout: 5_000 })) {
 *   if (line === "") break;
 *   length = Number(line.split(": ")[1]);
 * }
 * const body = await reader.readExactly(length, { maxLength: 1_000 });
 * console.log(new TextDecoder().decode(body));
 * ```
 */
export class ByteReader implements AsyncIterable<Uint8Array<ArrayBuffer>> {
  static {
    readerOf = (socket, options) =>
      new ByteReader(new ConnSource(socket) as never, options);
  }

  readonly #calls: ReadCalls;
  readonly #maxLength: number | undefined;
  /* What the last readLine() has wanted: it knows lines that follow. */
  #line: Line | undefined;

  /**
   * Makes a reader of an async iterable. For a connection use `conn.reader()`: a loop
   * over the connection itself closes it when it is left.
   *
   * @param source the chunks. Each may be valid only until the next one is requested.
   * @throws {TypeError} when `source` is not async iterable.
   */
  constructor(
    source: AsyncIterable<Uint8Array>,
    options?: ByteReaderOptions,
  ) {
    this.#maxLength = readerMaxLength(options);
    this.#calls = new ReadCalls(
      (source as unknown) instanceof ConnSource
        ? source as unknown as ByteSource
        : new IteratorSource(source),
    );
  }

  /** The number of bytes that have come and were not used. */
  get buffered(): number {
    return this.#calls.unused;
  }

  /** The number of bytes that calls and loops have used so far. */
  get bytesRead(): number {
    return this.#calls.bytesUsed;
  }

  /**
   * Reads into `p` what has come, at least one byte.
   *
   * @returns the number of bytes, or null at the end.
   * @throws {SocketError} as {@linkcode Conn.read}.
   */
  read(p: Uint8Array, options?: OperationOptions): Promise<number | null> {
    return this.#call(options, COUNTED_LENGTH, () => {
      return new BytesInto(requireBytes("p", p));
    });
  }

  /**
   * Reads exactly `count` bytes. They have memory of their own.
   *
   * @throws {SocketError} `EUNEXPECTEDEND` when the end comes before, and `EMSGSIZE`
   * when `count` is more than `maxLength`, by default 1,048,576. To tell an end
   * between two messages, `peek(1)` first, which is then null.
   */
  readExactly(
    count: number,
    options?: ReadOptions,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#call(options, COUNTED_LENGTH, ({ maxLength }) => {
      this.#limit(count, maxLength);
      return new ExactBytes(this.#calls.source, count);
    });
  }

  /**
   * Reads up to a delimiter. The result includes it, and has memory of its own.
   *
   * @param delimiter a byte, or the bytes or the text (in UTF-8) of several.
   * @returns null at the end.
   * @throws {SocketError} `EUNEXPECTEDEND` when the end comes before the delimiter,
   * and `EMSGSIZE` when it does not come within `maxLength` bytes, by default 65,536.
   */
  readUntil(
    delimiter: number | string | Uint8Array,
    options?: ReadOptions,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#call(options, LINE_LENGTH, ({ maxLength }) => {
      const bytes = delimiterBytes(delimiter);
      return new DelimitedBytes(this.#calls.source, bytes, maxLength);
    });
  }

  /**
   * Reads a line of UTF-8 text, without its "\n" or "\r\n". The last line may end
   * without; see {@linkcode LineOptions.requireNewline}.
   *
   * @returns null at the end.
   * @throws {SocketError} `EMSGSIZE` when the line has more than `maxLength` bytes, by
   * default 65,536, and `EILSEQ` when it is not UTF-8. It stays in the reader.
   */
  readLine(options?: LineOptions): Promise<string | null> {
    const line = this.#line;
    if (options === undefined && line !== undefined) {
      const text = line.nextOfBlock();
      if (text !== undefined) return Promise.resolve(text);
      return this.#calls.call(line, undefined);
    }
    try {
      const settings = this.#lineSettings(options === undefined ? {} : options);
      return this.#calls.call(this.#lineOf(settings), settings.limits);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The next `count` bytes, which stay in the reader. The result is a copy.
   *
   * @returns fewer bytes at the end, and null when there are none.
   * @throws {SocketError} `EMSGSIZE` when `count` is more than `maxLength`, by default
   * 1,048,576.
   */
  peek(
    count: number,
    options?: ReadOptions,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#call(options, COUNTED_LENGTH, ({ maxLength }) => {
      this.#limit(count, maxLength);
      return new PeekedBytes(count);
    });
  }

  /**
   * Skips `count` bytes. They are not collected, so there is no limit. When it fails,
   * {@linkcode bytesRead} has counted those that were skipped.
   *
   * @returns `count`.
   * @throws {SocketError} `EUNEXPECTEDEND` when the end comes before.
   */
  skip(count: number, options?: OperationOptions): Promise<number> {
    return this.#call(options, COUNTED_LENGTH, () => {
      requireInteger("count", count, 0, Number.MAX_SAFE_INTEGER);
      return new SkippedBytes(this.#calls.source, count);
    });
  }

  /** A loop over the lines that follow. Leaving it leaves the rest in the reader, and
   * its end or failure does not close the connection. */
  lines(options: LineOptions = {}): AsyncIterableIterator<string, undefined> {
    return new Lines(this.#calls, this.#lineSettings(options), false);
  }

  /** A loop over the frames that follow. Leaving it leaves the rest in the reader, and
   * its end or failure does not close the connection. */
  frames(
    options: FrameOptions = {},
  ): AsyncIterableIterator<Uint8Array<ArrayBuffer>, undefined> {
    const fallback = this.#maxLength ?? COUNTED_LENGTH;
    return new Frames(this.#calls, frameSettings(options, fallback), false);
  }

  /** The bytes that follow, in pieces as they come, in memory of their own. Leaving
   * this loop leaves the rest in the reader. */
  async *[Symbol.asyncIterator](): AsyncGenerator<
    Uint8Array<ArrayBuffer>,
    void
  > {
    for (;;) {
      const chunk: Chunk | null = await this.#calls.call(ANY_BYTES, undefined);
      if (chunk === null) return;
      yield chunk;
    }
  }

  /**
   * Ends the use of the reader: pending calls fail with `EINTR`. The iterator of an
   * async iterable is left, and later calls fail with `EBADF`. A connection stays
   * open, and its reader can be used again.
   */
  release(): Promise<void> {
    return this.#calls.release();
  }

  /** The same as {@linkcode release}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  #lineSettings(options: LineOptions): LineSettings {
    return lineSettings(options, this.#maxLength ?? LINE_LENGTH);
  }

  #lineOf(settings: LineSettings): Line {
    const last = this.#line?.settings;
    const isSame = last !== undefined &&
      last.maxLength === settings.maxLength &&
      last.fatal === settings.fatal &&
      last.requireNewline === settings.requireNewline;
    return isSame ? this.#line! : this.#line = new Line(this.#calls, settings);
  }

  /* Starts a call. Wrong arguments reject, as those of Conn. */
  #call<T>(
    options: ReadOptions | undefined,
    fallback: number,
    makeWant: (settings: ReadSettings) => Want<T>,
  ): Promise<T> {
    try {
      const maxLength = this.#maxLength ?? fallback;
      const settings = options === undefined
        ? { maxLength, limits: undefined }
        : readSettings(options, maxLength);
      return this.#calls.call(makeWant(settings), settings.limits);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #limit(count: number, maxLength: number): void {
    requireInteger("count", count, 0, Number.MAX_SAFE_INTEGER);
    if (count <= maxLength) return;
    throw tooLong(
      this.#calls.source,
      `the message of ${count} bytes`,
      maxLength,
    );
  }
}

function delimiterBytes(delimiter: unknown): Uint8Array {
  if (typeof delimiter === "number") {
    return new Uint8Array([requireInteger("delimiter", delimiter, 0, 255)]);
  }
  const bytes = typeof delimiter === "string"
    ? encoder.encode(delimiter)
    : delimiter;
  if (!(bytes instanceof Uint8Array)) {
    wrongType("delimiter", "a byte, a string or a Uint8Array", delimiter);
  }
  if (bytes.length === 0) {
    throw new RangeError('The "delimiter" argument must not be empty');
  }
  /* A copy, since the caller may change its own array. */
  return new Uint8Array(bytes);
}
