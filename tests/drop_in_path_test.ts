// Copyright the iocp authors. MIT license.
/* A program for Deno.listen and Deno.connect on unix sockets behaves the same with
 * this module: tests/programs/deno_unix.ts runs with either, and its outputs are
 * compared line by line. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ownRuntime, programPath, start } from "./shared/child.ts";
import { isWindows } from "./shared/local.ts";

const TOO_LONG = "SocketError, code ENAMETOOLONG, instance of Error";
const CLOSED = "BadResource, code undefined, instance of BadResource";
const EBADF = CLOSED.replace("undefined", "EBADF");
const NO_NAME = '{"transport":"unix","path":null}';

/* The documented differences, by what is done. */
const DIFFERENCES: Record<string, [stock: string, ours: string]> = {
  "client: localAddr": [NO_NAME, NO_NAME.replace("null", '""')],
  "server: remoteAddr": [NO_NAME, NO_NAME.replace("null", '""')],
  "write after close": [CLOSED, EBADF],
  "accept after close": [CLOSED, EBADF],
  "connect to a path too long": ["TypeError", TOO_LONG],
  "listen on a path too long": ["TypeError", TOO_LONG],
};

async function transcript(source: string): Promise<Map<string, string>> {
  using child = start(programPath("deno_unix"), [source]);
  const { code, stdout, stderr } = await child.ended;
  assert.equal(code, 0, stdout + stderr);
  return new Map(
    stdout.trim().split("\n").map((line) => {
      const at = line.lastIndexOf(": ");
      return [line.slice(0, at), line.slice(at + 2)];
    }),
  );
}

const skip = ownRuntime.name !== "deno" && "another runtime" ||
  isWindows && "Deno has them on Linux";

describe("A program written for unix sockets of Deno", () => {
  test(
    "behaves the same with this module, errors included",
    { skip },
    async () => {
      const [stock, ours] = await Promise.all(
        ["stock", "iocp"].map((source) => transcript(source)),
      );
      assert.ok(stock!.size > 30, `${stock!.size}`);
      assert.deepEqual([...ours!.keys()], [...stock!.keys()]);
      for (const [what, text] of stock!) {
        const [theirs, own] = DIFFERENCES[what] ?? [text, text];
        assert.equal(text, theirs, what);
        assert.equal(ours!.get(what), own, what);
      }
    },
  );
});
