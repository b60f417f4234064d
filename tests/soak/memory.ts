// Copyright the iocp authors. MIT license.
/* Whether memory stays flat: the memory that the process has of its own, once a
 * second and after a collection of garbage, so that only what is kept counts.
 */

import { collectGarbage } from "../shared/collect.ts";
import { privateBytes } from "../shared/private_bytes.ts";

const MIB = 1024 * 1024;
/** What a runtime moves up and down by itself: its heap grows in steps, and
 * the allocator gives back late. */
const NOISE = 24 * MIB;
/** With fewer samples a quarter is an accident. */
const SAMPLES_MIN = 60;

/** What is kept once so many connections have been made. */
export interface Sample {
  bytes: number;
  made: number;
}

/** What the samples say. */
export interface Verdict {
  /** Medians of the second and the last quarter, in bytes. */
  early: number;
  late: number;
  /** Connections that were made from the middle of the one to the middle of the
   * other. */
  connections: number;
  /** With so many bytes more it is not flat. */
  limit: number;
  isFlat: boolean;
  /** Too few samples to judge by. */
  isTooShort: boolean;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/**
 * Compares the median of the second quarter with that of the last one: the
 * first has the start in it, and a median does not see single peaks. Flat is
 * what has grown by less than the noise, and by less than a tenth.
 */
export function judge(samples: readonly Sample[]): Verdict {
  const quarter = Math.floor(samples.length / 4);
  const second = samples.slice(quarter, 2 * quarter);
  const last = samples.slice(samples.length - quarter);
  const [early, late] = [second, last].map((part) =>
    median(part.map(({ bytes }) => bytes))
  ) as [number, number];
  const [from, to] = [second, last].map((part) =>
    median(part.map(({ made }) => made))
  ) as [number, number];
  const limit = Math.max(NOISE, early / 10);
  return {
    early,
    late,
    connections: to - from,
    limit,
    isFlat: late - early < limit,
    isTooShort: samples.length < SAMPLES_MIN,
  };
}

/** The memory that is in use, without garbage. */
export function bufferedBytes(): number {
  collectGarbage();
  return privateBytes();
}
