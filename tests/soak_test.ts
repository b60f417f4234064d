// Copyright the iocp authors. MIT license.
/* The program of `npm run soak`, for three seconds, and its check of memory. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./shared/child.ts";
import { repositoryPath } from "./shared/files.ts";
import { pattern } from "./shared/pattern.ts";
import { judge, liveBytes, type Sample } from "./soak/memory.ts";
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

/* The samples of ten minutes with 130 connections per second. */
function run(bytesAt: (made: number, i: number) => number): Sample[] {
  return Array.from({ length: 600 }, (_, i) => {
    const made = i * 130;
    return { made, bytes: 100 * MIB + bytesAt(made, i) };
  });
}

test("judge() finds steady growth, and ignores a single peak", () => {
  assert.ok(judge(run(() => 0)).isFlat);
  assert.ok(judge(run((_, i) => i === 590 ? 900 * MIB : 0)).isFlat);
  assert.ok(judge(run(() => 0).slice(550)).isTooShort);
  const grown = judge(run((made) => made * 1024));
  assert.ok(!grown.isFlat);
  assert.equal((grown.late - grown.early) / grown.connections, 1024);
});

/* V8 gives each array of this size pages of its own. */
function makeGarbage(): void {
  const arrays = Array.from({ length: 200 }, () => new Array(20_000).fill(0));
  assert.equal(arrays.length, 200);
  liveBytes();
}

test("liveBytes() counts memory that is referenced", () => {
  const before = liveBytes();
  const arrays = Array.from({ length: 100 }, () => pattern(MIB));
  const more = liveBytes() - before;
  /* Memory of the tests before this one may be returned meanwhile. */
  assert.ok(more > 70 * MIB, `${more} bytes more`);
  assert.equal(arrays.length, 100);
});

/* The resident set size of Deno under Wine grows by 12 MiB in this test. */
test("liveBytes() counts neither garbage nor Wine's tables for it", () => {
  for (let i = 0; i < 3; i++) makeGarbage();
  const before = liveBytes();
  for (let i = 0; i < 20; i++) makeGarbage();
  const more = liveBytes() - before;
  assert.ok(more < 8 * MIB, `${more} bytes more`);
});
