// Copyright the iocp authors. MIT license.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Addr, NetAddr } from "./native/address.ts";
import type { PathAddr } from "./native/path.ts";
import { Acceptor } from "./socket/acceptor.ts";
import { adoptListener } from "./socket/adopted_listener.ts";
import { adoptSocket } from "./socket/adopter.ts";
import { type Conn, makeConn } from "./conn.ts";
import { bindUdp, bindUnix } from "./datagram/binder.ts";
import { asDatagramConn, type DatagramConn } from "./datagram/datagram_conn.ts";
import {
  type DatagramSocket,
  makeDatagramSocket,
} from "./datagram/datagram_socket.ts";
import type { UnixDatagramAddr } from "./datagram/address.ts";
import {
  makeConnectionSync,
  makePathConnectionSync,
} from "./views/blocking.ts";
import { makeConnection, makePathConnection } from "./connect/connector.ts";
import {
  type DetachedSocket,
  type PassedSocket,
  requireDetached,
  requireHandle,
} from "./socket/detached_socket.ts";
import { currentLoop, Group } from "./loop/group.ts";
import {
  dropSocket as drop,
  inboxOf,
  passSocket as pass,
} from "./socket/passing.ts";
import { type Listener, makeListener } from "./listener.ts";
import type { ConnOptions } from "./options/conn.ts";
import { type ConnectOptions, connectSettings } from "./options/connect.ts";
import {
  type BindOptions,
  type BindPathOptions,
  hasPath,
  udpSettings,
  unixSettings,
} from "./options/datagram.ts";
import {
  type ListenDatagramOptions,
  listenDatagramOptions,
  type ListenDatagramPathOptions,
} from "./options/listen_datagram.ts";
import { type HandleListenOptions, isForHandle } from "./options/handle.ts";
import { type ListenOptions, listenSettings } from "./options/listen.ts";
import {
  isForPath,
  type PathConnectOptions,
  pathConnectSettings,
  type PathListenOptions,
  pathListenSettings,
} from "./options/path.ts";
import { OPTIONS } from "./options/table.ts";
import { showFields } from "./views/inspect.ts";
import { isWindows } from "./runtime/detect.ts";
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
   * The most bytes of one event, from 1 to 1,048,576. No event has more than
   * 262,144.
   *
   * @default {16_384}
   */
  readBufferSize?: number | undefined;
  /** A value of the caller's, which each event of the socket has. */
  userState?: unknown;
}

/**
 * Sockets that are counted and closed together.
 *
 * All ports of a thread share one completion port of the system (on Linux an
 * epoll instance) and one loop, so a thread may have up to 65,535 of them, and
 * each costs a few bytes. Most programs need none: `listen()` and `connect()` use
 * one that is created when it is first needed. A port of your own has its own
 * counters, and its `close()` closes all of its sockets and no others.
 *
 * @example
 * ```ts
 * import { CompletionPort } from "iocp";
 *
 * using port = new CompletionPort();
 * const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
 * console.log(listener.addr.port, port.stats().sockets);
 * ```
 */
export class CompletionPort {
  static {
    showFields(CompletionPort, (port) => {
      const { engine } = port;
      return port.#group.isClosed
        ? { engine, state: "closed" }
        : { engine, sockets: port.#group.stats().sockets, state: "open" };
    });
  }

  readonly #group = new Group();
  readonly #events = new SocketEvents(this.#group.loop.allowance);

  /**
   * The mechanism of the system: `"iocp"` on Windows, `"epoll"` on Linux.
   */
  get engine(): "iocp" | "epoll" {
    return isWindows ? "iocp" : "epoll";
  }

  /** Where the native library was loaded from. */
  get libraryPath(): string {
    return this.#group.loop.libraryPath;
  }

  /** The same as {@linkcode listen}, on this port. */
  listen(options: ListenOptions): Listener;
  /** The same on a local socket. */
  listen(options: PathListenOptions): Listener<PathAddr>;
  /** The same for a socket that listens already. */
  listen(options: HandleListenOptions): Listener<Addr>;
  /** The same for any of them. */
  listen(
    options: ListenOptions | PathListenOptions | HandleListenOptions,
  ): Listener<Addr>;
  listen(
    options: ListenOptions | PathListenOptions | HandleListenOptions,
  ): Listener<Addr> {
    if (isForHandle(options)) {
      const settings = adoptListener(this.#group, options);
      return makeListener(new Acceptor(this.#group, settings));
    }
    const settings = isForPath<PathListenOptions>(options)
      ? pathListenSettings(options)
      : listenSettings(options);
    this.#group.requireOpen("listen");
    return makeListener(new Acceptor(this.#group, settings));
  }

  /** The same as {@linkcode connect}, on this port. */
  connect(options: ConnectOptions): Promise<Conn>;
  /** The same to a local socket. */
  connect(options: PathConnectOptions): Promise<Conn<PathAddr>>;
  /** The same to either. */
  connect(options: ConnectOptions | PathConnectOptions): Promise<Conn<Addr>>;
  async connect(
    options: ConnectOptions | PathConnectOptions,
  ): Promise<Conn<Addr>> {
    const group = this.#group;
    if (isForPath<PathConnectOptions>(options)) {
      const settings = pathConnectSettings(options);
      group.requireOpen("connect");
      return makeConn(await makePathConnection(group, settings));
    }
    const settings = connectSettings(options);
    group.requireOpen("connect");
    return makeConn(await makeConnection(group, settings));
  }

  /** The same as {@linkcode connectSync}, on this port. */
  connectSync(options: ConnectOptions): Conn;
  /** The same to a local socket. */
  connectSync(options: PathConnectOptions): Conn<PathAddr>;
  /** The same to either. */
  connectSync(options: ConnectOptions | PathConnectOptions): Conn<Addr>;
  connectSync(options: ConnectOptions | PathConnectOptions): Conn<Addr> {
    const group = this.#group;
    if (isForPath<PathConnectOptions>(options)) {
      const settings = pathConnectSettings(options);
      group.requireOpen("connect");
      return makeConn(makePathConnectionSync(group, settings));
    }
    const settings = connectSettings(options);
    group.requireOpen("connect");
    return makeConn(makeConnectionSync(group, settings));
  }

  /** The same as {@linkcode bind}, on this port. */
  bind(options?: BindOptions): DatagramSocket;
  /** The same as {@linkcode bind}, on this port. */
  bind(options: BindPathOptions): DatagramSocket<UnixDatagramAddr>;
  bind(
    options: BindOptions | BindPathOptions = {},
  ): DatagramSocket | DatagramSocket<UnixDatagramAddr> {
    if (hasPath(options)) {
      const settings = unixSettings(options);
      this.#group.requireOpen("bind");
      return makeDatagramSocket(bindUnix(this.#group, settings));
    }
    const settings = udpSettings(options);
    this.#group.requireOpen("bind");
    return makeDatagramSocket(bindUdp(this.#group, settings));
  }

  /**
   * Makes a connection of the result of `conn.detach()`, of this thread or
   * another one, including the bytes that were received and not read.
   *
   * @typeParam A the type of its addresses, for a local socket {@linkcode PathAddr}.
   * @param socket the result of `detach()`, or the ticket of one that another
   * process has passed to the inbox of this thread.
   * @param options as for `connect()`. Those of the former owner are replaced,
   * except its `userTimeout` when there is none here.
   * @throws {SocketError} `ENOTSOCK`, `ENOTCONN` (not a connected stream),
   * `EEXIST` (it is on a port already). The caller then still owns the handle.
   * @throws {NotSupported} for an option that the system or a local socket does not
   * have; likewise.
   * @throws Under Deno, `NotCapable` without the permission to connect to the peer.
   */
  adopt<A extends Addr = NetAddr>(
    socket: DetachedSocket | PassedSocket,
    options: ConnOptions = {},
  ): Conn<A> {
    const { handle, bytes } = requireDetached(socket);
    requireOptions(options);
    const adopted = adoptSocket(this.#group, handle, options, true);
    adopted.receive.preload(bytes);
    return makeConn(adopted);
  }

  /**
   * Adds a connected socket that was created elsewhere. {@linkcode events} reports
   * its received bytes, its end and its failure, as the callback of libiocp does.
   * The port owns the socket from here on, and closes it after its last event or
   * when the returned connection is closed.
   *
   * @param socket the SOCKET or file descriptor, or the result of
   * `conn.detach()`.
   * @param options `readBufferSize`, the most bytes of one event (from 1 to
   * 1,048,576, by default 16,384); `userState`, a value that each event has; and
   * those of every connection. With `allowHalfOpen` the last event leaves the
   * socket open.
   * @returns the connection, to write to.
   * @throws {SocketError} `ENOTSOCK`, `ENOTCONN` (not a connected stream),
   * `EEXIST` (it is on a port already). The caller then still owns the handle.
   * @throws {NotSupported} for an option that the system or a local socket does not
   * have; likewise.
   * @throws Under Deno, `NotCapable` without the permission to connect to the peer.
   */
  addSocket<A extends Addr = NetAddr>(
    socket: number | DetachedSocket,
    options: AddSocketOptions = {},
  ): Conn<A> {
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
    const adopted = adoptSocket(
      this.#group,
      handle,
      { ...rest, receive: { mode: "flow", bufferSize } },
      isDetached,
    );
    if (bytes !== undefined) adopted.receive.preload(bytes);
    const conn = makeConn<A>(adopted);
    this.#events.add(adopted, conn, userState);
    return conn;
  }

  /**
   * The events of the sockets that were added with {@linkcode addSocket}, in
   * order, until the port is closed. A socket receives no more until its event is
   * consumed, so a slow loop slows its peers down. Several loops share the events.
   *
   * @example
   * ```ts
   * import { CompletionPort, connect, listen } from "iocp";
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
   * Closes the port and all of its sockets at once: loops end, and pending calls
   * are rejected with `EINTR`. Connections with bytes still to send are reset, so
   * that no peer mistakes a partial message for a complete one. Closing again
   * does nothing.
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
 * @param options where to listen, and the options that connections inherit.
 * @returns the listener, an async iterable of connections.
 * @throws {TypeError} or {RangeError} that names a wrong option.
 * @throws {SocketError} when the system refuses: `EADDRINUSE`, `EACCES`,
 * `EADDRNOTAVAIL`, or `ENOTFOUND` for an unknown host name.
 * @throws {NotSupported} for `reusePort` on Windows, and for options that the
 * system does not have.
 * @throws Under Deno, `NotCapable` without the `net` permission.
 *
 * @example
 * ```ts
 * import { listen } from "iocp";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * console.log(`listening on port ${listener.addr.port}`);
 * ```
 */
export function listen(options: ListenOptions): Listener;
/**
 * Listens on a local socket: a unix socket, or a named pipe of Windows. What they
 * have, and who may connect, is in docs/local_sockets.md.
 *
 * @param options where to listen, and the options that connections inherit.
 * @returns the listener, an async iterable of connections.
 * @throws {TypeError} or {RangeError} that names a wrong option.
 * @throws {SocketError} when the system refuses: `EADDRINUSE`, `EACCES`, `ENOENT`
 * for a missing folder, `ENAMETOOLONG`.
 * @throws {NotSupported} when the system has no such sockets, and for options that
 * it does not have.
 * @throws Under Deno, `NotCapable` without the permissions `read`, `write` and
 * `net` for the path.
 *
 * @example
 * ```ts
 * import { connect, listen, localSocketPath } from "iocp";
 *
 * const path = localSocketPath(`iocp-example-${crypto.randomUUID()}`);
 * using listener = listen({ path, access: "user" });
 * await using conn = await connect({ path });
 * console.log(listener.addr.path, conn.remoteAddr.transport);
 * ```
 */
export function listen(options: PathListenOptions): Listener<PathAddr>;
/**
 * Accepts connections of a socket that listens already, for TCP or as a unix
 * socket: one of a service manager, another process or another library. See
 * [sockets of others](../docs/inherited_sockets.md). The listener owns the socket
 * and closes it; the file of a unix socket is left to its maker.
 *
 * @param options the socket, and the options that connections inherit.
 * @returns the listener, an async iterable of connections.
 * @throws {TypeError} or {RangeError} that names a wrong option.
 * @throws {SocketError} `ENOTSOCK`, `EINVAL` (it does not listen for streams) or
 * `EEXIST` (it is on a completion port already). The caller then still owns the
 * socket; after every other error it is closed.
 * @throws {NotSupported} for options that the socket or the system does not have.
 * @throws Under Deno, `NotCapable` without the permission to listen at its address.
 *
 * @example
 * ```ts
 * import { listen, NotSupported } from "iocp";
 *
 * try {
 *   listen({ fd: 3 });
 * } catch (error) {
 *   // No socket has this number, or this is Windows.
 *   console.log(error instanceof NotSupported, error);
 * }
 * ```
 */
export function listen(options: HandleListenOptions): Listener<Addr>;
/** Listens in any of these ways. */
export function listen(
  options: ListenOptions | PathListenOptions | HandleListenOptions,
): Listener<Addr>;
export function listen(
  options: ListenOptions | PathListenOptions | HandleListenOptions,
): Listener<Addr> {
  return sharedPort().listen(options);
}

/**
 * Makes a TCP connection, like `Deno.connect`. If a name has several addresses,
 * the first one that answers is used (RFC 8305).
 *
 * @param options where to connect, and how.
 * @returns the connection.
 * @throws {TypeError} or {RangeError} that names a wrong option.
 * @throws {SocketError} when it fails: `ECONNREFUSED`, `ETIMEDOUT`,
 * `ENOTFOUND` and so on.
 * @throws {NotSupported} for options that the system does not have.
 * @throws the reason of `signal` when that aborts.
 * @throws Under Deno, `NotCapable` without the `net` permission.
 *
 * @example
 * ```ts
 * import { connect, listen } from "iocp";
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
export function connect(options: ConnectOptions): Promise<Conn>;
/**
 * Connects to a local socket: a unix socket, or a named pipe of Windows. What they
 * have, and who may connect, is in docs/local_sockets.md.
 *
 * @param options where to connect, and how.
 * @returns the connection.
 * @throws {TypeError} or {RangeError} that names a wrong option.
 * @throws {SocketError} when it fails: `ENOENT`, `ECONNREFUSED`, `EACCES`,
 * `ETIMEDOUT` and so on.
 * @throws {NotSupported} when the system has no such sockets, and for options that
 * it does not have.
 * @throws the reason of `signal` when that aborts.
 * @throws Under Deno, `NotCapable` without the permissions `read`, `write` and
 * `net` for the path.
 */
export function connect(options: PathConnectOptions): Promise<Conn<PathAddr>>;
/** Connects to either kind of address. */
export function connect(
  options: ConnectOptions | PathConnectOptions,
): Promise<Conn<Addr>>;
export function connect(
  options: ConnectOptions | PathConnectOptions,
): Promise<Conn<Addr>> {
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
 * @param socket the result of `conn.detach()`, or the ticket of one that another
 * process has passed to the inbox of this thread.
 * @param options as for `connect()`.
 * @returns the connection.
 */
export function adopt<A extends Addr = NetAddr>(
  socket: DetachedSocket | PassedSocket,
  options?: ConnOptions,
): Conn<A> {
  return sharedPort().adopt(socket, options);
}

/**
 * The same as {@linkcode connect}, but it blocks the thread: no other code runs
 * on it meanwhile, timers and promises included.
 *
 * @param options where to connect, and how. A `signal` has an effect only if it
 * has aborted already. `timeout` does not interrupt a look-up of the host name:
 * the call fails when that is over.
 * @returns the connection.
 * @throws the errors that {@linkcode connect} is rejected with.
 *
 * @example
 * ```ts
 * import { connectSync, listen } from "iocp";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * using conn = connectSync({ ...listener.addr, timeout: 5_000 });
 * console.log(conn.remoteAddr.port);
 * ```
 */
export function connectSync(options: ConnectOptions): Conn;
/** The same to a local socket. */
export function connectSync(options: PathConnectOptions): Conn<PathAddr>;
/** The same to either kind of address. */
export function connectSync(
  options: ConnectOptions | PathConnectOptions,
): Conn<Addr>;
export function connectSync(
  options: ConnectOptions | PathConnectOptions,
): Conn<Addr> {
  return sharedPort().connectSync(options);
}

/**
 * Makes a datagram socket: UDP, or on Linux also a unix socket.
 *
 * @param options where to bind it, and how.
 * @returns the socket, an async iterable of datagrams.
 * @throws {TypeError} or {RangeError} that names a wrong option.
 * @throws {SocketError} when the system refuses: `EADDRINUSE`, `EACCES`,
 * `EADDRNOTAVAIL`, or `ENOTFOUND` for an unknown host name.
 * @throws {NotSupported} for `reusePort`, `reuseAddress`, `offload` and `path` on
 * Windows.
 * @throws the reason of `signal` when it has aborted already.
 * @throws Under Deno, `NotCapable` without the `net` permission for the host and
 * port, or without `read` and `write` for the path.
 *
 * @example
 * ```ts
 * import { bind } from "iocp";
 *
 * using socket = bind({ hostname: "127.0.0.1", port: 0 });
 * console.log(`bound to port ${socket.addr.port}`);
 * ```
 */
export function bind(options?: BindOptions): DatagramSocket;
/**
 * Makes a unix socket of datagrams (Linux).
 *
 * @param options where to bind it, and how.
 * @returns the socket, an async iterable of datagrams.
 */
export function bind(
  options: BindPathOptions,
): DatagramSocket<UnixDatagramAddr>;
export function bind(
  options: BindOptions | BindPathOptions = {},
): DatagramSocket | DatagramSocket<UnixDatagramAddr> {
  /* The overloads of the method take one kind of options each. */
  return sharedPort().bind(options as BindOptions);
}

/**
 * Makes a datagram socket with the members of Deno's, like `Deno.listenDatagram`.
 *
 * As with that, sending to broadcast addresses is allowed, and what it sends to
 * multicast groups is not received on this machine without `loopback`. Unlike with
 * that, `reuseAddress` takes no port away from another socket: see
 * {@linkcode BindOptions.reuseAddress}.
 *
 * @param options where to bind it, and how.
 * @returns the socket, an async iterable of pairs of data and address.
 * @throws the errors of {@linkcode bind}.
 *
 * @example
 * ```ts
 * import { listenDatagram } from "iocp";
 *
 * const socket = listenDatagram({
 *   hostname: "127.0.0.1",
 *   port: 0,
 *   transport: "udp",
 * });
 * await socket.send(new TextEncoder().encode("hello"), socket.addr);
 * for await (const [data, addr] of socket) {
 *   console.log(new TextDecoder().decode(data), addr.port);
 *   break;
 * }
 * socket.close();
 * ```
 */
export function listenDatagram(options: ListenDatagramOptions): DatagramConn;
/**
 * Makes a unix socket of datagrams (Linux) with the members of Deno's.
 *
 * @param options where to bind it.
 * @returns the socket, an async iterable of pairs of data and address.
 */
export function listenDatagram(
  options: ListenDatagramPathOptions,
): DatagramConn<UnixDatagramAddr>;
export function listenDatagram(
  options: ListenDatagramOptions | ListenDatagramPathOptions,
): DatagramConn | DatagramConn<UnixDatagramAddr> {
  const bound = listenDatagramOptions(options);
  return asDatagramConn(sharedPort().bind(bound as BindOptions));
}

/**
 * The address of this thread's inbox, to which other processes can pass sockets:
 * `listener.pass(address)`, or {@linkcode passSocket} for a connection. Both return
 * a ticket, which travels to this thread over any channel, as the address does to
 * the other process. Here `listen({ ticket })` and `adopt({ ticket })` take the
 * socket. See [sockets of others](../docs/inherited_sockets.md).
 *
 * @returns bytes that are the same for every call. On Linux they contain a secret:
 * a process that knows them can pass sockets, so that a full inbox refuses others.
 */
export function inboxAddress(): Uint8Array<ArrayBuffer> {
  /* It has the loop of the thread, and keeps it open. */
  sharedPort();
  return inboxOf(currentLoop());
}

/**
 * Passes a detached connection to another process. It stays open in this process as
 * well: when the other one has adopted it, call {@linkcode dropSocket}. The `bytes`
 * of the socket are not passed, and must travel with the ticket.
 *
 * @param socket the result of `conn.detach()`.
 * @param address what {@linkcode inboxAddress} has returned in the other process.
 * @returns the ticket for `adopt({ ticket, bytes })` there, good for one time.
 * @throws {SocketError} `EINVAL` for other bytes, `ENOTSOCK` (also for a named
 * pipe), `ECONNREFUSED` when that process has ended, `EBUSY` when its inbox is full.
 */
export function passSocket(
  socket: DetachedSocket,
  address: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const handle = requireHandle(socket?.handle);
  sharedPort();
  return pass(currentLoop(), -1, handle, address);
}

/**
 * Closes the handle of a detached connection that was passed to another process,
 * without an effect on the connection there.
 *
 * @param socket the result of `conn.detach()`.
 * @throws {SocketError} `ENOTSOCK` when it is closed already.
 */
export function dropSocket(socket: DetachedSocket): void {
  const handle = requireHandle(socket?.handle);
  sharedPort();
  drop(currentLoop(), handle);
}
