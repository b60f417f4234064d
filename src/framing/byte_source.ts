// Copyright the iocp authors. MIT license.

import type { SocketError, SocketErrorOptions } from "../errors.ts";
import type { Deadline } from "../loop/deadlines.ts";

/** Receives the bytes that were requested. Its methods run no user code. */
export interface ByteSink {
  /** True while a call is pending. */
  readonly isBusy: boolean;
  /** The number of bytes that no call has used. */
  readonly unused: number;
  /** Removes these bytes and returns them in memory of their own. */
  giveBack(): Uint8Array<ArrayBuffer> | undefined;
  /** Where the next bytes are best put; undefined for a chunk. */
  makeRoom(): Uint8Array | undefined;
  /** At least one byte, in what {@linkcode makeRoom} has returned. */
  filled(room: Uint8Array, count: number): void;
  /** A chunk that is not empty. */
  deliver(chunk: Uint8Array): void;
  /** There are no more. */
  end(): void;
  fail(error: unknown): void;
}

/** Where the bytes of a reader come from. */
export interface ByteSource {
  /** True when this side has closed it. */
  readonly isClosed: boolean;
  /** When calls with a timeout end. */
  readonly deadlines: {
    add(deadline: Deadline, ms: number): void;
    remove(deadline: Deadline): void;
  };
  /**
   * Requests bytes for the sink, which may get them before this returns. One
   * request is pending at a time.
   *
   * @param isContinued the call that needs them has got some already.
   */
  request(sink: ByteSink, isContinued: boolean): void;
  /** Delivers what has come already. */
  settle(): void;
  /** Withdraws the request; returns false if that is not possible. */
  withdraw(): boolean;
  /** Nothing more is read: what was delivered and not used can be read elsewhere,
   * where that is possible. */
  release(): Promise<void>;
  /** Closes it after its end or a failure. */
  close(isFailure: boolean): void;
  /** The error of a read. */
  error(code: string, options?: Partial<SocketErrorOptions>): SocketError;
}
