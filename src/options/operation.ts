// Copyright the iocp authors. MIT license.
/* The options that limit one call. */

import { optionalSignal } from "./signal.ts";
import { optionalInteger, requireOptions } from "./validate.ts";
import type { Signal } from "../runtime/web_types.ts";

/** Options of the calls that may have to wait: what ends the wait. */
export interface OperationOptions {
  /**
   * How long the call may take, in milliseconds from 0 to 2,147,483,647; then it
   * fails with `ETIMEDOUT`. 0 tries once. Without it there is no limit.
   */
  timeout?: number | undefined;
  /** Ends the call when it aborts. */
  signal?: Signal | undefined;
}

/** {@linkcode OperationOptions}, checked. */
export interface Limits {
  readonly signal: Signal | undefined;
  /** In milliseconds; Infinity is no limit. */
  readonly timeout: number;
}

/** The longest timeout, in milliseconds. */
export const TIMEOUT_MAX: number = 2 ** 31 - 1;

/** Checks what a user passed to a call. */
export function operationLimits(options: OperationOptions): Limits {
  requireOptions(options);
  const { signal, timeout } = options;
  return {
    signal: optionalSignal(signal),
    timeout: optionalInteger("timeout", timeout, 0, TIMEOUT_MAX, Infinity),
  };
}

/** The same where there may be no options. */
export function optionalLimits(
  options: OperationOptions | undefined,
): Limits | undefined {
  return options === undefined ? undefined : operationLimits(options);
}
