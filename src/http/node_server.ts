// Copyright the iocp authors. MIT license.
/* Servers of Node's modules, by the members that are used here. Such a server
 * keeps its listening socket in a handle. serveHttp() gives it a handle that
 * stands for a listener of this module, and an adapter passes it the
 * connections. */

import type { Duplex, EventListener } from "../runtime/node_types.ts";

/** A server of `node:http`, `node:https`, `node:http2`, `node:net` or
 * `node:tls`. */
export interface NodeServer {
  /** True while it listens. */
  readonly listening: boolean;
  /** The address that it listens on. */
  address(): unknown;
  /** Stops listening, and calls back when the last connection is closed. */
  close(callback?: (error?: Error) => void): unknown;
  /** Emits an event. */
  // deno-lint-ignore no-explicit-any
  emit(event: string, ...values: any[]): boolean;
  /** Adds a listener of an event. */
  // deno-lint-ignore no-explicit-any
  on(event: string, listener: (...values: any[]) => void): unknown;
}

/** Further members, most of which only some kinds of server have. */
export interface ServerMembers extends NodeServer {
  allowHalfOpen?: boolean;
  maxConnections?: number;
  noDelay?: boolean;
  pauseOnConnect?: boolean;
  timeout?: number;
  keepAliveTimeout?: number;
  keepAliveTimeoutBuffer?: number;
  headersTimeout?: number;
  requestTimeout?: number;
  connectionsCheckingInterval?: number;
  _connections?: number;
  _emitCloseIfDrained?(): void;
  _handle?: ServerHandle | null;
  _pipeName?: string;
  once(event: string, listener: EventListener): unknown;
}

/** A listening socket, as the servers of `node:net` use it. */
export interface ServerHandle {
  close(callback?: () => void): void;
  ref(): void;
  unref(): void;
  /** Of a local socket, which then has no getsockname(). */
  readonly path?: string;
  /** Writes the address to `out`; 0 is success. */
  readonly getsockname: ((out: Record<string, unknown>) => number) | undefined;
}

/** Connects a server to a listener; there is one for each kind of server. */
export interface ServerAdapter {
  /** The number of open connections. */
  readonly count: number;
  /** Whether small writes are sent at once; undefined leaves it to the
   * listener. */
  readonly noDelay: boolean | undefined;
  /** Passes a connection to the server. */
  add(duplex: Duplex): void;
  /** One of the connections was closed. */
  remove(): void;
}

/** The error for a server that listens already. */
export function alreadyListening(): Error {
  return Object.assign(
    new Error("Listen method has been called more than once without closing."),
    { code: "ERR_SERVER_ALREADY_LISTEN" },
  );
}
