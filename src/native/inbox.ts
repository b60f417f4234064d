// Copyright the iocp authors. MIT license.
import type { Native } from "./symbols.ts";

/**
 * The functions of ffi/include/iocp.h that pass sockets from the inbox of one port
 * to that of another, which may be of another process.
 *
 * A method returns the result of the C function, negative for a failure.
 */
export class NativeInbox {
  readonly #native: Native;
  readonly #port: number;

  /** `port` is the id of the port. */
  constructor(native: Native, port: number) {
    this.#native = native;
    this.#port = port;
  }

  /** Writes its address, and returns the length of that. */
  address(address: Uint8Array): number {
    return this.#native.iocp_inbox(this.#port, address, address.length);
  }

  /** Passes the listener `socket` or, where that is -1, the handle, to the inbox
   * with that address. Writes the ticket, and returns its length. */
  pass(
    socket: number,
    handle: number,
    address: Uint8Array,
    ticket: Uint8Array,
  ): number {
    return this.#native.iocp_pass(
      this.#port,
      socket,
      handle,
      address,
      address.length,
      ticket,
      ticket.length,
    );
  }

  /** Returns the handle of the socket of a ticket. */
  take(ticket: Uint8Array): number {
    return this.#native.iocp_take(this.#port, ticket, ticket.length);
  }
}
