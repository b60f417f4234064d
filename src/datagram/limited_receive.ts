// Copyright the iocp authors. MIT license.

import { errorAddress } from "./address.ts";
import type { BoundSocket } from "./bound_socket.ts";
import { BufferReader } from "./readers.ts";
import type { Datagram } from "./datagram.ts";
import type { DatagramAddr } from "./address.ts";
import { LimitedCall } from "../loop/limited_call.ts";
import type { Limits } from "../options/operation.ts";
import { timedOut } from "../errors.ts";

/** A receive() with a timeout or a signal. When it has ended, a datagram that
 * arrives is for the next one. */
export class LimitedReceive<A extends DatagramAddr, B extends ArrayBufferLike>
  extends LimitedCall<Datagram<A, B>> {
  readonly #socket: BoundSocket<A>;
  readonly #reader: BufferReader<A, B>;

  constructor(socket: BoundSocket<A>, p: Uint8Array<B>, limits: Limits) {
    super(socket.loop, limits);
    this.#socket = socket;
    this.#reader = new BufferReader<A, B>(
      p,
      (datagram) => this.resolve(datagram),
      (error) => this.reject(error),
    );
  }

  protected start(): void {
    this.#socket.receive.read(this.#reader);
  }

  protected withdraw(): void {
    this.#socket.receive.cancel(this.#reader);
  }

  protected timeoutError(): Error {
    return timedOut("recvfrom", errorAddress(this.#socket.address));
  }
}
