// Copyright the iocp authors. MIT license.
/* Deno talks to Bun, and both to plain C. `npm test` says where they are. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { type Conn, connect, listen } from "../mod.ts";
import {
  Child,
  ownRuntime,
  programPath,
  type Runtime,
  start,
} from "./shared/child.ts";
import { within } from "./shared/deadline.ts";
import { digest, pattern } from "./shared/pattern.ts";
import { receiveByLoop } from "./shared/transfer.ts";

const LARGE = 8 * 1024 * 1024;
/* The last one several times: what is lost now and then shows here first. */
const SIZES = [0, 1, 65_537, LARGE, LARGE, LARGE, LARGE];
const { IOCP_TEST_DENO, IOCP_TEST_BUN, IOCP_TEST_PEER } = process.env;

const other: Runtime = ownRuntime.name === "deno"
  ? { name: "bun", path: IOCP_TEST_BUN! }
  : { name: "deno", path: IOCP_TEST_DENO! };

async function listeningPort(child: Child): Promise<number> {
  const [, port] = await within("start", child.output(/listening (\d+)/));
  return Number(port);
}

/* Sends, and compares what comes back. */
async function visit(port: number, length: number, seed: number) {
  const conn = await connect({ hostname: "127.0.0.1", port });
  const received = receiveByLoop(conn);
  await conn.write(pattern(length, seed));
  await conn.closeWrite();
  const expected = digest(pattern(length, seed));
  assert.equal(await within("the echo", received), expected);
}

function serve() {
  return listen({ hostname: "127.0.0.1", port: 0, allowHalfOpen: true });
}

async function echo(conn: Conn): Promise<void> {
  for await (const chunk of conn) await conn.write(chunk);
  conn.close();
}

describe(`${ownRuntime.name} and ${other.name}`, {
  skip: other.path === undefined && "npm test says where the other runtime is",
}, () => {
  test("the other one serves", async () => {
    using child = start(programPath("echo"), ["server"], { runtime: other });
    const port = await listeningPort(child);
    for (const size of SIZES) {
      await Promise.all([1, 2, 3, 4].map((seed) => visit(port, size, seed)));
    }
  });

  test("the other one visits", async () => {
    using listener = serve();
    const served = (async () => {
      for await (const conn of listener) echo(conn);
    })();
    for (const size of SIZES) {
      const args = ["client", `${listener.addr.port}`, `${size}`, "4"];
      using child = start(programPath("echo"), args, { runtime: other });
      const { code, stdout, stderr } = await child.ended;
      assert.deepEqual([code, stdout.trim()], [0, "done"], stderr);
    }
    listener.close();
    await within("the loop", served);
  });
});

describe(`${ownRuntime.name} and plain C`, {
  skip: IOCP_TEST_PEER === undefined && "npm test says where the program is",
}, () => {
  test("the C program serves", async () => {
    for (const size of SIZES) {
      using child = new Child(IOCP_TEST_PEER!, ["server"], {});
      await visit(await listeningPort(child), size, size);
      const { code, stderr } = await child.ended;
      assert.equal(code, 0, stderr);
    }
  });

  test("the C program visits", async () => {
    using listener = serve();
    for (const size of SIZES) {
      const args = ["client", `${listener.addr.port}`, `${size}`, `${size}`];
      using child = new Child(IOCP_TEST_PEER!, args, {});
      const conn = await within("accept", listener.accept());
      await within("the echo", echo(conn));
      const { code, stdout, stderr } = await child.ended;
      assert.deepEqual([code, stdout.trim()], [0, "done"], stderr);
    }
  });
});
