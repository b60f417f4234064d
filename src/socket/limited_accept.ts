// Copyright the iocp authors. MIT license.

import type { Acceptor } from "./acceptor.ts";
import { timedOut } from "../errors.ts";
import { LimitedCall } from "../loop/limited_call.ts";
import { errorAddress } from "../native/address.ts";
import type { Limits } from "../options/operation.ts";
import type { Socket } from "./socket.ts";

/** An accept(), or the turn of a loop, with a timeout or a signal. When it has ended,
 * a connection that is made is for the next one. */
export class LimitedAccept extends LimitedCall<Socket | undefined> {
  readonly #acceptor: Acceptor;

  constructor(acceptor: Acceptor, limits: Limits) {
    super(acceptor.loop, limits);
    this.#acceptor = acceptor;
  }

  /* Undefined when the acceptor is closed. */
  #accepted = (socket: Socket | undefined): void => this.resolve(socket);

  protected start(): void {
    this.#acceptor.accept(this.#accepted);
  }

  protected withdraw(): void {
    this.#acceptor.cancel(this.#accepted);
  }

  protected timeoutError(): Error {
    return timedOut("accept", errorAddress(this.#acceptor.address));
  }
}
