// Copyright the iocp authors. MIT license.
/* Chance that can be repeated: the same seed makes the same choices. */

import process from "node:process";

/** A generator of numbers (mulberry32). */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed | 0;
  }

  /** From 0 up to, and without, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(
      this.#state ^ (this.#state >>> 15),
      1 | this.#state,
    );
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** A whole number from 1 on: small ones as often as large ones. */
  size(max: number): number {
    return Math.floor(Math.exp(this.next() * Math.log(max + 1)));
  }

  /** True in that share of the cases. */
  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)]!;
  }

  /** The list in another order. */
  shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list];
    return list.map(() => rest.splice(this.integer(0, rest.length - 1), 1)[0]!);
  }

  /** A generator of its own, so that what one does changes no other's choices.
   */
  fork(): Random {
    return new Random(this.integer(1, 0x7fffffff));
  }
}

/**
 * The seeds of a test: those given, or the only one of IOCP_TEST_SEED, with
 * which a failure is repeated.
 */
export function seeds(first: number, count: number): number[] {
  const { IOCP_TEST_SEED: only } = process.env;
  if (only !== undefined) return [Number(only)];
  return Array.from({ length: count }, (_, i) => first + i);
}

/** Does `body`, and says which seed its failure had, and how to repeat it. */
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
