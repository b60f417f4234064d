// Copyright the iocp authors. MIT license.
/* The events of the sockets that were added to a port, in one queue. A socket
 * receives again only after its event was delivered, so each has at most one in
 * the queue. */

import type { Addr } from "../native/address.ts";
import type { Allowance } from "../socket/allowance.ts";
import { AsyncQueue } from "../socket/async_queue.ts";
import { Chunks } from "./chunks.ts";
import type { Conn } from "../conn.ts";
import type { Socket } from "../socket/socket.ts";

/** An event of a socket that was added to a port. */
export interface SocketEvent<T = unknown> {
  /** The connection, to write to or to close. */
  readonly socket: Conn<Addr>;
  /**
   * `"read"`: bytes were received. `"end"`: the peer has ended its sending
   * direction. `"error"`: the connection has failed, or was closed by this side.
   * After an `"end"` or `"error"`, no further event is reported.
   */
  readonly type: "read" | "end" | "error";
  /** The bytes of a `"read"`, with memory of their own. */
  readonly data: Uint8Array<ArrayBuffer> | undefined;
  /** The number of these bytes. */
  readonly byteCount: number;
  /** The `userState` that the socket was added with. */
  readonly userState: T;
  /** The error of an `"error"`. */
  readonly error: Error | undefined;
}

interface QueuedEvent {
  readonly event: SocketEvent;
  /** Called when the event is delivered. */
  readonly delivered: () => void;
}

type Result = IteratorResult<SocketEvent, undefined>;

const DONE: Result = { value: undefined, done: true };

/** The events of one port. */
export class SocketEvents {
  readonly #queue = new AsyncQueue<QueuedEvent>();
  readonly #allowance: Allowance;
  /** Sockets that have not reported their last event. */
  #watched = 0;
  #isPortClosed = false;

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
  }

  /** Reports the events of a socket from now on. */
  add(socket: Socket, conn: Conn<Addr>, userState: unknown): void {
    this.#watched++;
    this.#watch(socket, conn, userState).then(() => {
      this.#watched--;
      this.#endAfterLast();
    });
  }

  next(): Promise<Result> {
    const queued = this.#queue.shift();
    if (queued !== undefined) {
      queued.delivered();
      return this.#allowance.settled({ value: queued.event, done: false }, 0);
    }
    if (this.#queue.isClosed) return this.#allowance.settled(DONE, 0);
    return new Promise((resolve) => {
      this.#queue.read((queued) =>
        resolve(
          queued === undefined ? DONE : { value: queued.event, done: false },
        )
      );
    });
  }

  /** The port was closed: events in the queue, and the last one of each socket,
   * are still delivered. */
  close(): void {
    this.#allowance.settle();
    this.#isPortClosed = true;
    this.#endAfterLast();
  }

  #endAfterLast(): void {
    if (this.#isPortClosed && this.#watched === 0) this.#queue.close();
  }

  async #watch(
    socket: Socket,
    conn: Conn<Addr>,
    userState: unknown,
  ): Promise<void> {
    const report = (
      type: SocketEvent["type"],
      data?: Uint8Array<ArrayBuffer>,
      error?: Error,
    ): Promise<void> =>
      this.#report({
        socket: conn,
        type,
        data,
        byteCount: data?.length ?? 0,
        userState,
        error,
      });
    const chunks = new Chunks(socket);
    try {
      for (;;) {
        const { value } = await chunks.next();
        if (value === undefined) break;
        await report("read", value);
      }
    } catch (error) {
      report("error", undefined, error as Error);
      return;
    }
    /* The loop also ends without an error when this side closes the connection. */
    if (socket.receive.hasPeerEnded) report("end");
    else report("error", undefined, socket.closedError("read"));
  }

  /* Resolves when the event is delivered. */
  #report(event: SocketEvent): Promise<void> {
    return new Promise((delivered) => {
      if (this.#queue.push({ event, delivered })) delivered();
    });
  }
}
