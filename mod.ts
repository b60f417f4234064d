// Copyright the iocp authors. MIT license.
/**
 * TCP and local sockets over a completion port: one API for Deno and Bun, on
 * Windows and Linux.
 *
 * A listener is an async iterable of connections, a connection an async
 * iterable of chunks; `await conn.write()` carries backpressure.
 *
 * @example
 * ```ts
 * import { type Conn, connect, listen } from "iocp";
 *
 * const listener = listen({ hostname: "127.0.0.1", port: 0 });
 *
 * async function echo(conn: Conn) {
 *   for await (const chunk of conn) await conn.write(chunk);
 * }
 * async function serve() {
 *   for await (const conn of listener) echo(conn);
 * }
 * serve();
 *
 * const conn = await connect(listener.addr);
 * await conn.write(new TextEncoder().encode("hello"));
 * for await (const chunk of conn) {
 *   console.log(new TextDecoder().decode(chunk));
 *   break;
 * }
 * listener.close();
 * ```
 *
 * @module
 */

/* First, since it throws in runtimes in which the other modules could not
 * run. */
import "./src/runtime/detect.ts";
import "./src/loop/preload.ts";

export { type Addr, type NetAddr } from "./src/native/address.ts";
export {
  type PathAddr,
  type PipeAddr,
  type UnixAddr,
} from "./src/native/path.ts";
export { broadcast } from "./src/broadcast.ts";
export {
  type DatagramAddr,
  type UdpAddr,
  type UnixDatagramAddr,
} from "./src/datagram/address.ts";
export {
  type Datagram,
  type Destination,
  type OutgoingDatagram,
} from "./src/datagram/datagram.ts";
export {
  DatagramConn,
  type MulticastV4Membership,
  type MulticastV6Membership,
  type ReceivedDatagram,
} from "./src/datagram/datagram_conn.ts";
export { DatagramSocket } from "./src/datagram/datagram_socket.ts";
export { type MembershipOptions } from "./src/datagram/membership.ts";
export { type OperationOptions } from "./src/options/operation.ts";
export {
  type SendFileOptions,
  type SendFileProgress,
} from "./src/options/send_file.ts";
export { type PipeOptions } from "./src/options/pipe.ts";
export { Conn } from "./src/conn.ts";
export { type AddressFilter } from "./src/options/address_filter.ts";
export {
  type CloseOptions,
  type ShutdownOptions,
} from "./src/options/deadline.ts";
export { type ShutdownResult } from "./src/socket/shutdown.ts";
export { ByteReader } from "./src/framing/byte_reader.ts";
export { frames, lines } from "./src/framing/loops.ts";
export {
  type ByteReaderOptions,
  type FrameOptions,
  type LineOptions,
  type ReadOptions,
} from "./src/options/framing.ts";
export { type Peer } from "./src/native/peer.ts";
export {
  type InheritedListener,
  inheritedListeners,
  type InheritedListenOptions,
} from "./src/inherited_listeners.ts";
export { localSocketPath } from "./src/local_socket_path.ts";
export {
  type DetachedSocket,
  type PassedSocket,
} from "./src/socket/detached_socket.ts";
export { LibraryError, NotSupported, SocketError } from "./src/errors.ts";
export { type SocketErrorOptions } from "./src/errors.ts";
export { type HttpService, serveHttp } from "./src/http/http_service.ts";
export {
  type ConnOptions,
  type ConnOptionsInForce,
} from "./src/options/conn.ts";
export { type ConnectOptions } from "./src/options/connect.ts";
export { type HandleListenOptions } from "./src/options/handle.ts";
export {
  type BindOptions,
  type BindPathOptions,
  type CommonBindOptions,
  type DatagramOptions,
  type DatagramOptionsInForce,
} from "./src/options/datagram.ts";
export {
  type KeepAliveOptions,
  type KeepAliveOptionsInForce,
} from "./src/options/keep_alive.ts";
export {
  type ListenerChanges,
  type ListenerOptionsInForce,
  type ListenOptions,
  type ListenOptionsInForce,
} from "./src/options/listen.ts";
export {
  type ListenDatagramOptions,
  type ListenDatagramPathOptions,
} from "./src/options/listen_datagram.ts";
export {
  type PathConnectOptions,
  type PathConnOptions,
  type PathListenOptions,
} from "./src/options/path.ts";
export {
  type PeerCertificate,
  type Pem,
  type StartTlsOptions,
  type TlsCommonOptions,
  type TlsIdentity,
  type TlsInfo,
  type TlsOptions,
  type TlsServerOptions,
  type TlsVersion,
} from "./src/options/tls.ts";
export { type SyncOptions } from "./src/options/sync.ts";
export { type ListenerShare } from "./src/options/share.ts";
export { Listener } from "./src/listener.ts";
export { type NodeServer } from "./src/http/node_server.ts";
export { type AddSocketOptions, CompletionPort } from "./src/port.ts";
export {
  adopt,
  bind,
  connect,
  connectSync,
  dropSocket,
  inboxAddress,
  listen,
  listenDatagram,
  passSocket,
} from "./src/shared_port.ts";
export {
  type BurstReceiveOptions,
  type PlainReceiveOptions,
  type ReceiveMode,
  type ReceiveOptions,
  type ReceiveOptionsInForce,
} from "./src/options/receive_mode.ts";
export {
  type PlainDuplex,
  type SocketDuplex,
  type SocketMembers,
} from "./src/views/socket_duplex.ts";
export { type SocketEvent } from "./src/views/socket_events.ts";
export {
  type ConnStats,
  type DatagramStats,
  type ListenerStats,
  type PortStats,
  type TcpInfo,
} from "./src/stats.ts";
export {
  type ClosedEvent,
  type CloseReason,
  type CloseTimeout,
  type ConnEvent,
  type DrainedEvent,
  type EventListener,
  type FailedEvent,
  type OpenedEvent,
  type SlowEvent,
  type WatchedConn,
} from "./src/watching/events.ts";
export {
  type ByteReadable,
  type ByteWritable,
  type PlainReadable,
  type PlainSignal,
  type PlainWritable,
  type Signal,
} from "./src/runtime/web_types.ts";
