// Copyright the iocp authors. MIT license.
/* Bun's HTTP servers are not servers of its node:net. They parse and answer the
 * connections that they are given, but the rest of listening (address(), close(),
 * counting, timeouts, TLS) works for native connections only. So it is
 * implemented here, as in Node's http. */

import { nextTick, nodeModule } from "./globals.ts";
import {
  BunHttpTimeouts,
  type HttpServer,
  type HttpSocket,
} from "./bun_http_timeouts.ts";
import {
  alreadyListening,
  type ServerAdapter,
  type ServerHandle,
  type ServerMembers,
} from "../http/node_server.ts";
import type { Duplex } from "./node_types.ts";

interface Tls {
  createServer(options: unknown): HttpServer;
}
// deno-lint-ignore no-explicit-any
type Class = new (...values: any[]) => unknown;

/* A member of the server that Bun keeps under a symbol of its own. */
function hidden(server: object, name: string): unknown {
  const symbol = Object.getOwnPropertySymbols(server).find((one) =>
    one.description === name
  );
  return symbol && (server as Record<symbol, unknown>)[symbol];
}

function notRunning(): Error {
  return Object.assign(new Error("Server is not running."), {
    code: "ERR_SERVER_NOT_RUNNING",
  });
}

/** True for a server of node:http or node:https. */
export function isHttpServer(server: ServerMembers): server is HttpServer {
  const { Server } = nodeModule<{ Server: Class }>("node:http");
  return server instanceof Server;
}

/** The adapter of such a server. */
export class BunHttpAdapter implements ServerAdapter {
  readonly #server: HttpServer;
  readonly #handle: ServerHandle;
  readonly #tls: HttpServer | undefined;
  readonly #timeouts: BunHttpTimeouts;
  readonly noDelay: boolean;
  /** The members of the server that hide those of its class. */
  readonly #names: readonly string[];
  #isOpen = true;
  #isClosed = false;
  #count = 0;

  constructor(server: HttpServer, handle: ServerHandle) {
    this.#server = server;
    this.#handle = handle;
    this.#tls = this.#makeTls();
    const options = hidden(server, "options") as { noDelay?: boolean };
    this.noDelay = options?.noDelay ?? true;
    this.#names = this.#overrideMembers();
    this.#timeouts = new BunHttpTimeouts(server);
  }

  get count(): number {
    return this.#count;
  }

  add(duplex: Duplex): void {
    this.#count++;
    const tls = this.#tls;
    if (tls === undefined) {
      this.#serve(duplex as HttpSocket);
      return;
    }
    /* As in Node, it ends with the peer: otherwise an end in the handshake, for
     * example of a client that refuses the certificate, would leave it open. */
    duplex.allowHalfOpen = tls.allowHalfOpen ?? false;
    tls.emit("connection", duplex);
  }

  remove(): void {
    this.#count--;
    this.#endIfDrained();
  }

  /* For a server of node:https: a TLS server with the same options, which does
   * not listen, makes the secure connections. So the certificates, SNI and ALPN
   * of the server apply. */
  #makeTls(): HttpServer | undefined {
    const server = this.#server;
    const { Server } = nodeModule<{ Server: Class }>("node:https");
    if (!(server instanceof Server) && !hidden(server, "tls")) return undefined;
    const options = hidden(server, "options");
    const tls = nodeModule<Tls>("node:tls").createServer(options);
    tls.on("secureConnection", (socket: HttpSocket) => {
      server.emit("secureConnection", socket);
      this.#serve(socket);
    });
    tls.on("tlsClientError", (error: Error, socket: HttpSocket) => {
      server.emit("tlsClientError", error, socket);
      if (!server.emit("clientError", error, socket)) socket.destroy(error);
    });
    return tls;
  }

  /* Until the last connection is closed, members of the server itself hide those
   * of its class. Returns their names. */
  #overrideMembers(): string[] {
    const server = this.#server;
    const handle = this.#handle;
    const methods = {
      address: () => {
        if (!this.#isOpen) return null;
        if (handle.getsockname === undefined) return handle.path;
        const out: Record<string, unknown> = {};
        handle.getsockname(out);
        return out;
      },
      close: (callback?: (error?: Error) => void) => this.#close(callback),
      getConnections: (callback: (error: null, count: number) => void) => {
        nextTick(callback, null, this.#count);
        return server;
      },
      listen: (...values: unknown[]) => {
        if (this.#isOpen) throw alreadyListening();
        return Object.getPrototypeOf(server).listen.apply(server, values);
      },
      ref: () => {
        handle.ref();
        return server;
      },
      unref: () => {
        handle.unref();
        return server;
      },
    };
    for (const [name, value] of Object.entries(methods)) {
      Object.defineProperty(server, name, {
        value,
        configurable: true,
        writable: true,
      });
    }
    Object.defineProperty(server, "listening", {
      get: () => this.#isOpen,
      configurable: true,
    });
    return [...Object.keys(methods), "listening"];
  }

  #restoreMembers(): void {
    const members = this.#server as unknown as Record<string, unknown>;
    for (const name of this.#names) delete members[name];
  }

  #close(callback?: (error?: Error) => void): HttpServer {
    const server = this.#server;
    if (!this.#isOpen) {
      if (callback !== undefined) nextTick(callback, notRunning());
      return server;
    }
    this.#isOpen = false;
    if (callback !== undefined) server.once("close", callback);
    this.#handle.close();
    /* The server's own close() ends what its "listening" event has started. */
    Object.getPrototypeOf(server).close.call(server);
    this.#endIfDrained();
    return server;
  }

  #endIfDrained(): void {
    if (this.#isOpen || this.#count > 0 || this.#isClosed) return;
    this.#isClosed = true;
    this.#timeouts.stop();
    this.#restoreMembers();
    nextTick(() => this.#server.emit("close"));
  }

  #serve(socket: HttpSocket): void {
    this.#timeouts.add(socket);
    this.#server.emit("connection", socket);
    this.#timeouts.follow(socket);
  }
}
