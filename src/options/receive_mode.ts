// Copyright the iocp authors. MIT license.
/* The receive option: how a connection receives. */

import { OPTIONS } from "./table.ts";
import { optionalInteger, requireOptions, wrongType } from "./validate.ts";

/** How a connection receives; see {@linkcode ReceiveOptions}. */
export type ReceiveMode = "auto" | "zero-byte" | "flow" | "burst";

/** How a connection receives, in every mode except `"burst"`. */
export interface PlainReceiveOptions {
  /**
   * The mode; see {@linkcode ReceiveOptions}.
   *
   * @default {"auto"}
   */
  mode?: "auto" | "zero-byte" | "flow" | undefined;
  /**
   * Bytes of the posted buffer, or, in `"zero-byte"` mode, bytes received at a
   * time: from 1 to 1,048,576. No chunk is larger than 262,144 bytes.
   *
   * @default {1024} in `"auto"`, `65_536` in `"zero-byte"`, `16_384` in `"flow"`
   */
  bufferSize?: number | undefined;
  /** Only in `"burst"` mode. */
  depth?: undefined;
  /** Only in `"burst"` mode. */
  limit?: undefined;
}

/** How a connection receives in `"burst"` mode. */
export interface BurstReceiveOptions {
  /** The mode; see {@linkcode ReceiveOptions}. */
  mode: "burst";
  /**
   * Bytes of a posted buffer, from 1 to 1,048,576. No chunk is larger than
   * 262,144 bytes.
   *
   * @default {16_384}
   */
  bufferSize?: number | undefined;
  /**
   * Receives posted at a time, from 1 to 64.
   *
   * @default {8}
   */
  depth?: number | undefined;
  /**
   * Bytes that may be posted or received ahead of the reader, from 1 to
   * 1,073,741,824.
   *
   * @default {bufferSize * depth}
   */
  limit?: number | undefined;
}

/**
 * How a connection receives.
 *
 * - `"auto"`, the default: a short buffer is posted while the connection is
 *   idle. When it fills up, the rest is received straight from the system. Up to
 *   256 KiB are received ahead of the reader.
 * - `"zero-byte"`: no buffer is posted while the connection is idle, and nothing
 *   is received before it is asked for. For very many connections that are
 *   mostly idle.
 * - `"flow"`: one buffer of `bufferSize` is posted, and posted again as its
 *   bytes are consumed. No more than that is received ahead of the reader.
 * - `"burst"`: `depth` buffers of `bufferSize` are posted at a time, but never
 *   more than `limit` bytes are posted or received ahead of the reader. The
 *   bytes arrive in order, whatever the order of the completions. For peers that
 *   send in bursts.
 *
 * On Linux nothing is posted; what is received ahead of the reader, and the size
 * of the chunks, are the same.
 */
export type ReceiveOptions = PlainReceiveOptions | BurstReceiveOptions;

/** How a connection receives, as it is in force. */
export interface ReceiveOptionsInForce {
  /** The mode; see {@linkcode ReceiveOptions}. */
  mode: ReceiveMode;
  /** Bytes of a posted buffer, or received at a time in `"zero-byte"` mode. */
  bufferSize: number;
  /** Receives posted at a time. */
  depth: number;
  /** Bytes that may be posted or received ahead of the reader. */
  limit: number;
}

/** {@linkcode ReceiveOptions}, checked, with the defaults filled in. */
export type ReceiveSettings = Readonly<ReceiveOptionsInForce>;

/** No more than this is received ahead of the reader, unless asked for. */
export const RECEIVE_WINDOW: number = 256 * 1024;
const BUFFER_SIZES: Readonly<Record<ReceiveMode, number>> = {
  auto: 1024,
  "zero-byte": 65536,
  flow: 16384,
  burst: 16384,
};
const DEPTH = 8;
const MEMBERS = OPTIONS.receive.members;

/* What is received ahead of the reader. */
function defaultLimit(
  mode: ReceiveMode,
  bufferSize: number,
  depth: number,
): number {
  if (mode === "auto") return Math.max(RECEIVE_WINDOW, bufferSize);
  return mode === "zero-byte" ? 0 : bufferSize * depth;
}

function member(
  name: keyof typeof MEMBERS,
  value: unknown,
  fallback: number,
): number {
  const { min, max } = MEMBERS[name];
  return optionalInteger(`receive.${name}`, value, min, max, fallback);
}

/** Checks what a user passed as `receive`. */
export function receiveSettings(value: unknown): ReceiveSettings {
  if (value === undefined) return DEFAULT_RECEIVE;
  requireOptions(value, "receive");
  const { mode = "auto", bufferSize, depth, limit } = value as ReceiveOptions;
  if (typeof mode !== "string" || !Object.hasOwn(BUFFER_SIZES, mode)) {
    const modes = Object.keys(BUFFER_SIZES).map((name) => `"${name}"`);
    wrongType("receive.mode", `one of ${modes.join(", ")}`, mode);
  }
  for (const [name, value] of Object.entries({ depth, limit })) {
    if (value === undefined || mode === "burst") continue;
    wrongType(`receive.${name}`, 'left out unless the mode is "burst"', value);
  }
  const size = member("bufferSize", bufferSize, BUFFER_SIZES[mode]);
  const count = member("depth", depth, mode === "burst" ? DEPTH : 1);
  return {
    mode,
    bufferSize: size,
    depth: count,
    limit: member("limit", limit, defaultLimit(mode, size, count)),
  };
}

/** What a new socket of the library has. */
export const DEFAULT_RECEIVE: ReceiveSettings = receiveSettings({});

/** The numbers of the options to set, with their values. */
export function receiveNumbers(
  { mode, bufferSize, depth }: ReceiveSettings,
): [native: number, value: number][] {
  return [
    [MEMBERS.bufferSize.native, mode === "zero-byte" ? 0 : bufferSize],
    [MEMBERS.depth.native, depth],
  ];
}
