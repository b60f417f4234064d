// Copyright the iocp authors. MIT license.
/* The events of one connection for `onEvent`. Only a connection with `onEvent` has such
 * an object. It belongs to the part of a socket that is made for its close, so that
 * no path of a message has a branch for it. */

import { SocketError } from "../errors.ts";
import { type Deadline, UNSET } from "../loop/deadlines.ts";
import { now } from "../runtime/globals.ts";
import type { Socket } from "../socket/socket.ts";
import { deliverSoon } from "./delivery.ts";
import type {
  CloseReason,
  CloseTimeout,
  ConnEvent,
  OpenedEvent,
  SlowEvent,
  WatchedConn,
} from "./events.ts";

/* The codes of a connection that the peer has reset. */
const RESETS = new Set(["ECONNRESET", "ECONNABORTED", "EPIPE"]);

type Makes = (socket: Socket) => WatchedConn;
let makes: Makes;

/** Sets what makes the object that users see, which is above this file. */
export function setConnMaker(make: Makes): void {
  makes = make;
}

/** Watches a connection whose settings have `onEvent`, from here on; without them it
 * does nothing. Returns the connection. */
export function watched(
  socket: Socket,
  type?: OpenedEvent["type"],
  conn?: WatchedConn,
): Socket {
  if (socket.settings.onEvent === undefined) return socket;
  const monitor = new Monitor(socket);
  socket.setMonitor(monitor);
  monitor.conn = conn ?? makes(socket);
  if (type !== undefined) monitor.tell({ type, conn: monitor.conn });
  /* It may have failed before. */
  const { lastError, isReleased } = socket;
  if (lastError !== undefined) monitor.failed(lastError);
  if (isReleased) monitor.released(false);
  return socket;
}

/** Tells of a failure without a connection. Other errors are those of the caller. */
export function tellFailure(
  { onEvent }: Socket["settings"],
  error: unknown,
): void {
  if (onEvent === undefined || !(error instanceof SocketError)) return;
  deliverSoon(onEvent, { type: "error", conn: undefined, error });
}

/** Moves the watch of a connection to the one with TLS that is made over it. */
export function moveMonitor(from: Socket, to: Socket): void {
  const { monitor } = from;
  if (monitor === undefined) return;
  from.setMonitor(undefined);
  to.setMonitor(monitor);
  monitor.move(to);
  monitor.conn = makes(to);
}

/** The events of one connection. */
export class Monitor implements Deadline {
  at = 0;
  place: number = UNSET;
  conn!: WatchedConn;
  /** The time that has ended it. */
  timeout: CloseTimeout | undefined;
  /** This side has reset it. */
  isReset = false;
  #socket: Socket;
  readonly #openedAt = now();
  #hasFailed = false;
  #isOver = false;
  /** Since when writes wait; undefined when none does. */
  #waitsSince: number | undefined;
  #isSlow = false;
  /** The progress of the writes at the last check, and when that was. */
  #sent = 0;
  #checkedAt = 0;
  #bytes = { received: 0, sent: undefined as number | undefined };

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** It is that of another connection from here on. */
  move(to: Socket): void {
    this.#socket.loop.deadlines.remove(this);
    this.#socket = to;
  }

  tell(event: ConnEvent): void {
    const { onEvent } = this.#socket.settings;
    if (onEvent !== undefined) deliverSoon(onEvent, event);
  }

  /** The connection has failed. Its directions fail one by one; the first counts. */
  failed(error: SocketError): void {
    if (this.#hasFailed || this.#isOver) return;
    this.#hasFailed = true;
    this.tell({ type: "error", conn: this.conn, error });
  }

  /* ---- slow peers */

  /** A write waits. */
  writesPending(): void {
    const { settings, writableLength } = this.#socket;
    if (this.#waitsSince === undefined) {
      this.#beginWait();
    } else if (writableLength >= settings.writableHighWaterMark) {
      this.#tellSlow("backlog");
    }
  }

  /** No write waits any more. */
  writesDone(): void {
    const since = this.#waitsSince;
    this.#waitsSince = undefined;
    if (!this.#isSlow || since === undefined) return;
    this.#isSlow = false;
    if (this.#hasFailed) return;
    this.tell({ type: "drained", conn: this.conn, duration: now() - since });
  }

  #beginWait(): void {
    this.#waitsSince = this.#checkedAt = now();
    this.#sent = this.#progress;
    const { loop, settings } = this.#socket;
    /* It stays in the heap when the writes are done, so that a connection which waits
     * often adds it once. */
    if (this.place === UNSET) loop.deadlines.add(this, settings.slowAfter);
  }

  expire(): void {
    if (this.#waitsSince === undefined || this.#isOver) return;
    const { loop, settings: { slowAfter } } = this.#socket;
    const sent = this.#progress;
    const time = now();
    if (sent !== this.#sent) {
      this.#sent = sent;
      this.#checkedAt = time;
    }
    const left = this.#checkedAt + slowAfter - time;
    if (left <= 0) this.#tellSlow("stalled");
    else loop.deadlines.add(this, left);
  }

  /* What the system has taken. */
  get #progress(): number {
    this.count();
    return this.#bytes.sent ?? 0;
  }

  #tellSlow(cause: SlowEvent["cause"]): void {
    if (this.#isSlow || this.#isOver) return;
    this.#isSlow = true;
    this.tell({
      type: "slow",
      conn: this.conn,
      cause,
      writableLength: this.#socket.writableLength,
      duration: now() - this.#waitsSince!,
    });
  }

  /* ---- the close */

  /** Counts the bytes, while the library still has the socket. */
  count(): void {
    const { loop, id } = this.#socket;
    try {
      const { bytesReceived, bytesSent } = loop.port.socketStats(id);
      this.#bytes = { received: bytesReceived, sent: bytesSent };
    } catch {
      /* The library has closed it. */
    }
  }

  /** The socket is released. */
  released(isDetached: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket.loop.deadlines.remove(this);
    this.count();
    const reason = isDetached ? "detach" : this.#reason;
    this.tell({
      type: "closed",
      conn: this.conn,
      reason,
      timeout: reason === "timeout" ? this.timeout ?? "system" : undefined,
      error: this.#socket.lastError,
      bytesReceived: this.#bytes.received,
      bytesSent: this.#bytes.sent,
      duration: now() - this.#openedAt,
    });
  }

  get #reason(): CloseReason {
    const { lastError, receive } = this.#socket;
    if (this.timeout !== undefined || lastError?.code === "ETIMEDOUT") {
      return "timeout";
    }
    if (lastError !== undefined) {
      return RESETS.has(lastError.code) ? "reset" : "error";
    }
    if (this.isReset) return "abort";
    return receive.hasPeerEnded ? "end" : "close";
  }
}
