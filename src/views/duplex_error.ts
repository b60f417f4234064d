// Copyright the iocp authors. MIT license.
/* The errors of a duplex. They are what libraries know of a net.Socket: its
 * codes, its messages, and the numbers of libuv. */

import { SocketError } from "../errors.ts";
import { nodeModule } from "../runtime/globals.ts";
import type { Process, Util } from "../runtime/node_types.ts";

/** The longest that a timer of Node's runs, in milliseconds. */
export const TIMEOUT_MAX: number = 2 ** 31 - 1;

let numbers: Map<string, number> | undefined;

/* libuv's number of a code, which is negative; it differs between systems. */
function numberOf(code: string): number {
  numbers ??= new Map(
    [...nodeModule<Util>("node:util").getSystemErrorMap?.() ?? []]
      .map(([number, [code]]) => [code, number]),
  );
  return numbers.get(code) ?? 0;
}

/** The same failure as a `net.Socket` reports it, with the whole story as its
 * cause; what is no failure of the connection stays as it is. */
export function duplexError(error: Error, syscall: "read" | "write"): Error {
  if (!(error instanceof SocketError)) return error;
  const { code } = error;
  return Object.assign(new Error(`${syscall} ${code}`, { cause: error }), {
    errno: numberOf(code),
    code,
    syscall,
  });
}

function withCode<T extends Error>(error: T, code: string): T {
  return Object.assign(error, { code });
}

/** For a write after the peer's end has ended this side as well. */
export function endedByPeer(): Error {
  return withCode(
    new Error("This socket has been ended by the other party"),
    "EPIPE",
  );
}

/** For a write on a connection that its Conn has closed. */
export function closedSocket(): Error {
  return withCode(new Error("Socket is closed"), "ERR_SOCKET_CLOSED");
}

/**
 * Whether an error is about what the peer has sent, and a `node:http` server has
 * answered it (400, 408, 413, 431) before it destroys the socket with it. The
 * peer is to get that answer.
 */
export function isAnswered(error: Error): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === "string" &&
    (code.startsWith("HPE_") || code === "ERR_HTTP_REQUEST_TIMEOUT");
}

/* As Node shows a wrong argument. */
function received(value: unknown): string {
  if (value === undefined || value === null) return `Received ${value}`;
  if (typeof value === "function") return `Received function ${value.name}`;
  if (typeof value === "object") {
    const name = value.constructor?.name;
    return name ? `Received an instance of ${name}` : "Received an object";
  }
  const text = typeof value === "string" ? `'${value}'` : String(value);
  return `Received type ${typeof value} (${text})`;
}

function wrongType(name: string, wanted: string, value: unknown): TypeError {
  return withCode(
    new TypeError(
      `The "${name}" argument must be of type ${wanted}. ${received(value)}`,
    ),
    "ERR_INVALID_ARG_TYPE",
  );
}

/** A function, or undefined. */
export function requireCallback(callback: unknown): void {
  if (callback === undefined || typeof callback === "function") return;
  throw wrongType("callback", "function", callback);
}

/** The milliseconds that a timer runs for: no longer than a timer can, which a
 * warning then says, as Node's own does. */
export function timerDuration(ms: unknown): number {
  if (typeof ms !== "number") throw wrongType("msecs", "number", ms);
  if (!(ms >= 0 && ms < Infinity)) {
    throw withCode(
      new RangeError(
        `The value of "msecs" is out of range. It must be a non-negative finite number. Received ${ms}`,
      ),
      "ERR_OUT_OF_RANGE",
    );
  }
  if (ms <= TIMEOUT_MAX) return ms;
  nodeModule<Process>("node:process").emitWarning(
    `${ms} does not fit into a 32-bit signed integer.\nTimer duration was truncated to ${TIMEOUT_MAX}.`,
    "TimeoutOverflowWarning",
  );
  return TIMEOUT_MAX;
}
