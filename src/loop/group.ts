// Copyright the iocp authors. MIT license.
/* The sockets of one CompletionPort. All groups of a thread are on one loop, so
 * that any number of them needs one poll and one parked wait. */

import { GROUP } from "../native/completion.ts";
import { CREATE_PORT } from "../native/system_calls.ts";
import { errorOf, SocketError } from "../errors.ts";
import { Loop } from "./loop.ts";
import type { PortStats } from "../stats.ts";

/* The loop of this thread, while it has a user. */
let current: Loop | undefined;
let users = 0;

/** The loop of this thread; made when there is none. */
export function currentLoop(): Loop {
  if (current === undefined || current.isClosed) {
    current = new Loop();
    users = 0;
  }
  return current;
}

/** Sockets that are counted and closed together. */
export class Group {
  readonly loop: Loop;
  readonly #number: number;
  #isClosed = false;
  /** What has no socket yet, and is to be given up when the group is closed. */
  readonly #attempts = new Set<() => void>();

  constructor() {
    this.loop = currentLoop();
    const number = this.loop.port.newGroup();
    if (number < 0) {
      throw errorOf(number, CREATE_PORT);
    }
    this.#number = number;
    users++;
  }

  get isClosed(): boolean {
    return this.#isClosed || this.loop.isClosed;
  }

  /** Takes a socket in that was just made; a listener's connections follow. */
  join(socket: number): void {
    this.loop.port.setOption(socket, GROUP, this.#number);
  }

  /** Throws when a call that makes a socket comes after the close. */
  requireOpen(syscall: string, action?: string): void {
    if (!this.isClosed) return;
    throw new SocketError("EBADF", {
      syscall,
      action,
      detail: "the completion port is closed",
    });
  }

  /** Has `giveUp` called when the group is closed before {@linkcode settled}. */
  attempt(giveUp: () => void): void {
    this.#attempts.add(giveUp);
  }

  settled(giveUp: () => void): void {
    this.#attempts.delete(giveUp);
  }

  stats(): PortStats {
    return this.loop.port.groupStats(this.#number);
  }

  /** Closes everything in it, at once. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const attempts = [...this.#attempts];
    this.#attempts.clear();
    for (const giveUp of attempts) giveUp();
    const { loop } = this;
    loop.closeGroup(this.#number);
    if (loop === current && --users === 0 && !loop.isResident) {
      loop.close();
      current = undefined;
    }
  }
}
