// Copyright the iocp authors. MIT license.
/* Sockets on their way to and from other processes. */

import { INBOX_MAX, TICKET_MAX } from "../native/completion.ts";
import { PASS, type SystemCall, TAKE } from "../native/system_calls.ts";
import { NotSupported, SocketError } from "../errors.ts";
import type { Loop } from "../loop/loop.ts";
import { requireBytes } from "../options/validate.ts";

const REASONS: Readonly<Record<string, string>> = {
  EINVAL: "these bytes are not what inboxAddress() or a pass has returned",
  ENOTSOCK: "it is not a socket, or a named pipe",
  ECONNREFUSED: "the process of the inbox has ended",
  EBUSY: "the inbox is full: its process must take sockets first",
  ENOENT: "the inbox of this thread has no socket for this ticket",
};

function failure(loop: Loop, result: number, call: SystemCall): Error {
  const error = loop.port.error(result, call);
  const { code, errno } = error;
  if (code === "ENOTSUP") {
    return new NotSupported(
      "Cannot pass a socket: a named pipe has no handle that accepts in two processes",
      { cause: error },
    );
  }
  return new SocketError(code, { ...call, errno, detail: REASONS[code] });
}

/** The address of the thread's inbox. */
export function inboxOf(loop: Loop): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(INBOX_MAX));
  const length = loop.inbox.address(bytes);
  if (length < 0) throw failure(loop, length, TAKE);
  return bytes.slice(0, length);
}

/** Passes the listener `id`, or, where that is -1, the handle, which is ignored
 * otherwise. Returns the ticket. */
export function passSocket(
  loop: Loop,
  id: number,
  handle: number,
  address: Uint8Array,
): Uint8Array<ArrayBuffer> {
  /* A copy, since bytes of a SharedArrayBuffer could change meanwhile. */
  const to = new Uint8Array(requireBytes("address", address));
  const ticket = new Uint8Array(new ArrayBuffer(TICKET_MAX));
  const length = loop.inbox.pass(id, handle, to, ticket);
  if (length < 0) throw failure(loop, length, PASS);
  return ticket.slice(0, length);
}

/** Returns the handle of the socket of a ticket. */
export function takeSocket(loop: Loop, ticket: Uint8Array): number {
  const bytes = new Uint8Array(requireBytes("ticket", ticket));
  const handle = loop.inbox.take(bytes);
  if (handle < 0) throw failure(loop, handle, TAKE);
  return handle;
}

/** Closes a handle that is on no port. */
export function dropSocket(loop: Loop, handle: number): void {
  const result = loop.port.drop(handle);
  if (result < 0) throw failure(loop, result, PASS);
}
