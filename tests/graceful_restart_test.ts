// Copyright the iocp authors. MIT license.
/* examples/graceful_restart.ts under the load of a C program, whose path `npm test`
 * sets. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { listen, type NetAddr } from "../mod.ts";
import { Child, start } from "./shared/child.ts";
import { delay, within } from "./shared/deadline.ts";

const { IOCP_TEST_PEER } = process.env;
const example = fileURLToPath(
  new URL("../examples/graceful_restart.ts", import.meta.url),
);
/* More of it, for what goes wrong late. */
const AFTERWARDS_MS = 500;

/* A port that is free. */
function freePort(): string {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  return String((listener.addr as NetAddr).port);
}

async function startServer(port: string): Promise<Child> {
  const server = start(example, ["--port", port]);
  await within("start", server.output(/listening on port \d+/));
  return server;
}

test("A server is replaced under load, and no connection is refused or cut", {
  skip: IOCP_TEST_PEER === undefined && "npm test sets the path of the program",
}, async () => {
  const port = freePort();
  using first = await startServer(port);
  using control = listen({ hostname: "127.0.0.1", port: 0 });
  const args = ["load", port, String(control.addr.port)];
  using load = new Child(IOCP_TEST_PEER!, args, {});
  const running = await within("the load", control.accept());
  let isOver = false;
  load.ended.then(() => isOver = true, () => isOver = true);
  using second = await startServer(port);
  using third = await startServer(port);
  for (const old of [first, second]) {
    await within("the replacement", old.output(/has been replaced/));
  }
  await delay(AFTERWARDS_MS);
  assert.ok(!isOver, "the load has ended too early");
  running.close();
  const { code, stdout, stderr } = await within("its end", load.ended);
  assert.equal(code, 0, stdout + stderr);
  const [, count] = /connections (\d+)/.exec(stdout)!;
  assert.ok(Number(count) > 10, stdout);
  /* They have served their last connections. */
  for (const old of [first, second]) {
    const ended = await within("the end of an old server", old.ended);
    assert.equal(ended.code, 0, ended.stderr);
  }
  assert.equal(third.process.exitCode, null);
});
