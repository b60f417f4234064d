// Copyright the iocp authors. MIT license.
/* The main loop of the stress programs: runs rounds that differ by the seed, and
 * prints by how much handles and memory have grown. */

import process from "node:process";
import { openHandles } from "./handles.ts";
import { liveBytes } from "./live_bytes.ts";
import { Random } from "./random.ts";

/** The last line of output, as JSON. */
export interface Grown {
  handles: number;
  bytes: number;
}

const LATE_BYTES = 8 * 1024 * 1024;

async function measure(): Promise<Grown> {
  const { resident } = await liveBytes();
  return { handles: openHandles(), bytes: resident };
}

/** The seed and the number of rounds of the command line. */
export function rounds(): { random: Random; count: number } {
  const [seed, count] = process.argv.slice(-2).map(Number);
  return { random: new Random(seed!), count: count! };
}

/** Runs the rounds, after half as many to warm up, and prints the growth. */
export async function repeat(
  round: (random: Random) => Promise<void>,
): Promise<void> {
  const { random, count } = rounds();
  for (let i = 0; i < count / 2; i++) await round(random.fork());
  const before = await measure();
  for (let i = 0; i < count; i++) await round(random.fork());
  /* Memory of what has just ended, Workers for example, is returned late. */
  let after = await measure();
  for (let i = 0; i < 20 && after.bytes > before.bytes + LATE_BYTES; i++) {
    after = await measure();
  }
  const grown: Grown = {
    handles: after.handles - before.handles,
    bytes: after.bytes - before.bytes,
  };
  console.log(JSON.stringify(grown));
}
