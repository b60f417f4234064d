// Copyright the iocp authors. MIT license.
/* Servers of Node's modules on a listener of this module, in place of their own
 * listen(). */

import type { Addr, NetAddr } from "../native/address.ts";
import { droppedConnection, nodeAddress } from "../views/node_address.ts";
import { nextTick } from "../runtime/globals.ts";
import { Listener } from "../listener.ts";
import type { Conn } from "../conn.ts";
import {
  alreadyListening,
  type NodeServer,
  type ServerAdapter,
  type ServerHandle,
  type ServerMembers,
} from "./node_server.ts";
import type { Duplex } from "../runtime/node_types.ts";
import { runtime } from "../runtime/detect.ts";
import { wrongType } from "../options/validate.ts";

/** A server that {@linkcode serveHttp} has given a listener to. */
export interface HttpService<A extends Addr = NetAddr> extends AsyncDisposable {
  /** The address that it listens on. */
  readonly addr: A;
  /** Resolves when the server has closed: it has stopped listening, and its last
   * connection is closed. */
  readonly finished: Promise<void>;
  /**
   * Calls the server's own `close()`: it stops listening, closes idle
   * connections, and answers the requests that are under way. Resolves when
   * {@linkcode finished} does. `server.closeAllConnections()` ends it early.
   */
  close(): Promise<void>;
}

function ignore(): void {}

function requireServer(value: unknown): ServerMembers {
  const server = value as ServerMembers | null;
  if (
    typeof server !== "object" || server === null ||
    typeof server.emit !== "function" || typeof server.close !== "function"
  ) {
    wrongType("server", "a server of node:http or node:https", value);
  }
  if (server.listening) throw alreadyListening();
  return server;
}

class Service<A extends Addr> implements HttpService<A> {
  readonly #server: ServerMembers;
  readonly #listener: Listener<A>;
  readonly #adapter: ServerAdapter;
  /** The value to set for each connection; undefined if the listener has set it
   * already. */
  readonly #noDelay: boolean | undefined;
  readonly addr: A;
  readonly finished: Promise<void>;

  constructor(server: ServerMembers, listener: Listener<A>) {
    this.#server = server;
    this.#listener = listener;
    this.addr = listener.addr;
    /* Throws if the listener is closed, before the server is changed. */
    const { noDelay: inherited } = listener.options;
    this.#adapter = runtime.makeServerAdapter(server, this.#handle());
    const { noDelay } = this.#adapter;
    this.#noDelay = noDelay === inherited ? undefined : noDelay;
    this.finished = new Promise((resolve) => server.once("close", resolve));
    nextTick(() => {
      if (server.listening) server.emit("listening");
    });
    this.#run();
  }

  close(): Promise<void> {
    if (this.#server.listening) this.#server.close();
    return this.finished;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #handle(): ServerHandle {
    const listener = this.#listener;
    const { addr } = this;
    return {
      ...addr.transport === "tcp" ? {} : { path: addr.path },
      close: (callback) => {
        listener.close();
        callback?.();
      },
      ref: () => listener.ref(),
      unref: () => listener.unref(),
      getsockname: addr.transport !== "tcp" ? undefined : (out) => {
        Object.assign(out, nodeAddress(addr));
        return 0;
      },
    };
  }

  async #run(): Promise<void> {
    for await (const conn of this.#listener) this.#serve(conn);
    /* The listener was closed by its user or with its port. */
    if (this.#server.listening) this.#server.close();
  }

  #serve(conn: Conn<A>): void {
    try {
      if (this.#isFull()) this.#drop(conn);
      else this.#admit(conn);
    } catch (error) {
      /* An error that an event listener of the server throws must not end the
       * loop. */
      nextTick(() => {
        throw error;
      });
    }
  }

  #isFull(): boolean {
    const { maxConnections } = this.#server;
    return typeof maxConnections === "number" &&
      this.#adapter.count >= maxConnections;
  }

  #drop(conn: Conn<A>): void {
    const { localAddr, remoteAddr } = conn;
    conn.close();
    this.#server.emit("drop", droppedConnection(localAddr, remoteAddr));
  }

  #admit(conn: Conn<A>): void {
    const server = this.#server;
    const socket = conn.duplex();
    const duplex = socket as unknown as Duplex;
    /* A failed connection is no failure of the server, which emits "clientError"
     * for it. */
    duplex.on("error", ignore);
    duplex.once("close", () => this.#adapter.remove());
    duplex.allowHalfOpen = server.allowHalfOpen ?? true;
    if (this.#noDelay !== undefined) socket.setNoDelay(this.#noDelay);
    if (server.pauseOnConnect) duplex.pause();
    this.#adapter.add(duplex);
  }
}

/**
 * Serves the connections of a listener with a server of Node's modules, in place
 * of the server's own `listen()`. Everything that follows from listening works
 * as after `listen()`: the timeouts of headers, requests and idle connections,
 * `listening`, `address()`, the events, `close()`, `closeAllConnections()`,
 * `ref()`, `unref()` and `maxConnections`.
 *
 * Servers of `node:http` and `node:https` are supported, and those of
 * `node:http2`, `node:net` and `node:tls` as well. The server does its own TLS,
 * with its certificates, SNI and ALPN. Small writes are sent at once, unless an
 * HTTP server was made with `noDelay: false`.
 *
 * From then on the listener belongs to the server: closing one closes both.
 *
 * @param server a server that does not listen.
 * @param listener a listener that nothing else accepts from.
 * @returns the service, to close it or to wait for its end.
 * @throws {TypeError} for a wrong argument, which the message names.
 * @throws {Error} `ERR_SERVER_ALREADY_LISTEN` when the server listens already.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { listen, serveHttp } from "iocp";
 *
 * const server = createServer((_, response) => response.end("hello"));
 * await using service = serveHttp(
 *   server,
 *   listen({ hostname: "127.0.0.1", port: 0 }),
 * );
 *
 * const answer = await fetch(`http://127.0.0.1:${service.addr.port}/`);
 * console.log(await answer.text());
 * ```
 */
export function serveHttp<A extends Addr = NetAddr>(
  server: NodeServer,
  listener: Listener<A>,
): HttpService<A> {
  if (!(listener instanceof Listener)) {
    wrongType("listener", "a Listener", listener);
  }
  return new Service(requireServer(server), listener);
}
