// Copyright the iocp authors. MIT license.
/* Whether it pays to poll again and again for the answer of a peer, instead of
 * sleeping until it comes.
 *
 * Polling avoids a sleep and a wake-up. That is more than half of a round trip if
 * the peer runs on a core of its own, and the core of this thread would fall asleep
 * with it. It is nothing if both share a core, since the peer then runs only while
 * this thread sleeps. And where other threads want the core, polling uses up the
 * time slice, and the thread is preempted in the middle of a message. No rule knows
 * beforehand which it is, so both are tried, and measured by the time that the
 * messages take. */

/** The messages that are measured together. */
const EPOCH = 32;
/** The other way is tried for one epoch after so many at most: a wrong guess then
 * costs a percent. */
const INTERVAL_MAX = 128;
/** A thread that polls uses the core all the time, one that sleeps about two thirds
 * of it. So polling costs no more if it needs less than this part of the time. */
const PAYS_BELOW = 2 / 3;
/** The peer has paused in an epoch that took longer, in milliseconds. */
const EPOCH_MAX_MS = 32;

/** Tries both ways in turn, and prefers the better one. */
export class SpinTrial {
  readonly #now: () => number;
  /** The way that is preferred. */
  #prefersSpinning = false;
  /** The other one is being tried. */
  #isTrying = false;
  /** Epochs of the preferred way before the other one is tried. */
  #interval = 1;
  /** Those since it was tried last, and the milliseconds that they took. */
  #epochs = 0;
  #elapsedMs = 0;
  /** Messages of this epoch. */
  #messages = 0;
  #beganAt = 0;

  /** `now` returns milliseconds of a monotonic clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether the loop should poll for the next message. */
  get isSpinning(): boolean {
    return this.#prefersSpinning !== this.#isTrying;
  }

  /** A message has come. */
  message(): void {
    if (this.#messages++ === 0) this.#beganAt = this.#now();
    else if (this.#messages > EPOCH) this.#ended(this.#now() - this.#beganAt);
  }

  /** The messages before this do not count: they were not of one connection. */
  interrupt(): void {
    this.#messages = 0;
  }

  #ended(elapsedMs: number): void {
    this.#messages = 0;
    if (elapsedMs > EPOCH_MAX_MS) {
      this.#isTrying = false;
    } else if (this.#isTrying) {
      this.#compare(elapsedMs);
    } else {
      this.#epochs++;
      this.#elapsedMs += elapsedMs;
      this.#isTrying = this.#epochs >= this.#interval;
    }
  }

  /* The other way took that long. */
  #compare(triedMs: number): void {
    const preferredMs = this.#elapsedMs / this.#epochs;
    const [spunMs, sleptMs] = this.#prefersSpinning
      ? [preferredMs, triedMs]
      : [triedMs, preferredMs];
    const pays = spunMs < PAYS_BELOW * sleptMs;
    /* A change is confirmed soon. */
    this.#interval = pays === this.#prefersSpinning
      ? Math.min(2 * this.#interval, INTERVAL_MAX)
      : 1;
    this.#prefersSpinning = pays;
    this.#isTrying = false;
    this.#epochs = this.#elapsedMs = 0;
  }
}
