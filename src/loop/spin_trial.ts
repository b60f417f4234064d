// Copyright the iocp authors. MIT license.
/* Whether it pays to poll again and again for the answer of a peer, instead of
 * sleeping until it comes.
 *
 * Polling avoids a sleep and a wake-up. That is more than half of a round trip if
 * the peer runs on a core of its own, and the core of this thread would fall asleep
 * with it. It is nothing if both share a core, since the peer then runs only while
 * this thread sleeps. And where other threads want the core, polling uses up the
 * time slice, and the thread is preempted in the middle of a message. No rule knows
 * beforehand which it is, so both are tried. Polling has to need less time and no
 * more CPU time: the time alone misleads where other threads run, since what these
 * take is a part of it, by chance more of one way than of the other. Where it needs
 * much less time, it may need a little more CPU time. */

/** The messages that are measured together. */
const EPOCH = 32;
/** The other way is tried for one epoch after so many at most: a wrong guess then
 * costs a percent. */
const INTERVAL_MAX = 128;
/** The peer has paused in an epoch that took longer, in milliseconds. */
const EPOCH_MAX_MS = 32;

/** Polling may need so much of the CPU time of sleeping, if it needs at most so much
 * of its time. */
const MUCH_LESS_TIME = 0.75;
const LITTLE_MORE_CPU = 1.2;

/** Of an epoch. */
interface Cost {
  readonly ms: number;
  readonly cpuMs: number;
}

function isSpinningBetter(spinning: Cost, sleeping: Cost): boolean {
  const time = spinning.ms / sleeping.ms;
  const cpu = spinning.cpuMs / sleeping.cpuMs;
  return time <= MUCH_LESS_TIME && cpu <= LITTLE_MORE_CPU ||
    time < 1 && cpu <= 1;
}

/** Tries both ways in turn, and prefers the better one. */
export class SpinTrial {
  readonly #now: () => number;
  readonly #cpu: () => number;
  /** The way that is preferred. */
  #prefersSpinning = false;
  /** The other one is being tried. */
  #isTrying = false;
  /** Epochs of the preferred way before the other one is tried. */
  #interval = 1;
  /** The same when it was found last that polling pays. */
  #sleepingInterval = 1;
  /** Those since it was tried last, and the milliseconds that they took. */
  #epochs = 0;
  #elapsedMs = 0;
  #cpuMs = 0;
  /** Messages of this epoch, and when it began. */
  #messages = 0;
  #beganAt = 0;
  #cpuBeganAt = 0;

  /** `now` returns milliseconds of a monotonic clock, and `cpu` the CPU time that
   * was used, in milliseconds. */
  constructor(now: () => number, cpu: () => number) {
    this.#now = now;
    this.#cpu = cpu;
  }

  /** Whether the loop should poll for the next message. */
  get isSpinning(): boolean {
    return this.#prefersSpinning !== this.#isTrying;
  }

  /** A message has come. */
  message(): void {
    if (this.#messages++ === 0) {
      this.#beganAt = this.#now();
      this.#cpuBeganAt = this.#cpu();
    } else if (this.#messages > EPOCH) {
      this.#ended(this.#now() - this.#beganAt, this.#cpu() - this.#cpuBeganAt);
    } else if (this.#isTrying && !this.#prefersSpinning) {
      /* Where polling costs many times as much, it is tried for a few messages. */
      const spunCpuMs = this.#cpu() - this.#cpuBeganAt;
      const sleptCpuMs = this.#cpuMs / this.#epochs;
      if (spunCpuMs > LITTLE_MORE_CPU * sleptCpuMs) this.#prefer(false);
    }
  }

  /** The messages before this do not count: they were not of one connection. */
  interrupt(): void {
    this.#messages = 0;
  }

  #ended(elapsedMs: number, cpuMs: number): void {
    this.#messages = 0;
    if (elapsedMs > EPOCH_MAX_MS) {
      /* Nothing can be compared. To sleep is never wrong by much. */
      this.#isTrying = false;
      if (this.#prefersSpinning) {
        this.#prefersSpinning = false;
        this.#restart(1);
      }
    } else if (this.#isTrying) {
      this.#compare({ ms: elapsedMs, cpuMs });
    } else {
      this.#epochs++;
      this.#elapsedMs += elapsedMs;
      this.#cpuMs += cpuMs;
      this.#isTrying = this.#epochs >= this.#interval;
    }
  }

  /* The other way has cost that. */
  #compare(tried: Cost): void {
    const preferred = {
      ms: this.#elapsedMs / this.#epochs,
      cpuMs: this.#cpuMs / this.#epochs,
    };
    this.#prefer(
      this.#prefersSpinning
        ? isSpinningBetter(preferred, tried)
        : isSpinningBetter(tried, preferred),
    );
  }

  #prefer(spinning: boolean): void {
    const interval = Math.min(2 * this.#interval, INTERVAL_MAX);
    if (spinning === this.#prefersSpinning) {
      if (spinning) this.#sleepingInterval = 1;
      this.#restart(interval);
    } else if (spinning) {
      /* It is confirmed soon. */
      this.#sleepingInterval = interval;
      this.#restart(1);
    } else {
      /* If it was not, then chance has favored it: it is tried more rarely. */
      this.#restart(this.#sleepingInterval);
    }
    this.#prefersSpinning = spinning;
    this.#isTrying = false;
  }

  #restart(interval: number): void {
    this.#interval = interval;
    this.#epochs =
      this.#elapsedMs =
      this.#cpuMs =
      this.#messages =
        0;
  }
}
