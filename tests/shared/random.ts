// Copyright the iocp authors. MIT license.
/* Reproducible random choices: the same seed gives the same choices. */

import process from "node:process";

/** A pseudorandom number generator (mulberry32). */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed | 0;
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(
      this.#state ^ (this.#state >>> 15),
      1 | this.#state,
    );
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from min to max, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** An integer from 1 to max. Its logarithm is uniform, so that small sizes are
   * as likely as large ones. */
  size(max: number): number {
    return Math.floor(Math.exp(this.next() * Math.log(max + 1)));
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)]!;
  }

  /** A copy of the list in random order. */
  shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list];
    return list.map(() => rest.splice(this.integer(0, rest.length - 1), 1)[0]!);
  }

  /** An independent generator, for a task that runs beside others. */
  fork(): Random {
    return new Random(this.integer(1, 0x7fffffff));
  }
}

/**
 * The seeds of a test: `count` seeds from `first` on, or only the one in
 * IOCP_TEST_SEED, which repeats a failure.
 */
export function seeds(first: number, count: number): number[] {
  const { IOCP_TEST_SEED: only } = process.env;
  if (only !== undefined) return [Number(only)];
  return Array.from({ length: count }, (_, i) => first + i);
}

/** Runs `body`. The error of a failure has the command that repeats it. */
export async function seeded(
  seed: number,
  filter: string,
  body: (random: Random) => Promise<void>,
): Promise<void> {
  try {
    await body(new Random(seed));
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(
      `${message}\nto repeat it: IOCP_TEST_SEED=${seed} npm test -- --filter ${filter}`,
      { cause },
    );
  }
}
