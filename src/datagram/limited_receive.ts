// Copyright the iocp authors. MIT license.

import { type DatagramAddr, errorAddress } from "./address.ts";
import type { BoundSocket } from "./bound_socket.ts";
import { LimitedCall } from "../loop/limited_call.ts";
import type { Limits } from "../options/operation.ts";
import type { Reader } from "./readers.ts";
import { timedOut } from "../errors.ts";

/** A receive(), or the turn of a loop, with a timeout or a signal. When it has
 * ended, a datagram that arrives is for the next one. */
export class LimitedReceive<A extends DatagramAddr, T> extends LimitedCall<T> {
  readonly #socket: BoundSocket<A>;
  readonly #reader: Reader<A>;

  /** `makeReader` makes the reader that has the result. */
  constructor(
    socket: BoundSocket<A>,
    limits: Limits,
    makeReader: (
      resolve: (value: T) => void,
      reject: (error: Error) => void,
    ) => Reader<A>,
  ) {
    super(socket.loop, limits);
    this.#socket = socket;
    this.#reader = makeReader(
      (value) => this.resolve(value),
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
