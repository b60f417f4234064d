// Copyright the iocp authors. MIT license.
/* The bytes of one connection, written to another one. */

import { LimitedCall } from "../loop/limited_call.ts";
import type { Limits } from "../options/operation.ts";
import type { PipeSettings } from "../options/pipe.ts";
import type { Chunk } from "../socket/chunk_queue.ts";
import type { Socket } from "../socket/socket.ts";
import { timedOut } from "../errors.ts";
import { LeasedChunks } from "./leased_chunks.ts";

/* Unlike other loops, its end does not close the connection: the other direction
 * may go on. */
class PipedChunks extends LeasedChunks {
  #last: Chunk | undefined;

  override borrow(chunk: Chunk): void {
    super.borrow(chunk);
    this.#last = chunk;
  }

  /** The last chunk, unless it was taken before: its promise may have resolved
   * while the code behind it has not run yet. */
  take(): Chunk | undefined {
    const chunk = this.#last;
    this.#last = undefined;
    return chunk;
  }

  protected override onEnd(): void {}
}

/** A running pipe. */
class Pipe extends LimitedCall<void> {
  readonly #source: Socket;
  readonly #destination: Socket;
  readonly #settings: PipeSettings;
  readonly #chunks: PipedChunks;
  #isWithdrawn = false;

  constructor(
    source: Socket,
    destination: Socket,
    settings: PipeSettings,
    limits: Limits,
  ) {
    super(source.loop, limits);
    this.#source = source;
    this.#destination = destination;
    this.#settings = settings;
    this.#chunks = new PipedChunks(source);
  }

  protected start(): void {
    this.#run().then(() => this.resolve(), (error) => this.reject(error))
      .finally(() => this.#unwatch());
    const destination = this.#destination;
    if (destination === this.#source) return;
    destination.watch(this.#onDestinationChanged);
    destination.receive.receiveAhead();
    this.#onDestinationChanged();
  }

  #unwatch(): void {
    this.#destination.unwatch(this.#onDestinationChanged);
  }

  /* While the source sends nothing, no write would find out that the destination
   * was closed or has failed. A destination whose direction has ended before, or
   * whose peer has ended, is left to the next write: its answers may still be on
   * their way. */
  #onDestinationChanged = (): void => {
    const destination = this.#destination;
    const { isReleased, receive, send } = destination;
    if (send.isEnded || !(isReleased || receive.hasFailed)) return;
    if (!this.#chunks.cancel()) return;
    this.#isWithdrawn = true;
    this.#unwatch();
    this.reject(destination.lastError ?? destination.closedError("write"));
    if (!this.#settings.preventCancel) this.#source.reset();
  };

  /* It is aborted. */
  protected withdraw(): void {
    this.#isWithdrawn = true;
    this.#unwatch();
    this.#chunks.cancel();
    const destination = this.#destination;
    if (!this.#settings.preventCancel) this.#source.reset();
    if (!this.#settings.preventAbort) destination.reset();
    /* What was read already would be missing between the bytes before and after. */
    const chunk = this.#chunks.take();
    if (chunk === undefined || destination.isClosed) return;
    destination.send.write(chunk).catch(() => {});
  }

  protected timeoutError(): Error {
    return timedOut("write", this.#destination.errorPeer);
  }

  async #run(): Promise<void> {
    for (;;) {
      const chunk = await this.#read();
      if (this.#isWithdrawn) return;
      if (chunk === undefined) break;
      this.#chunks.take();
      await this.#write(chunk);
      if (this.#isWithdrawn) return;
    }
    await this.#end();
  }

  async #read(): Promise<Uint8Array | undefined> {
    try {
      return (await this.#chunks.next()).value;
    } catch (error) {
      this.#source.reset();
      if (!this.#settings.preventAbort) this.#destination.reset();
      throw error;
    }
  }

  async #write(chunk: Uint8Array): Promise<void> {
    try {
      const { isClosed, send } = this.#destination;
      if (isClosed) throw this.#destination.closedError("write");
      await send.write(chunk);
    } catch (error) {
      if (!this.#settings.preventCancel) this.#source.reset();
      throw error;
    }
  }

  /* The peer of the source has ended. */
  async #end(): Promise<void> {
    const source = this.#source;
    const destination = this.#destination;
    if (!this.#settings.preventClose && !destination.isClosed) {
      if (destination.isPipe) destination.close();
      else await destination.send.closeWrite();
    }
    source.closeIfOver();
    destination.closeIfOver();
  }
}

/** Writes everything that the source receives to the destination. */
export function pipe(
  source: Socket,
  destination: Socket,
  settings: PipeSettings,
): Promise<void> {
  const limits = { signal: settings.signal, timeout: Infinity };
  return new Pipe(source, destination, settings, limits).run();
}
