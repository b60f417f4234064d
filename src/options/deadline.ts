// Copyright the iocp authors. MIT license.
/* The options of calls that end within a time. */

import { TIMEOUT_MAX } from "./operation.ts";
import { requireInteger, requireOptions } from "./validate.ts";

/** Options of {@linkcode Conn.close}. */
export interface CloseOptions {
  /**
   * How long the close may take, in milliseconds from 0 to 2,147,483,647, whatever
   * the peer does; then the connection is reset. Without it `closeTimeout` applies,
   * which counts only while the peer makes no progress.
   */
  deadline?: number | undefined;
}

/** Options of {@linkcode Listener.shutdown}. */
export interface ShutdownOptions {
  /**
   * When the connections that are left are reset, in milliseconds from 0 to
   * 2,147,483,647. Without it they may take as long as they need.
   */
  deadline?: number | undefined;
}

/** Checks what a user passed. */
export function deadlineOf(
  options: ShutdownOptions | CloseOptions | undefined,
): number | undefined {
  if (options === undefined) return undefined;
  requireOptions(options);
  const { deadline } = options;
  if (deadline === undefined) return undefined;
  return requireInteger("deadline", deadline, 0, TIMEOUT_MAX);
}
