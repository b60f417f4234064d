// Copyright the iocp authors. MIT license.
/* The callback view of a port: sockets are added, and what happens to them
 * comes as events, in one line for all of them. A socket receives again only
 * when its event has been taken, so each has at most one in the line. */

import type { Allowance } from "../socket/allowance.ts";
import { Chunks } from "./chunks.ts";
import type { Conn } from "../conn.ts";
import { Fifo } from "../socket/fifo.ts";
import type { Socket } from "../socket/socket.ts";

/** What has happened to a socket that was added to a port. */
export interface SocketEvent<T = unknown> {
  /** The connection, to write to or to close. */
  readonly socket: Conn;
  /**
   * `"read"`: bytes have come. `"end"`: the peer has ended. `"error"`: the
   * connection has failed, or was closed by this side. The last two come once,
   * and nothing comes after them.
   */
  readonly type: "read" | "end" | "error";
  /** The bytes of a `"read"`, to keep. */
  readonly data: Uint8Array<ArrayBuffer> | undefined;
  /** How many these are. */
  readonly byteCount: number;
  /** What the user gave when it was added. */
  readonly userState: T;
  /** What an `"error"` is about. */
  readonly error: Error | undefined;
}

/* An event, and what is to be done when somebody has taken it. */
interface Waiting {
  event: SocketEvent;
  taken: () => void;
}

type Result = IteratorResult<SocketEvent, undefined>;

const DONE: Result = { value: undefined, done: true };

/** The events of one port. */
export class SocketEvents {
  #waiting = new Fifo<Waiting>();
  #takers: ((result: Result) => void)[] = [];
  #isClosed = false;
  readonly #allowance: Allowance;

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
  }

  /** Tells what happens to a socket from now on. */
  add(stream: Socket, socket: Conn, userState: unknown): void {
    this.#watch(stream, socket, userState);
  }

  next(): Promise<Result> {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting.taken();
      return this.#allowance.settled({ value: waiting.event, done: false }, 0);
    }
    if (this.#isClosed) return this.#allowance.settled(DONE, 0);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** The port was closed: what has come is still told, then it is over. */
  close(): void {
    this.#isClosed = true;
    this.#allowance.settle();
    const takers = this.#takers;
    this.#takers = [];
    for (const take of takers) take(DONE);
  }

  async #watch(
    stream: Socket,
    socket: Conn,
    userState: unknown,
  ): Promise<void> {
    const tell = (
      type: SocketEvent["type"],
      data?: Uint8Array<ArrayBuffer>,
      error?: Error,
    ): Promise<void> =>
      this.#tell({
        socket,
        type,
        data,
        byteCount: data?.length ?? 0,
        userState,
        error,
      });
    const chunks = new Chunks(stream);
    try {
      for (;;) {
        const { value } = await chunks.next();
        if (value === undefined) break;
        await tell("read", value as Uint8Array<ArrayBuffer>);
      }
    } catch (error) {
      tell("error", undefined, error as Error);
      return;
    }
    /* A loop over a connection that this side closes ends like at an end. */
    if (stream.receive.hasPeerEnded) tell("end");
    else tell("error", undefined, stream.closedError("read"));
  }

  /* Resolves when somebody has taken it. */
  #tell(event: SocketEvent): Promise<void> {
    const take = this.#takers.shift();
    if (take !== undefined) {
      take({ value: event, done: false });
      return Promise.resolve();
    }
    return new Promise((taken) => this.#waiting.push({ event, taken }));
  }
}
