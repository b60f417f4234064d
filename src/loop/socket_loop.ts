// Copyright the iocp authors. MIT license.
/* What a connection needs of its loop and port. Those of a thread have it, and so
 * does what stands between a connection with TLS and the one below it. */

import type { Allowance } from "../socket/allowance.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Endpoint } from "./endpoint.ts";
import type { FileParts } from "../socket/file_parts.ts";
import type { NativePort } from "../native/port.ts";
import type { Slab } from "./slab.ts";
import type { TlsInfo } from "../options/tls.ts";

/** The calls of a {@linkcode NativePort} that are about one connection. */
export type SocketPort = Pick<
  NativePort,
  | "address"
  | "addressBytes"
  | "close"
  | "error"
  | "getOption"
  | "hasProgressed"
  | "peer"
  | "read"
  | "receive"
  | "send"
  | "setOption"
  | "shutdown"
  | "socketStats"
  | "tcpInfo"
>;

/** What limits calls. */
export interface CallLoop {
  /** See {@linkcode Loop.allowance}. */
  readonly allowance: Allowance;
  /** See {@linkcode Loop.deadlines}. */
  readonly deadlines: Deadlines;
}

/** The loop of a connection. */
export interface SocketLoop extends CallLoop {
  readonly port: SocketPort;
  /** See {@linkcode Loop.slab}. */
  readonly slab: Slab;
  /** What the handshake has agreed on, if there is TLS. */
  readonly tls?: TlsInfo;
  /** Adds the connection, which gets the completions of its socket. */
  add(endpoint: Endpoint): void;
  /** Opens a file to be sent, which may be read already.
   *
   * @throws {SocketError} with the path. */
  openFile(path: string): FileParts;
  /** Holds the process alive until the {@linkcode unref} that pairs with it. */
  ref(): void;
  unref(): void;
}
