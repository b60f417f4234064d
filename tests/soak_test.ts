// Copyright the iocp authors. MIT license.
/* The program of `npm run soak`, for three seconds, and its check of memory. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { start } from "./shared/child.ts";
import { collectGarbage } from "./shared/collect.ts";
import { repositoryPath } from "./shared/files.ts";
import { liveBytes } from "./shared/live_bytes.ts";
import { pattern } from "./shared/pattern.ts";
import { judge, type Sample } from "./soak/memory.ts";
import { KINDS, kindsOf, LACKS } from "./soak/visits.ts";

const MIB = 1024 * 1024;
/* It makes one visit of each kind before its three seconds begin. */
const SOAK_MS = 400_000;

test("A short soak makes every kind of visit and has no failure", async () => {
  const program = repositoryPath("tests/soak/soak.ts");
  const args = ["--seconds", "3", "--seed", "1"];
  using child = start(program, args, { lifetimeMs: SOAK_MS });
  const { code, stdout, stderr } = await child.ended;
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  const { summary } = JSON.parse(stdout.trim().split("\n").at(-1)!);
  assert.deepEqual(summary.failures, []);
  assert.deepEqual(summary.lacks, LACKS);
  for (const kind of KINDS) assert.ok(summary.visits[kind] > 0, kind);
});

test("A soak refuses visits that it does not know, and lists those that it does", async () => {
  const program = repositoryPath("tests/soak/soak.ts");
  for (const visits of ["transfer,nonsense", "", "toString"]) {
    using child = start(program, ["--seconds", "1", "--visits", visits]);
    const { code, stderr } = await child.ended;
    assert.notEqual(code, 0, visits);
    assert.match(stderr, /RangeError: --visits must be names of transfer, /);
    for (const kind of KINDS) assert.ok(stderr.includes(kind), kind);
  }
});

test("kindsOf() leaves out what the system cannot have", () => {
  assert.deepEqual(kindsOf(KINDS.join()), KINDS);
  assert.deepEqual(kindsOf("reset"), ["reset"]);
  const lacking = Object.keys(LACKS);
  assert.ok(lacking.length > 0);
  for (const kind of lacking) {
    assert.deepEqual(kindsOf(`reset,${kind}`), ["reset"]);
    assert.throws(() => kindsOf(kind), {
      name: "RangeError",
      message: `--visits: nothing to visit: ${kind}: ${LACKS[kind]}`,
    });
  }
});

/* The samples of three minutes with 100 connections per second, a burst in six seconds.
 * Now and then something is in use that is freed later. */
function run(bytesAt: (made: number, i: number) => number): Sample[] {
  return Array.from({ length: 30 }, (_, i) => {
    const made = i * 600;
    const late = [0, 9, 21, 4, 28][(i * i) % 5]! * MIB;
    const bytes = 100 * MIB + late + bytesAt(made, i);
    return { made, used: bytes, resident: bytes };
  });
}

test("judge() finds steady growth, and ignores what is freed later", () => {
  const measures = ["used", "resident"] as const;
  const flat = [
    run(() => 0),
    run((_, i) => i > 20 && i !== 25 ? 90 * MIB : 0),
    run((made) => made * 100),
  ];
  for (const measure of measures) {
    for (const samples of flat) assert.ok(judge(samples, measure).isFlat);
    assert.ok(judge(run(() => 0).slice(23), measure).isTooShort);
    const grown = judge(run((made) => made * 5000), measure);
    assert.ok(!grown.isFlat);
    assert.equal((grown.late - grown.early) / grown.connections, 5000);
  }
  /* One KiB for each connection. */
  assert.ok(!judge(run((made) => made * 1024), "used").isFlat);
});

/* V8 gives each array of this size pages of its own. */
function makeGarbage(): void {
  const arrays = Array.from({ length: 200 }, () => new Array(20_000).fill(0));
  assert.equal(arrays.length, 200);
  collectGarbage();
}

test("liveBytes() counts memory that is referenced", async () => {
  const before = await liveBytes();
  const arrays = Array.from({ length: 100 }, () => pattern(MIB));
  const after = await liveBytes();
  /* Memory of the tests before this one may be returned meanwhile. */
  const resident = after.resident - before.resident;
  assert.ok(resident > 70 * MIB, `${resident} bytes more`);
  const used = after.used - before.used;
  assert.ok(used > 99 * MIB, `${used} bytes more`);
  assert.equal(arrays.length, 100);
});

/* The resident set size of Deno under Wine grows by 12 MiB in this test. */
test("liveBytes() counts neither garbage nor Wine's tables for it", async () => {
  for (let i = 0; i < 3; i++) makeGarbage();
  const before = await liveBytes();
  for (let i = 0; i < 20; i++) makeGarbage();
  const after = await liveBytes();
  const resident = after.resident - before.resident;
  assert.ok(resident < 8 * MIB, `${resident} bytes more`);
  const used = after.used - before.used;
  assert.ok(used < MIB, `${used} bytes more`);
});

/* malloc() serves arrays of this size from its arenas, and one in a thousand that is
 * retained keeps the arena from shrinking at its end. */
async function fillAndFree(before: number): Promise<Uint8Array[]> {
  const arrays = Array.from({ length: 20_000 }, () => pattern(16_384));
  const most = (await liveBytes()).resident - before;
  assert.ok(most > 200 * MIB, `${most} bytes more`);
  const retained = arrays.filter((_, i) => i % 1000 === 999);
  /* A collector that searches the stack may still find the list. */
  arrays.length = 0;
  return retained;
}

test("liveBytes() does not count what the allocator retains", {
  skip: process.platform === "win32" && "Windows has no malloc_trim()",
}, async () => {
  const before = await liveBytes();
  const arrays = await fillAndFree(before.resident);
  const after = await liveBytes();
  const used = after.used - before.used;
  assert.ok(used < 2 * MIB, `${used} bytes more`);
  const resident = after.resident - before.resident;
  assert.ok(resident < 24 * MIB, `${resident} bytes more`);
  assert.equal(arrays.length, 20);
});
