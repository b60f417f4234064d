// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LibraryError, NotSupported, SocketError } from "../mod.ts";
import { errorOf, formatHost, numberOf } from "../src/errors.ts";
import { readText } from "./shared/header.ts";

const codes = [
  ...readText("ffi/include/iocp_error.h").matchAll(
    /X\((E\w+),\s*(\d+),[\s\\]*"([^"]*)"\)/g,
  ),
].map(([, code, number, sentence]) => ({
  code: code!,
  number: Number(number),
  sentence: sentence!,
}));

test("errors.ts has the codes of iocp_error.h", () => {
  assert.ok(codes.length > 30);
  for (const { code, number, sentence } of codes) {
    const error = errorOf(-number, { syscall: "send" });
    assert.equal(error.code, code);
    assert.equal(error.message, `Cannot send: ${sentence}`);
    assert.equal(numberOf(code), -number);
  }
});

test("errors.ts has no code that iocp_error.h has not", () => {
  const source = readText("src/errors.ts");
  const table = [...source.matchAll(/\["(E\w+)", (\d+), "([^"]*)"\]/g)];
  assert.deepEqual(
    table.map(([, code, number, sentence]) => ({
      code,
      number: Number(number),
      sentence,
    })),
    codes,
  );
});

test("errorOf() calls an unknown number EUNKNOWN", () => {
  const error = errorOf(-9999, { syscall: "send", errno: 77 });
  assert.equal(error.code, "EUNKNOWN");
  assert.equal(error.errno, 77);
});

test("SocketError says what, where and why", () => {
  const table: [string, string, SocketError][] = [
    [
      "listen on an address",
      "Cannot listen on 127.0.0.1:80: address already in use",
      new SocketError("EADDRINUSE", {
        syscall: "listen",
        address: "127.0.0.1",
        port: 80,
      }),
    ],
    [
      "IPv6 in brackets",
      "Cannot connect to [::1]:80: connection refused",
      new SocketError("ECONNREFUSED", {
        syscall: "connect",
        address: "::1",
        port: 80,
      }),
    ],
    [
      "no address",
      "Cannot accept: the listener is closed",
      new SocketError("EBADF", {
        syscall: "accept",
        detail: "the listener is closed",
      }),
    ],
    [
      "no port",
      "Cannot resolve the host name nope.invalid: host name not found",
      new SocketError("ENOTFOUND", {
        syscall: "resolve",
        address: "nope.invalid",
      }),
    ],
    [
      "an operation without a preposition of its own",
      "Cannot set an option of 10.0.0.1:1: invalid argument",
      new SocketError("EINVAL", {
        syscall: "set an option",
        address: "10.0.0.1",
        port: 1,
      }),
    ],
    [
      "a code without a sentence",
      "Cannot send: EOTHER",
      new SocketError("EOTHER", { syscall: "send" }),
    ],
  ];
  for (const [name, message, error] of table) {
    assert.equal(error.message, message, name);
  }
});

test("SocketError is an Error with all that it was made of", () => {
  const cause = new Error("deeper");
  const error = new SocketError("ECONNRESET", {
    syscall: "receive",
    address: "::1",
    port: 5,
    errno: 10054,
    cause,
  });
  assert.ok(error instanceof Error);
  assert.equal(error.name, "ConnectionReset");
  assert.equal(error.constructor, SocketError);
  assert.equal(error.code, "ECONNRESET");
  assert.equal(error.syscall, "receive");
  assert.equal(error.address, "::1");
  assert.equal(error.port, 5);
  assert.equal(error.errno, 10054);
  assert.equal(error.cause, cause);
  assert.ok(error.stack!.includes("Cannot receive from [::1]:5"));
  const plain = new SocketError("EBADF", { syscall: "send" });
  assert.equal(plain.errno, 0);
  assert.equal(plain.address, undefined);
  assert.equal(plain.port, undefined);
  assert.equal("cause" in plain, false);
});

/* What the runtime has of its own for each code, or nothing. */
const stock = (globalThis as unknown as {
  Deno?: { errors: Record<string, new (message?: string) => Error> };
}).Deno?.errors ?? {};
const NAMES: Record<string, string> = {
  EPERM: "PermissionDenied",
  EINTR: "Interrupted",
  EBADF: "BadResource",
  EACCES: "PermissionDenied",
  EBUSY: "Busy",
  EEXIST: "AlreadyExists",
  EPIPE: "BrokenPipe",
  ENOTSUP: "NotSupported",
  EADDRINUSE: "AddrInUse",
  EADDRNOTAVAIL: "AddrNotAvailable",
  ENETUNREACH: "NetworkUnreachable",
  ECONNABORTED: "ConnectionAborted",
  ECONNRESET: "ConnectionReset",
  ENOTCONN: "NotConnected",
  ETIMEDOUT: "TimedOut",
  ECONNREFUSED: "ConnectionRefused",
  ECANCELED: "Interrupted",
};

/* The stock classes that the error is an instance of. */
function stockClasses(error: Error): string[] {
  return Object.keys(stock).filter((name) => error instanceof stock[name]!);
}

test("SocketError is named for its code, and of the runtime's class", () => {
  for (const code of [...codes.map(({ code }) => code), "EINTR", "EOTHER"]) {
    const error = new SocketError(code, { syscall: "send" });
    const name = NAMES[code];
    assert.equal(error.name, name ?? "SocketError", code);
    assert.ok(error instanceof SocketError, code);
    assert.ok(error instanceof Error, code);
    assert.equal(error.constructor, SocketError, code);
    const expected = name !== undefined && "Deno" in globalThis ? [name] : [];
    assert.deepEqual(stockClasses(error), expected, code);
    assert.equal(String(error).split(":")[0], error.name);
  }
});

test("NotSupported is of the runtime's class of that name", () => {
  const error = new NotSupported("why");
  assert.ok(error instanceof NotSupported);
  assert.equal(error.constructor, NotSupported);
  assert.deepEqual(
    stockClasses(error),
    "Deno" in globalThis ? ["NotSupported"] : [],
  );
});

test("instanceof tells the classes apart", () => {
  const values = [undefined, null, 1, "text", {}, new Error("other"), Symbol()];
  for (const value of values) {
    for (const Class of [SocketError, NotSupported]) {
      assert.equal((value as object) instanceof Class, false);
    }
  }
  const refused = new SocketError("ECONNREFUSED", { syscall: "connect" });
  assert.equal((refused as Error) instanceof NotSupported, false);
  assert.equal((new NotSupported("") as Error) instanceof SocketError, false);
  const Stock = stock["ConnectionRefused"];
  if (Stock !== undefined) {
    assert.equal(new Stock("theirs") instanceof SocketError, false);
  }
});

test("SocketError may be extended", () => {
  class OwnError extends SocketError {
    readonly attempt = 3;
    retry(): string {
      return `${this.code} ${this.attempt}`;
    }
  }
  const error: Error = new OwnError("EPIPE", { syscall: "send" });
  assert.ok(error instanceof SocketError);
  assert.ok(error instanceof OwnError);
  assert.equal(error.retry(), "EPIPE 3");
  assert.equal(error.name, "BrokenPipe");
  assert.equal(error.constructor, OwnError);
  const plain = new SocketError("EPIPE", { syscall: "send" });
  assert.equal(plain instanceof OwnError, false);
});

test("SocketError can be cloned", () => {
  for (const code of ["ECONNRESET", "ENOTFOUND"]) {
    const error = new SocketError(code, { syscall: "receive" });
    const clone = structuredClone(error);
    assert.ok(clone instanceof Error);
    assert.equal(clone.message, error.message);
  }
});

test("NotSupported and LibraryError have their names and causes", () => {
  const cause = new Error("deeper");
  for (const Class of [NotSupported, LibraryError]) {
    const error = new Class("why", { cause });
    assert.ok(error instanceof Error);
    assert.equal(error.name, Class.name);
    assert.equal(error.message, "why");
    assert.equal(error.cause, cause);
  }
});

test("formatHost() puts IPv6 in brackets before a port", () => {
  assert.equal(formatHost("127.0.0.1", 80), "127.0.0.1:80");
  assert.equal(formatHost("::1", 80), "[::1]:80");
  assert.equal(formatHost("::1"), "::1");
  assert.equal(formatHost("localhost", 0), "localhost:0");
});
