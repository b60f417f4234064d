// Copyright the iocp authors. MIT license.
/* The options of conn.sendFile(). */

import {
  type Limits,
  operationLimits,
  type OperationOptions,
} from "./operation.ts";
import { optionalInteger, requireOptions, wrongType } from "./validate.ts";

/** How far a `sendFile()` has come. */
export interface SendFileProgress {
  /** The bytes that the system has accepted. */
  readonly bytesSent: number;
  /** The bytes to send. */
  readonly length: number;
}

/** Options of {@linkcode Conn.sendFile}. */
export interface SendFileOptions extends OperationOptions {
  /**
   * The position in the file of the first byte, from 0 to the size of the file.
   *
   * @default {0}
   */
  offset?: number | undefined;
  /** How many bytes are sent. Without it, all from `offset` on; what is appended to
   * the file later is not. */
  length?: number | undefined;
  /**
   * Called with the progress, at most once for each part of 256 KiB (240 over TLS), and
   * with all of it before the call resolves. What it throws ends the call as an abort does.
   *
   * It may return a promise. It is not called again before that has settled, and the
   * call resolves after it: `timeout` and `signal` end the transfer, and do not end
   * this wait. A rejection ends the call as well.
   */
  onProgress?:
    | ((progress: SendFileProgress) => void | PromiseLike<void>)
    | undefined;
}

/** {@linkcode SendFileOptions}, checked as far as they do not depend on the file. */
export interface SendFileSettings {
  readonly path: string;
  readonly offset: number;
  readonly length: number | undefined;
  readonly limits: Limits;
  readonly onProgress: SendFileOptions["onProgress"];
}

function requireFilePath(path: unknown): string {
  if (typeof path !== "string") wrongType("path", "a string", path);
  if (path === "" || path.includes("\0")) {
    wrongType("path", "a path, not empty and without NUL", path);
  }
  if (/\p{Surrogate}/u.test(path)) {
    wrongType("path", "text without lone surrogates", path);
  }
  return path;
}

/** Checks what a user passed to sendFile(). */
export function sendFileSettings(
  path: string,
  options: SendFileOptions,
): SendFileSettings {
  requireOptions(options);
  const { offset, length, onProgress } = options;
  if (onProgress !== undefined && typeof onProgress !== "function") {
    wrongType("onProgress", "a function", onProgress);
  }
  const max = Number.MAX_SAFE_INTEGER;
  return {
    path: requireFilePath(path),
    offset: optionalInteger("offset", offset, 0, max, 0),
    length: length === undefined
      ? undefined
      : optionalInteger("length", length, 0, max, 0),
    limits: operationLimits(options),
    onProgress,
  };
}

/** How many bytes of a file of `size` bytes are to be sent. */
export function lengthInFile(
  { path, offset, length }: SendFileSettings,
  size: number,
): number {
  const where = `${JSON.stringify(path)}, which has ${size} bytes`;
  if (offset > size) {
    throw new RangeError(
      `The "offset" argument must not be behind the end of ${where}: got ${offset}`,
    );
  }
  if (length !== undefined && length > size - offset) {
    throw new RangeError(
      `The "length" argument must not be more than there is of ${where}: got ${length} from ${offset} on`,
    );
  }
  return length ?? size - offset;
}
