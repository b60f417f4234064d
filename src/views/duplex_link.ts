// Copyright the iocp authors. MIT license.
/* What a stream has of its connection: both directions, the addresses, the options
 * and the close. The duplex of a Conn and the Socket of iocp/net share it. */

import { type ConnEnd } from "../socket/last_known.ts";
import { LOCAL, PEER } from "../native/completion.ts";
import { DuplexActivity } from "./duplex_activity.ts";
import { endedByPeer, isAnswered } from "./duplex_error.ts";
import { DuplexReader } from "./duplex_reader.ts";
import { DuplexWriter } from "./duplex_writer.ts";
import { nextTick } from "../runtime/globals.ts";
import { type NodeAddress, nodeAddress } from "./node_address.ts";
import type { Duplex, WrittenChunk } from "../runtime/node_types.ts";
import { runtime } from "../runtime/detect.ts";
import type { Socket } from "../socket/socket.ts";
import { lengthOfChunks } from "./stream_chunks.ts";

/** How a stream closes its connection. */
export interface CloseRules {
  /** destroySoon() was called: what the peer sends is discarded. */
  readonly isDestroyedSoon: boolean;
  /** An error resets the connection unless end() was called. Otherwise only writes
   * that are pending do. */
  readonly resetsOnError: boolean;
}

/** The connection of a stream. */
export class DuplexLink {
  readonly #duplex: Duplex;
  readonly socket: Socket;
  readonly activity: DuplexActivity;
  readonly reader: DuplexReader;
  readonly writer: DuplexWriter;
  #isOver = false;

  /** `chunkMax`: the most bytes that are pushed at a time. */
  constructor(duplex: Duplex, socket: Socket, chunkMax: number = Infinity) {
    this.#duplex = duplex;
    this.socket = socket;
    this.activity = new DuplexActivity(socket);
    this.reader = new DuplexReader(duplex, this.activity, chunkMax);
    this.writer = new DuplexWriter(this.activity);
    socket.onReleased(this.#onReleased);
  }

  /* The connection may also be closed by its Conn or with its port. An error
   * that causes the close is reported first, by a promise. */
  #onReleased = (): void => {
    const duplex = this.#duplex;
    /* The end() of a pipe, whose received bytes can still be read. */
    if (this.socket.isPipe && duplex.writableEnded) return;
    /* A stream that is used again has another connection by then. */
    const destroy = () => {
      if (!this.#isOver) duplex.destroy();
    };
    Promise.resolve().then(() => nextTick(destroy));
  };

  /** The number of bytes written, those that are not sent yet included. */
  get bytesWritten(): number {
    const { sentBytes, queuedBytes } = this.writer;
    return sentBytes + queuedBytes + lengthOfChunks(this.#remaining);
  }

  /* What waits in the stream behind the write that is under way. */
  get #remaining(): readonly WrittenChunk[] {
    return this.#duplex.writableBuffer ?? [];
  }

  /** The address of this end, in the form of Node's modules. */
  get local(): Partial<NodeAddress> {
    return this.#address(LOCAL);
  }

  /** The address of the peer. */
  get remote(): Partial<NodeAddress> {
    return this.#address(PEER);
  }

  #address(end: ConnEnd): Partial<NodeAddress> {
    return nodeAddress(this.socket.address(end));
  }

  /** The first step of the end: a pipe has only one for both directions. */
  end(callback: (error?: Error | null) => void): void {
    if (this.socket.isPipe) this.reader.end();
    this.writer.end(callback);
  }

  /**
   * Closes the connection of a stream that is destroyed. `onClosed` is called in a
   * later turn, and when everything is sent after an end().
   */
  close(
    error: Error | null,
    { isDestroyedSoon, resetsOnError }: CloseRules,
    onClosed: (hadError: boolean) => void,
  ): void {
    const { socket, writer } = this;
    const duplex = this.#duplex;
    this.#isOver = true;
    this.reader.stop();
    this.activity.end();
    const isEnding = duplex.writableEnded && !duplex.writableFinished;
    const hasAnswered = error !== null && isAnswered(error);
    /* What was written before an end() is complete, whatever error follows. */
    const isPartial = resetsOnError && error !== null && !hasAnswered &&
      !duplex.writableEnded;
    if (
      isPartial || !isEnding && writer.isPartlySent(this.#remaining)
    ) socket.reset();
    else if (isEnding || hasAnswered || isDestroyedSoon) {
      writer.close(this.#remaining);
    } else socket.abandon();
    const close = () =>
      onClosed(error !== null || isEnding && writer.hasFailed);
    /* "close" comes after the callbacks of writes. */
    if (isEnding) socket.released().then(() => runtime.defer(close));
    else runtime.defer(close);
  }
}

/** Makes a write() that fails, for a stream whose end by the peer has ended its
 * sending direction too. `write` is that of the class. */
export function makeWriteAfterEnd(
  write: (...values: unknown[]) => boolean,
): (this: Duplex, ...values: unknown[]) => boolean {
  return function (this: Duplex, ...values: unknown[]): boolean {
    if (!this.writableEnded) return write.apply(this, values);
    const error = endedByPeer();
    const callback = values.find((value) => typeof value === "function");
    if (callback !== undefined) nextTick(callback as () => void, error);
    this.destroy(error);
    return false;
  };
}
