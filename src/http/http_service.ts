// Copyright the iocp authors. MIT license.
/* A listener of this module in the place of the one that a server of Node's
 * makes in its listen(). */

import type { NetAddr } from "../native/address.ts";
import { nextTick } from "../runtime/globals.ts";
import { Listener } from "../listener.ts";
import type { Conn } from "../conn.ts";
import {
  type NodeServer,
  type Reception,
  type ServerHandle,
  type ServerMembers,
} from "./node_server.ts";
import type { Duplex } from "../runtime/node_types.ts";
import { runtime } from "../runtime/detect.ts";
import { wrongType } from "../options/validate.ts";

/** A server that {@linkcode serveHttp} has given a listener to. */
export interface HttpService extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: NetAddr;
  /** Resolves when the server has closed: it listens no more, and its last
   * connection is gone. */
  readonly finished: Promise<void>;
  /**
   * The server's own `close()`: stops listening, closes the connections that are
   * idle, and answers the requests that are under way. Resolves as
   * {@linkcode finished} does. The server's `closeAllConnections()` cuts it
   * short.
   */
  close(): Promise<void>;
}

function familyOf(hostname: string): "IPv4" | "IPv6" {
  return hostname.includes(":") ? "IPv6" : "IPv4";
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
  if (server.listening) {
    throw Object.assign(
      new Error(
        "Listen method has been called more than once without closing.",
      ),
      { code: "ERR_SERVER_ALREADY_LISTEN" },
    );
  }
  return server;
}

class Service implements HttpService {
  readonly #server: ServerMembers;
  readonly #listener: Listener;
  readonly #reception: Reception;
  /** What is to be set of each connection, where the listener has not. */
  readonly #noDelay: boolean | undefined;
  readonly addr: NetAddr;
  readonly finished: Promise<void>;

  constructor(server: ServerMembers, listener: Listener) {
    this.#server = server;
    this.#listener = listener;
    this.addr = listener.addr;
    const { noDelay: isSet } = listener.options;
    this.#reception = runtime.makeReception(server, this.#handle());
    const { noDelay } = this.#reception;
    this.#noDelay = noDelay === isSet ? undefined : noDelay;
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
    const { hostname, port } = this.addr;
    return {
      close: (callback) => {
        listener.close();
        callback?.();
      },
      ref: () => listener.ref(),
      unref: () => listener.unref(),
      getsockname: (out) => {
        const family = familyOf(hostname);
        Object.assign(out, { address: hostname, family, port });
        return 0;
      },
    };
  }

  async #run(): Promise<void> {
    for await (const conn of this.#listener) this.#take(conn);
    /* The listener may also be closed by itself, or with its port. */
    if (this.#server.listening) this.#server.close();
  }

  #take(conn: Conn): void {
    try {
      if (this.#isFull()) this.#drop(conn);
      else this.#admit(conn);
    } catch (error) {
      /* What a listener of the server throws does not end the loop. */
      nextTick(() => {
        throw error;
      });
    }
  }

  #isFull(): boolean {
    const { maxConnections } = this.#server;
    return typeof maxConnections === "number" &&
      this.#reception.count >= maxConnections;
  }

  #drop(conn: Conn): void {
    const { localAddr, remoteAddr } = conn;
    conn.close();
    this.#server.emit("drop", {
      localAddress: localAddr.hostname,
      localPort: localAddr.port,
      localFamily: familyOf(localAddr.hostname),
      remoteAddress: remoteAddr.hostname,
      remotePort: remoteAddr.port,
      remoteFamily: familyOf(remoteAddr.hostname),
    });
  }

  #admit(conn: Conn): void {
    const server = this.#server;
    const socket = conn.duplex();
    const duplex = socket as unknown as Duplex;
    /* A peer that goes away is no failure of the server, which has "clientError"
     * for it. */
    duplex.on("error", ignore);
    duplex.once("close", () => this.#reception.gone());
    duplex.allowHalfOpen = server.allowHalfOpen ?? true;
    if (this.#noDelay !== undefined) socket.setNoDelay(this.#noDelay);
    if (server.pauseOnConnect) duplex.pause();
    this.#reception.take(duplex);
  }
}

/**
 * Has a server of Node's serve the connections of a listener, in the place of
 * its own `listen()`. What listening starts and means is all there: the
 * timeouts of headers, requests and idle connections, `listening`, `address()`,
 * the events, `close()` and its like, `ref()`, `unref()`, `maxConnections`.
 *
 * It takes servers of `node:http` and `node:https`, and those of `node:http2`,
 * `node:net` and `node:tls` as well. TLS is the server's: its certificates, SNI
 * and ALPN are in force. Small writes leave at once, unless an HTTP server was
 * made with `noDelay: false`.
 *
 * From then on the listener belongs to the server: closing either closes both.
 *
 * @param server one that does not listen.
 * @param listener one that nothing else accepts from.
 * @returns how to await its end.
 * @throws {TypeError} for a wrong argument, which it names.
 * @throws {Error} `ERR_SERVER_ALREADY_LISTEN` when the server listens already.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { listen, serveHttp } from "./mod.ts";
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
export function serveHttp(server: NodeServer, listener: Listener): HttpService {
  if (!(listener instanceof Listener)) {
    wrongType("listener", "a Listener", listener);
  }
  return new Service(requireServer(server), listener);
}
