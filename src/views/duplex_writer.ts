// Copyright the iocp authors. MIT license.

import type { DuplexActivity } from "./duplex_activity.ts";
import { closedSocket, duplexError } from "./duplex_error.ts";
import type { Callback } from "../runtime/node_types.ts";

function ignore(): void {}

/** The sending direction of a duplex, on the send queue of the connection. */
export class DuplexWriter {
  readonly #activity: DuplexActivity;
  /** The bytes of the write that is in the send queue. */
  #queuedBytes = 0;
  #sentBytes = 0;
  #hasFailed = false;

  constructor(activity: DuplexActivity) {
    this.#activity = activity;
  }

  /** The bytes that the system has accepted. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** True when written bytes could not be sent. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Sends the parts, which have `length` bytes in all. */
  write(parts: Uint8Array[], length: number, callback: Callback): void {
    const { socket } = this.#activity;
    if (socket.isClosed) {
      callback(closedSocket());
      return;
    }
    this.#queuedBytes = length;
    this.#activity.refresh();
    /* Parts leave in order, so the last one is the end of all. */
    let last: Promise<unknown> | undefined;
    for (const part of parts) {
      last?.catch(ignore);
      last = socket.send.write(part);
    }
    this.#activity.writing();
    last!.then(() => {
      this.#queuedBytes = 0;
      this.#sentBytes += length;
      this.#activity.refresh();
      callback();
      this.#activity.writing();
    }, (error: Error) => {
      this.#hasFailed = true;
      callback(duplexError(error, "write"));
    });
  }

  /** Sends FIN after everything that was written. */
  end(callback: Callback): void {
    /* The close of the connection sends it anyway. */
    if (this.#activity.socket.isClosed) {
      callback();
      return;
    }
    /* That FIN cannot be sent on a failed connection is no failure of a
     * write. */
    const done = () => {
      callback();
      this.#activity.writing();
    };
    this.#activity.socket.send.closeWrite().then(done, done);
    this.#activity.writing();
  }

  /**
   * Whether a close() would send a part only of what was written: `length` bytes
   * that are not sent yet. After the close() of the Conn the queue is still sent,
   * otherwise only what the library has accepted.
   */
  isPartlySent(length: number): boolean {
    const { socket } = this.#activity;
    return length > this.#queuedBytes ||
      !socket.isClosed && !socket.send.isAllAccepted;
  }

  /** Sends the remaining writes, then closes, within the closeTimeout. */
  close(remaining: readonly { chunk: Uint8Array }[]): void {
    const { socket } = this.#activity;
    if (socket.isClosed) return;
    for (const { chunk } of remaining) {
      socket.send.write(chunk).catch(() => this.#hasFailed = true);
    }
    socket.close();
  }
}
