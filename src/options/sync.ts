// Copyright the iocp authors. MIT license.
/* The options of the calls that block. */

import { TIMEOUT_MAX } from "./operation.ts";
import { optionalInteger, requireOptions } from "./validate.ts";

/** Options of the calls that block, such as `acceptSync()`. */
export interface SyncOptions {
  /**
   * How long the call may block, in milliseconds from 0 to 2,147,483,647; then
   * it throws `ETIMEDOUT`. 0 checks once and does not block. Without it the call
   * blocks until it is done.
   */
  timeout?: number | undefined;
}

/** Checks what a user passed to a call that blocks; Infinity is no limit. */
export function syncTimeout(options: SyncOptions | undefined): number {
  if (options === undefined) return Infinity;
  requireOptions(options);
  const { timeout } = options;
  return optionalInteger("timeout", timeout, 0, TIMEOUT_MAX, Infinity);
}
