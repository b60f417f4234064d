// Copyright the iocp authors. MIT license.
/* The timeouts of requests and idle connections of a node:http server, as Node's
 * lib/_http_server.js has them. Bun applies them to its native connections only. */

import { type NodeTimer, nodeTimers } from "./globals.ts";
import { joinWrites, type Response } from "./bun_http_response.ts";
import type { ServerMembers } from "../http/node_server.ts";
import type { Duplex, EventListener } from "./node_types.ts";

/** Bun's HTTP parser, whose callbacks are members by number. */
type Parser = Record<number, EventListener | undefined> & {
  execute(bytes: Uint8Array): unknown;
  finish(): unknown;
  constructor: {
    kOnMessageBegin: number;
    kOnHeadersComplete: number;
    kOnMessageComplete: number;
  };
};
/** A connection of the server. */
export interface HttpSocket extends Duplex {
  parser?: Parser | null;
  _httpMessage?: { headersSent: boolean; emit: Duplex["emit"] } | null;
  readonly writableCorked: number;
  cork(): void;
  uncork(): void;
  destroySoon(): void;
  setTimeout(ms: number): unknown;
}
interface Request {
  socket: HttpSocket;
  complete: boolean;
  emit: Duplex["emit"];
}
/** A server of `node:http` or `node:https`. */
export interface HttpServer extends ServerMembers {
  listenerCount(event: string): number;
  prependListener(event: string, listener: EventListener): unknown;
  removeListener(event: string, listener: EventListener): unknown;
}

/** Node's default of connectionsCheckingInterval. */
const CHECK_MS = 30_000;
const REQUEST_TIMEOUT =
  "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n";

/** The events of a request. A listener for one of the last two changes what the
 * server does, so these are listened to only if the user does so. */
const REQUEST_EVENTS = ["request", "checkContinue", "checkExpectation"];

/** The state of the requests of one connection. */
interface Progress {
  /** When the message began that is being received or, before the first one, the
   * connection. Undefined between two messages. */
  began: number | undefined;
  isMessageOpen: boolean;
  hasHeaders: boolean;
  hasExpired: boolean;
  /** The newest request. */
  request: Request | undefined;
  /** The number of requests without a complete response. */
  pending: number;
}

/** Watches the requests of a server's connections. */
export class BunHttpTimeouts {
  readonly #server: HttpServer;
  readonly #progress = new Map<HttpSocket, Progress>();
  readonly #interval: NodeTimer;

  constructor(server: HttpServer) {
    this.#server = server;
    for (const event of REQUEST_EVENTS) {
      if (event === "request" || server.listenerCount(event) > 0) {
        server.prependListener(event, this.#requested);
      }
    }
    const { connectionsCheckingInterval: ms = CHECK_MS } = server;
    this.#interval = nodeTimers.setInterval(() => this.#check(), ms);
    this.#interval.unref();
  }

  /** Stops watching. */
  stop(): void {
    nodeTimers.clearInterval(this.#interval);
    for (const event of REQUEST_EVENTS) {
      this.#server.removeListener(event, this.#requested);
    }
  }

  /** Starts the timeouts of a connection that the server has not got yet. */
  add(socket: HttpSocket): void {
    const { timeout } = this.#server;
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
    if (timeout) socket.setTimeout(timeout);
  }

  /** Follows the parser that the server has given the connection. */
  follow(socket: HttpSocket): void {
    const { parser } = socket;
    const progress = this.#progress.get(socket);
    if (!parser || progress === undefined) return;
    const { kOnMessageBegin, kOnHeadersComplete, kOnMessageComplete } =
      parser.constructor;
    prepend(parser, kOnMessageBegin, () => {
      progress.began = Date.now();
      progress.isMessageOpen = true;
      progress.hasHeaders = false;
      /* The timeout of an idle connection has passed. */
      socket.setTimeout(this.#server.timeout ?? 0);
    });
    prepend(parser, kOnHeadersComplete, () => progress.hasHeaders = true);
    prepend(parser, kOnMessageComplete, () => {
      progress.began = undefined;
      progress.isMessageOpen = false;
      this.#idle(socket, progress);
    });
  }

  #requested = (request: Request, response: Response): void => {
    const { socket } = request;
    const progress = this.#progress.get(socket);
    if (progress === undefined) return;
    joinWrites(response, socket);
    progress.request = request;
    progress.pending++;
    response.once("close", () => {
      progress.pending--;
      this.#idle(socket, progress);
    });
  };

  /* Between two requests the timeout of idle connections applies. */
  #idle(socket: HttpSocket, { pending, isMessageOpen }: Progress): void {
    if (pending > 0 || isMessageOpen || socket.destroyed) return;
    const server = this.#server;
    if (!server.listening) {
      socket.destroySoon();
      return;
    }
    const { keepAliveTimeout, keepAliveTimeoutBuffer = 1000 } = server;
    if (keepAliveTimeout) {
      socket.setTimeout(keepAliveTimeout + keepAliveTimeoutBuffer);
    }
  }

  #timedOut(socket: HttpSocket, { request }: Progress): void {
    if (!isServed(socket)) return;
    const hasListeners = [
      request && !request.complete && request.emit("timeout", socket),
      socket._httpMessage?.emit("timeout", socket),
      this.#server.emit("timeout", socket),
    ].some(Boolean);
    if (!hasListeners) socket.destroy();
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

  #expire(socket: HttpSocket): void {
    const error = Object.assign(new Error("Request timeout"), {
      code: "ERR_HTTP_REQUEST_TIMEOUT",
    });
    /* Further bytes must not cause a second error. */
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

/* After an upgrade the connection belongs to the user. */
function isServed(socket: HttpSocket): boolean {
  return Boolean(socket.parser);
}

function prepend(parser: Parser, key: number, listener: () => void): void {
  const original = parser[key];
  parser[key] = function (this: unknown, ...values: unknown[]) {
    listener();
    return original?.apply(this, values);
  };
}
