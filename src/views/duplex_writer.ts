// Copyright the iocp authors. MIT license.

import type { DuplexActivity } from "./duplex_activity.ts";
import { closedSocket, duplexError } from "./duplex_error.ts";
import {
  lengthOf,
  scratchMemory,
  sendParts,
  sendScratch,
} from "../socket/gather.ts";
import type { Callback, WrittenChunk } from "../runtime/node_types.ts";
import type { Socket } from "../socket/socket.ts";
import { bytesOfChunk, copyChunks, lengthOfChunks } from "./stream_chunks.ts";

/* Several parts, or a text, are copied to send them; the bytes of one are not. */
function isJoined(
  { send }: Socket,
  chunks: readonly WrittenChunk[],
): boolean {
  const isText = typeof chunks[0]?.chunk === "string";
  return (chunks.length > 1 || isText) && send.isIdle;
}

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

  /** The bytes of the write that is in the send queue. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** True when written bytes could not be sent. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Sends the chunks of a _write() or _writev(). */
  write(chunks: readonly WrittenChunk[], callback: Callback): void {
    const { socket } = this.#activity;
    if (socket.isClosed) {
      callback(closedSocket());
      return;
    }
    this.#activity.refresh();
    /* Short parts are joined: of several sends, the system may delay the later ones
     * until the peer has acknowledged the first (Nagle's algorithm). */
    const length = isJoined(socket, chunks)
      ? copyChunks(scratchMemory(), chunks)
      : undefined;
    if (length === undefined) {
      const parts = chunks.map(bytesOfChunk);
      this.#started(sendParts(socket, parts), lengthOf(parts), callback);
    } else this.#started(sendScratch(socket, length), length, callback);
  }

  #started(
    written: Promise<number> | undefined,
    length: number,
    callback: Callback,
  ): void {
    if (written === undefined) this.#sent(length, callback);
    else this.#wait(written, length, callback);
  }

  /* The system has accepted all of it. As in Node, the callback comes at once; a stream
   * that has written much in this turn waits for the next one. */
  #sent(length: number, callback: Callback): void {
    const { allowance } = this.#activity.socket.loop;
    if (allowance.spend(length)) {
      this.#sentBytes += length;
      callback();
    } else this.#wait(allowance.settledLater(length), length, callback);
  }

  #wait(written: Promise<number>, length: number, callback: Callback): void {
    this.#queuedBytes = length;
    this.#callback = callback;
    this.#activity.writing();
    /* Not members, which each idle connection would have. */
    written.then(() => this.#written(), (error) => this.#failed(error));
  }

  #written(): void {
    const callback = this.#callback!;
    this.#sentBytes += this.#queuedBytes;
    this.#queuedBytes = 0;
    this.#activity.refresh();
    callback();
    this.#activity.writing();
  }

  #failed(error: Error): void {
    this.#hasFailed = true;
    this.#queuedBytes = 0;
    this.#callback!(duplexError(error, "write"));
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
   * `remaining` waits in the stream. If the Conn is closed already, its queue is
   * still sent, otherwise only what the library has accepted.
   */
  isPartlySent(remaining: readonly WrittenChunk[]): boolean {
    const { socket } = this.#activity;
    return lengthOfChunks(remaining) > 0 ||
      !socket.isClosed && !socket.send.isAllAccepted;
  }

  /** Sends the remaining writes, then closes, within the closeTimeout. */
  close(remaining: readonly WrittenChunk[]): void {
    const { socket } = this.#activity;
    if (socket.isClosed) return;
    for (const bytes of remaining.map(bytesOfChunk)) {
      socket.send.write(bytes).catch(() => this.#hasFailed = true);
    }
    socket.close();
  }
}
