// Copyright the iocp authors. MIT license.

import { HANDLE_MAX } from "../options/handle.ts";
import {
  requireBytes,
  requireInteger,
  requireOptions,
  wrongType,
} from "../options/validate.ts";

/**
 * A connection that belongs to no port: `conn.detach()` returns it, and `adopt()`
 * adds it to a port. It can be sent to another Worker with `postMessage()`.
 */
export interface DetachedSocket {
  /** The SOCKET or file descriptor. */
  readonly handle: number;
  /** Bytes that were received and not read; reads after `adopt()` return them
   * first. */
  readonly bytes?: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * A connection that another process has passed to the inbox of this thread.
 */
export interface PassedSocket {
  /** What {@linkcode passSocket} has returned there. */
  readonly ticket: Uint8Array;
  /** The `bytes` of what `conn.detach()` has returned there. */
  readonly bytes?: Uint8Array<ArrayBuffer> | undefined;
}

/** Checks a handle of the operating system. */
export function requireHandle(value: unknown): number {
  return requireInteger("handle", value, 0, HANDLE_MAX);
}

/** Checks what a user passed to adopt(): its handle or ticket, and its bytes. */
export function requireDetached(socket: DetachedSocket | PassedSocket): {
  handle: number | Uint8Array;
  bytes: Uint8Array<ArrayBuffer>;
} {
  requireOptions(socket, "socket");
  const { handle, ticket, bytes } = socket as DetachedSocket & PassedSocket;
  if (ticket !== undefined && handle !== undefined) {
    wrongType("handle", "left out when there is a ticket", handle);
  }
  return {
    handle: ticket === undefined
      ? requireHandle(handle)
      : requireBytes("ticket", ticket),
    bytes: bytes === undefined
      ? new Uint8Array(0)
      /* A copy, since the caller may continue to use its own array. */
      : new Uint8Array(requireBytes("bytes", bytes)),
  };
}
