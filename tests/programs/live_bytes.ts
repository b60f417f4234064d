// Copyright the iocp authors. MIT license.
/* Prints by how much liveBytes() grows while memory is used in the given way. It is a
 * process of its own: that of the tests returns memory of earlier ones meanwhile. */

import assert from "node:assert/strict";
import process from "node:process";
import { collectGarbage } from "../shared/collect.ts";
import { liveBytes } from "../shared/live_bytes.ts";
import { pattern } from "../shared/pattern.ts";

const MIB = 1024 * 1024;

/** What is in use after it. */
type Use = () => unknown | Promise<unknown>;

/* V8 gives each array of this size pages of its own. */
function makeGarbage(times: number): void {
  for (let i = 0; i < times; i++) {
    const arrays = Array.from(
      { length: 200 },
      () => new Array(20_000).fill(0),
    );
    assert.equal(arrays.length, 200);
    collectGarbage();
  }
}

/* malloc() serves arrays of this size from its arenas, and one in a thousand that is
 * retained keeps the arena from shrinking at its end. */
async function fillAndFree(): Promise<Uint8Array[]> {
  const before = await liveBytes();
  const arrays = Array.from({ length: 20_000 }, () => pattern(16_384));
  const most = (await liveBytes()).resident - before.resident;
  assert.ok(most > 200 * MIB, `${most} bytes more`);
  const retained = arrays.filter((_, i) => i % 1000 === 999);
  /* A collector that searches the stack may still find the list. */
  arrays.length = 0;
  return retained;
}

const uses: Record<string, Use> = {
  referenced: () => Array.from({ length: 100 }, () => pattern(MIB)),
  garbage: () => makeGarbage(20),
  retained: fillAndFree,
};

const use = uses[process.argv.at(-1)!]!;
/* What the collector needs for itself. */
makeGarbage(3);
const before = await liveBytes();
const inUse = await use();
const after = await liveBytes();
console.log(JSON.stringify({
  used: after.used - before.used,
  resident: after.resident - before.resident,
  /* Keeps it referenced until here. */
  length: (inUse as unknown[] | undefined)?.length,
}));
