// Copyright the iocp authors. MIT license.
/* Checks of the arguments of a duplex, with the errors of a net.Socket. */

import { nodeModule } from "../runtime/globals.ts";
import type { Process } from "../runtime/node_types.ts";
import { withCode } from "./duplex_error.ts";

/** The longest time of a timer in Node, in milliseconds. */
const TIMEOUT_MAX: number = 2 ** 31 - 1;

/* The value in the form of Node's error messages. */
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

/** Throws unless it is a function or undefined. */
export function requireCallback(callback: unknown): void {
  if (callback === undefined || typeof callback === "function") return;
  throw wrongType("callback", "function", callback);
}

/** Checks the milliseconds of a timer. A time that is too long is shortened, with
 * a warning, as in Node. */
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
