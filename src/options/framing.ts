// Copyright the iocp authors. MIT license.
/* The options of readers, and of loops over lines and frames. */

import {
  type Limits,
  operationLimits,
  type OperationOptions,
} from "./operation.ts";
import {
  optionalBoolean,
  optionalInteger,
  requireOptions,
  wrongType,
} from "./validate.ts";

/** Options of {@linkcode ByteReader}. */
export interface ByteReaderOptions {
  /**
   * The most bytes that one call may collect, from 1 to 1,073,741,824, unless the
   * call has a `maxLength` of its own.
   *
   * @default {65_536} for lines and delimiters, 1,048,576 for a number of bytes
   */
  maxLength?: number | undefined;
}

/** Options of the calls of a {@linkcode ByteReader}. */
export interface ReadOptions extends OperationOptions, ByteReaderOptions {}

/** Options of a line, or of a loop over lines, each of which may take as long as
 * `timeout` says. */
export interface LineOptions extends ReadOptions {
  /**
   * Whether bytes that are not UTF-8 are an error (`EILSEQ`), as with the same option
   * of `TextDecoder`. Otherwise they become U+FFFD.
   *
   * @default {true}
   */
  fatal?: boolean | undefined;
  /**
   * Whether an end inside of a line is an error (`EUNEXPECTEDEND`). Otherwise the
   * part before the end is the last line.
   *
   * @default {false}
   */
  requireNewline?: boolean | undefined;
}

/** Options of a loop over frames: where their length is and what it counts. Each
 * frame may take as long as `timeout` says. */
export interface FrameOptions extends OperationOptions {
  /**
   * The most bytes behind the header of a frame, from 1 to 1,073,741,824.
   *
   * @default {1_048_576}
   */
  maxLength?: number | undefined;
  /**
   * How many bytes the length has, from 1 to 8.
   *
   * @default {4}
   */
  lengthBytes?: number | undefined;
  /**
   * The order of the bytes of the length.
   *
   * @default {"big"}
   */
  endian?: "big" | "little" | undefined;
  /**
   * How many bytes of the header come before the length, from 0 to 1,024.
   *
   * @default {0}
   */
  lengthOffset?: number | undefined;
  /**
   * The size of the whole header, up to 2,048 bytes.
   *
   * @default {lengthOffset + lengthBytes}
   */
  headerBytes?: number | undefined;
  /**
   * Is added to the length to get the number of bytes behind the header, from -4,096
   * to 4,096: minus the size of the header where the length counts that as well.
   *
   * @default {0}
   */
  lengthAdjustment?: number | undefined;
  /**
   * Whether a frame is given out with its header.
   *
   * @default {false}
   */
  includeHeader?: boolean | undefined;
}

/** {@linkcode ReadOptions}, checked. */
export interface ReadSettings {
  readonly maxLength: number;
  readonly limits: Limits | undefined;
}

/** {@linkcode LineOptions}, checked. */
export interface LineSettings extends ReadSettings {
  readonly fatal: boolean;
  readonly requireNewline: boolean;
}

/** {@linkcode FrameOptions}, checked. */
export interface FrameSettings extends ReadSettings {
  readonly lengthBytes: number;
  readonly endian: "big" | "little";
  readonly lengthOffset: number;
  readonly headerBytes: number;
  readonly lengthAdjustment: number;
  readonly includeHeader: boolean;
}

/** The limit of lines, and of what a delimiter ends. */
export const LINE_LENGTH: number = 64 * 1024;
/** The limit of what is counted. */
export const COUNTED_LENGTH: number = 1024 * 1024;
const LENGTH_MAX = 2 ** 30;
const LENGTH_OFFSET_MAX = 1024;
const HEADER_MAX = 2048;
const ADJUSTMENT_MAX = 4096;

function maxLengthOf(value: unknown, fallback: number): number {
  return optionalInteger("maxLength", value, 1, LENGTH_MAX, fallback);
}

/** Checks what a user passed to a reader; undefined is the default. */
export function readerMaxLength(
  options: ByteReaderOptions | undefined,
): number | undefined {
  if (options === undefined) return undefined;
  requireOptions(options);
  const { maxLength } = options;
  return maxLength === undefined ? undefined : maxLengthOf(maxLength, 1);
}

/* A call without limits has no object for them. */
function limitsOf(options: OperationOptions): Limits | undefined {
  const limits = operationLimits(options);
  const isLimited = limits.signal !== undefined || limits.timeout !== Infinity;
  return isLimited ? limits : undefined;
}

/** Checks what a user passed to a call of a reader. */
export function readSettings(
  options: ReadOptions,
  fallback: number,
): ReadSettings {
  requireOptions(options);
  return {
    maxLength: maxLengthOf(options.maxLength, fallback),
    limits: limitsOf(options),
  };
}

/** Checks what a user passed for lines. */
export function lineSettings(
  options: LineOptions,
  fallback: number,
): LineSettings {
  const { maxLength, limits } = readSettings(options, fallback);
  const { fatal, requireNewline } = options;
  return {
    maxLength,
    limits,
    fatal: optionalBoolean("fatal", fatal, true),
    requireNewline: optionalBoolean("requireNewline", requireNewline, false),
  };
}

/** Checks what a user passed for frames. */
export function frameSettings(
  options: FrameOptions,
  fallback: number,
): FrameSettings {
  const { maxLength, limits } = readSettings(options, fallback);
  const { endian = "big", includeHeader } = options;
  if (endian !== "big" && endian !== "little") {
    wrongType("endian", '"big" or "little"', endian);
  }
  const lengthBytes = optionalInteger(
    "lengthBytes",
    options.lengthBytes,
    1,
    8,
    4,
  );
  const lengthOffset = optionalInteger(
    "lengthOffset",
    options.lengthOffset,
    0,
    LENGTH_OFFSET_MAX,
    0,
  );
  const needed = lengthOffset + lengthBytes;
  return {
    maxLength,
    limits,
    lengthBytes,
    endian,
    lengthOffset,
    headerBytes: optionalInteger(
      "headerBytes",
      options.headerBytes,
      needed,
      HEADER_MAX,
      needed,
    ),
    lengthAdjustment: optionalInteger(
      "lengthAdjustment",
      options.lengthAdjustment,
      -ADJUSTMENT_MAX,
      ADJUSTMENT_MAX,
      0,
    ),
    includeHeader: optionalBoolean("includeHeader", includeHeader, false),
  };
}
