// Copyright the iocp authors. MIT license.
/* The errors of messages that are not as they should be. */

import type { ByteSource } from "./byte_source.ts";
import type { SocketError } from "../errors.ts";

/** The end came inside of `what`. */
export function endedInside(
  source: ByteSource,
  what: string,
  bytes: number,
): SocketError {
  return source.error("EUNEXPECTEDEND", {
    detail: `the end came after ${bytes} bytes of ${what}`,
  });
}

/** More bytes than the limit. */
export function tooLong(
  source: ByteSource,
  what: string,
  maxLength: number,
): SocketError {
  return source.error("EMSGSIZE", {
    detail: `${what} is longer than ${maxLength} bytes`,
  });
}

/** A line that is not text. */
export function notText(source: ByteSource, cause: unknown): SocketError {
  return source.error("EILSEQ", { detail: "the line is not UTF-8", cause });
}
