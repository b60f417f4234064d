// Copyright the iocp authors. MIT license.
/// <reference lib="esnext.disposable" preserve="true" />
import type { NetAddr } from "./native/address.ts";
import { readSync, writeSync } from "./views/blocking.ts";
import { Chunks } from "./views/chunks.ts";
import { LOCAL, PEER } from "./native/completion.ts";
import type { DetachedSocket } from "./socket/detached_socket.ts";
import { duplexOf } from "./views/duplex.ts";
import { checkChanges } from "./options/settings.ts";
import type { ConnOptions, ConnOptionsInForce } from "./options/conn.ts";
import type { KeepAliveOptions } from "./options/keep_alive.ts";
import { type SyncOptions, syncTimeout } from "./options/sync.ts";
import { changeOptions, optionsInForce } from "./socket/socket_options.ts";
import type { SocketDuplex } from "./views/socket_duplex.ts";
import type { ConnStats } from "./stats.ts";
import type { Socket } from "./socket/socket.ts";
import { requireBytes, requireOptions } from "./options/validate.ts";
import { WebStreams } from "./views/web_streams.ts";
import type { ByteReadable, ByteWritable } from "./runtime/web_types.ts";

/** The socket of a connection, or undefined for any other value. For internal
 * use. */
export let socketOf: (value: unknown) => Socket | undefined;

/** Makes the connection of a socket. For internal use: the constructor is not
 * part of the API. */
export let makeConn: (socket: Socket) => Conn;

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
export class Conn implements AsyncIterable<Uint8Array<ArrayBuffer>> {
  static {
    socketOf = (value) =>
      typeof value === "object" && value !== null && #socket in value
        ? value.#socket
        : undefined;
    makeConn = (socket) => new Conn(socket);
  }

  readonly #socket: Socket;
  #webStreams: WebStreams | undefined;
  #duplex: SocketDuplex | undefined;

  /**
   * Connections come from `connect()`, `adopt()` and a listener.
   *
   * @ignore
   */
  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The address of this end. It stays known after the close. */
  get localAddr(): NetAddr {
    return this.#socket.address(LOCAL);
  }

  /** The address of the peer. It stays known after the close. */
  get remoteAddr(): NetAddr {
    return this.#socket.address(PEER);
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
    const socket = this.#socket;
    return attempt(() => {
      requireBytes("p", p);
      if (socket.isClosed) throw socket.closedError("read");
      return socket.receive.read(p);
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
    const socket = this.#socket;
    if (!(p instanceof Uint8Array)) {
      return attempt(() => requireBytes("p", p)) as never;
    }
    if (socket.isClosed) return Promise.reject(socket.closedError("write"));
    return socket.send.write(p);
  }

  /**
   * The same as `read()`, but it blocks the thread: no other code of it runs
   * meanwhile, timers and promises included. Reads that wait already are
   * answered first.
   *
   * @param p where the bytes go.
   * @param options how long to block.
   * @returns the number of bytes, or null at the peer's end.
   * @throws {SocketError} as `read()`, and `ETIMEDOUT` after `timeout`: then
   * nothing was read, and what comes later is the next read's.
   */
  readSync(p: Uint8Array, options?: SyncOptions): number | null {
    requireBytes("p", p);
    return readSync(this.#socket, p, syncTimeout(options));
  }

  /**
   * The same as `write()`, but it blocks the thread: no other code of it runs
   * meanwhile, timers and promises included. Writes that wait already leave
   * first.
   *
   * @param p the bytes.
   * @param options how long to block.
   * @returns the number of bytes, always all of them.
   * @throws {SocketError} as `write()`, and `ETIMEDOUT` after `timeout`. What
   * was taken until then is sent all the same, and the error's `bytesWritten`
   * says how much that is: `p.subarray(bytesWritten)` is what to write next.
   * Who gives up instead should `reset()` the connection, or its peer may take
   * the part for the whole.
   */
  writeSync(p: Uint8Array, options?: SyncOptions): number {
    requireBytes("p", p);
    return writeSync(this.#socket, p, syncTimeout(options));
  }

  /**
   * Ends the sending direction, once everything written has left. The peer
   * sees the end and can still send.
   *
   * @throws {SocketError} when the connection is closed or has failed.
   */
  closeWrite(): Promise<void> {
    const socket = this.#socket;
    if (socket.isClosed) {
      return Promise.reject(socket.closedError("shutdown"));
    }
    return socket.send.closeWrite();
  }

  /**
   * Closes the connection. Loops over it end, pending reads are rejected, and
   * what was written before is still sent, in the background, within
   * `closeTimeout`. Closing again does nothing.
   *
   * What the peer has sent and nothing has read is discarded, and what it sends
   * afterwards too, for two seconds at most: a reset would destroy what the peer
   * has not read yet. So a peer may believe that bytes were received which were
   * not. `reset()` tells it; `duplex().destroy()` does so where the system's own
   * close would.
   */
  close(): void {
    this.#socket.close();
  }

  /**
   * Resets the connection: nothing more is sent or received, and the peer sees
   * an error (`ECONNRESET`), not an end.
   */
  reset(): void {
    this.#socket.reset();
  }

  /**
   * The received bytes as a byte stream. When it ends, the connection is
   * closed, unless `writable` is in use: then when both have ended. Cancelling
   * it, which leaving a loop over it does, or a failure closes the connection in
   * any case.
   */
  get readable(): ByteReadable {
    return (this.#webStreams ??= new WebStreams(this.#socket)).readable;
  }

  /**
   * The bytes to send: an `ArrayBuffer` or a view of one a chunk. Closing it
   * ends the sending direction. Aborting it, also by a `pipeTo()` that fails,
   * resets the connection at once, whatever the peer has not taken yet; so does
   * a chunk of a wrong type.
   *
   * A `pipeTo()` or `pipeThrough()` whose `signal` aborts resets the connection
   * at once as well, unless it has `preventAbort`.
   */
  get writable(): ByteWritable {
    return (this.#webStreams ??= new WebStreams(this.#socket)).writable;
  }

  /**
   * The connection as Node's `stream.Duplex`, with the members of a
   * `net.Socket` that libraries use: for `node:http`, `node:tls` and others
   * that take a socket or a stream. Every call returns the same object.
   *
   * From then on the connection belongs to it: what else uses it takes bytes
   * from it, or puts some between those that it writes. It ends and closes as a
   * `net.Socket` does, with these rules for its last bytes:
   *
   * - `end()` sends everything, then the end. `destroySoon()` does that too, and
   *   then discards what still comes, for two seconds at most, so that the peer
   *   can read to the end.
   * - `destroy()` after `end()`, with an error or without, still delivers what
   *   was written, within `closeTimeout`; `"close"` comes then.
   * - `destroy()` without `end()` sends what the system has taken. A peer whose
   *   bytes nothing has read, or that sends more, gets a reset and not the
   *   impression that they were received.
   * - Without `end()`, `destroy()` with an error, or before the system has taken
   *   what was written, resets the connection, so that the peer does not take a
   *   part for the whole. `resetAndDestroy()` always does.
   *
   * Its errors are those of a `net.Socket` (`read ECONNRESET`, with a negative
   * `errno`), and their `cause` is the {@linkcode SocketError}. Only a read or a
   * write that is pending holds the process alive; `pause()` ends a read. A
   * `TLSSocket` over it has the addresses of the connection, and passes `ref()`,
   * `unref()`, `setNoDelay()` and `setKeepAlive()` on to it.
   *
   * A server of `node:http` or `node:https` takes a whole listener:
   * {@linkcode serveHttp}.
   *
   * @returns the duplex; with Node's types it is assignable to `stream.Duplex`.
   * @throws {SocketError} when the connection is closed and has no duplex yet.
   *
   * @example A request over a connection
   * ```ts
   * import { get } from "node:http";
   * import { connect, listen, serveHttp } from "./mod.ts";
   * import { createServer } from "node:http";
   *
   * await using service = serveHttp(
   *   createServer((_, response) => response.end("hello")),
   *   listen({ hostname: "127.0.0.1", port: 0 }),
   * );
   * const conn = await connect(service.addr);
   * const request = get({ createConnection: () => conn.duplex() });
   * const response = await new Promise<AsyncIterable<Uint8Array>>((resolve) =>
   *   request.once("response", resolve)
   * );
   * for await (const chunk of response) console.log(`${chunk}`);
   * conn.close();
   * ```
   */
  duplex(): SocketDuplex {
    if (this.#duplex !== undefined) return this.#duplex;
    if (this.#socket.isClosed) {
      throw this.#socket.closedError("read", "make a duplex");
    }
    return this.#duplex = duplexOf(this.#socket);
  }

  /**
   * Sends small writes at once, or not (`TCP_NODELAY`).
   *
   * @throws {SocketError} when the connection is closed.
   */
  setNoDelay(noDelay = true): void {
    this.setOptions({ noDelay });
  }

  /**
   * Has the system probe an idle peer, or not (`SO_KEEPALIVE`).
   *
   * @param keepAlive `true` for the system's own times, or the times.
   * @throws {SocketError} when the connection is closed.
   *
   * @example
   * ```ts
   * import { connect, listen } from "./mod.ts";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * await using conn = await connect(listener.addr);
   * conn.setKeepAlive({ idle: 60, interval: 10, count: 5 });
   * console.log(conn.options.keepAlive);
   * ```
   */
  setKeepAlive(keepAlive: boolean | KeepAliveOptions = true): void {
    this.setOptions({ keepAlive });
  }

  /**
   * Changes options of the connection; those that are left out stay as they are.
   *
   * @throws {NotSupported} for an option that the system does not have.
   * @throws {SocketError} when the connection is closed.
   *
   * @example
   * ```ts
   * import { connect, listen } from "./mod.ts";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * await using conn = await connect(listener.addr);
   * conn.setOptions({ receive: { mode: "zero-byte" }, sendConcurrency: 4 });
   * console.log(conn.options.receive.mode);
   * ```
   */
  setOptions(options: ConnOptions): void {
    requireOptions(options);
    changeOptions(this.#socket, checkChanges("conn", options));
  }

  /**
   * The options in force, each read from where it is: the system, the library or
   * the module. One that the system cannot be asked for is undefined.
   *
   * @throws {SocketError} when the connection is closed.
   */
  get options(): ConnOptionsInForce {
    return optionsInForce(this.#socket);
  }

  /** What the connection has failed with last, or undefined. */
  get lastError(): Error | undefined {
    return this.#socket.lastError;
  }

  /**
   * Counters of the connection.
   *
   * @throws {SocketError} when the connection is closed.
   */
  stats(): ConnStats {
    return this.#socket.stats();
  }

  /**
   * Gives the connection up without closing it, and the handle of the operating
   * system back, with the bytes that have come and were not read.
   *
   * What was written before leaves first. Loops over the connection end, reads
   * that wait are rejected with `EINTR`, and every later call says that it is
   * closed. The handle is the caller's: `adopt()` takes it, in this or another
   * Worker, and loses nothing; who does neither that nor anything else with it
   * leaks it.
   *
   * @throws {SocketError} when the connection is closed or has failed, or when
   * the peer has taken nothing for `closeTimeout`: then the connection is reset.
   *
   * @example
   * ```ts
   * import { adopt, connect, listen } from "./mod.ts";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * const conn = await connect(listener.addr);
   * const socket = await conn.detach();
   * using again = adopt(socket);
   * await again.write(new TextEncoder().encode("hello"));
   * ```
   */
  detach(): Promise<DetachedSocket> {
    return this.#socket.detach();
  }

  /** Has the open connection hold the process alive, which is the default; with
   * a duplex, its pending reads and writes. */
  ref(): void {
    if (this.#duplex !== undefined) this.#duplex.ref();
    else this.#socket.setRef(true);
  }

  /**
   * Lets the process end while the connection is open. Writes that are under way,
   * and a close that waits for them, hold it all the same.
   */
  unref(): void {
    if (this.#duplex !== undefined) this.#duplex.unref();
    else this.#socket.setRef(false);
  }

  /**
   * The chunks as they come, each for the caller to keep. The end of the loop
   * closes the connection; see {@linkcode Conn}.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<
    Uint8Array<ArrayBuffer>,
    undefined
  > {
    return new Chunks(this.#socket) as AsyncIterableIterator<
      Uint8Array<ArrayBuffer>,
      undefined
    >;
  }

  /**
   * The same loop with the caller's own memory: each chunk is the part of `p`
   * that was filled, and holds until the next one is asked for. So it allocates
   * nothing, which pays for large chunks; to keep one, keep `chunk.slice()`.
   *
   * `p` belongs to one loop at a time, and its size is the most that a chunk
   * has.
   *
   * @throws {SocketError} from the loop, when the connection has failed; a reset
   * is never reported as an end.
   * @throws {TypeError} from the loop, when the buffer of `p` was transferred.
   *
   * @example
   * ```ts
   * import { connect, listen } from "./mod.ts";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * listener.accept().then(async (conn) => {
   *   const p = new Uint8Array(64 * 1024);
   *   for await (const chunk of conn.chunks(p)) await conn.write(chunk);
   * });
   * await using conn = await connect(listener.addr);
   * await conn.write(new TextEncoder().encode("hello"));
   * ```
   */
  chunks<B extends ArrayBufferLike>(
    p: Uint8Array<B>,
  ): AsyncIterableIterator<Uint8Array<B>, undefined> {
    requireBytes("p", p);
    if (p.length === 0) {
      throw new RangeError('The "p" argument must not be empty');
    }
    return new Chunks(this.#socket, p) as AsyncIterableIterator<
      Uint8Array<B>,
      undefined
    >;
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }

  /** Closes, and waits until everything written has left or failed. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    return this.#socket.released();
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
