// Copyright the iocp authors. MIT license.
import { PENDING } from "./completion.ts";
import type { Native } from "./symbols.ts";

/**
 * The functions of ffi/include/iocp.h that are about the datagram sockets of a
 * port. What all sockets have, such as their close, is in port.ts.
 *
 * A method returns the result of the C function, negative for a failure, and
 * `kick` is called as in port.ts.
 */
export class NativeDatagrams {
  readonly #native: Native;
  readonly #port: number;
  readonly #kick: () => void;

  /** `port` is the id of the port. */
  constructor(native: Native, port: number, kick: () => void) {
    this.#native = native;
    this.#port = port;
    this.#kick = kick;
  }

  /** Returns the id of a new datagram socket. */
  bind(address: Uint8Array, flags: number, mode: number): number {
    return this.#native.iocp_bind(this.#port, address, flags, mode);
  }

  /** Receives one datagram, and what is known of it into `datagram`. With PENDING
   * as the result, READABLE follows. */
  receiveFrom(
    socket: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    datagram: Uint8Array,
  ): number {
    const result = this.#native.iocp_receive_from(
      this.#port,
      socket,
      buffer,
      offset,
      length,
      datagram,
    );
    if (result === PENDING) this.#kick();
    return result;
  }

  /** Sends one datagram; null: to the connected peer. With PENDING in the result,
   * SENT follows. */
  sendTo(
    socket: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    address: Uint8Array | null,
  ): number {
    const result = this.#native.iocp_send_to(
      this.#port,
      socket,
      bytes,
      offset,
      length,
      address,
    );
    if (result >= PENDING) this.#kick();
    return result;
  }

  /** Sends `count` datagrams that are in the first `length` bytes. Returns how
   * many were taken. With PENDING in the result, SENT follows. */
  sendMany(
    socket: number,
    datagrams: Uint8Array,
    length: number,
    count: number,
  ): number {
    const result = this.#native.iocp_send_many(
      this.#port,
      socket,
      datagrams,
      length,
      count,
    );
    if (result >= PENDING) this.#kick();
    return result;
  }

  /** Connects a datagram socket; null: it is not connected any more. */
  connect(socket: number, address: Uint8Array | null): number {
    return this.#native.iocp_connect_datagram(this.#port, socket, address);
  }

  /** Joins or leaves a multicast group, for one source if there is one. */
  membership(
    socket: number,
    group: Uint8Array,
    source: Uint8Array | null,
    interfaceIndex: number,
    joins: boolean,
  ): number {
    return this.#native.iocp_membership(
      this.#port,
      socket,
      group,
      source,
      interfaceIndex,
      joins ? 1 : 0,
    );
  }

  /** The index of the network interface with that address. */
  interfaceIndex(address: Uint8Array): number {
    return this.#native.iocp_interface_index(this.#port, address);
  }
}
