// Copyright the iocp authors. MIT license.
/* The options of a pipe from one connection to another one. */

import type { Signal } from "../runtime/web_types.ts";
import { optionalSignal } from "./signal.ts";
import { optionalBoolean, requireOptions } from "./validate.ts";

/** Options of {@linkcode Conn.pipeTo}, with the names of those of a stream. */
export interface PipeOptions {
  /** Ends the pipe when it aborts: both connections are reset. */
  signal?: Signal | undefined;
  /**
   * Leaves the sending direction of the destination open at the end.
   *
   * @default {false}
   */
  preventClose?: boolean | undefined;
  /**
   * Does not reset the destination when the source fails, or the signal aborts.
   *
   * @default {false}
   */
  preventAbort?: boolean | undefined;
  /**
   * Does not reset the source when the destination fails, or the signal aborts.
   *
   * @default {false}
   */
  preventCancel?: boolean | undefined;
}

/** {@linkcode PipeOptions}, checked, with the defaults filled in. */
export interface PipeSettings {
  readonly signal: Signal | undefined;
  readonly preventClose: boolean;
  readonly preventAbort: boolean;
  readonly preventCancel: boolean;
}

/** Checks what a user passed. */
export function pipeSettings(options: PipeOptions = {}): PipeSettings {
  requireOptions(options);
  const { signal, preventClose, preventAbort, preventCancel } = options;
  return {
    signal: optionalSignal(signal),
    preventClose: optionalBoolean("preventClose", preventClose, false),
    preventAbort: optionalBoolean("preventAbort", preventAbort, false),
    preventCancel: optionalBoolean("preventCancel", preventCancel, false),
  };
}
