// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { inTemporaryFolder } from "../../scripts/setup.js";
import { writeDocuments } from "../documents.js";
import { judge } from "../goals.js";
import { resultsOf } from "./results.js";

test("writeDocuments() writes a page, its plots and the figures", async () => {
  const results = resultsOf("echo-64-x50", {
    "c": [1, 1],
    "iocp-bun": [1.04, 1.06],
  });
  await inTemporaryFolder("iocp-bench-docs-", async (root) => {
    const files = await writeDocuments(results, judge(results), root);
    const [page, figures, plot] = await Promise.all(
      files.map((file) => readFile(join(root, file), "utf8")),
    );
    assert.match(page, /^\| met +\| echo up to 16 KiB.* 1\.050 \|$/m);
    assert.match(page, /^\| iocp-bun \|   1\.05 \| 1\.04 \| 1\.06 \|/m);
    assert.match(page, /Left out here: something: for some reason\./);
    assert.match(page, /\(benchmarks\/cpu\.svg\)/);
    assert.match(plot, /^<svg[^]*iocp-bun[^]*<\/svg>\n$/);
    // What was written is what can be read again.
    assert.deepEqual(JSON.parse(figures), results);
  });
});
