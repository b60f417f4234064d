// Copyright the iocp authors. MIT license.

import {
  requireBytes,
  requireInteger,
  requireOptions,
} from "../options/validate.ts";

/**
 * A connection that no port has: what `conn.detach()` gives and `adopt()`
 * takes. It can be sent to another Worker with `postMessage()`.
 */
export interface DetachedSocket {
  /** The SOCKET or file descriptor. */
  readonly handle: number;
  /** What has come and was not read, which the new owner reads first. */
  readonly bytes?: Uint8Array<ArrayBuffer> | undefined;
}

/* Whole numbers up to this are exact. */
const HANDLE_MAX = Number.MAX_SAFE_INTEGER;

/** Checks a handle of the operating system. */
export function requireHandle(value: unknown): number {
  return requireInteger("handle", value, 0, HANDLE_MAX);
}

/** Checks what a user passed to adopt(). */
export function requireDetached(socket: DetachedSocket): {
  handle: number;
  bytes: Uint8Array<ArrayBuffer>;
} {
  requireOptions(socket, "socket");
  const { handle, bytes } = socket;
  return {
    handle: requireHandle(handle),
    bytes: bytes === undefined
      ? new Uint8Array(0)
      /* A copy, since the caller may go on using its own array. */
      : new Uint8Array(requireBytes("bytes", bytes)),
  };
}
