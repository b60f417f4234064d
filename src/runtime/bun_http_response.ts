// Copyright the iocp authors. MIT license.

import { nextTick } from "./globals.ts";

type Method = (...values: unknown[]) => unknown;

/** A response of node:http, by the members that are used here. */
export interface Response {
  write: Method;
  end: Method;
  once(event: "close", listener: () => void): unknown;
}

interface Corked {
  readonly writableCorked: number;
  cork(): void;
  uncork(): void;
}

const joined = new WeakSet<Response>();

/** Sends the head of a response together with the parts of its body that are written in
 * the same turn. Bun writes each by a call of its own, and does not cork the socket
 * meanwhile as Node does (its lib/_http_outgoing.js). */
export function joinWrites(response: Response, socket: Corked): void {
  if (joined.has(response)) return;
  joined.add(response);
  const { write, end } = response;
  response.write = function (this: unknown, ...values: unknown[]): unknown {
    if (socket.writableCorked === 0) {
      socket.cork();
      nextTick(() => socket.uncork());
    }
    return write.apply(this, values);
  };
  response.end = function (this: unknown, ...values: unknown[]): unknown {
    socket.cork();
    try {
      return end.apply(this, values);
    } finally {
      /* What a write() has corked leaves with it. */
      while (socket.writableCorked > 0) socket.uncork();
    }
  };
}

/** Does so for the responses to requests over duplexes of this class. A server that gets
 * a duplex by `server.emit("connection", duplex)` tells it of a response by one member
 * alone. */
export function joinResponsesOf(prototype: object): void {
  const messages = new WeakMap<object, unknown>();
  Object.defineProperty(prototype, "_httpMessage", {
    configurable: true,
    get(this: object) {
      return messages.get(this);
    },
    set(this: Corked, message: unknown) {
      messages.set(this, message);
      if (isResponse(message)) joinWrites(message, this);
    },
  });
}

/* The message of a client has no such method. */
function isResponse(message: unknown): message is Response {
  const { writeHead } = (message ?? {}) as { writeHead?: unknown };
  return typeof writeHead === "function";
}
