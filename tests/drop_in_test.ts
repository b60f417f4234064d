// Copyright the iocp authors. MIT license.
/* A program for Deno.listen and Deno.connect behaves the same with this module:
 * tests/programs/deno_net.ts runs with either, and its outputs are compared line by
 * line. In the Bun cells the output for Deno.listen still comes from Deno. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import {
  ownRuntime,
  programPath,
  type Runtime,
  start,
} from "./shared/child.ts";

const isDeno = ownRuntime.name === "deno";
const isWindows = process.platform === "win32";
const deno: Runtime | undefined = isDeno
  ? ownRuntime
  : process.env["IOCP_TEST_DENO"] === undefined
  ? undefined
  : { name: "deno", path: process.env["IOCP_TEST_DENO"] };

const CLOSED = "BadResource, code undefined, instance of BadResource";
const RESET = "ConnectionReset, code ECONNRESET, instance of ConnectionReset";
const NO_NAME = "SocketError, code ENOTFOUND, instance of Error";
const NO_INTEGER = "TypeError, code undefined, instance of TypeError";
const OUT_OF_RANGE = "RangeError, code undefined, instance of RangeError";

interface Difference {
  lines: string[];
  stock: string[];
  ours: string;
  why: string;
}

/* The documented differences. */
const DIFFERENCES: Difference[] = [
  {
    lines: [
      "reset: close()",
      "close with pending calls: close() twice",
      "listener: close() twice",
    ],
    stock: [CLOSED],
    ours: "done",
    why: "close() may be called again and never throws",
  },
  {
    lines: ["listener: second pending accept()"],
    stock: ["Busy, code undefined, instance of Busy"],
    ours: "done",
    why: "several pending accept() calls settle in order",
  },
  {
    lines: ["close with pending calls: large write()"],
    stock: ["a part"],
    ours: "all bytes",
    why: "write() writes all bytes",
  },
  {
    lines: ["close with pending calls: write() at close()"],
    stock: ["Interrupted, code EINTR, instance of Interrupted"],
    ours: CLOSED.replace("undefined", "EBADF"),
    why: "close() delivers what was written; only the next write fails",
  },
  {
    lines: ["reset: write() after it"],
    stock: ["BrokenPipe, code EPIPE, instance of BrokenPipe"],
    ours: RESET,
    why:
      "on Linux only one call of Deno reports a reset; here all later calls do",
  },
  {
    lines: ["reset: closeWrite() after it"],
    stock: ["done"],
    ours: RESET,
    why: "closeWrite() fails when it cannot send the end",
  },
  {
    lines: ["failures: connect to a name", "failures: listen on a name"],
    stock: ["undefined", "ENOENT"].map((code) =>
      `Error, code ${code}, instance of Error`
    ),
    ours: NO_NAME,
    why: "Deno has no class for this error, and no code on Linux",
  },
  {
    lines: ["1.5", "NaN"].flatMap((port) =>
      ["listen", "connect"].map((call) =>
        `wrong arguments: ${call} port ${port}`
      )
    ),
    stock: [NO_INTEGER],
    ours: OUT_OF_RANGE,
    why: "wrong numbers are RangeErrors throughout this module",
  },
];
/* Windows only. */
const ON_WINDOWS: Difference[] = [
  {
    lines: ["read and write: write() after closeWrite()"],
    stock: ["Error, code EPIPE, instance of Error"],
    ours: "BrokenPipe, code EPIPE, instance of BrokenPipe",
    why: "Deno uses this class for EPIPE everywhere else",
  },
];

/* Bun has no such classes. */
function comparable(text: string): string {
  return isDeno ? text : text.replace(/, instance of \S+$/, "");
}

/* Whether two lines are equal, or differ as documented. */
function isEquivalent(what: string, stock: string, ours: string): boolean {
  const is = (wanted: string, text: string) =>
    comparable(wanted) === comparable(text);
  if (is(stock, ours)) return true;
  /* Deno's BadResource has no code; here it is EBADF. */
  if (stock === CLOSED && is(CLOSED.replace("undefined", "EBADF"), ours)) {
    return true;
  }
  return [...DIFFERENCES, ...isWindows ? ON_WINDOWS : []].some((one) =>
    one.lines.includes(what) && one.stock.includes(stock) && is(one.ours, ours)
  );
}

function split(line: string): [what: string, text: string] {
  const at = line.lastIndexOf(": ");
  return [line.slice(0, at), line.slice(at + 2)];
}

async function transcript(
  runtime: Runtime,
  args: string[],
  flags?: string[],
): Promise<string[]> {
  const options = flags === undefined ? { runtime } : { runtime, flags };
  using child = start(programPath("deno_net"), args, options);
  const { code, stdout, stderr } = await child.ended;
  assert.equal(code, 0, `${args}:\n${stdout}\n${stderr}`);
  return stdout.trim().split(/\r?\n/);
}

/* The lines with differences that are not documented. */
function compare(stock: string[], ours: string[]): string[] {
  const problems: string[] = [];
  for (let i = 0; i < Math.max(stock.length, ours.length); i++) {
    const [what, text] = split(stock[i] ?? "");
    const [ourWhat, ourText] = split(ours[i] ?? "");
    if (what === ourWhat && isEquivalent(what, text, ourText)) continue;
    problems.push(`stock: ${stock[i]}\n ours: ${ours[i]}`);
  }
  return problems;
}

describe("A program written for Deno.listen and Deno.connect", {
  skip: deno === undefined && "npm test says where Deno is",
}, () => {
  test("behaves the same with this module, errors included", async () => {
    /* Not concurrently: each listens again on an address that it has closed. */
    const stock = await transcript(deno!, ["stock"]);
    const ours = await transcript(ownRuntime, ["iocp"]);
    assert.ok(stock.length > 100, stock.join("\n"));
    assert.deepEqual(compare(stock, ours), []);
  });

  test("fails with the same errors without permissions", {
    skip: !isDeno && "only Deno has permissions",
  }, async () => {
    const [stock, ours] = await Promise.all(
      ["stock", "iocp"].map((source) =>
        transcript(deno!, [source, "permissions"], ["--allow-ffi"])
      ),
    );
    assert.equal(stock!.length, 3);
    for (const line of stock!) assert.match(line, /NotCapable/);
    assert.deepEqual(ours, stock);
  });
});
