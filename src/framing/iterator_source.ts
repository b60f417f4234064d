// Copyright the iocp authors. MIT license.

import type { ByteSink, ByteSource } from "./byte_source.ts";
import { SocketError, type SocketErrorOptions } from "../errors.ts";
import { TimerDeadlines } from "./timer_deadlines.ts";
import { wrongType } from "../options/validate.ts";

/** The bytes of an async iterable, whose chunks may be valid only until the next
 * one is requested. */
export class IteratorSource implements ByteSource {
  readonly deadlines: TimerDeadlines = new TimerDeadlines();
  readonly #iterator: AsyncIterator<Uint8Array, unknown>;
  #sink: ByteSink | undefined;
  #isReleased = false;
  /* An iterator that has failed is over; the later calls fail as well. */
  #failure: { readonly reason: unknown } | undefined;

  constructor(iterable: AsyncIterable<Uint8Array>) {
    const make = (iterable as Partial<AsyncIterable<Uint8Array>> | null)
      ?.[Symbol.asyncIterator];
    if (typeof make !== "function") {
      wrongType("source", "an async iterable", iterable);
    }
    this.#iterator = make.call(iterable);
  }

  get isClosed(): boolean {
    return this.#isReleased;
  }

  request(sink: ByteSink): void {
    this.#sink = sink;
    if (this.#isReleased) {
      const detail = "the reader was released";
      sink.fail(this.error("EBADF", { detail }));
    } else if (this.#failure !== undefined) sink.fail(this.#failure.reason);
    else this.#next();
  }

  settle(): void {}

  /** What has been requested comes, and is for the next call. */
  withdraw(): boolean {
    return false;
  }

  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#sink?.giveBack();
    await this.#iterator.return?.();
  }

  close(): void {}

  error(code: string, options?: Partial<SocketErrorOptions>): SocketError {
    return new SocketError(code, { syscall: "read", ...options });
  }

  async #next(): Promise<void> {
    let chunk: Uint8Array | undefined;
    try {
      do {
        const { value, done } = await this.#iterator.next();
        chunk = done ? undefined : plainBytes(value);
      } while (chunk?.length === 0);
    } catch (reason) {
      this.#failure = { reason };
      this.#sink!.fail(reason);
      return;
    }
    if (chunk === undefined) this.#sink!.end();
    else if (!this.#isReleased) this.#sink!.deliver(chunk);
  }
}

/* Methods of a Buffer of Node differ from those of its class. */
function plainBytes(chunk: unknown): Uint8Array {
  if (!(chunk instanceof Uint8Array)) {
    wrongType("source", "an async iterable of Uint8Array", chunk);
  }
  if (chunk.constructor === Uint8Array) return chunk;
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
