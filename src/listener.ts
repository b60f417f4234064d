// Copyright the iocp authors. MIT license.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Addr, NetAddr } from "./native/address.ts";
import type { Acceptor } from "./socket/acceptor.ts";
import { acceptSync } from "./views/blocking.ts";
import { type Conn, makeConn } from "./conn.ts";
import type {
  ListenerChanges,
  ListenerOptionsInForce,
} from "./options/listen.ts";
import { deadlineOf, type ShutdownOptions } from "./options/deadline.ts";
import { LimitedAccept } from "./socket/limited_accept.ts";
import {
  type Limits,
  operationLimits,
  type OperationOptions,
} from "./options/operation.ts";
import { checkChanges } from "./options/settings.ts";
import { type SyncOptions, syncTimeout } from "./options/sync.ts";
import type { ListenerShare } from "./options/share.ts";
import { requireOptions } from "./options/validate.ts";
import { showFields, shownAddress } from "./views/inspect.ts";
import type { ListenerStats } from "./stats.ts";
import { shutDown, type ShutdownResult } from "./socket/shutdown.ts";
import type { Socket } from "./socket/socket.ts";

/** Makes the listener of an acceptor. For internal use: the constructor is not
 * part of the API. */
export let makeListener: <A extends Addr = NetAddr>(
  acceptor: Acceptor,
) => Listener<A>;

/**
 * Accepts connections over TCP, as in Deno, or over a local socket, and is an async
 * iterable of them. `A` is the type of their addresses: {@linkcode NetAddr} for
 * TCP.
 *
 * Leaving a `for await` loop over it by `break` or by an error closes it, and
 * `close()` ends the loop. Connections that were accepted stay open.
 *
 * @example A server
 * ```ts
 * import { connect, listen } from "iocp";
 *
 * const listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const client = connect(listener.addr);
 * for await (const conn of listener) {
 *   await conn.write(new TextEncoder().encode("hello"));
 *   conn.close();
 *   break;
 * }
 * for await (const chunk of await client) console.log(chunk.length);
 * ```
 */
export class Listener<A extends Addr = NetAddr>
  implements AsyncIterable<Conn<A>> {
  static {
    makeListener = <A extends Addr>(acceptor: Acceptor) =>
      new Listener<A>(acceptor);
    showFields(Listener, (listener) => ({
      addr: shownAddress(() => listener.addr),
      state: listener.#acceptor.isClosed ? "closed" : "open",
    }));
  }

  readonly #acceptor: Acceptor;

  /**
   * Listeners come from `listen()`.
   *
   * @ignore
   */
  private constructor(acceptor: Acceptor) {
    this.#acceptor = acceptor;
  }

  /** The address that it listens on, with the port number that the system has
   * chosen if it was 0. */
  get addr(): A {
    return this.#acceptor.address as A;
  }

  /**
   * The last failure to accept, for example `EMFILE`, until the next success.
   * After such a failure the listener tries again by itself.
   */
  get lastError(): Error | undefined {
    return this.#acceptor.lastError;
  }

  /**
   * The options in force, and those that accepted connections start with.
   *
   * @throws {SocketError} when the listener is closed.
   */
  get options(): ListenerOptionsInForce {
    const { transport: _, onEvent: _onEvent, ...conn } =
      this.#acceptor.settings.conn;
    return {
      ...conn,
      receive: { ...conn.receive },
      keepAlive: conn.keepAlive && { ...conn.keepAlive },
      ...this.#acceptor.options(),
    };
  }

  /**
   * Changes options of the listener; those that are left out stay as they are.
   *
   * Windows never changes the backlog of a listener (`listen()`, remarks):
   * there, a larger backlog posts more accepts instead, up to 1,024 in all.
   * When `acceptPool` becomes smaller, accepts that are already posted stay
   * posted.
   *
   * @throws {NotSupported} on Windows, for a backlog that is smaller than that of
   * `listen()`.
   * @throws {SocketError} when the listener is closed.
   *
   * @example
   * ```ts
   * import { listen } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0, backlog: 10 });
   * listener.setOptions({ backlog: 100, acceptPool: 64 });
   * console.log(listener.options.backlog);
   * ```
   */
  setOptions(options: ListenerChanges): void {
    requireOptions(options);
    const { backlog, acceptPool, maxConnections, acceptRate } = options;
    const changes = checkChanges("listen", {
      backlog,
      acceptPool,
      maxConnections,
      acceptRate,
    });
    this.#acceptor.changeOptions(changes);
  }

  /**
   * Counters of the listener.
   *
   * @throws {SocketError} when the listener is closed.
   */
  stats(): ListenerStats {
    const stats = this.#acceptor.stats();
    return {
      acceptsPosted: stats.acceptsPosted,
      acceptsReady: stats.acceptsReady,
      acceptsDeferred: stats.acceptsDeferred,
      accepted: stats.accepted,
      acceptFailures: stats.acceptFailures,
      firstByteTimeouts: stats.firstByteTimeouts,
      blocked: this.#acceptor.blocked,
      handshakeFailures: this.#acceptor.handshakeFailures,
    };
  }

  /**
   * Waits for the next connection. Several calls are settled in order.
   *
   * @param options how long to wait, and what ends the wait. A connection that is
   * made later is for the next call.
   * @throws {SocketError} `EBADF` when the listener is or becomes closed,
   * `ETIMEDOUT` after `timeout`.
   * @throws the reason of `signal` when that aborts.
   *
   * @example
   * ```ts
   * import { listen, SocketError } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * try {
   *   await listener.accept({ timeout: 50 });
   * } catch (error) {
   *   if (!(error instanceof SocketError)) throw error;
   *   console.log(error.code); // ETIMEDOUT
   * }
   * ```
   */
  accept(options?: OperationOptions): Promise<Conn<A>> {
    const acceptor = this.#acceptor;
    if (options !== undefined) return acceptLimited(acceptor, options);
    return new Promise((resolve, reject) => {
      acceptor.accept((socket) => {
        if (socket !== undefined) resolve(makeConn(socket));
        else reject(acceptor.closedError());
      });
    });
  }

  /**
   * The same as `accept()`, but it blocks the thread: no other code runs on it
   * meanwhile, timers and promises included.
   *
   * @param options how long to block. A `timeout` of 0 can miss a connection
   * that has just been made.
   * @throws {SocketError} `ETIMEDOUT` after `timeout`; a connection that is made
   * later is for the next call. `EBADF` when the listener is closed.
   *
   * @example
   * ```ts
   * import { connectSync, listen } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * using client = connectSync(listener.addr);
   * using server = listener.acceptSync({ timeout: 1_000 });
   * client.writeSync(new TextEncoder().encode("hello"));
   * console.log(server.readSync(new Uint8Array(16)));
   * ```
   */
  acceptSync(options?: SyncOptions): Conn<A> {
    return makeConn(acceptSync(this.#acceptor, syncTimeout(options)));
  }

  /**
   * Stops listening at once: the address is free when it returns, and the file of
   * a unix socket is removed. Loops end, and
   * connections that `accept()` has not returned are reset. Closing again does
   * nothing.
   */
  close(): void {
    this.#acceptor.close();
  }

  /**
   * Stops accepting, without an effect on connections: those that the system has
   * accepted are still delivered, and those that wait are left to another process
   * that was given the socket by {@linkcode Listener.pass}. Then the listener is
   * closed and loops end. Without such a process, those that wait are reset. The
   * file of a unix socket is left to that process.
   *
   * With `deferAccept`, connections without data are waited for on Linux, and reset
   * on Windows.
   *
   * @returns when the listener is closed. That takes until `accept()` or a loop has
   * taken every connection.
   * @throws {NotSupported} for a named pipe, of which no other process can accept.
   */
  stop(): Promise<void> {
    return this.#acceptor.stop();
  }

  /**
   * Ends the listener together with its connections: stops accepting, as
   * {@linkcode Listener.stop} does, waits until the connections are closed, and
   * resets those that are left at the deadline. A second call with an earlier
   * deadline resets them then.
   *
   * Connections that `accept()` has not returned are still delivered, those of a
   * named pipe excepted, which are reset.
   *
   * @param options how long to wait.
   * @returns how many connections were closed meanwhile, and how many were reset.
   * Writes that were pending when a connection was closed are sent by then.
   *
   * @example
   * ```ts
   * import { connect, listen } from "iocp";
   *
   * const listener = listen({ hostname: "127.0.0.1", port: 0 });
   * const client = await connect(listener.addr);
   * const server = await listener.accept();
   * const result = listener.shutdown({ deadline: 5_000 });
   * server.close();
   * console.log(await result);
   * client.close();
   * ```
   */
  async shutdown(options?: ShutdownOptions): Promise<ShutdownResult> {
    return await shutDown(this.#acceptor, deadlineOf(options));
  }

  /**
   * Passes the socket to another process. Both accept from then on, until one of
   * them stops. See [sockets of others](../docs/inherited_sockets.md).
   *
   * @param address what {@linkcode inboxAddress} has returned there.
   * @returns the ticket for `listen({ ticket })` there. It is good for one time.
   * @throws {SocketError} `EINVAL` for other bytes, `ECONNREFUSED` when that
   * process has ended, `EBUSY` when its inbox is full, `EBADF` when the listener is
   * closed.
   * @throws {NotSupported} for a named pipe, and for a listener on `"localhost"`
   * with a socket for each address family.
   *
   * @example Here both are the same process
   * ```ts
   * import { connect, inboxAddress, listen } from "iocp";
   *
   * const old = listen({ hostname: "127.0.0.1", port: 0 });
   * const ticket = old.pass(inboxAddress());
   * using listener = listen({ ticket });
   * await old.stop();
   * using client = await connect({ hostname: "127.0.0.1", port: old.addr.port });
   * using server = await listener.accept();
   * console.log(client.remoteAddr, server.localAddr);
   * ```
   */
  pass(address: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#acceptor.pass(address);
  }

  /**
   * Hands the connections out to Workers, each of which takes its part with
   * `listen({ share })`. See [all cores](../docs/all_cores.md).
   *
   * The listener itself delivers no connections from then on, and counts in
   * `stats().accepted` those that it has handed out. It has to stay open: its
   * `close()` ends the loops of the Workers, after the connections that they were
   * given.
   *
   * @returns a plain object for `postMessage()`, the same at each call.
   * @throws {NotSupported} for a named pipe, for a part of another listener, and for
   * a listener with `deferAccept`, `firstByteTimeout`, `maxConnections`, `acceptRate`,
   * `blockList` or `tls`, which are options of each `listen({ share })`.
   * @throws {SocketError} `EBADF` when the listener is closed, `EMFILE` when the
   * process has 256 shares.
   *
   * @example Here both are the same thread
   * ```ts
   * import { connect, listen } from "iocp";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * const share = listener.share(); // worker.postMessage(share), and there:
   * using part = listen({ share });
   * using client = await connect(listener.addr);
   * using server = await part.accept();
   * console.log(client.remoteAddr, server.localAddr);
   * ```
   */
  share(): ListenerShare {
    return this.#acceptor.share();
  }

  /** Lets the listener keep the process alive, which is the default. */
  ref(): void {
    this.#acceptor.setRef(true);
  }

  /** Lets the process end while the listener is open. */
  unref(): void {
    this.#acceptor.setRef(false);
  }

  /** The connections as they are made, until the listener is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Conn<A>, undefined> {
    return new ListenerIterator<A>(this.#acceptor);
  }

  /**
   * The same loop with a limit on each turn.
   *
   * @param options how long each turn may wait for a connection, and what ends it. As
   * leaving the loop in any other way, that closes the listener: to go on after a
   * timeout, use `accept()`. Connections that were accepted stay open.
   * @throws {SocketError} `ETIMEDOUT` from the loop, after `timeout`.
   * @throws the reason of `signal` from the loop, when that aborts.
   *
   * @example A server that ends when no client has come for a while
   * ```ts
   * import { listen, SocketError } from "iocp";
   *
   * const listener = listen({ hostname: "127.0.0.1", port: 0 });
   * try {
   *   for await (const conn of listener.accepts({ timeout: 50 })) {
   *     conn.close();
   *   }
   * } catch (error) {
   *   if (!(error instanceof SocketError)) throw error;
   *   console.log(error.code); // ETIMEDOUT
   * }
   * ```
   */
  accepts(
    options: OperationOptions,
  ): AsyncIterableIterator<Conn<A>, undefined> {
    return new LimitedAccepts<A>(this.#acceptor, operationLimits(options));
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.#acceptor.close();
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#acceptor.close();
    return Promise.resolve();
  }
}

async function acceptLimited<A extends Addr>(
  acceptor: Acceptor,
  options: OperationOptions,
): Promise<Conn<A>> {
  const limits = operationLimits(options);
  const socket = await new LimitedAccept(acceptor, limits).run();
  if (socket === undefined) throw acceptor.closedError();
  return makeConn(socket);
}

type Result<A extends Addr> = IteratorResult<Conn<A>, undefined>;

const DONE: IteratorReturnResult<undefined> = Object.freeze({
  value: undefined,
  done: true,
});

function resultOf<A extends Addr>(socket: Socket | undefined): Result<A> {
  return socket === undefined ? DONE : { value: makeConn(socket), done: false };
}

class ListenerIterator<A extends Addr>
  implements AsyncIterableIterator<Conn<A>, undefined> {
  readonly #acceptor: Acceptor;

  constructor(acceptor: Acceptor) {
    this.#acceptor = acceptor;
  }

  next(): Promise<Result<A>> {
    const acceptor = this.#acceptor;
    const socket = acceptor.shift();
    if (socket !== undefined) return Promise.resolve(resultOf(socket));
    return new Promise((resolve) => {
      acceptor.accept((socket) => resolve(resultOf(socket)));
    });
  }

  return(): Promise<Result<A>> {
    this.#acceptor.close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/* A loop of which each turn has limits. */
class LimitedAccepts<A extends Addr>
  implements AsyncIterableIterator<Conn<A>, undefined> {
  readonly #acceptor: Acceptor;
  readonly #limits: Limits;
  #isOver = false;

  constructor(acceptor: Acceptor, limits: Limits) {
    this.#acceptor = acceptor;
    this.#limits = limits;
  }

  async next(): Promise<Result<A>> {
    const acceptor = this.#acceptor;
    if (this.#isOver) return DONE;
    try {
      const socket = await new LimitedAccept(acceptor, this.#limits).run();
      this.#isOver = socket === undefined;
      return resultOf(socket);
    } catch (error) {
      /* The loop is left, but a `for await` does not call return() then. */
      this.#isOver = true;
      acceptor.close();
      throw error;
    }
  }

  return(): Promise<Result<A>> {
    this.#isOver = true;
    this.#acceptor.close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
