// Copyright the iocp authors. MIT license.
/* A program of a stress test: the same thing again and again, by a seed, and
 * what the process then has more of than before. */

import process from "node:process";
import { collectGarbage } from "./collect.ts";
import { delay } from "./deadline.ts";
import { openHandles } from "./handles.ts";
import { Random } from "./random.ts";

/** What a program says last. */
export interface Grown {
  handles: number;
  bytes: number;
}

async function measure(): Promise<Grown> {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await delay(30);
  }
  return { handles: openHandles(), bytes: process.memoryUsage().rss };
}

/** The seed, and how many rounds, of the command line. */
export function rounds(): { random: Random; count: number } {
  const [seed, count] = process.argv.slice(-2).map(Number);
  return { random: new Random(seed!), count: count! };
}

/** Does the rounds, after half as many to warm up, and says what has grown. */
export async function repeat(
  round: (random: Random) => Promise<void>,
): Promise<void> {
  const { random, count } = rounds();
  for (let i = 0; i < count / 2; i++) await round(random.fork());
  const before = await measure();
  for (let i = 0; i < count; i++) await round(random.fork());
  const after = await measure();
  const grown: Grown = {
    handles: after.handles - before.handles,
    bytes: after.bytes - before.bytes,
  };
  console.log(JSON.stringify(grown));
}
