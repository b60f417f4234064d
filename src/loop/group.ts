// Copyright the iocp authors. MIT license.
/* The sockets of one CompletionPort. All groups of a thread share one loop, so
 * that any number of them needs one poll and one parked wait. */

import { GROUP } from "../native/completion.ts";
import { CREATE_PORT } from "../native/system_calls.ts";
import { errorOf, SocketError } from "../errors.ts";
import { Loop } from "./loop.ts";
import type { PortStats } from "../stats.ts";

/* The loop of this thread, and its groups that are not closed. */
let current: Loop | undefined;
let openGroups = 0;

/** Returns the loop of this thread, or makes it. */
export function currentLoop(): Loop {
  if (current === undefined || current.isClosed) {
    current = new Loop();
    openGroups = 0;
  }
  return current;
}

/** Sockets that are counted and closed together. */
export class Group {
  readonly loop: Loop;
  readonly #number: number;
  #isClosed = false;
  /** Called when the group is closed. */
  readonly #onClose = new Set<() => void>();

  constructor() {
    this.loop = currentLoop();
    const number = this.loop.port.newGroup();
    if (number < 0) {
      throw errorOf(number, CREATE_PORT);
    }
    this.#number = number;
    openGroups++;
  }

  get isClosed(): boolean {
    return this.#isClosed || this.loop.isClosed;
  }

  /** Adds a new socket; connections that a listener accepts inherit its group. */
  join(socket: number): void {
    this.loop.port.setOption(socket, GROUP, this.#number);
  }

  /** Throws if the group is closed. */
  requireOpen(syscall: string, action?: string): void {
    if (!this.isClosed) return;
    throw new SocketError("EBADF", {
      syscall,
      action,
      detail: "the completion port is closed",
    });
  }

  /** Calls `callback` when the group is closed; for an operation that has no
   * socket yet. */
  onClose(callback: () => void): void {
    this.#onClose.add(callback);
  }

  /** Removes a callback of {@linkcode onClose}. */
  offClose(callback: () => void): void {
    this.#onClose.delete(callback);
  }

  stats(): PortStats {
    return this.loop.port.groupStats(this.#number);
  }

  /** Closes all of its sockets at once. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const callbacks = [...this.#onClose];
    this.#onClose.clear();
    for (const callback of callbacks) callback();
    const { loop } = this;
    loop.closeGroup(this.#number);
    if (loop === current && --openGroups === 0 && !loop.isResident) {
      loop.close();
      current = undefined;
    }
  }
}
