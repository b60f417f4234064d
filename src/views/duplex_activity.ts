// Copyright the iocp authors. MIT license.

import { Inactivity } from "../socket/inactivity.ts";
import { nextTick } from "../runtime/globals.ts";
import type { Duplex } from "../runtime/node_types.ts";
import type { Socket } from "../socket/socket.ts";

/** A timeout for inactivity. */
interface ActivityTimer {
  refresh(): void;
  stop(): void;
}

/**
 * What a duplex is doing. It decides whether the connection keeps the process
 * alive, which only a pending read or write does, and when the timeout for
 * inactivity has passed.
 */
export class DuplexActivity {
  readonly socket: Socket;
  /** unref() was called. */
  #isUnref: boolean;
  /** A read is pending, or will be soon. */
  #isReading = true;
  #isOver = false;
  #inactivity: ActivityTimer | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.#isUnref = socket.isUnref;
  }

  /** Whether reads and writes keep the process alive. */
  setRef(isRef: boolean): void {
    this.#isUnref = !isRef;
    this.#updateRef();
  }

  /** Reading starts or stops. */
  setReading(isReading: boolean): void {
    if (isReading === this.#isReading) return;
    this.#isReading = isReading;
    this.#updateRef();
  }

  /** A write has started or ended. */
  writing(): void {
    /* Otherwise the read keeps the process alive. */
    if (!this.#isReading) this.#updateRef();
  }

  /** Bytes were received or sent: the timeout starts anew. */
  refresh(): void {
    this.#inactivity?.refresh();
  }

  /** The duplex emits "timeout" after each `ms` milliseconds without activity; 0 stops
   * that. A server of HTTP calls it twice for each request, so it makes nothing new. */
  setTimeout(ms: number, duplex: Duplex): void {
    const inactivity = this.#inactivity;
    if (inactivity instanceof Inactivity) {
      if (ms === 0) inactivity.pause();
      else inactivity.restart(ms);
    } else if (ms > 0) this.#inactivity = this.#watch(ms, duplex);
  }

  #watch(ms: number, duplex: Duplex): Inactivity {
    const emit = () => {
      if (!duplex.destroyed) duplex.emit("timeout");
    };
    return new Inactivity({
      loop: this.socket.loop,
      ms,
      /* The other activity is reported by refresh(). */
      checks: 1,
      progress: () => this.socket.send.offset,
      onTimeout: () => nextTick(emit),
    });
  }

  /** Refreshes another timeout. */
  follow(timer: ActivityTimer | undefined): void {
    this.#inactivity = timer;
  }

  /** The duplex is destroyed. What it has written keeps the process alive until it
   * is sent. */
  end(): void {
    this.#isOver = true;
    this.#inactivity?.stop();
    if (!this.#isUnref) this.socket.setRef(true);
  }

  #updateRef(): void {
    if (this.#isOver) return;
    const { socket } = this;
    const isActive = this.#isReading || socket.send.isBusy;
    socket.setRef(isActive && !this.#isUnref);
  }
}
