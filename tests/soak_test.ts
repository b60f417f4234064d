// Copyright the iocp authors. MIT license.
/* The program of `npm run soak`, for a few seconds, and how it judges memory. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./shared/child.ts";
import { repositoryPath } from "./shared/files.ts";
import { judge } from "./soak/memory.ts";

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

test("Memory that grows is not flat, and a peak is no growth", () => {
  const flat = Array.from({ length: 100 }, () => 100 * MIB);
  assert.ok(judge(flat).isFlat);
  assert.ok(judge(flat.with(90, 900 * MIB)).isFlat);
  assert.ok(!judge(flat.map((bytes, i) => bytes + i * MIB)).isFlat);
  assert.ok(judge(flat.slice(50)).isTooShort);
});
