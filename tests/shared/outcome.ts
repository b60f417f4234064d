// Copyright the iocp authors. MIT license.
/* The results and errors of calls, as short texts for tables of expectations. */

import { SocketError } from "../../mod.ts";
import { within } from "./deadline.ts";

function shown(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value !== "object" || value === null) return String(value);
  if ("done" in value) {
    const { done, value: inner } = value as IteratorResult<unknown>;
    return done ? "done" : shown(inner);
  }
  return "hostname" in value ? "an address" : value.constructor.name;
}

/** The result of the call, or the code or class of its error. */
export async function outcome(call: () => unknown): Promise<string> {
  try {
    return shown(await within("a call", Promise.resolve(call())));
  } catch (error) {
    if (error instanceof SocketError) return error.code;
    return error instanceof Error ? error.name : `thrown ${error}`;
  }
}

/** The SocketError of a promise that rejects, or of a function that throws. */
export async function errorFrom(
  work: Promise<unknown> | (() => unknown),
): Promise<SocketError> {
  try {
    const promise = typeof work === "function" ? work() : work;
    await within("a failure", Promise.resolve(promise));
  } catch (error) {
    if (error instanceof SocketError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** The SocketError that a synchronous call throws. */
export function failure(call: () => unknown): SocketError {
  try {
    call();
  } catch (error) {
    if (error instanceof SocketError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
