// Copyright the iocp authors. MIT license.
import { isWindows } from "../runtime/detect.ts";
import { cpuTime, now } from "../runtime/globals.ts";
import { SpinTrial } from "./spin_trial.ts";

/** Empty turns before the thread sleeps. Spinning longer would saturate the
 * core, and other threads that need it, such as the runtime's garbage
 * collector, would preempt this one in the middle of a message. Where the
 * thread cannot sleep for a short time it parks, which costs more than a few
 * more turns. */
const EMPTY_TURNS = isWindows ? 20 : 2;
/** The same while only one socket is busy, and polling for the answer to what was
 * just sent pays: a peer on the same machine answers within these turns. */
const SPINNING_TURNS = 50;
/** Turns that are deferred together: a round of the runtime's own loop costs
 * more than a poll. Promises settle between them, as between any others. */
const TURNS = 4;

/** A wait in the thread itself lasts so many microseconds at most. The program
 * cannot run meanwhile, so it must be too short to notice. It pays because parking
 * and waking cost two thread switches, and at ten thousand messages a second or more
 * the next message comes before those are done. */
const WAIT_US = 100;
/** The same after so many waits in a row that a message has ended within
 * {@linkcode WAIT_US}. Then the next one is very likely to end soon too, and with a
 * distant end the system programs its timer rarely, which can cost more than the
 * message; see ffi/src/linux/alarm.h. */
const LONG_WAIT_US = 1000;
const SHORT_WAITS = 8;

/** No socket: the id of the first one of a port is 0. */
export const NONE = -1;

/** Counts the empty turns of a loop, and decides when it sleeps and parks. */
export class Pace {
  #trial: SpinTrial;
  #emptyTurns = 0;
  #emptyTurnsMax = EMPTY_TURNS;
  /** The thread sleeps before it polls for the next message. */
  #sleepsFirst = false;
  /** The socket of the last poll with records, if that had one record; or NONE. */
  #loneSocket = NONE;
  /** The loop has parked since that poll. */
  #hasParked = false;
  /** Waits in a row that a message has ended soon. */
  #shortWaits = 0;

  constructor(trial: SpinTrial = new SpinTrial(now, cpuTime)) {
    this.#trial = trial;
  }

  /** True when the thread should sleep before it polls: the next message is
   * expected soon, and polling for it does not pay. */
  get isSleepFirst(): boolean {
    return this.#sleepsFirst;
  }

  /** True when the thread should sleep now: exactly the allowed number of turns
   * were empty. */
  get isSleepDue(): boolean {
    return this.#emptyTurns === this.#emptyTurnsMax;
  }

  /** True when the loop should park. */
  get isParkDue(): boolean {
    return this.#emptyTurns >= this.#emptyTurnsMax;
  }

  /** How many microseconds a wait in the thread itself may last. */
  get waitUs(): number {
    return this.#shortWaits < SHORT_WAITS ? WAIT_US : LONG_WAIT_US;
  }

  /** Such a wait has lasted that many milliseconds, and a message has ended it, or
   * not. */
  waited(ms: number, isEnded: boolean): void {
    const isShort = isEnded && 1000 * ms < WAIT_US;
    this.#shortWaits = isShort ? this.#shortWaits + 1 : 0;
  }

  /** How many turns to defer. Between two sleeps the runtime has a round of its
   * loop, so that its own events are not delayed by several of them. */
  get turns(): number {
    return this.#sleepsFirst ? 1 : TURNS;
  }

  /** Resets the count: there may be something to poll. */
  restart(): void {
    this.#emptyTurns = 0;
  }

  /** A turn is over. */
  count(isEmpty: boolean): void {
    this.#emptyTurns = isEmpty ? this.#emptyTurns + 1 : 0;
    /* After a sleep in vain the next turn polls, whatever woke the loop: a timeout
     * is noticed by polls alone. */
    if (isEmpty) this.#sleepsFirst = false;
  }

  /** A poll had records: one, of the socket `lone`, or, if that is NONE,
   * several. */
  polled(lone: number): void {
    if (lone === NONE || lone !== this.#loneSocket) {
      this.#trial.interrupt();
      this.#expect(false);
    } else {
      if (!isWindows) this.#trial.message();
      this.#expect(!this.#hasParked);
    }
    this.#loneSocket = lone;
    this.#hasParked = false;
  }

  parked(): void {
    this.#hasParked = true;
  }

  /** The socket is closed, so no answer of its peer is expected. */
  removed(socket: number): void {
    if (socket === this.#loneSocket) this.polled(NONE);
  }

  /* Whether the next message is likely to be the answer to what was just sent,
   * and to come before the loop would have parked. */
  #expect(isAnswer: boolean): void {
    const isSpinning = isAnswer && (isWindows || this.#trial.isSpinning);
    this.#sleepsFirst = isAnswer && !isSpinning;
    this.#emptyTurnsMax = isSpinning
      ? SPINNING_TURNS
      : isAnswer
      ? 1
      : EMPTY_TURNS;
  }
}
