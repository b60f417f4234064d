// Copyright the iocp authors. MIT license.
/// <reference lib="esnext.disposable" preserve="true" />
import { Acceptor } from "./socket/acceptor.ts";
import { adoptSocket } from "./socket/adopter.ts";
import { ADOPT } from "./native/system_calls.ts";
import { type Conn, makeConn } from "./conn.ts";
import { makeConnectionSync } from "./views/blocking.ts";
import { makeConnection } from "./connect/connector.ts";
import {
  type DetachedSocket,
  requireDetached,
  requireHandle,
} from "./socket/detached_socket.ts";
import { Group } from "./loop/group.ts";
import { type Listener, makeListener } from "./listener.ts";
import { type ConnOptions, connSettings } from "./options/conn.ts";
import { type ConnectOptions, connectSettings } from "./options/connect.ts";
import { type ListenOptions, listenSettings } from "./options/listen.ts";
import { OPTIONS } from "./options/table.ts";
import { runtime } from "./runtime/detect.ts";
import { type SocketEvent, SocketEvents } from "./views/socket_events.ts";
import type { PortStats } from "./stats.ts";
import {
  optionalInteger,
  requireOptions,
  wrongType,
} from "./options/validate.ts";

/** Options of {@linkcode CompletionPort.addSocket}. */
export interface AddSocketOptions extends Omit<ConnOptions, "receive"> {
  /**
   * Bytes that one event brings at most, from 1 to 1,048,576, and no more than
   * 262,144 at a time.
   *
   * @default {16_384}
   */
  readBufferSize?: number | undefined;
  /** Comes with each event of the socket. */
  userState?: unknown;
}

/**
 * Sockets that are counted and closed together.
 *
 * All ports of a thread share one completion port of the system (on Linux an
 * epoll instance) and one loop, so a program may have as many as it likes, up to
 * 65,535 in a thread, and each costs a few bytes. One is enough, and `listen()`
 * and `connect()` use one that they make when first called. A port of one's own
 * closes all of its sockets with one `close()`, and no others, and counts apart.
 *
 * @example
 * ```ts
 * import { CompletionPort } from "./mod.ts";
 *
 * using port = new CompletionPort();
 * const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
 * console.log(listener.addr.port, port.stats().sockets);
 * ```
 */
export class CompletionPort {
  readonly #group = new Group();
  readonly #events = new SocketEvents(this.#group.loop.allowance);

  /**
   * What the system notifies of completions with: `"iocp"` on Windows, `"epoll"`
   * on Linux.
   */
  get engine(): "iocp" | "epoll" {
    return runtime.target.startsWith("windows") ? "iocp" : "epoll";
  }

  /** Where the native library was loaded from. */
  get libraryPath(): string {
    return this.#group.loop.libraryPath;
  }

  /** The same as {@linkcode listen}, on this port. */
  listen(options: ListenOptions): Listener {
    const settings = listenSettings(options);
    this.#group.requireOpen("listen");
    return makeListener(new Acceptor(this.#group, settings));
  }

  /** The same as {@linkcode connect}, on this port. */
  async connect(options: ConnectOptions): Promise<Conn> {
    const settings = connectSettings(options);
    this.#group.requireOpen("connect");
    return makeConn(await makeConnection(this.#group, settings));
  }

  /** The same as {@linkcode connectSync}, on this port. */
  connectSync(options: ConnectOptions): Conn {
    const settings = connectSettings(options);
    this.#group.requireOpen("connect");
    return makeConn(makeConnectionSync(this.#group, settings));
  }

  /**
   * Takes over a connection that `conn.detach()` has given up, on this thread
   * or another one, with the bytes that it had received.
   *
   * @param socket what `detach()` gave.
   * @param options as for `connect()`: those of the former owner do not come
   * with it.
   * @throws {SocketError} `ENOTSOCK`, `ENOTCONN` (not a connected stream),
   * `EEXIST` (it is on a port already); the handle is then still the caller's.
   * @throws Under Deno, `NotCapable` without the `net` permission for the peer.
   */
  adopt(socket: DetachedSocket, options: ConnOptions = {}): Conn {
    const { handle, bytes } = requireDetached(socket);
    requireOptions(options);
    const settings = connSettings(options);
    this.#group.requireOpen(ADOPT.syscall, ADOPT.action);
    const adopted = adoptSocket(this.#group, handle, settings, true);
    adopted.receive.preload(bytes);
    return makeConn(adopted);
  }

  /**
   * Hands a connected socket to the port, which was made elsewhere: a SOCKET or
   * a file descriptor, or what `conn.detach()` gave. What happens to it comes from {@linkcode events}, as with
   * the callback of libiocp: give a socket, a buffer size and a state of your
   * own. The port owns the socket from here on and closes it after its last
   * event, or when the connection that is returned is closed.
   *
   * @param socket the SOCKET or file descriptor, or a detached connection.
   * @param options `readBufferSize`, the bytes of one event at most (from 1 to
   * 1,048,576, by default 16,384); `userState`, which comes with each event;
   * and those of every connection. With `allowHalfOpen` the last event leaves
   * it open.
   * @returns the connection, to write to.
   * @throws {SocketError} `ENOTSOCK`, `ENOTCONN` (not a connected stream),
   * `EEXIST` (it is on a port already); the handle is then still the caller's.
   * @throws Under Deno, `NotCapable` without the `net` permission for the peer.
   */
  addSocket(
    socket: number | DetachedSocket,
    options: AddSocketOptions = {},
  ): Conn {
    const isDetached = typeof socket === "object";
    const { handle, bytes } = isDetached
      ? requireDetached(socket)
      : { handle: requireHandle(socket), bytes: undefined };
    requireOptions(options);
    const { readBufferSize: bufferSize, userState, receive, ...rest } =
      options as AddSocketOptions & ConnOptions;
    if (receive !== undefined) {
      wrongType("receive", "left out: use readBufferSize", receive);
    }
    const { min, max } = OPTIONS.receive.members.bufferSize;
    optionalInteger("readBufferSize", bufferSize, min, max, max);
    const settings = connSettings({
      ...rest,
      receive: { mode: "flow", bufferSize },
    });
    this.#group.requireOpen(ADOPT.syscall, ADOPT.action);
    const adopted = adoptSocket(this.#group, handle, settings, isDetached);
    if (bytes !== undefined) adopted.receive.preload(bytes);
    const conn = makeConn(adopted);
    this.#events.add(adopted, conn, userState);
    return conn;
  }

  /**
   * What happens to the sockets of {@linkcode addSocket}, in order, until the
   * port is closed. A socket whose event nobody takes receives no more, so a
   * slow loop slows its peers. Several loops share the events.
   *
   * @example
   * ```ts
   * import { CompletionPort, connect, listen } from "./mod.ts";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * using port = new CompletionPort();
   * const socket = await (await connect(listener.addr)).detach();
   * using server = await listener.accept();
   *
   * port.addSocket(socket, { readBufferSize: 4096, userState: "mine" });
   * await server.write(new TextEncoder().encode("hello"));
   * for await (const { type, byteCount, userState } of port.events()) {
   *   console.log(type, byteCount, userState);
   *   break;
   * }
   * ```
   */
  events<T = unknown>(): AsyncIterableIterator<SocketEvent<T>, undefined> {
    const events = this.#events;
    let isOver = false;
    const over = { value: undefined, done: true } as const;
    return {
      next: () =>
        (isOver ? Promise.resolve(over) : events.next()) as Promise<
          IteratorResult<SocketEvent<T>, undefined>
        >,
      return: () => {
        isOver = true;
        return Promise.resolve(over);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /**
   * Counters of the port's sockets; `polls` and `records` are those of the
   * thread's loop, which all of its ports share.
   *
   * @throws {SocketError} when the port is closed.
   */
  stats(): PortStats {
    this.#group.requireOpen("ioctl");
    return this.#group.stats();
  }

  /**
   * Closes the port and everything on it, at once: loops end, and what waits is
   * rejected with `EINTR`. Connections with bytes still to send are reset,
   * so that no peer takes a part for the whole. Closing again does nothing.
   */
  close(): void {
    this.#group.close();
    this.#events.close();
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

let shared: CompletionPort | undefined;

/** The port of this thread that `listen()` and `connect()` use. */
function sharedPort(): CompletionPort {
  return shared ??= new CompletionPort();
}

/**
 * Listens for TCP connections, like `Deno.listen`.
 *
 * @param options where to listen, and what the connections inherit.
 * @returns the listener, an async iterable of connections.
 * @throws {TypeError} or {RangeError} for a wrong option, which it names.
 * @throws {SocketError} when the system refuses: `EADDRINUSE`, `EACCES`,
 * `EADDRNOTAVAIL`, or `ENOTFOUND` for an unknown host name.
 * @throws {NotSupported} for `reusePort` on Windows.
 * @throws Under Deno, `NotCapable` without the `net` permission.
 *
 * @example
 * ```ts
 * import { listen } from "./mod.ts";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * console.log(`listening on port ${listener.addr.port}`);
 * ```
 */
export function listen(options: ListenOptions): Listener {
  return sharedPort().listen(options);
}

/**
 * Makes a TCP connection, like `Deno.connect`. Of a name's several addresses
 * the first that answers is used (RFC 8305).
 *
 * @param options where to connect, and how.
 * @returns the connection.
 * @throws {TypeError} or {RangeError} for a wrong option, which it names.
 * @throws {SocketError} when it fails: `ECONNREFUSED`, `ETIMEDOUT`,
 * `ENOTFOUND` and so on.
 * @throws the reason of `signal` when that aborts.
 * @throws Under Deno, `NotCapable` without the `net` permission.
 *
 * @example
 * ```ts
 * import { connect, listen } from "./mod.ts";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * await using conn = await connect({
 *   hostname: "127.0.0.1",
 *   port: listener.addr.port,
 *   timeout: 5_000,
 * });
 * console.log(conn.remoteAddr.port);
 * ```
 */
export function connect(options: ConnectOptions): Promise<Conn> {
  try {
    return sharedPort().connect(options);
  } catch (error) {
    /* The library could not be loaded. */
    return Promise.reject(error);
  }
}

/**
 * The same as {@linkcode CompletionPort.adopt}, on the port of this thread that
 * `listen()` and `connect()` use.
 *
 * @param socket what `conn.detach()` gave.
 * @param options as for `connect()`.
 * @returns the connection.
 */
export function adopt(socket: DetachedSocket, options?: ConnOptions): Conn {
  return sharedPort().adopt(socket, options);
}

/**
 * The same as {@linkcode connect}, but it blocks the thread: no other code of
 * it runs meanwhile, timers and promises included.
 *
 * @param options where to connect, and how. A `signal` counts only if it has
 * aborted already. `timeout` does not cut a look-up short that the system is
 * busy with: the call fails when that is over.
 * @returns the connection.
 * @throws what {@linkcode connect} is rejected with.
 *
 * @example
 * ```ts
 * import { connectSync, listen } from "./mod.ts";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * using conn = connectSync({ ...listener.addr, timeout: 5_000 });
 * console.log(conn.remoteAddr.port);
 * ```
 */
export function connectSync(options: ConnectOptions): Conn {
  return sharedPort().connectSync(options);
}
