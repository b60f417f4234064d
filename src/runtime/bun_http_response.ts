// Copyright the iocp authors. MIT license.

type Method = (...values: unknown[]) => unknown;

/** A response of node:http, by the members that are used here. */
export interface Response {
  write: Method;
  end: Method;
  once(event: "close", listener: () => void): unknown;
}

interface Corked {
  cork(): void;
  uncork(): void;
}

/** Sends the head of a response together with the first part of its body. Bun
 * writes them by two calls, and does not cork the socket meanwhile as Node does. */
export function joinWrites(response: Response, socket: Corked): void {
  response.write = corked(response.write, socket);
  response.end = corked(response.end, socket);
}

function corked(method: Method, socket: Corked): Method {
  return function (this: unknown, ...values: unknown[]): unknown {
    socket.cork();
    try {
      return method.apply(this, values);
    } finally {
      socket.uncork();
    }
  };
}
