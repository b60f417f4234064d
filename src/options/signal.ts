// Copyright the iocp authors. MIT license.
/* Signals are recognized by their members: a signal may come from another
 * realm, from a polyfill, or from a class whose global was replaced. */

import { DOMException } from "../runtime/globals.ts";
import { wrongType } from "./validate.ts";
import type { Signal } from "../runtime/web_types.ts";

/** A signal, or undefined when there is none. */
export function optionalSignal(value: unknown): Signal | undefined {
  if (value === undefined) return undefined;
  const signal = value as Partial<Signal> | null;
  const isSignal = typeof signal === "object" &&
    typeof signal?.aborted === "boolean" &&
    typeof signal.addEventListener === "function" &&
    typeof signal.removeEventListener === "function";
  if (!isSignal) wrongType("signal", "an AbortSignal", value);
  return signal as Signal;
}

/** The reason of a signal that has aborted; older signals have none. */
export function reasonOf(signal: Signal): unknown {
  return signal.reason ??
    new DOMException("The signal has been aborted", "AbortError");
}

/** Throws the reason of a signal that has aborted already. */
export function throwIfAborted(signal: Signal | undefined): void {
  if (signal?.aborted) throw reasonOf(signal);
}
