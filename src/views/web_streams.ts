// Copyright the iocp authors. MIT license.
/* A connection as web streams, on top of its two queues.
 *
 * The end of one stream leaves the other one open: the connection is then
 * half-closed. A named pipe cannot be that, so the end of `writable` closes it, and
 * a `readable` that has not ended fails. A cancel(), an abort() or an error closes the whole connection,
 * because its stream cannot be used any more, and the peer would wait
 * forever. */

import { NotSupported, SocketError } from "../errors.ts";
import {
  type ByteController,
  ReadableStream,
  WritableStream,
} from "../runtime/globals.ts";
import { followPipes } from "./pipe_signal.ts";
import type { Socket } from "../socket/socket.ts";
import { bufferSource } from "../options/validate.ts";
import type { ByteReadable, ByteWritable } from "../runtime/web_types.ts";

const AUTO_ALLOCATE_BYTES = 64 * 1024;

/** Both web streams of a connection, each made at its first use. */
export class WebStreams {
  readonly #socket: Socket;
  #readable: ByteReadable | undefined;
  #writable: ByteWritable | undefined;
  /* Why this side has closed the connection, if it was not for the end of both
   * streams. A later read must not report that as the peer's end. */
  #failure: { readonly reason: unknown } | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The receiving direction. */
  get readable(): ByteReadable {
    return this.#readable ??= new ReadableStream({
      type: "bytes",
      autoAllocateChunkSize: AUTO_ALLOCATE_BYTES,
      pull: (controller) => this.#pull(controller),
      cancel: () => this.#socket.close(),
    });
  }

  /** The sending direction. */
  get writable(): ByteWritable {
    if (this.#writable !== undefined) return this.#writable;
    this.#writable = new WritableStream({
      /* The signal is raised at once; the sink's abort() is called only after the
       * write that is under way, which may never end. */
      start: (controller) => {
        const { signal } = controller;
        signal.addEventListener("abort", () => this.#abort(signal.reason));
      },
      write: (chunk) => this.#write(chunk),
      close: () => this.#end(),
      /* In case the signal was not raised. */
      abort: (reason) => this.#abort(reason),
    });
    followPipes(this.#writable, {
      abort: (reason) => this.#abort(reason),
      closed: () => this.#socket.released(),
    });
    return this.#writable;
  }

  async #pull(controller: ByteController): Promise<void> {
    const request = controller.byobRequest!;
    const { buffer, byteOffset, byteLength } = request.view!;
    const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
    const count = await this.#read(bytes);
    if (count !== null) {
      request.respond(count);
      return;
    }
    controller.close();
    request.respond(0);
    if (this.#writable === undefined) this.#socket.close();
    else this.#socket.closeIfOver();
  }

  async #read(bytes: Uint8Array): Promise<number | null> {
    const socket = this.#socket;
    if (socket.isClosed) {
      if (this.#hasFailed) throw this.#closedError("read");
      return null;
    }
    try {
      return await socket.receive.read(bytes);
    } catch (reason) {
      /* The close of `writable` has ended the read. */
      if (socket.isPipe && this.#failure !== undefined) {
        throw this.#closedError("read");
      }
      this.#fail(reason);
      throw reason;
    }
  }

  async #write(chunk: unknown): Promise<void> {
    const socket = this.#socket;
    let bytes: Uint8Array;
    try {
      bytes = bufferSource("chunk", chunk);
    } catch (reason) {
      /* The peer must not mistake the bytes that it has for the complete stream. */
      this.#abort(reason);
      throw reason;
    }
    if (socket.isClosed) throw this.#closedError("write");
    try {
      await socket.send.write(bytes);
    } catch (reason) {
      this.#fail(reason);
      throw reason;
    }
  }

  async #end(): Promise<void> {
    const socket = this.#socket;
    if (socket.isClosed) {
      if (this.#hasFailed) throw this.#closedError("shutdown");
      return;
    }
    if (socket.isPipe) {
      this.#closePipe();
      await socket.released();
      return;
    }
    try {
      await socket.send.closeWrite();
    } catch (reason) {
      this.#fail(reason);
      throw reason;
    }
    this.#socket.closeIfOver();
  }

  /* What was written is still delivered. */
  #closePipe(): void {
    if (!this.#socket.receive.isEnded) {
      this.#failure ??= { reason: closedByWritable() };
    }
    this.#socket.close();
  }

  /* The connection has failed: closes it. Writes in the queue are still sent, if
   * that is possible. */
  #fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#socket.close();
  }

  /* This side aborts the connection. */
  #abort(reason: unknown): void {
    this.#failure ??= { reason };
    this.#socket.reset();
  }

  get #hasFailed(): boolean {
    return this.#failure !== undefined || this.#socket.isEnded;
  }

  /* The error of every later use. */
  #closedError(syscall: string): SocketError | NotSupported {
    const { reason } = this.#failure ?? {};
    if (reason === undefined && this.#socket.isEnded) {
      return this.#socket.closedError(syscall);
    }
    if (reason instanceof SocketError || reason instanceof NotSupported) {
      return reason;
    }
    return new SocketError("EBADF", {
      syscall,
      detail: "the connection is closed",
      cause: reason,
    });
  }
}

/* The error of `readable`, since the rest of what the peer sends is lost. */
function closedByWritable(): NotSupported {
  return new NotSupported(
    "Cannot read to the end: the close of the writable stream has closed the named pipe, which ends in both directions at once",
  );
}
