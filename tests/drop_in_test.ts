// Copyright the iocp authors. MIT license.
/* A program that is written for Deno.listen and Deno.connect runs alike with
 * this module: tests/programs/deno_net.ts prints what it sees of each, and the
 * two transcripts are compared line by line. Under Bun, which has no such
 * sockets, Deno's side still comes from Deno. */

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

/* What is meant to differ. */
const DIFFERENCES: Difference[] = [
  {
    lines: [
      "reset: close()",
      "closed meanwhile: close() twice",
      "listener: close() twice",
    ],
    stock: [CLOSED],
    ours: "done",
    why: "close() may be called again and never throws",
  },
  {
    lines: ["listener: accept() at the same time"],
    stock: ["Busy, code undefined, instance of Busy"],
    ours: "done",
    why: "several accept() calls are answered in order",
  },
  {
    lines: ["closed meanwhile: write() of much"],
    stock: ["a part"],
    ours: "all of it",
    why: "write() writes all",
  },
  {
    lines: ["closed meanwhile: write() at close()"],
    stock: ["Interrupted, code EINTR, instance of Interrupted"],
    ours: CLOSED.replace("undefined", "EBADF"),
    why: "close() delivers what was written; only the next write fails",
  },
  {
    lines: ["reset: write() then"],
    stock: ["BrokenPipe, code EPIPE, instance of BrokenPipe"],
    ours: RESET,
    why: "on Linux, Deno tells a reset once; here every later call tells it",
  },
  {
    lines: ["reset: closeWrite() then"],
    stock: ["done"],
    ours: RESET,
    why: "closeWrite() does not say that an end was sent which was not",
  },
  {
    lines: ["refusals: name to connect to", "refusals: name to listen on"],
    stock: ["undefined", "ENOENT"].map((code) =>
      `Error, code ${code}, instance of Error`
    ),
    ours: NO_NAME,
    why: "Deno has no class for it, and no code on Linux",
  },
  {
    lines: ["1.5", "NaN"].flatMap((port) =>
      ["listen", "connect"].map((call) =>
        `wrong arguments: ${call} port ${port}`
      )
    ),
    stock: [NO_INTEGER],
    ours: OUT_OF_RANGE,
    why: "numbers that are wrong are RangeErrors throughout this module",
  },
];
/* Windows only. */
const ON_WINDOWS: Difference[] = [
  {
    lines: ["read and write: write() after closeWrite()"],
    stock: ["Error, code EPIPE, instance of Error"],
    ours: "BrokenPipe, code EPIPE, instance of BrokenPipe",
    why: "it is the class that Deno has for EPIPE elsewhere",
  },
];

/* In Bun the classes are not there to be an instance of. */
function comparable(text: string): string {
  return isDeno ? text : text.replace(/, instance of \S+$/, "");
}

/* Whether the two are the same, or differ as they may. */
function isAlike(what: string, stock: string, ours: string): boolean {
  const is = (wanted: string, text: string) =>
    comparable(wanted) === comparable(text);
  if (is(stock, ours)) return true;
  /* Deno gives no code to what is closed; here it is EBADF. */
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

/* Every line of ours that differs from Deno's as it may not. */
function compare(stock: string[], ours: string[]): string[] {
  const problems: string[] = [];
  for (let i = 0; i < Math.max(stock.length, ours.length); i++) {
    const [what, text] = split(stock[i] ?? "");
    const [ourWhat, ourText] = split(ours[i] ?? "");
    if (what === ourWhat && isAlike(what, text, ourText)) continue;
    problems.push(`stock: ${stock[i]}\n ours: ${ours[i]}`);
  }
  return problems;
}

describe("A program written for Deno.listen and Deno.connect", {
  skip: deno === undefined && "npm test says where Deno is",
}, () => {
  test("runs alike with this module, errors included", async () => {
    /* Not at once: each wants an address back that it has given up. */
    const stock = await transcript(deno!, ["stock"]);
    const ours = await transcript(ownRuntime, ["iocp"]);
    assert.ok(stock.length > 100, stock.join("\n"));
    assert.deepEqual(compare(stock, ours), []);
  });

  test("is refused the same without permissions", {
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
