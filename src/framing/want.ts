// Copyright the iocp authors. MIT license.

import type { ByteBuffer } from "./byte_buffer.ts";

/** What a call of a reader wants. Errors that it throws are those of the call. */
export interface Want<T> {
  /** Takes it from the buffer; undefined if more bytes are needed. The buffer is
   * changed only if it returns something. */
  take(buffer: ByteBuffer): T | undefined;
  /** The result at the end, where {@linkcode take} has returned undefined. */
  end(buffer: ByteBuffer): T;
  /** The result when the source has failed, or is closed by this side. Without this
   * method the call fails. */
  fail?(error: unknown, isClosed: boolean): T;
}
