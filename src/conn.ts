// Copyright the iocp authors. MIT license.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Addr, NetAddr } from "./native/address.ts";
import { readSync, writeSync } from "./views/blocking.ts";
import { Chunks } from "./views/chunks.ts";
import { LOCAL, PEER } from "./native/completion.ts";
import type { Peer } from "./native/peer.ts";
import { type ByteReader, readerOf } from "./framing/byte_reader.ts";
import { framesOf, linesOf } from "./framing/loops.ts";
import type {
  ByteReaderOptions,
  FrameOptions,
  LineOptions,
} from "./options/framing.ts";
import { NotSupported } from "./errors.ts";
import type { DetachedSocket } from "./socket/detached_socket.ts";
import { duplexOf } from "./views/duplex.ts";
import { sendFile } from "./views/file_sending.ts";
import { showFields, shownAddress } from "./views/inspect.ts";
import { type CloseOptions, deadlineOf } from "./options/deadline.ts";
import type { ConnOptions, ConnOptionsInForce } from "./options/conn.ts";
import type { KeepAliveOptions } from "./options/keep_alive.ts";
import {
  operationLimits,
  type OperationOptions,
  TIMEOUT_MAX,
} from "./options/operation.ts";
import type { SendFileOptions } from "./options/send_file.ts";
import { LeasedChunks } from "./views/leased_chunks.ts";
import { LimitedChunks } from "./views/limited_chunks.ts";
import { LimitedLeasedChunks } from "./views/limited_leased_chunks.ts";
import {
  endLimited,
  readLimited,
  writeLimited,
} from "./views/limited_calls.ts";
import { type SyncOptions, syncTimeout } from "./options/sync.ts";
import { changeOptions, optionsInForce } from "./socket/socket_options.ts";
import { startTls } from "./tls/start_tls.ts";
import type { StartTlsOptions, TlsInfo } from "./options/tls.ts";
import { wrapPipes } from "./views/pipe_signal.ts";
import type { SocketDuplex } from "./views/socket_duplex.ts";
import type { ConnStats, TcpInfo } from "./stats.ts";
import { tcpInfo } from "./socket/tcp_info.ts";
import { moveMonitor, setConnMaker } from "./watching/monitor.ts";
import type { Socket } from "./socket/socket.ts";
import { joined, writeParts } from "./socket/gather.ts";
import { type PipeOptions, pipeSettings } from "./options/pipe.ts";
import { pipe } from "./views/pipe.ts";
import { setIdleTimeout } from "./socket/idle_timeout.ts";
import {
  requireBytes,
  requireInteger,
  requireOptions,
  requireParts,
  wrongType,
} from "./options/validate.ts";
import { noHalfClose } from "./socket/half_close.ts";
import { WebStreams } from "./views/web_streams.ts";
import type { ByteReadable, ByteWritable } from "./runtime/web_types.ts";

/** The socket of a connection, or undefined for any other value. For internal
 * use. */
export let socketOf: (value: unknown) => Socket | undefined;

/** Makes the connection of a socket. For internal use: the constructor is not
 * part of the API. */
export let makeConn: <A extends Addr = NetAddr>(socket: Socket) => Conn<A>;

/**
 * A connection over TCP, as in Deno, or over a local socket, and an async iterable
 * of its chunks. `A` is the type of its addresses: {@linkcode NetAddr} for TCP.
 *
 * Leaving a `for await` loop over it closes the connection: by `break`, by an
 * error, or at the peer's end. With `allowHalfOpen` the peer's end leaves it open,
 * so that an answer can still be written.
 *
 * @example An echo
 * ```ts
 * import { type Conn, connect, listen } from "iocp";
 *
 * async function echo(conn: Conn) {
 *   for await (const chunk of conn) await conn.write(chunk);
 * }
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * listener.accept().then(echo);
 * await using conn = await connect(listener.addr);
 * await conn.write(new TextEncoder().encode("hello"));
 * console.log(await conn.read(new Uint8Array(16))); // 5
 * ```
 */
export class Conn<A extends Addr = NetAddr>
  implements AsyncIterable<Uint8Array<ArrayBuffer>> {
  static {
    socketOf = (value) =>
      typeof value === "object" && value !== null && #socket in value
        ? value.#socket
        : undefined;
    makeConn = <A extends Addr>(socket: Socket) => {
      wrapPipes();
      /* The connection that events have is the one that users get. */
      const conn = socket.monitor?.conn as Conn<A> | undefined;
      return conn !== undefined && conn.#socket === socket
        ? conn
        : new Conn<A>(socket);
    };
    setConnMaker(makeConn);
    showFields(Conn, (conn) => ({
      localAddr: shownAddress(() => conn.localAddr),
      remoteAddr: shownAddress(() => conn.remoteAddr),
      state: stateOf(conn.#socket),
    }));
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

  /**
   * The address of this end.
   *
   * After the close it is still available. For an accepted connection whose
   * address was not read before the close, it is the address of the listener,
   * which may be `0.0.0.0` or `::`.
   */
  get localAddr(): A {
    return this.#socket.address(LOCAL) as A;
  }

  /** The address of the peer. It is still available after the close. The path of
   * a client of a unix socket is usually `""`. */
  get remoteAddr(): A {
    return this.#socket.address(PEER) as A;
  }

  /**
   * The process at the other end of a local socket: on Linux its process id, user
   * id and group id when it connected or began to listen (`SO_PEERCRED`), on
   * Windows its process id. What the system does not say is undefined, over TCP
   * all of it.
   *
   * A user id or group id is reliable. A process id may belong to another process
   * by the time that it is used.
   *
   * @throws {SocketError} when the connection is closed.
   *
   * @example
   * ```ts
   * import { connect, listen, localSocketPath } from "iocp";
   *
   * const path = localSocketPath(`iocp-example-${crypto.randomUUID()}`);
   * using listener = listen({ path });
   * using client = await connect({ path });
   * using server = await listener.accept();
   * console.log(server.peer.pid, client.peer.pid);
   * ```
   */
  get peer(): Peer {
    return this.#socket.peer();
  }

  /**
   * What the handshake of TLS has agreed on, and the certificate of the peer;
   * undefined for a connection without TLS. See [TLS](../docs/tls.md).
   */
  get tls(): TlsInfo | undefined {
    return this.#socket.loop.tls;
  }

  /**
   * Makes TLS over the connection, for protocols that begin without it (SMTP,
   * PostgreSQL). From then on use only the result: everything else that is read or
   * written here would break it, and closing this connection breaks it too.
   *
   * Bytes that have arrived and were not read belong to TLS, so nothing that a peer
   * has sent before without it can be mistaken for what comes with it.
   *
   * @param options the same as `tls` of `connect()`, and with `isServer` as that of
   * `listen()`; `timeout` and `signal` are for the handshake.
   * @returns the connection with TLS, when the handshake is done.
   * @throws {SocketError} when the handshake fails, with what was wrong; the
   * connection is closed then. `ETIMEDOUT` after `timeout`.
   * @throws {SocketError} `EBUSY` when it was called before for this connection, which
   * nothing happens to.
   * @throws {NotSupported} for a connection that is used as a duplex or as streams.
   * @throws the reason of `signal` when that aborts.
   *
   * @example A server that does not answer
   * ```ts
   * import { connect, listen, SocketError } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * const conn = await connect(listener.addr);
   * try {
   *   await conn.startTls({ serverName: "mail.example", timeout: 100 });
   * } catch (error) {
   *   if (!(error instanceof SocketError)) throw error;
   *   console.log(error.code); // ETIMEDOUT
   * }
   * ```
   */
  async startTls(options: StartTlsOptions): Promise<Conn<A>> {
    const socket = this.#socket;
    if (this.#duplex !== undefined || this.#webStreams !== undefined) {
      throw new NotSupported(
        "Cannot start TLS: the connection is used as a duplex or as streams, which read its bytes",
      );
    }
    if (socket.isClosed) throw socket.closedError("read", "start TLS");
    const secured = await startTls(socket, options);
    moveMonitor(socket, secured);
    return makeConn<A>(secured);
  }

  /**
   * Reads the bytes that have arrived, at least one, into `p`.
   *
   * Pending reads are settled in order. `close()` rejects a pending read with
   * `EINTR`.
   *
   * @param p where the bytes go.
   * @param options how long to wait, and what ends the wait. Nothing was read then,
   * and bytes that arrive later are for the next read.
   * @returns the number of bytes, or null at the peer's end.
   * @throws {SocketError} when the connection is closed, half-closed or has failed,
   * and `ETIMEDOUT` after `timeout`. A reset is never reported as an end.
   * @throws the reason of `signal` when that aborts.
   *
   * @example
   * ```ts
   * import { connect, listen, SocketError } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * using conn = await connect(listener.addr);
   * try {
   *   await conn.read(new Uint8Array(1024), { timeout: 50 });
   * } catch (error) {
   *   if (!(error instanceof SocketError)) throw error;
   *   console.log(error.code); // ETIMEDOUT
   * }
   * ```
   */
  read(p: Uint8Array, options?: OperationOptions): Promise<number | null> {
    const socket = this.#socket;
    try {
      requireBytes("p", p);
      if (options !== undefined) return readLimited(socket, p, options);
      if (socket.isClosed) throw socket.closedError("read");
      return socket.receive.read(p);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Writes all of `p`.
   *
   * Resolves when the system has accepted the bytes, so awaiting it applies the
   * peer's backpressure. Until then `p` must not be changed. Writes that are
   * not awaited are sent in order.
   *
   * @param p the bytes, or several arrays of them, which are sent in order. Up to
   * 64 KiB in all need a single system call.
   * @param options how long it may take, and what ends it. Then a part was written,
   * as the error says, and the connection can be written to further.
   * @returns the number of bytes, always all of them.
   * @throws {SocketError} when the connection is closed, half-closed or has
   * failed. How much of `p` the peer has received is then unknown.
   * @throws {SocketError} `ETIMEDOUT` after `timeout`, and `ECANCELED` when `signal`
   * aborts, with its reason as the `cause`. The error's `bytesWritten` bytes were
   * accepted before that and are still sent, the others are not: continue with
   * `p.subarray(bytesWritten)`. If you stop instead, call `reset()`; otherwise the
   * peer may mistake a partial message for a complete one.
   *
   * @example A peer that does not read
   * ```ts
   * import { connect, listen, SocketError } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * using conn = await connect(listener.addr);
   * try {
   *   await conn.write(new Uint8Array(20_000_000), { timeout: 100 });
   * } catch (error) {
   *   if (!(error instanceof SocketError)) throw error;
   *   console.log(error.code, error.bytesWritten);
   *   conn.reset();
   * }
   * ```
   */
  write(
    p: Uint8Array | readonly Uint8Array[],
    options?: OperationOptions,
  ): Promise<number> {
    const socket = this.#socket;
    /* No closure: a function with one makes an object for what it captures at each
     * call, also at those that do not get to the closure. */
    try {
      const isOne = p instanceof Uint8Array;
      if (!isOne) requireParts("p", p);
      if (options !== undefined) {
        return writeLimited(socket, isOne ? p : joined(p), options);
      }
      if (socket.isClosed) throw socket.closedError("write");
      return isOne ? socket.send.write(p) : writeParts(socket, p);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends a regular file, or a part of it, in the order of the writes. The system
   * moves the bytes from the file to the socket where it can: `sendfile()` on Linux,
   * `TransmitFile()` on Windows. Otherwise the library reads and sends 256 KiB at a
   * time.
   *
   * The file is opened at once, so it is the one that has the path now. It may be
   * written, renamed or deleted meanwhile. The disk is read in the thread.
   *
   * @param path the path of the file, relative to the current folder. In Deno it
   * needs the permission to read it.
   * @param options which part of the file, how long it may take, what ends it, and
   * what is called with its progress.
   * @returns the number of bytes, always all of them.
   * @throws {RangeError} as a rejection, when the file has no such part.
   * @throws {NotSupported} as a rejection, when the connection has TLS.
   * @throws {SocketError} `ENOENT`, `EACCES`, `EISDIR`, `ESPIPE` (not a regular file)
   * and others when the file cannot be opened; nothing was sent then. `ENODATA` when
   * it has become shorter meanwhile, or `EIO` when the disk cannot be read: the
   * connection is reset then, so that the peer does not mistake a part for the whole.
   * The other errors are those of `write()`, with `bytesWritten` after `timeout` or
   * an abort.
   *
   * @example
   * ```ts
   * import { writeFile } from "node:fs/promises";
   * import { tmpdir } from "node:os";
   * import { join } from "node:path";
   * import { connect, listen } from "iocp";
   *
   * const path = join(tmpdir(), `iocp-example-${crypto.randomUUID()}`);
   * await writeFile(path, "a file");
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * listener.accept().then(async (conn) => {
   *   await conn.sendFile(path, {
   *     onProgress: ({ bytesSent, length }) => console.log(bytesSent / length),
   *   });
   *   conn.close();
   * });
   * await using conn = await connect(listener.addr);
   * for await (const line of conn.lines()) console.log(line);
   * ```
   */
  sendFile(path: string, options: SendFileOptions = {}): Promise<number> {
    return sendFile(this.#socket, path, options);
  }

  /**
   * Writes what can be accepted at once: by the system, and by the library, which
   * holds up to 256 KiB that the system has no room for yet. It does not wait.
   *
   * @param p the bytes. They may be changed when it returns.
   * @returns how many of them were accepted, which are sent. 0 while earlier writes
   * are pending; {@linkcode Conn.drained} waits for these.
   * @throws {SocketError} when the connection is closed, half-closed or has failed.
   *
   * @example
   * ```ts
   * import { connect, listen } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * using conn = await connect(listener.addr);
   * const message = new TextEncoder().encode("a price");
   * if (conn.tryWrite(message) < message.length) conn.reset();
   * ```
   */
  tryWrite(p: Uint8Array): number {
    requireBytes("p", p);
    const socket = this.#socket;
    if (socket.isClosed) throw socket.closedError("write");
    return socket.send.tryWrite(p);
  }

  /** The bytes of writes that the system has not accepted yet: what a peer that
   * reads slowly costs in memory. After the close it is 0. */
  get writableLength(): number {
    return this.#socket.writableLength;
  }

  /** True while {@linkcode Conn.writableLength} is at least the
   * `writableHighWaterMark`. */
  get writableNeedDrain(): boolean {
    const { settings, writableLength } = this.#socket;
    return writableLength >= settings.writableHighWaterMark;
  }

  /**
   * Waits until the system has accepted everything that was written before.
   *
   * @param options how long to wait, and what ends it. The writes are not affected.
   * @throws {SocketError} when the connection is closed or has failed, and
   * `ETIMEDOUT` after `timeout`, or `ECANCELED` when `signal` aborts.
   *
   * @example Writes that are not awaited, up to a mark
   * ```ts
   * import { connect, listen } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * using conn = await connect(listener.addr);
   * for (let i = 0; i < 100; i++) {
   *   conn.write(new Uint8Array(1000));
   *   if (conn.writableNeedDrain) await conn.drained();
   * }
   * ```
   */
  async drained(options?: OperationOptions): Promise<void> {
    await this.write(EMPTY, options);
  }

  /**
   * The same as `read()`, but it blocks the thread: no other code runs on it
   * meanwhile, timers and promises included. Reads that are pending already are
   * settled first.
   *
   * @param p where the bytes go.
   * @param options how long to block.
   * @returns the number of bytes, or null at the peer's end.
   * @throws {SocketError} as `read()`, and `ETIMEDOUT` after `timeout`. Then
   * nothing was read, and bytes that arrive later are for the next read.
   */
  readSync(p: Uint8Array, options?: SyncOptions): number | null {
    requireBytes("p", p);
    return readSync(this.#socket, p, syncTimeout(options));
  }

  /**
   * The same as `write()`, but it blocks the thread: no other code runs on it
   * meanwhile, timers and promises included. Writes that are pending already are
   * sent first.
   *
   * @param p the bytes.
   * @param options how long to block.
   * @returns the number of bytes, always all of them.
   * @throws {SocketError} as `write()`, and `ETIMEDOUT` after `timeout`. The
   * error's `bytesWritten` bytes were accepted before that and are still sent:
   * continue with `p.subarray(bytesWritten)`. If you stop instead, call
   * `reset()`; otherwise the peer may mistake a partial message for a complete
   * one.
   */
  writeSync(p: Uint8Array, options?: SyncOptions): number {
    requireBytes("p", p);
    return writeSync(this.#socket, p, syncTimeout(options));
  }

  /**
   * Closes the sending direction after everything that was written is sent. The
   * peer sees the end and can still send.
   *
   * @param options how long it may take, and what ends it. If writes were pending
   * then, the direction stays open.
   * @throws {SocketError} when the connection is closed or has failed, and
   * `ETIMEDOUT` after `timeout`.
   * @throws the reason of `signal` when that aborts.
   * @throws {NotSupported} as a rejection, over a named pipe of Windows, which has
   * no end of one direction; it stays open. `close()` delivers everything that was
   * written.
   */
  closeWrite(options?: OperationOptions): Promise<void> {
    const socket = this.#socket;
    if (options !== undefined) return endLimited(socket, options);
    if (socket.isClosed) {
      return Promise.reject(socket.closedError("shutdown"));
    }
    if (socket.isPipe) return Promise.reject(noHalfClose());
    return socket.send.closeWrite();
  }

  /**
   * Closes the connection. Loops over it end, pending reads are rejected, and
   * bytes that were written before are still sent in the background, within
   * `closeTimeout`. Closing again does nothing.
   *
   * Bytes from the peer that were not read are discarded, and so are those that
   * arrive within the next two seconds: a reset would destroy the bytes that
   * the peer itself has not read yet. So the peer cannot know that these bytes
   * were not read. After `reset()` it gets an error instead;
   * `duplex().destroy()` resets where the system's own close would.
   */
  close(): void;
  /**
   * The same, and waits until it is done: everything that was written is sent, and
   * the peer has ended its side, or had two seconds for that. If it is not done at
   * the deadline, the connection is reset, unless only the peer's end is missing.
   * After an earlier `close()`, it sets the deadline for the rest of that one.
   *
   * @param options when the connection is reset.
   * @throws {SocketError} `ETIMEDOUT` at the deadline, also if only the peer's end is
   * missing, `EINTR` after a `reset()`, or the failure of the connection: the peer
   * may not have received everything.
   *
   * @example
   * ```ts
   * import { connect, listen } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * const conn = await connect(listener.addr);
   * const server = await listener.accept();
   * await conn.write(new TextEncoder().encode("bye"));
   * server.close();
   * await conn.close({ deadline: 5_000 });
   * ```
   */
  close(options: CloseOptions): Promise<void>;
  close(options?: CloseOptions): Promise<void> | void {
    const socket = this.#socket;
    if (options !== undefined) {
      return attempt(() => socket.closeWithin(deadlineOf(options)));
    }
    socket.close();
  }

  /**
   * Resets the connection: nothing more is sent or received, and the peer sees
   * an error (`ECONNRESET`), not an end.
   */
  reset(): void {
    this.#socket.reset();
  }

  /**
   * The received bytes as a byte stream. At its end the connection is closed;
   * if `writable` is in use, it is closed when both have ended. A failure closes
   * it at once, and so does cancelling the stream, which leaving a loop over it
   * does.
   */
  get readable(): ByteReadable {
    return (this.#webStreams ??= new WebStreams(this.#socket)).readable;
  }

  /**
   * The bytes to send. Each chunk is an `ArrayBuffer` or a view of one. Closing
   * the stream closes the sending direction, and over a named pipe of Windows,
   * which has no end of one direction, the connection: then `readable` fails with
   * {@linkcode NotSupported} if it has not ended. Aborting it, which a `pipeTo()` that
   * fails does too, resets the connection at once, even if bytes are not sent
   * yet; so does a chunk of a wrong type.
   *
   * A `pipeTo()` or `pipeThrough()` whose `signal` aborts resets the connection
   * at once as well, unless it has `preventAbort`. For that, the first connection
   * of a program wraps these two methods of `ReadableStream.prototype`; pipes
   * between other streams are not changed.
   */
  get writable(): ByteWritable {
    return (this.#webStreams ??= new WebStreams(this.#socket)).writable;
  }

  /**
   * The connection as Node's `stream.Duplex`, with the members of a
   * `net.Socket` that libraries use: for `node:http`, `node:tls` and others
   * that expect a socket or a stream. Every call returns the same object.
   *
   * From then on use only the duplex: other reads would consume its bytes, and
   * other writes would insert bytes between its own. It ends and closes as a
   * `net.Socket` does, with these rules for the last bytes:
   *
   * - `end()` sends everything, then FIN. Over a named pipe of Windows, which has
   *   no end of one direction, it closes the connection then, as a `net.Socket`
   *   does, and both directions end. `destroySoon()` does that too, and
   *   then discards the bytes that still arrive, for two seconds at most, so that
   *   the peer can read to the end.
   * - `destroy()` after `end()`, with an error or without, still sends everything
   *   that was written, within `closeTimeout`, and emits `"close"` then.
   * - `destroy()` without `end()` sends the bytes that the system has accepted. A
   *   peer whose bytes were not read, or that sends more, sees a reset, so that
   *   it does not believe they were received.
   * - Without `end()`, `destroy()` resets the connection when it has an error, or
   *   when the system has not accepted everything yet, so that the peer does not
   *   mistake a partial message for a complete one. `resetAndDestroy()` always
   *   resets it.
   *
   * Over a local socket its addresses are undefined, as those of a `net.Socket`.
   * Its errors are those of a `net.Socket` (`read ECONNRESET`, with a negative
   * `errno`), and their `cause` is the {@linkcode SocketError}. Only a pending
   * read or write keeps the process alive; `pause()` ends a pending read. A
   * `TLSSocket` over it has the addresses of the connection, and forwards
   * `ref()`, `unref()`, `setNoDelay()` and `setKeepAlive()` to it.
   *
   * To serve a whole listener with a `node:http` or `node:https` server, use
   * {@linkcode serveHttp}.
   *
   * @returns the duplex; with Node's types it is assignable to `stream.Duplex`.
   * @throws {SocketError} when the connection is closed and has no duplex yet.
   *
   * @example A request over a connection
   * ```ts
   * import { get } from "node:http";
   * import { connect, listen, serveHttp } from "iocp";
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
   * Sets whether small writes are sent at once (`TCP_NODELAY`).
   *
   * @throws {NotSupported} on a local socket.
   * @throws {SocketError} when the connection is closed.
   */
  setNoDelay(noDelay = true): void {
    this.setOptions({ noDelay });
  }

  /**
   * Sets whether the system probes an idle peer (`SO_KEEPALIVE`).
   *
   * @param keepAlive `true` for the system's own times, or the times.
   * @throws {NotSupported} on a local socket.
   * @throws {SocketError} when the connection is closed.
   *
   * @example
   * ```ts
   * import { connect, listen } from "iocp";
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
   * @throws {NotSupported} for an option that the system or a local socket does
   * not have.
   * @throws {SocketError} when the connection is closed.
   *
   * @example
   * ```ts
   * import { connect, listen } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * await using conn = await connect(listener.addr);
   * conn.setOptions({ receive: { mode: "zero-byte" }, sendConcurrency: 4 });
   * console.log(conn.options.receive.mode);
   * ```
   */
  setOptions(options: ConnOptions): void {
    requireOptions(options);
    changeOptions(this.#socket, options, this);
  }

  /**
   * Ends the connection when no byte was sent or received for `ms` milliseconds:
   * pending and later calls fail with `ETIMEDOUT`, a loop too. The peer sees an end
   * or, if writes were pending, a reset.
   *
   * It may take a quarter of the time longer. A connection whose bytes are not read
   * is idle too, once as much has arrived as is received ahead, and so is one whose
   * peer does not receive. Each call starts the time anew.
   *
   * @param ms from 0 to 2,147,483,647; 0 turns it off, as it is at first.
   * @throws {SocketError} when the connection is closed.
   *
   * @example
   * ```ts
   * import { connect, listen } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * listener.accept().then((conn) => conn.setTimeout(100));
   * using conn = await connect(listener.addr);
   * for await (const chunk of conn) console.log(chunk.length);
   * console.log("the idle connection has ended");
   * ```
   */
  setTimeout(ms: number): void {
    requireInteger("ms", ms, 0, TIMEOUT_MAX);
    if (this.#socket.isClosed) {
      throw this.#socket.closedError("read", "set a timeout");
    }
    setIdleTimeout(this.#socket, ms);
  }

  /**
   * The options in force, read from the system, the library or the module,
   * whichever implements the option. One that a local socket does not have, or
   * that the system cannot report, is undefined.
   *
   * @throws {SocketError} when the connection is closed.
   */
  get options(): ConnOptionsInForce {
    return optionsInForce(this.#socket);
  }

  /** The last error of the connection, or undefined. */
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
   * What the system knows of the TCP connection, also of one with TLS: `TCP_INFO` on
   * Linux, `SIO_TCP_INFO` on Windows. See [watching](../docs/watching.md).
   *
   * @throws {NotSupported} for a local socket, on a Windows before version 1703 of
   * Windows 10, and under Wine.
   * @throws {SocketError} when the connection is closed or was reset.
   *
   * @example
   * ```ts
   * import { connect, listen, NotSupported } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * using conn = await connect(listener.addr);
   * try {
   *   const { smoothedRtt, bytesInFlight } = conn.tcpInfo();
   *   console.log(`${smoothedRtt} ms, ${bytesInFlight} bytes`);
   * } catch (error) {
   *   if (!(error instanceof NotSupported)) throw error;
   *   console.log(error.message);
   * }
   * ```
   */
  tcpInfo(): TcpInfo {
    return tcpInfo(this.#socket);
  }

  /**
   * Detaches the connection from its completion port without closing it. Returns
   * the handle of the operating system, and the bytes that have arrived and were
   * not read.
   *
   * Bytes that were written before are sent first. Loops over the connection end,
   * pending reads are rejected with `EINTR`, and later calls fail as after a
   * close. The caller owns the handle: `adopt()` makes a connection of it again,
   * in this Worker or another one, without losing bytes. A handle that is neither
   * adopted nor closed is leaked.
   *
   * @throws {SocketError} when the connection is closed or has failed, or
   * `ETIMEDOUT` when the peer has acknowledged nothing for `closeTimeout`; then
   * the connection is reset.
   *
   * @example
   * ```ts
   * import { adopt, connect, listen } from "iocp";
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

  /** Lets the open connection keep the process alive, which is the default; with
   * a duplex, only its pending reads and writes do. */
  ref(): void {
    if (this.#duplex !== undefined) this.#duplex.ref();
    else this.#socket.setRef(true);
  }

  /**
   * Lets the process end while the connection is open. Pending writes, and a
   * close that waits for them, still keep it alive.
   */
  unref(): void {
    if (this.#duplex !== undefined) this.#duplex.unref();
    else this.#socket.setRef(false);
  }

  /**
   * The chunks as they arrive. The caller may keep them. The end of the loop
   * closes the connection; see {@linkcode Conn}.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<
    Uint8Array<ArrayBuffer>,
    undefined
  > {
    return new Chunks(this.#socket);
  }

  /**
   * The same loop with the caller's own buffer: each chunk is the part of `p`
   * that was filled, and is valid until the next one is requested. This
   * allocates no memory, which matters for large chunks. To keep a chunk, copy
   * it: `chunk.slice()`.
   *
   * `p` belongs to one loop at a time. No chunk is larger than `p`.
   *
   * @param p where the bytes go. Without it, each chunk has memory of its own, as in
   * a loop over the connection itself.
   * @param options how long each turn may wait, and what ends it. As any other end of
   * the loop, it closes the connection: to go on after a timeout, use `read()`.
   * @throws {SocketError} from the loop, when the connection has failed, and
   * `ETIMEDOUT` after `timeout`; a reset is never reported as an end.
   * @throws {TypeError} from the loop, when the buffer of `p` was transferred.
   * @throws the reason of `signal` from the loop, when that aborts.
   *
   * @example
   * ```ts
   * import { connect, listen } from "iocp";
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
    options?: OperationOptions,
  ): AsyncIterableIterator<Uint8Array<B>, undefined>;
  /**
   * The chunks as they arrive, which the caller may keep, with a limit on each turn.
   *
   * @example
   * ```ts
   * import { connect, listen } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * listener.accept().then(async (conn) => {
   *   try {
   *     for await (const chunk of conn.chunks({ timeout: 30_000 })) {
   *       await conn.write(chunk);
   *     }
   *   } catch (error) {
   *     console.error(error); // The connection is closed.
   *   }
   * });
   * await using conn = await connect(listener.addr);
   * await conn.write(new TextEncoder().encode("hello"));
   * ```
   */
  chunks(
    options: OperationOptions,
  ): AsyncIterableIterator<Uint8Array<ArrayBuffer>, undefined>;
  chunks(
    p: Uint8Array | OperationOptions,
    options?: OperationOptions,
  ): AsyncIterableIterator<Uint8Array, undefined> {
    if (isOptions(p)) {
      return new LimitedChunks(this.#socket, undefined, operationLimits(p));
    }
    requireBytes("p", p);
    if (p.length === 0) {
      throw new RangeError('The "p" argument must not be empty');
    }
    /* Its chunks are parts of `p`. */
    return options === undefined
      ? new Chunks(this.#socket, p)
      : new LimitedChunks(this.#socket, p, operationLimits(options));
  }

  /**
   * A buffered reader, for protocols that are read step by step: exactly so many
   * bytes, a line, or up to a delimiter. What it has not used is for the next
   * read of the connection, so it needs no release. Several readers have nothing
   * to share either: each continues where the other has stopped.
   *
   * @example A request and its answer
   * ```ts
   * import { connect, listen } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * listener.accept().then(async (conn) => {
   *   const line = await conn.reader().readLine({ timeout: 5_000 });
   *   await conn.write(new TextEncoder().encode(`you said: ${line}\n`));
   *   conn.close();
   * });
   * await using conn = await connect(listener.addr);
   * await conn.write(new TextEncoder().encode("hello\r\n"));
   * console.log(await conn.reader().readLine());
   * ```
   */
  reader(options?: ByteReaderOptions): ByteReader {
    return readerOf(this.#socket, options);
  }

  /**
   * A loop over the lines of the connection, without "\n" or "\r\n", as text in
   * UTF-8.
   *
   * At the peer's end the loop closes the connection, unless `allowHalfOpen` is set,
   * and so does a failure. Leaving it does not, nor do a `timeout` and a `signal`: the
   * bytes that follow are for the next read.
   *
   * @throws {SocketError} from the loop: `EMSGSIZE` when a line has more than
   * `maxLength` bytes, by default 65,536; `EILSEQ` when it is not UTF-8;
   * `EUNEXPECTEDEND` at an end inside of a line, with `requireNewline`; `ETIMEDOUT`
   * when the next line does not come within `timeout`; and when the connection has
   * failed.
   *
   * @example
   * ```ts
   * import { connect, listen } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * listener.accept().then(async (conn) => {
   *   await conn.write(new TextEncoder().encode("one\r\ntwo\nthree"));
   *   conn.close();
   * });
   * await using conn = await connect(listener.addr);
   * for await (const line of conn.lines()) console.log(line);
   * ```
   */
  lines(options?: LineOptions): AsyncIterableIterator<string, undefined> {
    return linesOf(this.#socket, options);
  }

  /**
   * A loop over frames whose header has their length, by default in 4 bytes. Each
   * frame has memory of its own.
   *
   * At the peer's end the loop closes the connection, unless `allowHalfOpen` is set,
   * and so does a failure. Leaving it does not, nor do a `timeout` and a `signal`: the
   * bytes that follow are for the next read.
   *
   * @throws {SocketError} from the loop: `EMSGSIZE` when a frame has more than
   * `maxLength` bytes, by default 1,048,576; `EBADMSG` when its length is too small
   * for `lengthAdjustment`; `EUNEXPECTEDEND` at an end inside of a frame; `ETIMEDOUT`
   * when the next frame does not come within `timeout`; and when the connection has
   * failed.
   *
   * @example
   * ```ts
   * import { connect, listen } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * listener.accept().then(async (conn) => {
   *   await conn.write(new Uint8Array([0, 2, 10, 20, 0, 1, 30]));
   *   conn.close();
   * });
   * await using conn = await connect(listener.addr);
   * for await (const frame of conn.frames({ lengthBytes: 2 })) console.log(frame);
   * ```
   */
  frames(
    options?: FrameOptions,
  ): AsyncIterableIterator<Uint8Array<ArrayBuffer>, undefined> {
    return framesOf(this.#socket, options);
  }

  /**
   * The chunks as they arrive, each of which is lent until the next one is
   * requested. Its memory is used again then, which makes large chunks much cheaper
   * than those of the default loop. A chunk that is kept longer is empty at some time
   * after that (its `length` is 0), and never has the bytes of another one. To keep
   * it, copy it: `chunk.slice()`. Await writes of it before the next turn, and do not
   * transfer its buffer, which has bytes of other connections too: these would fail
   * with `EFAULT`.
   *
   * Leaving the loop closes the connection, as for the default one.
   *
   * @param options how long each turn may wait, and what ends it. As any other end of
   * the loop, it closes the connection.
   * @throws {SocketError} from the loop, when the connection has failed, and
   * `ETIMEDOUT` after `timeout`; a reset is never reported as an end.
   * @throws the reason of `signal` from the loop, when that aborts.
   *
   * @example
   * ```ts
   * import { connect, listen } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * listener.accept().then(async (conn) => {
   *   for await (const chunk of conn.leased()) await conn.write(chunk);
   * });
   * await using conn = await connect(listener.addr);
   * await conn.write(new TextEncoder().encode("hello"));
   * ```
   */
  leased(
    options?: OperationOptions,
  ): AsyncIterableIterator<Uint8Array<ArrayBuffer>, undefined> {
    return options === undefined
      ? new LeasedChunks(this.#socket)
      : new LimitedLeasedChunks(this.#socket, operationLimits(options));
  }

  /**
   * Writes everything that is received to another connection, over whatever
   * transport, at the speed of its peer. The peer's end is passed on: the sending
   * direction of the destination is closed then, and a named pipe, which has no end
   * of one direction, is closed. A connection whose directions have both ended is
   * closed. So a proxy pipes each of two connections to the other one.
   *
   * @param destination where the bytes go: another connection, or this one, for an
   * echo.
   * @param options what ends it, and what the end means, as for `pipeTo()` of a
   * stream.
   * @returns when all bytes were sent.
   * @throws {SocketError} when one of the connections fails. Then the other one is
   * reset, so that its peer does not mistake a part for the whole. A reset of the
   * destination by its peer is noticed while the source sends nothing, unless the
   * destination is in `"zero-byte"` mode or its peer has sent more before than it may
   * receive ahead.
   * @throws the reason of `signal` when that aborts; both are reset.
   *
   * @example A proxy
   * ```ts
   * import { type Conn, connect, listen } from "iocp";
   *
   * using server = listen({ hostname: "127.0.0.1", port: 0 });
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   *
   * async function forward(client: Conn) {
   *   const upstream = await connect(server.addr);
   *   await Promise.all([client.pipeTo(upstream), upstream.pipeTo(client)]);
   * }
   * listener.accept().then(forward).catch(console.error);
   * const client = await connect(listener.addr);
   * await client.write(new TextEncoder().encode("hello"));
   * const conn = await server.accept();
   * console.log(await conn.read(new Uint8Array(16)));
   * conn.close();
   * client.close();
   * ```
   */
  pipeTo<B extends Addr>(
    destination: Conn<B>,
    options?: PipeOptions,
  ): Promise<void> {
    return attempt(() => {
      const settings = pipeSettings(options);
      const other = socketOf(destination);
      if (other === undefined) {
        wrongType("destination", "a Conn", destination);
      }
      const socket = this.#socket;
      if (socket.isClosed) throw socket.closedError("read");
      if (other.isClosed) throw other.closedError("write");
      return pipe(socket, other, settings);
    });
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }

  /** Closes, and waits until everything that was written is sent or has failed. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    return this.#socket.released();
  }
}

const EMPTY = new Uint8Array(0);

function stateOf({ isClosed, receive, send }: Socket): string {
  if (isClosed) return "closed";
  return receive.hasPeerEnded || send.isEnded ? "half-closed" : "open";
}

/* Anything else is a wrong buffer. */
function isOptions(value: unknown): value is OperationOptions {
  return typeof value === "object" && value !== null &&
    !("byteLength" in value) && !Array.isArray(value);
}

/* Wrong arguments of an async method reject, as in Deno. */
function attempt<T>(body: () => T | Promise<T>): Promise<T> {
  try {
    return Promise.resolve(body());
  } catch (error) {
    return Promise.reject(error);
  }
}
