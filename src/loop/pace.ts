// Copyright the iocp authors. MIT license.
import { runtime } from "../runtime/detect.ts";

/** Empty turns before the thread sleeps. Spinning longer would saturate the
 * core, and what else needs it, such as the collector of the runtime, would
 * preempt the thread in the middle of a message. Where the thread cannot sleep
 * for a short time it parks, which costs more than a few more turns. */
const EMPTY_TURNS = runtime.target.startsWith("windows") ? 20 : 2;
/** The same while one socket alone is busy, again and again: its next message is
 * mostly the answer to what was just sent, and comes before a sleep would be
 * over. A peer on the same machine answers within these turns. */
const LONE_SOCKET_TURNS = 50;

/** How many turns a loop takes that find nothing, before it sleeps. */
export class Pace {
  #emptyTurns = 0;
  #emptyTurnsMax = EMPTY_TURNS;
  /** The socket of the last poll with records, if that had one record; or 0. */
  #loneSocket = 0;
  /** The loop has parked since that poll. */
  #hasParked = false;

  /** It is time to sleep: the last turn was the last one before that. */
  get isSleepDue(): boolean {
    return this.#emptyTurns === this.#emptyTurnsMax;
  }

  /** It is time to park. */
  get isParkDue(): boolean {
    return this.#emptyTurns >= this.#emptyTurnsMax;
  }

  /** Counts from the beginning: there may be something to poll. */
  restart(): void {
    this.#emptyTurns = 0;
  }

  /** A turn is over. */
  count(isEmpty: boolean): void {
    this.#emptyTurns = isEmpty ? this.#emptyTurns + 1 : 0;
  }

  /** A poll had records, all of them of the socket `lone`, or of several: 0. */
  polled(lone: number): void {
    const isAlone = lone !== 0 && lone === this.#loneSocket &&
      !this.#hasParked;
    this.#emptyTurnsMax = isAlone ? LONE_SOCKET_TURNS : EMPTY_TURNS;
    this.#loneSocket = lone;
    this.#hasParked = false;
  }

  parked(): void {
    this.#hasParked = true;
  }

  /** A socket is gone, and sends no answer. */
  removed(socket: number): void {
    if (socket === this.#loneSocket) this.polled(0);
  }
}
