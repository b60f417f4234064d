// Copyright the iocp authors. MIT license.
/* Whether memory stays flat. It is sampled while no visit runs, after a garbage
 * collection. So neither garbage counts nor what visits use, which is more on a busy
 * machine, where they take longer. */

import type { LiveBytes } from "../shared/live_bytes.ts";

const MIB = 1024 * 1024;
/** Fluctuation of the runtime itself, in bytes: its heap grows in steps, and it retains
 * caches. */
const NOISE = { used: 6 * MIB, resident: 24 * MIB } as const;
/** With fewer samples a quarter says nothing. */
const SAMPLES_MIN = 8;

/** The memory after `made` connections. */
export interface Sample extends LiveBytes {
  readonly made: number;
}

/** The judgement of the samples. */
export interface Verdict {
  /** The least of the second and of the last quarter, in bytes. */
  early: number;
  late: number;
  /** Connections made between these two. */
  connections: number;
  /** The growth in bytes from which on memory is not flat. */
  limit: number;
  isFlat: boolean;
  /** Too few samples to judge by. */
  isTooShort: boolean;
}

/**
 * Compares the least of the second and of the last quarter, since what is freed late
 * only adds to what is in use. The first quarter includes the start. Memory is flat if
 * it has grown by less than NOISE; resident memory also if by less than a tenth.
 */
export function judge(
  samples: readonly Sample[],
  measure: keyof LiveBytes,
): Verdict {
  const noise = NOISE[measure];
  if (samples.length < SAMPLES_MIN) {
    const nothing = { early: 0, late: 0, connections: 0, limit: noise };
    return { ...nothing, isFlat: true, isTooShort: true };
  }
  const quarter = Math.floor(samples.length / 4);
  const least = (part: readonly Sample[]) =>
    part.reduce((least, one) => one[measure] < least[measure] ? one : least);
  const from = least(samples.slice(quarter, 2 * quarter));
  const to = least(samples.slice(samples.length - quarter));
  const [early, late] = [from[measure], to[measure]];
  const limit = measure === "used" ? noise : Math.max(noise, early / 10);
  return {
    ...{ early, late, limit },
    connections: to.made - from.made,
    isFlat: late - early < limit,
    isTooShort: false,
  };
}
