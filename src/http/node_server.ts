// Copyright the iocp authors. MIT license.
/* A server of Node's that gets its connections from a listener of this module
 * takes part in all that listening means to it by a handle of its own kind: the
 * object that stands for its listening socket. */

import { nodeModule } from "../runtime/globals.ts";
import type { Duplex, EventListener } from "../runtime/node_types.ts";
import { wrongType } from "../options/validate.ts";

/** A server of `node:http`, `node:https`, `node:http2`, `node:net` or
 * `node:tls`, by what is used of it. */
export interface NodeServer {
  /** True while it listens. */
  readonly listening: boolean;
  /** Where it listens. */
  address(): unknown;
  /** Stops listening, and calls back when the last connection is gone. */
  close(callback?: (error?: Error) => void): unknown;
  /** Emits an event. */
  // deno-lint-ignore no-explicit-any
  emit(event: string, ...values: any[]): boolean;
  /** Listens to an event. */
  // deno-lint-ignore no-explicit-any
  on(event: string, listener: (...values: any[]) => void): unknown;
}

/** What such a server has besides, if it has it. */
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
  once(event: string, listener: EventListener): unknown;
}

/** A listening socket, as the servers of `node:net` use it. */
export interface ServerHandle {
  close(callback?: () => void): void;
  ref(): void;
  unref(): void;
  /** Puts the address into `out`; 0 is success. */
  getsockname(out: Record<string, unknown>): number;
}

/** What the server does with a listener: one way for each kind of server. */
export interface Reception {
  /** Connections that are open. */
  readonly count: number;
  /** Whether small writes are to leave at once; undefined leaves it to the
   * listener. */
  readonly noDelay: boolean | undefined;
  /** Takes a connection over. */
  take(duplex: Duplex): void;
  /** One that it has taken is gone. */
  gone(): void;
}

/** For a server that is to listen twice at a time. */
export function alreadyListening(): Error {
  return Object.assign(
    new Error("Listen method has been called more than once without closing."),
    { code: "ERR_SERVER_ALREADY_LISTEN" },
  );
}

/** The reception of whatever is a `net.Server`. It counts its connections, and
 * its own `close()`, `address()`, `listening` and so on use the handle. */
export class NetReception implements Reception {
  readonly #server: ServerMembers;

  constructor(server: ServerMembers, handle: ServerHandle) {
    const { Server } = nodeModule<{ Server: new () => unknown }>("node:net");
    if (!(server instanceof Server)) {
      wrongType("server", "a server of node:http or node:https", server);
    }
    this.#server = server;
    server._handle = handle;
  }

  get count(): number {
    return this.#server._connections ?? 0;
  }

  /* Only servers of HTTP have true as their default. */
  get noDelay(): boolean | undefined {
    const server = this.#server;
    const isHttp = ["node:http", "node:https"].some((name) => {
      const { Server } = nodeModule<{ Server: new () => unknown }>(name);
      return server instanceof Server;
    });
    return isHttp ? server.noDelay : server.noDelay || undefined;
  }

  take(duplex: Duplex): void {
    const server = this.#server;
    server._connections = this.count + 1;
    server.emit("connection", duplex);
  }

  gone(): void {
    const server = this.#server;
    server._connections = this.count - 1;
    server._emitCloseIfDrained?.();
  }
}
