// Copyright the iocp authors. MIT license.

/** Rounds of the runtime's loop that a program may need before it answers. */
const ROUNDS = 3;
/** So many answers that did not come in them are forgiven. */
const SCORE_MAX = 8;
/** After that it is tried again for one message in so many. */
const TRIAL = 32;

/**
 * Whether the thread may sleep, or park, after the program has got something.
 *
 * The program may answer from a callback of the runtime that another one makes, such
 * as setImmediate() in setImmediate(). While the thread sleeps, these do not run. What
 * the program will do cannot be known, but it mostly does what it did before: rounds
 * are waited for as long as answers came in them.
 */
export class Patience {
  /** The number of sends when the program got something, or undefined when it has
   * answered, or was waited for. */
  #sends: number | undefined;
  #rounds = 0;
  #score = SCORE_MAX;
  #untilTrial = TRIAL;

  /** The program has got something. */
  begin(sends: number): void {
    this.#sends = sends;
    this.#rounds = 0;
  }

  /** Whether to let the runtime have one more round. `sends` is the number of sends
   * now. */
  needsRound(sends: number): boolean {
    if (this.#sends === undefined) return false;
    if (sends !== this.#sends) {
      if (this.#rounds > 0) this.#score = Math.min(this.#score + 2, SCORE_MAX);
      this.#sends = undefined;
      return false;
    }
    if (this.#rounds === ROUNDS) {
      if (this.#score > 0) this.#score--;
      this.#sends = undefined;
      return false;
    }
    if (this.#rounds === 0 && !this.#isWorthwhile()) {
      this.#sends = undefined;
      return false;
    }
    this.#rounds++;
    return true;
  }

  #isWorthwhile(): boolean {
    if (this.#score > 0) return true;
    if (--this.#untilTrial > 0) return false;
    this.#untilTrial = TRIAL;
    return true;
  }
}
