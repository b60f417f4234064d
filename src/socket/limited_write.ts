// Copyright the iocp authors. MIT license.

import { canceled, timedOut } from "../errors.ts";
import { LimitedCall } from "../loop/limited_call.ts";
import type { Limits } from "../options/operation.ts";
import type { PendingWrite } from "./send_queue.ts";
import type { Socket } from "./socket.ts";

/** A write with a timeout or a signal. When it has ended, what the library had
 * accepted is still sent, and the error has its length; the rest is not sent. */
export class LimitedWrite extends LimitedCall<number> implements PendingWrite {
  readonly bytes: Uint8Array;
  readonly length: number;
  offset = 0;
  readonly #socket: Socket;

  constructor(socket: Socket, bytes: Uint8Array, limits: Limits) {
    super(socket.loop, limits);
    this.#socket = socket;
    this.bytes = bytes;
    this.length = bytes.length;
  }

  protected start(): void {
    this.#socket.send.enqueue(this);
  }

  protected withdraw(): void {
    this.#socket.send.cancel(this);
  }

  protected timeoutError(): Error {
    return timedOut("write", this.#socket.errorPeer, this.offset);
  }

  protected override abortError(reason: unknown): Error {
    return canceled("write", this.#socket.errorPeer, reason, this.offset);
  }
}
