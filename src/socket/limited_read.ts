// Copyright the iocp authors. MIT license.

import type { Chunk } from "./chunk_queue.ts";
import { timedOut } from "../errors.ts";
import { LimitedCall } from "../loop/limited_call.ts";
import type { Limits } from "../options/operation.ts";
import type { PendingRead } from "./pending_reads.ts";
import type { Socket } from "./socket.ts";

/** A read with a timeout or a signal. When it has ended, bytes that arrive are for
 * the next read. */
export class LimitedRead extends LimitedCall<Chunk | number | null>
  implements PendingRead {
  readonly buffer: Uint8Array | undefined;
  readonly isLoop: boolean;
  readonly #socket: Socket;

  /** Without `buffer` it is for a chunk. A read of a loop ends when the connection
   * is closed; another one fails. */
  constructor(
    socket: Socket,
    buffer: Uint8Array | undefined,
    limits: Limits,
    isLoop = false,
  ) {
    super(socket.loop, limits);
    this.#socket = socket;
    this.buffer = buffer;
    this.isLoop = isLoop;
  }

  protected start(): void {
    this.#socket.receive.enqueue(this);
  }

  protected withdraw(): void {
    this.#socket.receive.cancel(this);
  }

  protected timeoutError(): Error {
    return timedOut("read", this.#socket.errorPeer);
  }
}
