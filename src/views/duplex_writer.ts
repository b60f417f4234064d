// Copyright the iocp authors. MIT license.

import type { DuplexActivity } from "./duplex_activity.ts";
import { closedSocket, duplexError } from "./duplex_error.ts";
import { writeParts } from "../socket/gather.ts";
import type { Callback } from "../runtime/node_types.ts";

/** The sending direction of a duplex, on the send queue of the connection. */
export class DuplexWriter {
  readonly #activity: DuplexActivity;
  /** The length of the write that is in the send queue. */
  #queuedBytes = 0;
  /** Called when it has ended. The stream makes one write at a time. */
  #callback: Callback | undefined;
  #sentBytes = 0;
  #hasFailed = false;

  constructor(activity: DuplexActivity) {
    this.#activity = activity;
  }

  /** The number of bytes that the system has accepted. */
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
    this.#callback = callback;
    this.#activity.refresh();
    /* Short parts are joined: of several sends, the system may delay the later ones
     * until the peer has acknowledged the first (Nagle's algorithm). */
    const written = writeParts(socket, parts);
    this.#activity.writing();
    written.then(this.#written, this.#failed);
  }

  #written = (): void => {
    const callback = this.#callback!;
    this.#sentBytes += this.#queuedBytes;
    this.#queuedBytes = 0;
    this.#activity.refresh();
    callback();
    this.#activity.writing();
  };

  #failed = (error: Error): void => {
    this.#hasFailed = true;
    this.#callback!(duplexError(error, "write"));
  };

  /** Sends the chunks of a _writev(). */
  writeAll(chunks: readonly { chunk: Uint8Array }[], callback: Callback): void {
    const parts = chunks.map(({ chunk }) => chunk);
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    this.write(parts, length, callback);
  }

  /** Sends FIN after everything that was written. A named pipe has none, so it is
   * closed, as libuv does (uv_shutdown() in its src/win/pipe.c). */
  end(callback: Callback): void {
    const { socket } = this.#activity;
    /* The close of the connection sends it anyway. */
    if (socket.isClosed) {
      callback();
      return;
    }
    if (socket.isPipe) {
      socket.close();
      socket.onReleased(callback);
      return;
    }
    /* On a failed connection FIN cannot be sent, which is no failure of a
     * write. */
    const done = () => {
      callback();
      this.#activity.writing();
    };
    socket.send.closeWrite().then(done, done);
    this.#activity.writing();
  }

  /**
   * Whether a close() now would send only a part of what was written, of which
   * `length` bytes are not sent yet. If the Conn is closed already, its queue is
   * still sent, otherwise only what the library has accepted.
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
