// Copyright the iocp authors. MIT license.
/* Whether memory stays flat. It is sampled while no visit runs, after a garbage
 * collection. So neither garbage counts nor what visits use, which is more on a busy
 * machine, where they take longer.
 *
 * Two numbers are judged. What the collector and malloc() have given out is exact, but
 * only of this thread and, in Bun, of C. The private memory of the process has
 * everything, and what cannot be returned because the rest of its page is in use. */

import process from "node:process";
import { collectGarbage } from "../shared/collect.ts";
import { delay } from "../shared/deadline.ts";
import { openLibrary } from "../shared/ffi.ts";
import { privateBytes } from "../shared/private_bytes.ts";

const MIB = 1024 * 1024;
/** Fluctuation of the runtime itself, in bytes: its heap grows in steps, and it retains
 * caches. */
const NOISE = { used: 6 * MIB, resident: 24 * MIB } as const;
/** With fewer samples a quarter says nothing. */
const SAMPLES_MIN = 8;
/** A Worker that was terminated, and a buffer that was collected, are freed by other
 * threads. */
const FREEING_MS = 200;

/** What is judged. */
export type Measure = keyof typeof NOISE;

/** The memory after `made` connections, in bytes. */
export interface Sample extends Readonly<Record<Measure, number>> {
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
export function judge(samples: readonly Sample[], measure: Measure): Verdict {
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

interface Allocator {
  /** What it has given out, in bytes. */
  used(): number;
  /** Returns what it retains to the system. */
  trim(): void;
}

/* The fields of struct mallinfo2, and those that are used: bytes in blocks that are
 * mapped, and in other blocks. */
const FIELDS = 10;
const MAPPED = 4;
const BLOCKS = 7;

interface Glibc {
  mallinfo2(result: BigUint64Array): unknown;
  malloc_trim(pad: number): number;
}

/* What was freed stays in the arenas of malloc(), of which each thread may have one.
 * After Workers and transfers of megabytes that is more than what is in use, and it
 * changes with the load. */
function openGlibc(): Allocator {
  const glibc = openLibrary<Glibc>("libc.so.6", {
    /* A struct of this size is returned at an address that the caller gives. */
    mallinfo2: { parameters: ["buffer"], result: "pointer" },
    malloc_trim: { parameters: ["usize"], result: "i32" },
  });
  const fields = new BigUint64Array(FIELDS);
  return {
    used() {
      glibc.mallinfo2(fields);
      return Number(fields[MAPPED]! + fields[BLOCKS]!);
    },
    trim: () => glibc.malloc_trim(0),
  };
}

const allocator: Allocator = process.platform === "linux"
  ? openGlibc()
  : { used: () => 0, trim() {} };

/** The memory in use, without garbage and without what the allocator retains. */
export async function liveBytes(): Promise<Readonly<Record<Measure, number>>> {
  collectGarbage();
  await delay(FREEING_MS);
  collectGarbage();
  await delay(1);
  allocator.trim();
  const { heapUsed, external } = process.memoryUsage();
  return {
    used: heapUsed + external + allocator.used(),
    resident: privateBytes(),
  };
}
