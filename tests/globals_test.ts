// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "./shared/child.ts";

test("The module still works after a test tool has replaced the globals", async () => {
  const { code, stdout, stderr } = await run("replaced_globals", []);
  assert.deepEqual([code, stdout.trim()], [0, "done"], stderr);
});
