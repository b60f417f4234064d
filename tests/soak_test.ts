// Copyright the iocp authors. MIT license.
/* The program of `npm run soak`, for three seconds, and its check of memory. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { run, start } from "./shared/child.ts";
import { repositoryPath } from "./shared/files.ts";
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
function samples(bytesAt: (made: number, i: number) => number): Sample[] {
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
    samples(() => 0),
    samples((_, i) => i > 20 && i !== 25 ? 90 * MIB : 0),
    samples((made) => made * 100),
  ];
  for (const measure of measures) {
    for (const run of flat) assert.ok(judge(run, measure).isFlat);
    assert.ok(judge(samples(() => 0).slice(23), measure).isTooShort);
    const grown = judge(samples((made) => made * 5000), measure);
    assert.ok(!grown.isFlat);
    assert.equal((grown.late - grown.early) / grown.connections, 5000);
  }
  /* One KiB for each connection. */
  assert.ok(!judge(samples((made) => made * 1024), "used").isFlat);
});

/* By how many bytes the memory of a program grows that uses it in this way. */
async function growth(
  use: string,
): Promise<{ used: number; resident: number; length?: number }> {
  const { code, stdout, stderr } = await run("live_bytes", [use]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

test("liveBytes() counts memory that is referenced", async () => {
  const { used, resident, length } = await growth("referenced");
  assert.ok(resident > 95 * MIB, `${resident} bytes more`);
  assert.ok(used > 99 * MIB, `${used} bytes more`);
  assert.equal(length, 100);
});

/* The resident set size of Deno under Wine grows by 12 MiB in this test. */
test("liveBytes() counts neither garbage nor Wine's tables for it", async () => {
  const { used, resident } = await growth("garbage");
  assert.ok(resident < 8 * MIB, `${resident} bytes more`);
  assert.ok(used < MIB, `${used} bytes more`);
});

test("liveBytes() does not count what the allocator retains", {
  skip: process.platform === "win32" && "Windows has no malloc_trim()",
}, async () => {
  const { used, resident, length } = await growth("retained");
  assert.ok(used < 2 * MIB, `${used} bytes more`);
  assert.ok(resident < 24 * MIB, `${resident} bytes more`);
  assert.equal(length, 20);
});
