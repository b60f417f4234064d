// Copyright the iocp authors. MIT license.

import { NotSupported } from "../errors.ts";
import { clearTimeout, setTimeout } from "../runtime/globals.ts";
import type { Acceptor } from "./acceptor.ts";
import type { Socket } from "./socket.ts";

/** What became of the connections of a listener. */
export interface ShutdownResult {
  /** How many have ended by themselves. */
  closed: number;
  /** How many were reset at the deadline. */
  reset: number;
}

/** The end of a listener together with its connections. */
class Shutdown {
  readonly #acceptor: Acceptor;
  readonly #open = new Set<Socket>();
  readonly #resolve: (result: ShutdownResult) => void;
  #timer: unknown;
  #isStopped = false;
  #closed = 0;
  #reset = 0;

  constructor(
    acceptor: Acceptor,
    deadlineMs: number | undefined,
    resolve: (result: ShutdownResult) => void,
  ) {
    this.#acceptor = acceptor;
    this.#resolve = resolve;
    for (const socket of acceptor.connections()) this.#add(socket);
    acceptor.onAccepted(this.#add);
    if (deadlineMs !== undefined) {
      this.#timer = setTimeout(this.#resetAll, deadlineMs);
    }
    /* Those that were accepted may still be taken out of the queue. */
    acceptor.stop().catch((error) => {
      if (!(error instanceof NotSupported)) acceptor.lastError = error;
      /* A named pipe has no connection that is not in the queue. */
      this.#resetQueued();
    }).then(() => {
      this.#isStopped = true;
      this.#update();
    });
  }

  #add = (socket: Socket): void => {
    this.#open.add(socket);
    socket.onReleased(() => {
      if (!this.#open.delete(socket)) return;
      this.#closed++;
      this.#update();
    });
  };

  /* Resets the connections that accept() has not returned. */
  #resetQueued(): void {
    const before = this.#closed;
    this.#acceptor.close();
    this.#reset += this.#closed - before;
    this.#closed = before;
  }

  #resetAll = (): void => {
    const left = [...this.#open];
    this.#open.clear();
    this.#reset += left.length;
    for (const socket of left) socket.reset();
    this.#acceptor.close();
    this.#update();
  };

  #update(): void {
    if (!this.#isStopped || this.#open.size > 0) return;
    clearTimeout(this.#timer);
    this.#resolve({ closed: this.#closed, reset: this.#reset });
  }
}

/** Stops accepting, and waits for the connections of the listener. Those that are
 * left after `deadlineMs` are reset. */
export function shutDown(
  acceptor: Acceptor,
  deadlineMs: number | undefined,
): Promise<ShutdownResult> {
  return new Promise((resolve) => new Shutdown(acceptor, deadlineMs, resolve));
}
