// Copyright the iocp authors. MIT license.
/* The errors of a duplex. Libraries rely on those of a net.Socket: its codes and
 * messages, and the error numbers of libuv. */

import { SocketError } from "../errors.ts";
import { nodeModule } from "../runtime/globals.ts";
import type { Util } from "../runtime/node_types.ts";

let numbers: Map<string, number> | undefined;

/* The error number of libuv, which is negative and differs between systems. */
function numberOf(code: string): number {
  numbers ??= new Map(
    [...nodeModule<Util>("node:util").getSystemErrorMap?.() ?? []]
      .map(([number, [code]]) => [code, number]),
  );
  return numbers.get(code) ?? 0;
}

/** The error as a `net.Socket` reports it, with the {@linkcode SocketError} as its
 * cause. Other errors are returned unchanged. */
export function duplexError(error: Error, syscall: "read" | "write"): Error {
  if (!(error instanceof SocketError)) return error;
  const { code } = error;
  return Object.assign(new Error(`${syscall} ${code}`, { cause: error }), {
    errno: numberOf(code),
    code,
    syscall,
  });
}

/** Adds Node's code to an error. */
export function withCode<T extends Error>(error: T, code: string): T {
  return Object.assign(error, { code });
}

/** The error of a write after the peer's end has ended this direction too. */
export function endedByPeer(): Error {
  return withCode(
    new Error("This socket has been ended by the other party"),
    "EPIPE",
  );
}

/** The error of a write after the Conn was closed. */
export function closedSocket(): Error {
  return withCode(new Error("Socket is closed"), "ERR_SOCKET_CLOSED");
}

/** Whether a `node:http` server has answered the error (400, 408, 413, 431) before
 * it destroys the socket with it. The answer must still reach the peer. */
export function isAnswered(error: Error): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === "string" &&
    (code.startsWith("HPE_") || code === "ERR_HTTP_REQUEST_TIMEOUT");
}
