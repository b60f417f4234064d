// Copyright the iocp authors. MIT license.
/* A connection as web streams, on top of its two queues.
 *
 * A direction that has ended in order leaves the other one alone, for that is
 * what a half-closed connection is for. One that was given up, by cancel(), by
 * abort() or by an error, takes the connection with it: its own stream can do
 * nothing more, and the peer would wait for ever. */

import { SocketError } from "../errors.ts";
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

/** Both web streams of a connection, each made when it is first asked for. */
export class WebStreams {
  readonly #stream: Socket;
  #readable: ByteReadable | undefined;
  #writable: ByteWritable | undefined;
  /* Why the connection was given up here. What is read after that must not look
   * like the peer's end. */
  #failure: { readonly reason: unknown } | undefined;

  constructor(stream: Socket) {
    this.#stream = stream;
  }

  /** The receiving direction. */
  get readable(): ByteReadable {
    return this.#readable ??= new ReadableStream({
      type: "bytes",
      autoAllocateChunkSize: AUTO_ALLOCATE_BYTES,
      pull: (controller) => this.#pull(controller),
      cancel: () => this.#stream.close(),
    });
  }

  /** The sending direction. */
  get writable(): ByteWritable {
    if (this.#writable !== undefined) return this.#writable;
    this.#writable = new WritableStream({
      /* The sink's abort() is called only when the write under way has ended,
       * which may be never; the signal comes at once. */
      start: (controller) => {
        const { signal } = controller;
        signal.addEventListener("abort", () => this.#giveUp(signal.reason));
      },
      write: (chunk) => this.#write(chunk),
      close: () => this.#end(),
      /* For a stream that has had no chance to raise its signal. */
      abort: (reason) => this.#giveUp(reason),
    });
    followPipes(this.#writable, {
      giveUp: (reason) => this.#giveUp(reason),
      closed: () => this.#stream.released(),
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
    if (this.#writable === undefined) this.#stream.close();
    else this.#closeIfDone();
  }

  async #read(bytes: Uint8Array): Promise<number | null> {
    const stream = this.#stream;
    if (stream.isClosed) {
      if (this.#failure !== undefined) throw this.#gone("read");
      return null;
    }
    try {
      return await stream.receive.read(bytes);
    } catch (reason) {
      this.#fail(reason);
      throw reason;
    }
  }

  async #write(chunk: unknown): Promise<void> {
    const stream = this.#stream;
    let bytes: Uint8Array;
    try {
      bytes = bufferSource("chunk", chunk);
    } catch (reason) {
      /* The peer must not take what it has got for the whole. */
      this.#giveUp(reason);
      throw reason;
    }
    if (stream.isClosed) throw this.#gone("write");
    try {
      await stream.send.write(bytes);
    } catch (reason) {
      this.#fail(reason);
      throw reason;
    }
  }

  async #end(): Promise<void> {
    const stream = this.#stream;
    if (stream.isClosed) {
      if (this.#failure !== undefined) throw this.#gone("shutdown");
      return;
    }
    try {
      await stream.send.closeWrite();
    } catch (reason) {
      this.#fail(reason);
      throw reason;
    }
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    const { receive, send } = this.#stream;
    if (receive.isEnded && send.isShut) this.#stream.close();
  }

  /* The connection has failed. What is still written leaves if it can. */
  #fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#stream.close();
  }

  /* This side has given the connection up. */
  #giveUp(reason: unknown): void {
    this.#failure ??= { reason };
    this.#stream.reset();
  }

  /* The error of every use after that. */
  #gone(syscall: string): SocketError {
    const { reason } = this.#failure ?? {};
    if (reason instanceof SocketError) return reason;
    return new SocketError("EBADF", {
      syscall,
      detail: "the connection is closed",
      cause: reason,
    });
  }
}
