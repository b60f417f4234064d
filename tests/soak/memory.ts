// Copyright the iocp authors. MIT license.
/* Whether memory stays flat. The private memory of the process is sampled once a
 * second after a garbage collection, so that garbage does not count. */

import { collectGarbage } from "../shared/collect.ts";
import { privateBytes } from "../shared/private_bytes.ts";

const MIB = 1024 * 1024;
/** Fluctuation of the runtime itself: its heap grows in steps, and the allocator
 * returns memory late. In bytes. */
const NOISE = 24 * MIB;
/** With fewer samples the median of a quarter says nothing. */
const SAMPLES_MIN = 60;

/** The memory in use after `made` connections. */
export interface Sample {
  bytes: number;
  made: number;
}

/** The judgement of the samples. */
export interface Verdict {
  /** Medians of the second and of the last quarter, in bytes. */
  early: number;
  late: number;
  /** Connections made between the middles of these quarters. */
  connections: number;
  /** The growth in bytes from which on memory is not flat. */
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
 * Compares the medians of the second and the last quarter: the first one includes
 * the start, and single peaks do not change a median. Memory is flat if it has
 * grown by less than NOISE, or by less than a tenth.
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

/** The private memory in use after a garbage collection, in bytes. */
export function liveBytes(): number {
  collectGarbage();
  return privateBytes();
}
