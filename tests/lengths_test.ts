// Copyright the iocp authors. MIT license.
/* Arrays of 4 GiB, whose length does not fit into the 32 bits that the library
 * accepts. Each has a process of its own, whose memory is freed when it exits. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { programPath, run, start } from "./shared/child.ts";

describe("An array of 4 GiB is", () => {
  for (const how of ["read", "readSync", "chunks", "byob"]) {
    test(`filled with the received bytes, by ${how}`, async () => {
      const { code, stdout, stderr } = await run("lengths", [how]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /done|skipped/);
      if (stdout.includes("skipped")) console.log(stdout);
    });
  }

  for (const how of ["write", "writeSync", "writable", "broadcast"]) {
    test(`sent completely, by ${how}`, async () => {
      using child = start(programPath("lengths"), [how]);
      const found = await child.output(/listening (\d+)|skipped.*/);
      if (found[1] === undefined) {
        console.log(found[0]);
        return;
      }
      const peer = await run("lengths", ["receive", found[1]]);
      assert.equal(peer.code, 0, peer.stderr);
      const { code, stdout, stderr } = await child.ended;
      assert.equal(code, 0, stderr);
      assert.match(stdout, /done/);
    });
  }
});
