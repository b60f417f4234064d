// Copyright the iocp authors. MIT license.
/* The HTTP servers of Bun's are no servers of its node:net. Connections that
 * are handed to one are read and answered, but what its listening does besides
 * is done for native ones alone. So it is done here, as Node's http does it. */

import { nextTick, nodeModule, type NodeTimer, nodeTimers } from "./globals.ts";
import {
  alreadyListening,
  type Reception,
  type ServerHandle,
  type ServerMembers,
} from "../http/node_server.ts";
import type { Duplex, EventListener } from "./node_types.ts";

/** A parser of Bun's, whose callbacks are members by number. */
type Parser = Record<number, EventListener | undefined> & {
  execute(bytes: Uint8Array): unknown;
  finish(): unknown;
  constructor: {
    kOnMessageBegin: number;
    kOnHeadersComplete: number;
    kOnMessageComplete: number;
  };
};
interface Socket extends Duplex {
  parser?: Parser | null;
  _httpMessage?: { headersSent: boolean; emit: Duplex["emit"] } | null;
  destroySoon(): void;
  setTimeout(ms: number): unknown;
}
interface Request {
  socket: Socket;
  complete: boolean;
  emit: Duplex["emit"];
}
interface Response {
  once(event: string, listener: () => void): unknown;
}
interface HttpServer extends ServerMembers {
  listenerCount(event: string): number;
  prependListener(event: string, listener: EventListener): unknown;
  removeListener(event: string, listener: EventListener): unknown;
}
interface Tls {
  createServer(options: unknown): HttpServer;
}
// deno-lint-ignore no-explicit-any
type Class = new (...values: any[]) => unknown;

const CHECK_MS = 30_000;
const REQUEST_TIMEOUT =
  "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n";

/** What a request is announced by. A listener to one of the others changes what
 * the server does, so only those are listened to that the user listens to. */
const REQUEST_EVENTS = ["request", "checkContinue", "checkExpectation"];

/** How far a connection is with its requests. */
interface Progress {
  /** When the message began that is on its way or, before the first one, the
   * connection. Undefined between two messages. */
  began: number | undefined;
  isMessageOpen: boolean;
  hasHeaders: boolean;
  hasExpired: boolean;
  /** The request that was begun last. */
  request: Request | undefined;
  /** Requests that are not answered. */
  pending: number;
}

/* Where Bun keeps what its server was made with. */
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

/** True for a server that is not one of node:net. */
export function isHttpServer(server: ServerMembers): server is HttpServer {
  const { Server } = nodeModule<{ Server: Class }>("node:http");
  return server instanceof Server;
}

/** The reception of such a server. */
export class HttpReception implements Reception {
  readonly #server: HttpServer;
  readonly #handle: ServerHandle;
  readonly #progress = new Map<Socket, Progress>();
  readonly #tls: HttpServer | undefined;
  readonly noDelay: boolean;
  /** What it hides of the server. */
  #names: string[] = [];
  #interval: NodeTimer | undefined;
  #isOpen = true;
  #isClosed = false;
  count = 0;

  constructor(server: HttpServer, handle: ServerHandle) {
    this.#server = server;
    this.#handle = handle;
    this.#tls = this.#makeTls();
    const options = hidden(server, "options") as { noDelay?: boolean };
    this.noDelay = options?.noDelay ?? true;
    this.#takePlace();
    for (const event of REQUEST_EVENTS) {
      if (event === "request" || server.listenerCount(event) > 0) {
        server.prependListener(event, this.#requested);
      }
    }
    const { connectionsCheckingInterval: ms = CHECK_MS } = server;
    const interval = nodeTimers.setInterval(() => this.#check(), ms);
    interval.unref();
    this.#interval = interval;
  }

  take(duplex: Duplex): void {
    this.count++;
    if (this.#tls === undefined) this.#serve(duplex as Socket);
    else this.#tls.emit("connection", duplex);
  }

  gone(): void {
    this.count--;
    this.#endIfDrained();
  }

  /* A TLS server of its options, which never listens, makes the secure
   * connections: with its certificates, SNI and ALPN. */
  #makeTls(): HttpServer | undefined {
    const server = this.#server;
    const { Server } = nodeModule<{ Server: Class }>("node:https");
    if (!(server instanceof Server) && !hidden(server, "tls")) return undefined;
    const options = hidden(server, "options");
    const tls = nodeModule<Tls>("node:tls").createServer(options);
    tls.on("secureConnection", (socket: Socket) => {
      server.emit("secureConnection", socket);
      this.#serve(socket);
    });
    tls.on("tlsClientError", (error: Error, socket: Socket) => {
      if (server.emit("tlsClientError", error, socket)) return;
      if (!server.emit("clientError", error, socket)) socket.destroy(error);
    });
    return tls;
  }

  /* Members of the server itself hide those of its class while it is open, and
   * until its last connection is gone. */
  #takePlace(): void {
    const server = this.#server;
    const handle = this.#handle;
    const methods = {
      address: () => {
        if (!this.#isOpen) return null;
        const out: Record<string, unknown> = {};
        handle.getsockname(out);
        return out;
      },
      close: (callback?: (error?: Error) => void) => this.#close(callback),
      getConnections: (callback: (error: null, count: number) => void) => {
        nextTick(callback, null, this.count);
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
    this.#names = [...Object.keys(methods), "listening"];
  }

  #giveBack(): void {
    const server = this.#server;
    for (const name of this.#names) {
      delete (server as unknown as Record<string, unknown>)[name];
    }
    for (const event of REQUEST_EVENTS) {
      server.removeListener(event, this.#requested);
    }
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
    /* The server's own ends what it has started at "listening". */
    Object.getPrototypeOf(server).close.call(server);
    this.#endIfDrained();
    return server;
  }

  #endIfDrained(): void {
    if (this.#isOpen || this.count > 0 || this.#isClosed) return;
    this.#isClosed = true;
    nodeTimers.clearInterval(this.#interval);
    this.#giveBack();
    nextTick(() => this.#server.emit("close"));
  }

  #serve(socket: Socket): void {
    const server = this.#server;
    const progress: Progress = {
      began: Date.now(),
      isMessageOpen: false,
      hasHeaders: false,
      hasExpired: false,
      request: undefined,
      pending: 0,
    };
    this.#progress.set(socket, progress);
    socket.once("close", () => this.#progress.delete(socket));
    socket.on("timeout", () => this.#timedOut(socket, progress));
    if (server.timeout) socket.setTimeout(server.timeout);
    server.emit("connection", socket);
    this.#follow(socket, progress);
  }

  /* Looks on at what the parser finds. */
  #follow(socket: Socket, progress: Progress): void {
    const { parser } = socket;
    if (!parser) return;
    const { kOnMessageBegin, kOnHeadersComplete, kOnMessageComplete } =
      parser.constructor;
    prepend(parser, kOnMessageBegin, () => {
      progress.began = Date.now();
      progress.isMessageOpen = true;
      progress.hasHeaders = false;
      /* It is not idle any more. */
      socket.setTimeout(this.#server.timeout ?? 0);
    });
    prepend(parser, kOnHeadersComplete, () => progress.hasHeaders = true);
    prepend(parser, kOnMessageComplete, () => {
      progress.began = undefined;
      progress.isMessageOpen = false;
      this.#rest(socket, progress);
    });
  }

  #requested = (request: Request, response: Response): void => {
    const { socket } = request;
    const progress = this.#progress.get(socket);
    if (progress === undefined) return;
    progress.request = request;
    progress.pending++;
    response.once("close", () => {
      progress.pending--;
      this.#rest(socket, progress);
    });
  };

  /* Between two requests the time of an idle connection runs. */
  #rest(socket: Socket, progress: Progress): void {
    if (!isIdle(progress) || socket.destroyed) return;
    if (!this.#isOpen) {
      socket.destroySoon();
      return;
    }
    const { keepAliveTimeout, keepAliveTimeoutBuffer = 1000 } = this.#server;
    if (keepAliveTimeout) {
      socket.setTimeout(keepAliveTimeout + keepAliveTimeoutBuffer);
    }
  }

  #timedOut(socket: Socket, { request }: Progress): void {
    if (!isServed(socket)) return;
    const isHeard = [
      request && !request.complete && request.emit("timeout", socket),
      socket._httpMessage?.emit("timeout", socket),
      this.#server.emit("timeout", socket),
    ].some(Boolean);
    if (!isHeard) socket.destroy();
  }

  #check(): void {
    const { headersTimeout = 0, requestTimeout = 0 } = this.#server;
    const now = Date.now();
    for (const [socket, progress] of [...this.#progress]) {
      const { began, hasHeaders, hasExpired } = progress;
      if (began === undefined || hasExpired || !isServed(socket)) continue;
      const age = now - began;
      const isLate = headersTimeout > 0 && !hasHeaders && age > headersTimeout;
      if (!isLate && !(requestTimeout > 0 && age > requestTimeout)) continue;
      progress.hasExpired = true;
      this.#expire(socket);
    }
  }

  #expire(socket: Socket): void {
    const error = Object.assign(new Error("Request timeout"), {
      code: "ERR_HTTP_REQUEST_TIMEOUT",
    });
    /* What still comes is no second failure. */
    const { parser } = socket;
    if (parser) {
      parser.execute = () => 0;
      parser.finish = () => undefined;
    }
    if (this.#server.emit("clientError", error, socket)) return;
    if (socket.writable && !socket._httpMessage?.headersSent) {
      socket.write(REQUEST_TIMEOUT);
    }
    socket.destroy(error);
  }
}

function isIdle({ isMessageOpen, pending }: Progress): boolean {
  return pending === 0 && !isMessageOpen;
}

/* After an upgrade the connection is the user's. */
function isServed(socket: Socket): boolean {
  return Boolean(socket.parser);
}

function prepend(parser: Parser, key: number, listener: () => void): void {
  const original = parser[key];
  parser[key] = function (this: unknown, ...values: unknown[]) {
    listener();
    return original?.apply(this, values);
  };
}
