// Copyright the iocp authors. MIT license.
/* Connections between Deno and Bun, and between both and a C program. `npm test`
 * sets the paths of their programs. */

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
/* The last size is repeated, to find losses that are rare. */
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
async function exchange(port: number, length: number, seed: number) {
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
  skip: other.path === undefined &&
    "npm test sets the path of the other runtime",
}, () => {
  test("the other runtime is the server", async () => {
    using child = start(programPath("echo"), ["server"], { runtime: other });
    const port = await listeningPort(child);
    for (const size of SIZES) {
      const exchanges = [1, 2, 3, 4].map((seed) => exchange(port, size, seed));
      await Promise.all(exchanges);
    }
  });

  test("the other runtime is the client", async () => {
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
  skip: IOCP_TEST_PEER === undefined && "npm test sets the path of the program",
}, () => {
  test("the C program is the server", async () => {
    for (const size of SIZES) {
      using child = new Child(IOCP_TEST_PEER!, ["server"], {});
      await exchange(await listeningPort(child), size, size);
      const { code, stderr } = await child.ended;
      assert.equal(code, 0, stderr);
    }
  });

  test("the C program is the client", async () => {
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
