// Copyright the iocp authors. MIT license.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Addr, NetAddr } from "./native/address.ts";
import type { PathAddr } from "./native/path.ts";
import { Acceptor } from "./socket/acceptor.ts";
import { adoptListener } from "./socket/adopted_listener.ts";
import { adoptSocket } from "./socket/adopter.ts";
import { type Conn, makeConn } from "./conn.ts";
import { bindUdp, bindUnix } from "./datagram/binder.ts";
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
import { NotSupported } from "./errors.ts";
import { Group } from "./loop/group.ts";
import { type Listener, makeListener } from "./listener.ts";
import type { ConnOptions, ConnSettings } from "./options/conn.ts";
import { type ConnectOptions, connectSettings } from "./options/connect.ts";
import {
  type BindOptions,
  type BindPathOptions,
  hasPath,
  udpSettings,
  unixSettings,
} from "./options/datagram.ts";
import { type HandleListenOptions, isForHandle } from "./options/handle.ts";
import { type ListenOptions, listenSettings } from "./options/listen.ts";
import {
  isForPath,
  type PathConnectOptions,
  pathConnectSettings,
  type PathListenOptions,
  pathListenSettings,
} from "./options/path.ts";
import { isForShare } from "./options/share.ts";
import { OPTIONS } from "./options/table.ts";
import { NO_BLOCKING } from "./options/tls.ts";
import { tlsConnecting, tlsListening } from "./tls/start_tls.ts";
import { showFields } from "./views/inspect.ts";
import { isWindows } from "./runtime/detect.ts";
import { takePart } from "./socket/sharing.ts";
import type { Socket } from "./socket/socket.ts";
import { tellFailure, watched } from "./watching/monitor.ts";
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
    const isPart = isForShare(options);
    const { tls } = options;
    /* Its certificate is checked before a socket is touched. */
    const secure = tls === undefined ? undefined : tlsListening(tls);
    const group = this.#group;
    const settings = isPart
      ? takePart(group, options)
      : isForHandle(options)
      ? adoptListener(group, options)
      : isForPath<PathListenOptions>(options)
      ? pathListenSettings(options)
      : listenSettings(options);
    group.requireOpen("listen");
    return makeListener(new Acceptor(group, settings, secure));
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
      const secure = tlsConnecting(options.tls, "localhost", settings);
      group.requireOpen("connect");
      return await reported(
        settings.conn,
        async () => secure(await makePathConnection(group, settings)),
      );
    }
    const settings = connectSettings(options);
    const secure = tlsConnecting(options.tls, settings.hostname, settings);
    group.requireOpen("connect");
    return await reported(
      settings.conn,
      async () => secure(await makeConnection(group, settings)),
    );
  }

  /** The same as {@linkcode connectSync}, on this port. */
  connectSync(options: ConnectOptions): Conn;
  /** The same to a local socket. */
  connectSync(options: PathConnectOptions): Conn<PathAddr>;
  /** The same to either. */
  connectSync(options: ConnectOptions | PathConnectOptions): Conn<Addr>;
  connectSync(options: ConnectOptions | PathConnectOptions): Conn<Addr> {
    const group = this.#group;
    requireOptions(options);
    if (options.tls !== undefined) throw new NotSupported(NO_BLOCKING);
    if (isForPath<PathConnectOptions>(options)) {
      const settings = pathConnectSettings(options);
      group.requireOpen("connect");
      return reportedSync(
        settings.conn,
        () => makePathConnectionSync(group, settings),
      );
    }
    const settings = connectSettings(options);
    group.requireOpen("connect");
    return reportedSync(
      settings.conn,
      () => makeConnectionSync(group, settings),
    );
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
    return makeConn(watched(adopted, "adopted"));
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
    const conn = makeConn<A>(watched(adopted, "adopted"));
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

/* The connection that `connect` makes; `onEvent` gets it, or the failure. */
async function reported<A extends Addr>(
  settings: ConnSettings,
  connect: () => Promise<Socket>,
): Promise<Conn<A>> {
  try {
    return makeConn<A>(watched(await connect(), "connected"));
  } catch (error) {
    tellFailure(settings, error);
    throw error;
  }
}

function reportedSync<A extends Addr>(
  settings: ConnSettings,
  connect: () => Socket,
): Conn<A> {
  try {
    return makeConn<A>(watched(connect(), "connected"));
  } catch (error) {
    tellFailure(settings, error);
    throw error;
  }
}
