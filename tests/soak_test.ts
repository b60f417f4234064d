// Copyright the iocp authors. MIT license.
/* The program of `npm run soak`, for a few seconds, and how it judges memory. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./shared/child.ts";
import { repositoryPath } from "./shared/files.ts";
import { pattern } from "./shared/pattern.ts";
import { bufferedBytes, judge, type Sample } from "./soak/memory.ts";

const MIB = 1024 * 1024;

test("A short soak finds nothing wrong", async () => {
  const program = repositoryPath("tests/soak/soak.ts");
  using child = start(program, ["--seconds", "3", "--seed", "1"]);
  const { code, stdout, stderr } = await child.ended;
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  const { summary } = JSON.parse(stdout.trim().split("\n").at(-1)!);
  assert.deepEqual(summary.failures, []);
  /* Every kind of visit was made at least once. */
  for (const [kind, count] of Object.entries(summary.visits)) {
    assert.ok(count as number > 0, kind);
  }
});

/* A run of ten minutes with 130 connections a second. */
function run(bytesAt: (made: number, i: number) => number): Sample[] {
  return Array.from({ length: 600 }, (_, i) => {
    const made = i * 130;
    return { made, bytes: 100 * MIB + bytesAt(made, i) };
  });
}

test("Memory that grows is not flat, and a peak is no growth", () => {
  assert.ok(judge(run(() => 0)).isFlat);
  assert.ok(judge(run((_, i) => i === 590 ? 900 * MIB : 0)).isFlat);
  assert.ok(judge(run(() => 0).slice(550)).isTooShort);
  const grown = judge(run((made) => made * 1024));
  assert.ok(!grown.isFlat);
  assert.equal((grown.late - grown.early) / grown.connections, 1024);
});

/* Each array is large enough for a place of its own in the address space. */
function makeGarbage(): void {
  const arrays = Array.from({ length: 200 }, () => new Array(20_000).fill(0));
  assert.equal(arrays.length, 200);
  bufferedBytes();
}

test("What is kept counts", () => {
  const before = bufferedBytes();
  const arrays = Array.from({ length: 30 }, () => pattern(MIB));
  const more = bufferedBytes() - before;
  assert.ok(more > 29 * MIB, `${more} bytes more`);
  assert.equal(arrays.length, 30);
});

/* The resident memory of Deno under Wine grows by 12 MiB meanwhile. */
test("Garbage does not count, nor what Wine remembers of it", () => {
  for (let i = 0; i < 3; i++) makeGarbage();
  const before = bufferedBytes();
  for (let i = 0; i < 20; i++) makeGarbage();
  const more = bufferedBytes() - before;
  assert.ok(more < 8 * MIB, `${more} bytes more`);
});
