// Copyright the iocp authors. MIT license.
/* How a connection receives: what users may ask for, and what follows for the
 * library and for the queue. */

import {
  CONCURRENCY_MAX,
  RECEIVE_BUFFER,
  RECEIVE_BUFFER_MAX,
  RECEIVE_DEPTH,
} from "../native/completion.ts";
import { optionalInteger, requireOptions, wrongType } from "./validate.ts";

/** How a connection receives; see {@linkcode ReceiveOptions}. */
export type ReceiveMode = "auto" | "zero-byte" | "flow" | "burst";

/**
 * How a connection receives.
 *
 * - `"auto"`: a short buffer is posted while the connection is idle, and what
 *   fills it is followed straight from the system. Up to 256 KiB are received
 *   ahead of the reader. The default.
 * - `"zero-byte"`: no buffer is held while idle, and nothing is received before
 *   it is asked for. For very many connections that mostly say nothing.
 * - `"flow"`: one buffer of `bufferSize` is posted, and posted again as its
 *   bytes are consumed; no more than that is received ahead of the reader.
 * - `"burst"`: `depth` buffers of `bufferSize` are posted at a time, but never
 *   more than `limit` bytes are posted or received ahead of the reader. The
 *   bytes come in order whatever order the system tells them in. For senders
 *   that come in bursts.
 *
 * On Linux nothing is posted; what is received ahead of the reader, and the
 * size of the chunks, are the same.
 */
export interface ReceiveOptions {
  /**
   * Which of these it is.
   *
   * @default {"auto"}
   */
  mode?: ReceiveMode | undefined;
  /**
   * Bytes of a posted buffer, or of what is taken at a time in `"zero-byte"`
   * mode, from 1 to 1,048,576. No chunk is larger than 262,144 bytes.
   *
   * @default {1024} in `"auto"`, `65_536` in `"zero-byte"`, otherwise `16_384`
   */
  bufferSize?: number | undefined;
  /**
   * Receives posted at a time, from 1 to 64. In `"burst"` mode only.
   *
   * @default {8}
   */
  depth?: number | undefined;
  /**
   * Bytes that may be posted or received ahead of the reader, from 1 to 2^30.
   * In `"burst"` mode only.
   *
   * @default {bufferSize * depth}
   */
  limit?: number | undefined;
}

/** {@linkcode ReceiveOptions}, checked, with nothing left out. */
export interface ReceiveSettings {
  readonly mode: ReceiveMode;
  readonly bufferSize: number;
  readonly depth: number;
  readonly limit: number;
}

const LIMIT_MAX = 2 ** 30;
/** No more than this is received ahead of the reader, unless asked for. */
export const RECEIVE_WINDOW: number = 256 * 1024;
const BUFFER_SIZES: Readonly<Record<ReceiveMode, number>> = {
  auto: 1024,
  "zero-byte": 65536,
  flow: 16384,
  burst: 16384,
};
const DEPTH = 8;

/* What is received ahead of a reader who has not asked. */
function defaultLimit(
  mode: ReceiveMode,
  bufferSize: number,
  depth: number,
): number {
  if (mode === "auto") return Math.max(RECEIVE_WINDOW, bufferSize);
  return mode === "zero-byte" ? 0 : bufferSize * depth;
}

/** Checks what a user passed as `receive`. */
export function receiveSettings(
  options: ReceiveOptions | undefined,
): ReceiveSettings {
  if (options === undefined) return DEFAULT_RECEIVE;
  requireOptions(options, "receive");
  const { mode = "auto", bufferSize, depth, limit } = options;
  if (typeof mode !== "string" || !Object.hasOwn(BUFFER_SIZES, mode)) {
    const modes = Object.keys(BUFFER_SIZES).map((name) => `"${name}"`);
    wrongType("receive.mode", `one of ${modes.join(", ")}`, mode);
  }
  for (const [name, value] of Object.entries({ depth, limit })) {
    if (value === undefined || mode === "burst") continue;
    wrongType(`receive.${name}`, 'left out unless the mode is "burst"', value);
  }
  const size = optionalInteger(
    "receive.bufferSize",
    bufferSize,
    1,
    RECEIVE_BUFFER_MAX,
    BUFFER_SIZES[mode],
  );
  const count = optionalInteger(
    "receive.depth",
    depth,
    1,
    CONCURRENCY_MAX,
    mode === "burst" ? DEPTH : 1,
  );
  return {
    mode,
    bufferSize: size,
    depth: count,
    limit: optionalInteger(
      "receive.limit",
      limit,
      1,
      LIMIT_MAX,
      defaultLimit(mode, size, count),
    ),
  };
}

/** What a new socket of the library has. */
export const DEFAULT_RECEIVE: ReceiveSettings = receiveSettings({});

/** Every option of the library to set, with its value. */
export function receiveNumbers(
  { mode, bufferSize, depth }: ReceiveSettings,
): [option: number, value: number][] {
  return [
    [RECEIVE_BUFFER, mode === "zero-byte" ? 0 : bufferSize],
    [RECEIVE_DEPTH, depth],
  ];
}
