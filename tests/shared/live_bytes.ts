// Copyright the iocp authors. MIT license.
/* The memory in use: without garbage, and without what the allocator retains. */

import process from "node:process";
import { collectGarbage } from "./collect.ts";
import { delay } from "./deadline.ts";
import { openLibrary } from "./ffi.ts";
import { privateBytes } from "./private_bytes.ts";

/** A Worker that was terminated, and a buffer that was collected, are freed by other
 * threads. */
const FREEING_MS = 200;

/** In bytes. */
export interface LiveBytes {
  /** What the collector and malloc() have given out: exact, but only of this thread and,
   * in Bun, of C. On Windows that of the collector alone. */
  readonly used: number;
  /** The private memory of the process: everything, and what cannot be returned because
   * the rest of its page is in use. */
  readonly resident: number;
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

/** Collects garbage, and measures. */
export async function liveBytes(): Promise<LiveBytes> {
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
