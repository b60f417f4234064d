// Copyright the iocp authors. MIT license.
/* How sockets of iocp/net keep a process alive, and what an exception does. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { run } from "./shared/child.ts";

describe("A process ends by itself", () => {
  const programs = {
    closed: "when its server and its connections are closed",
    unrefServer: "while a server listens that is unref()",
    unrefBoth: "while both ends of a connection are unref()",
    paused: "while a socket is paused",
    timeoutAlone: "while a socket without a connection has a timeout",
  };
  for (const [program, when] of Object.entries(programs)) {
    test(when, async () => {
      const { code, signal, stderr } = await run("net_life", [program]);
      assert.deepEqual([code, signal], [0, null], stderr);
    });
  }
});

test("An error that a listener throws is an uncaught exception", async () => {
  const { code, stdout, stderr } = await run("net_life", ["throwing"]);
  assert.equal(code, 0, stderr);
  const lines = stdout.trim().split(/\r?\n/).sort();
  assert.deepEqual(lines, ["by connect", "by connection", "by data"]);
});
