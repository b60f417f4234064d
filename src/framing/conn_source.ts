// Copyright the iocp authors. MIT license.

import type { ByteSink, ByteSource } from "./byte_source.ts";
import type { Borrower, Chunk } from "../socket/chunk_queue.ts";
import { SocketError, type SocketErrorOptions } from "../errors.ts";
import type { Deadlines } from "../loop/deadlines.ts";
import type { PendingRead } from "../socket/pending_reads.ts";
import type { Socket } from "../socket/socket.ts";

/** The bytes of a connection. It is also the pending read, of which a reader has one
 * at a time, and that borrows the bytes which the reader has not used. */
export class ConnSource implements ByteSource, PendingRead, Borrower {
  readonly #socket: Socket;
  #sink: ByteSink | undefined;
  #room: Uint8Array | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#sink = undefined;
    this.#room = undefined;
  }

  get isClosed(): boolean {
    const { isClosed, receive } = this.#socket;
    return isClosed && !receive.hasFailed;
  }

  get deadlines(): Deadlines {
    return this.#socket.loop.deadlines;
  }

  request(sink: ByteSink, isContinued: boolean): void {
    this.#sink = sink;
    const socket = this.#socket;
    if (this.isClosed) sink.fail(socket.closedError("read"));
    else {
      this.#room = sink.makeRoom();
      socket.receive.borrow(this, isContinued);
    }
  }

  settle(): void {
    this.#socket.loop.allowance.settle();
  }

  withdraw(): boolean {
    this.#socket.receive.cancel(this);
    /* What it has got already may have been left to the next turn: without this, a
     * later read would get what comes behind that. */
    this.settle();
    return true;
  }

  release(): Promise<void> {
    this.#socket.receive.reclaim();
    return Promise.resolve();
  }

  close(isFailure: boolean): void {
    const socket = this.#socket;
    if (isFailure || !socket.settings.allowHalfOpen) socket.close();
  }

  error(code: string, options?: Partial<SocketErrorOptions>): SocketError {
    const { errorPeer } = this.#socket;
    return new SocketError(code, { syscall: "read", ...errorPeer, ...options });
  }

  /* ---- what follows is for the queue */

  get buffer(): Uint8Array | undefined {
    return this.#room;
  }

  get isLoop(): boolean {
    return false;
  }

  get isBusy(): boolean {
    return this.#sink!.isBusy;
  }

  get unused(): number {
    return this.#sink!.unused;
  }

  giveBack(): Chunk | undefined {
    return this.#sink!.giveBack();
  }

  resolve(got: Chunk | number | null): void {
    const sink = this.#sink!;
    if (got === null) sink.end();
    else if (typeof got === "number") sink.filled(this.#room!, got);
    else sink.deliver(got);
  }

  reject(error: Error): void {
    this.#sink!.fail(error);
  }
}
