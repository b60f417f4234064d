// Copyright the iocp authors. MIT license.
import type { NetAddr } from "./address.ts";
import { KEEP_ALIVE, LOCAL, NO_DELAY, PEER } from "./completion.ts";
import type { Stream } from "./stream.ts";
import { optionalBoolean, requireBytes } from "./validate.ts";
import { readableOf, writableOf } from "./web_streams.ts";

/**
 * A TCP connection, as in Deno, and an async iterable of its chunks.
 *
 * Leaving a `for await` loop over it closes it, however the loop is left:
 * by `break`, by an error, or because the peer has sent its end. Only with
 * `allowHalfOpen` does the peer's end leave it open for an answer.
 *
 * @example An echo
 * ```ts
 * import { type Conn, connect, listen } from "./mod.ts";
 *
 * async function echo(conn: Conn) {
 *   for await (const chunk of conn) await conn.write(chunk);
 * }
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * listener.accept().then(echo);
 * await using conn = await connect(listener.addr);
 * await conn.write(new TextEncoder().encode("hello"));
 * ```
 */
export class Conn implements AsyncIterable<Uint8Array> {
  readonly #stream: Stream;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;

  /** Connections come from `connect()` and from a listener. */
  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** The address of this end. It stays known after the close. */
  get localAddr(): NetAddr {
    return this.#stream.address(LOCAL);
  }

  /** The address of the peer. It stays known after the close. */
  get remoteAddr(): NetAddr {
    return this.#stream.address(PEER);
  }

  /**
   * Reads what has come, at least one byte, into `p`.
   *
   * Reads that wait are answered in order. A read that a `close()` interrupts
   * is rejected with `EINTR`.
   *
   * @returns the number of bytes, or null at the peer's end.
   * @throws {SocketError} when the connection is closed or has failed; a reset
   * is never reported as an end.
   */
  read(p: Uint8Array): Promise<number | null> {
    const stream = this.#stream;
    return attempt(() => {
      requireBytes("p", p);
      if (stream.isClosed) throw stream.closedError("receive");
      return stream.receive.read(p);
    });
  }

  /**
   * Writes all of `p`.
   *
   * Resolves when the system has taken it, so awaiting it keeps to the pace of
   * the peer. Until then `p` must not be changed. Writes that are not awaited
   * leave in order.
   *
   * @returns the number of bytes, always all of them.
   * @throws {SocketError} when the connection is closed, half-closed or has
   * failed; how much of `p` the peer has got is then unknown.
   */
  write(p: Uint8Array): Promise<number> {
    const stream = this.#stream;
    if (!(p instanceof Uint8Array)) {
      return attempt(() => requireBytes("p", p)) as never;
    }
    if (stream.isClosed) return Promise.reject(stream.closedError("send"));
    return stream.send.write(p);
  }

  /**
   * Ends the sending direction, once everything written has left. The peer
   * sees the end and can still send.
   *
   * @throws {SocketError} when the connection is closed or has failed.
   */
  closeWrite(): Promise<void> {
    const stream = this.#stream;
    if (stream.isClosed) {
      return Promise.reject(stream.closedError("shutdown"));
    }
    return stream.send.closeWrite();
  }

  /**
   * Closes the connection. Loops over it end, reads that wait are rejected, and
   * what was written before is still sent, in the background, within
   * `closeTimeout`. Closing again does nothing.
   */
  close(): void {
    this.#stream.close();
  }

  /**
   * Resets the connection: nothing more is sent or received, and the peer sees
   * an error (`ECONNRESET`), not an end.
   */
  reset(): void {
    this.#stream.reset();
  }

  /**
   * The received bytes as a byte stream. When it ends, the connection is
   * closed, unless `writable` is in use: then when both have ended.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(
      this.#stream,
      () => this.#writable !== undefined,
    );
  }

  /**
   * The bytes to send. Closing it ends the sending direction, aborting it
   * resets the connection.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= writableOf(this.#stream);
  }

  /**
   * Sends small writes at once, or not (`TCP_NODELAY`).
   *
   * @throws {SocketError} when the connection is closed.
   */
  setNoDelay(noDelay = true): void {
    this.#stream.setOption(
      NO_DELAY,
      optionalBoolean("noDelay", noDelay, true),
    );
  }

  /**
   * Has the system probe an idle peer, or not (`SO_KEEPALIVE`).
   *
   * @throws {SocketError} when the connection is closed.
   */
  setKeepAlive(keepAlive = true): void {
    this.#stream.setOption(
      KEEP_ALIVE,
      optionalBoolean("keepAlive", keepAlive, true),
    );
  }

  /** Has the open connection hold the process alive, which is the default. */
  ref(): void {
    this.#stream.setRef(true);
  }

  /** Lets the process end while the connection is open. */
  unref(): void {
    this.#stream.setRef(false);
  }

  /**
   * The chunks as they come, each for the caller to keep. The end of the loop
   * closes the connection; see {@linkcode Conn}.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array, undefined> {
    return new ConnIterator(this.#stream);
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.#stream.close();
  }

  /** Closes, and waits until everything written has left or failed. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#stream.close();
    return this.#stream.released();
  }
}

/* Wrong arguments of an async method reject, like those of Deno's. */
function attempt<T>(body: () => T | Promise<T>): Promise<T> {
  try {
    return Promise.resolve(body());
  } catch (error) {
    return Promise.reject(error);
  }
}

class ConnIterator implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #stream: Stream;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    return this.#stream.receive.next();
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#stream.close();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
