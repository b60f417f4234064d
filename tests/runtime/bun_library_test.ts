// Copyright the iocp authors. MIT license.
/* What an opened library leaves behind in Bun, when its thread has ended. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadLibrary } from "../../src/native/library.ts";
import { runtime } from "../../src/runtime/detect.ts";
import { liveBytes } from "../shared/live_bytes.ts";

const KIB = 1024;
const OPENED = 1_000;
const skip = runtime.name === "Bun" ? false : "it is about Bun";

/* The end of a thread frees of a library what a collection frees. */
test("A library that is not used any more leaves less than 4 KiB", {
  skip,
}, async () => {
  const { path } = loadLibrary();
  const open = async (count: number) => {
    for (let i = 0; i < count; i++) {
      runtime.open(path).iocp_abi();
      if (i % 100 === 0) await new Promise((done) => setTimeout(done));
    }
  };
  await open(OPENED / 2);
  const before = await liveBytes();
  await open(OPENED);
  const after = await liveBytes();
  const each = (after.resident - before.resident) / OPENED;
  assert.ok(each < 4 * KIB, `${each} bytes of each`);
});
