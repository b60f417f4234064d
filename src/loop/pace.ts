// Copyright the iocp authors. MIT license.
import { isWindows } from "../runtime/detect.ts";

/** Empty turns before the thread sleeps. Spinning longer would saturate the
 * core, and other threads that need it, such as the runtime's garbage
 * collector, would preempt this one in the middle of a message. Where the
 * thread cannot sleep for a short time it parks, which costs more than a few
 * more turns. */
const EMPTY_TURNS = isWindows ? 20 : 2;
/** The same while only one socket is busy: its next message is mostly the
 * answer to what was just sent, and comes before a sleep would end. A peer on
 * the same machine answers within these turns. */
const LONE_SOCKET_TURNS = 50;

/** Counts the empty turns of a loop, and decides when it sleeps and parks. */
export class Pace {
  #emptyTurns = 0;
  #emptyTurnsMax = EMPTY_TURNS;
  /** The socket of the last poll with records, if that had one record; or 0. */
  #loneSocket = 0;
  /** The loop has parked since that poll. */
  #hasParked = false;

  /** True when the thread should sleep now: exactly the allowed number of turns
   * were empty. */
  get isSleepDue(): boolean {
    return this.#emptyTurns === this.#emptyTurnsMax;
  }

  /** True when the loop should park. */
  get isParkDue(): boolean {
    return this.#emptyTurns >= this.#emptyTurnsMax;
  }

  /** Resets the count: there may be something to poll. */
  restart(): void {
    this.#emptyTurns = 0;
  }

  /** A turn is over. */
  count(isEmpty: boolean): void {
    this.#emptyTurns = isEmpty ? this.#emptyTurns + 1 : 0;
  }

  /** A poll had records: all of the socket `lone`, or, if that is 0, of
   * several. */
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

  /** The socket is closed, so no answer of its peer is expected. */
  removed(socket: number): void {
    if (socket === this.#loneSocket) this.polled(0);
  }
}
