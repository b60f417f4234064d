// Copyright the iocp authors. MIT license.
/* The port of a thread that is used by the functions without one. */

import type { Addr, NetAddr } from "./native/address.ts";
import { CompletionPort } from "./port.ts";
import type { Conn } from "./conn.ts";
import { currentLoop } from "./loop/group.ts";
import { asDatagramConn, type DatagramConn } from "./datagram/datagram_conn.ts";
import type { DatagramSocket } from "./datagram/datagram_socket.ts";
import type { UnixDatagramAddr } from "./datagram/address.ts";
import {
  type DetachedSocket,
  type PassedSocket,
  requireHandle,
} from "./socket/detached_socket.ts";
import {
  dropSocket as drop,
  inboxOf,
  passSocket as pass,
} from "./socket/passing.ts";
import type { Listener } from "./listener.ts";
import type { ConnOptions } from "./options/conn.ts";
import type { ConnectOptions } from "./options/connect.ts";
import type { BindOptions, BindPathOptions } from "./options/datagram.ts";
import {
  type ListenDatagramOptions,
  listenDatagramOptions,
  type ListenDatagramPathOptions,
} from "./options/listen_datagram.ts";
import type { HandleListenOptions } from "./options/handle.ts";
import type { ListenOptions } from "./options/listen.ts";
import type { PathConnectOptions, PathListenOptions } from "./options/path.ts";
import type { PathAddr } from "./native/path.ts";

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
