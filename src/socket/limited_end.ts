// Copyright the iocp authors. MIT license.

import { timedOut } from "../errors.ts";
import { LimitedCall } from "../loop/limited_call.ts";
import type { Limits } from "../options/operation.ts";
import type { PendingWrite } from "./send_queue.ts";
import type { Socket } from "./socket.ts";

/** A closeWrite() with a timeout or a signal. When it has ended while writes before
 * it are pending, the direction stays open. */
export class LimitedEnd extends LimitedCall<number> implements PendingWrite {
  readonly bytes = undefined;
  readonly length = 0;
  offset = 0;
  readonly #socket: Socket;

  constructor(socket: Socket, limits: Limits) {
    super(socket.loop, limits);
    this.#socket = socket;
  }

  protected start(): void {
    this.#socket.send.enqueueEnd(this);
  }

  protected withdraw(): void {
    this.#socket.send.cancelEnd(this);
  }

  protected timeoutError(): Error {
    return timedOut("shutdown", this.#socket.errorPeer);
  }
}
