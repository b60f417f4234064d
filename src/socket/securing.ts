// Copyright the iocp authors. MIT license.

import type { Socket } from "./socket.ts";

/** What makes TLS over the connections of a listener, before accept() returns
 * them. */
export interface Securing {
  /** Handshakes that are not done. */
  readonly pending: number;
  /** Handshakes that have failed since the start. */
  readonly failures: number;
  /** Starts the handshake of a connection. */
  start(socket: Socket): void;
  /** The listener is closed: resets the connections whose handshakes are not
   * done. */
  clear(): void;
}

/** The listener. */
export interface SecuringOwner {
  /** The connection with TLS may be returned by accept(). */
  secured(socket: Socket): void;
  /** A handshake has failed. */
  failed(error: Error): void;
}
