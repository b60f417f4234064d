// Copyright the iocp authors. MIT license.
/* Addresses that are paths, as text and as a struct iocp_path, and the options of
 * listen() and connect() with a path. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CompletionPort, connect, connectSync, listen } from "../mod.ts";
import { decodeAddress, formatAddress } from "../src/native/address.ts";
import {
  decodePath,
  encodePath,
  parsePath,
  PATH_BYTES,
  PATH_MAX,
  PIPE,
  UNIX,
} from "../src/native/path.ts";
import { within } from "./shared/deadline.ts";
import { definedNumbers, readHeader } from "./shared/header.ts";
import { isWindows, newPath } from "./shared/local.ts";

const pipe = (name: string) => ({
  transport: "pipe",
  path: `\\\\.\\pipe\\${name}`,
});
const unix = (path: string) => ({ transport: "unix", path });

test("A path is a pipe by what it begins with, and else a unix socket", () => {
  for (
    const path of [
      "\\\\.\\pipe\\a",
      "\\\\?\\pipe\\a",
      "//./pipe/a",
      "//?/pipe/a",
      "\\\\.\\PIPE\\a",
      "\\/.\\pipe/a",
    ]
  ) {
    assert.deepEqual(parsePath(path), pipe("a"), path);
  }
  assert.deepEqual(parsePath("//./pipe/A b/ü"), pipe("A b\\ü"));
  const others = [
    "/tmp/a",
    "a",
    "./a",
    "\0a",
    "\\\\server\\pipe\\a",
    "\\.\\pipe\\a",
    "C:\\pipe\\a",
    "/pipe/a",
  ];
  for (const path of others) assert.deepEqual(parsePath(path), unix(path));
});

test("An address is the same after it was encoded and decoded", () => {
  for (const path of ["/tmp/a", "\0abstract\0", "größe 日本", "\ufeffa"]) {
    const addr = { transport: "unix", path } as const;
    assert.deepEqual(decodePath(encodePath(addr)!), addr);
    assert.deepEqual(decodeAddress(encodePath(addr)!), addr);
  }
  const addr = parsePath("//./pipe/a");
  assert.deepEqual(decodePath(encodePath(addr)!), addr);
});

test("A struct has the family, the length and the bytes", () => {
  const bytes = encodePath(parsePath("aü"))!;
  assert.equal(bytes.length, PATH_BYTES);
  const used = [UNIX, 0, 3, 0, 97, 0xc3, 0xbc, 0];
  assert.deepEqual([...bytes.subarray(0, 8)], used);
  assert.equal(encodePath(parsePath("//./pipe/a"))![0], PIPE);
});

test("A path that does not fit into the struct is not encoded", () => {
  assert.ok(encodePath(parsePath("x".repeat(PATH_MAX))));
  assert.equal(encodePath(parsePath("x".repeat(PATH_MAX + 1))), undefined);
  assert.equal(encodePath(parsePath("ü".repeat(511))), undefined);
});

test("The numbers are those of iocp.h", () => {
  const numbers = definedNumbers(readHeader());
  assert.equal(numbers.get("IOCP_UNIX"), UNIX);
  assert.equal(numbers.get("IOCP_PIPE"), PIPE);
  assert.equal(numbers.get("IOCP_PATH_MAX"), PATH_MAX);
});

test("An address is shown as in messages", () => {
  assert.equal(formatAddress(parsePath("/tmp/a")), "/tmp/a");
  assert.equal(formatAddress(parsePath("\0a")), "@a");
  assert.equal(
    formatAddress({ transport: "tcp", hostname: "::1", port: 80 }),
    "[::1]:80",
  );
});

/* ---- wrong arguments */

type Wrong = [argument: string, value: unknown, error: string];

const NOT_STRINGS = [null, 1, true, {}, ["/tmp/a"], new URL("file:///tmp/a")];
const NO_PIPES = [
  "",
  ".",
  "..",
  "a\\..\\b",
  "a/../b",
  "a.",
  "a ",
  "a\\",
  "a//b",
];
const BOTH: Wrong[] = [
  ...[...NOT_STRINGS, "", "\0", "a\0", "/tmp/\0a", "\ud800", "/a\udfff"]
    .map((value): Wrong => ["path", value, "TypeError"]),
  ...NO_PIPES.map((name): Wrong => ["path", `//./pipe/${name}`, "TypeError"]),
  ["port", 1, "TypeError"],
  ["port", "80", "TypeError"],
  ["hostname", "localhost", "TypeError"],
  ["localAddress", "127.0.0.1", "TypeError"],
  ["transport", "tcp", "TypeError"],
  ["transport", isWindows ? "unix" : "pipe", "TypeError"],
  ["transport", "udp", "TypeError"],
  ["transport", null, "TypeError"],
  ["closeTimeout", -1, "RangeError"],
  ["sendConcurrency", "1", "TypeError"],
];
const LISTEN: Wrong[] = [
  ...BOTH,
  ...["600", null, true, {}, 6n].map((value): Wrong => [
    "mode",
    value,
    "TypeError",
  ]),
  ...[-1, 0o1000, 1.5, NaN, Infinity].map((value): Wrong => [
    "mode",
    value,
    "RangeError",
  ]),
  ...[null, 1, true, {}, "", "User", "all", "A;;GA;;;WD", "D:\0"].map((
    value,
  ): Wrong => ["access", value, "TypeError"]),
  ...[null, 1, "true", {}].map((value): Wrong => [
    "replaceStale",
    value,
    "TypeError",
  ]),
  ["backlog", 0, "RangeError"],
  ["acceptPool", 0, "RangeError"],
];
const CONNECT: Wrong[] = [
  ...BOTH,
  ["timeout", 0, "RangeError"],
  ["timeout", "1", "TypeError"],
  ["signal", {}, "TypeError"],
];

async function check(
  call: (options: never) => unknown,
  argument: string,
  value: unknown,
  error: string,
): Promise<void> {
  const options = { path: newPath(), [argument]: value };
  const isExpected = (thrown: Error) =>
    thrown.name === error && thrown.message.includes(`"${argument}"`);
  await assert.rejects(
    within("the call", (async () => await call(options as never))()),
    isExpected,
    `${argument}: ${String(value)}`,
  );
}

describe("A wrong argument beside a path throws an error that names it:", () => {
  const port = new CompletionPort();
  const calls: [string, Wrong[], (options: never) => unknown][] = [
    ["listen()", LISTEN, listen],
    ["connect()", CONNECT, connect],
    ["connectSync()", CONNECT, connectSync],
    ["port.listen()", LISTEN, (options) => port.listen(options)],
    ["port.connect()", CONNECT, (options) => port.connect(options)],
  ];
  for (const [name, table, call] of calls) {
    test(name, async () => {
      for (const [argument, value, error] of table) {
        await check(call, argument, value, error);
      }
    });
  }
});

test("A transport without its path is a wrong path", () => {
  for (const transport of ["unix", "pipe"]) {
    assert.throws(
      () => listen({ transport, port: 0 } as never),
      /TypeError.*"path"|The "path" argument must be a string/,
    );
  }
});

test("A mode and an access exclude each other", { skip: isWindows }, () => {
  assert.throws(
    () => listen({ path: newPath(), mode: 0o600, access: "user" }),
    (error: Error) =>
      error instanceof TypeError && /"mode"/.test(error.message),
  );
});

test("A security descriptor needs a named pipe, and a mode a file", () => {
  const path = newPath();
  const options = isWindows ? { mode: 0o600 } : { access: "D:P(A;;GA;;;WD)" };
  assert.throws(
    () => listen({ path, ...options }),
    (error: Error) =>
      error.name === "NotSupported" &&
      /^Cannot set (mode|access): /.test(error.message),
  );
});

test("A named pipe on Linux is NotSupported, with the reason", {
  skip: isWindows && "Windows has them",
}, async () => {
  const path = "\\\\.\\pipe\\iocp-test";
  const expected = {
    name: "NotSupported",
    message: `Cannot listen on ${path}: named pipes are a feature of Windows`,
  };
  assert.throws(() => listen({ path }), expected);
  assert.throws(() => listen({ path, replaceStale: true }), expected);
  const message = expected.message.replace("listen on", "connect to");
  await assert.rejects(connect({ path }), { ...expected, message });
  assert.throws(() => connectSync({ path }), { ...expected, message });
});
