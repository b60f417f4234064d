// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import {
  CompletionPort,
  type Conn,
  LibraryError,
  type Listener,
  NotSupported,
  SocketError,
} from "../mod.ts";
import { errorOf, formatHost, numberOf } from "../src/errors.ts";
import { readText, sourceFiles } from "./shared/header.ts";
import { errorFrom } from "./shared/outcome.ts";

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
    const error = errorOf(-number, { syscall: "write" });
    assert.equal(error.code, code);
    assert.equal(error.message, `Cannot write: ${sentence}`);
    assert.equal(numberOf(code), -number);
  }
});

test("errors.ts has no code that is not in iocp_error.h", () => {
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

test("errorOf() maps an unknown number to EUNKNOWN", () => {
  const error = errorOf(-9999, { syscall: "write", errno: 77 });
  assert.equal(error.code, "EUNKNOWN");
  assert.equal(error.errno, 77);
});

test("The message of SocketError has the action, the address and the reason", () => {
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
        syscall: "getaddrinfo",
        address: "nope.invalid",
      }),
    ],
    [
      "an action that differs from the system call",
      "Cannot make a duplex of 10.0.0.1:1: invalid argument",
      new SocketError("EINVAL", {
        syscall: "fcntl",
        action: "make a duplex",
        address: "10.0.0.1",
        port: 1,
      }),
    ],
    [
      "a code without a sentence",
      "Cannot write: EOTHER",
      new SocketError("EOTHER", { syscall: "write" }),
    ],
  ];
  for (const [name, message, error] of table) {
    assert.equal(error.message, message, name);
  }
});

test("SocketError is an Error with the given properties", () => {
  const cause = new Error("deeper");
  const error = new SocketError("ECONNRESET", {
    syscall: "read",
    address: "::1",
    port: 5,
    errno: 10054,
    cause,
  });
  assert.ok(error instanceof Error);
  assert.equal(error.name, "ConnectionReset");
  assert.equal(error.constructor, SocketError);
  assert.equal(error.code, "ECONNRESET");
  assert.equal(error.syscall, "read");
  assert.equal(error.address, "::1");
  assert.equal(error.port, 5);
  assert.equal(error.errno, 10054);
  assert.equal(error.cause, cause);
  assert.ok(error.stack!.includes("Cannot read from [::1]:5"));
  const plain = new SocketError("EBADF", { syscall: "write" });
  assert.equal(plain.errno, 0);
  assert.equal(plain.address, undefined);
  assert.equal(plain.port, undefined);
  assert.equal("cause" in plain, false);
});

/* The class of Deno for each code, if it has one. */
const stock = (globalThis as unknown as {
  Deno?: { errors: Record<string, new (message?: string) => Error> };
}).Deno?.errors ?? {};
const NAMES: Record<string, string> = {
  EPERM: "PermissionDenied",
  EINTR: "Interrupted",
  ENOENT: "NotFound",
  EBADF: "BadResource",
  EACCES: "PermissionDenied",
  EBUSY: "Busy",
  EEXIST: "AlreadyExists",
  ENOTDIR: "NotADirectory",
  EISDIR: "IsADirectory",
  ELOOP: "FilesystemLoop",
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

/* The classes of Deno that the error is an instance of. */
function stockClasses(error: Error): string[] {
  return Object.keys(stock).filter((name) => error instanceof stock[name]!);
}

test("SocketError has the name of Deno's class for its code, and is an instance of it in Deno", () => {
  for (const code of [...codes.map(({ code }) => code), "EINTR", "EOTHER"]) {
    const error = new SocketError(code, { syscall: "write" });
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

test("NotSupported is an instance of Deno's class with this name in Deno", () => {
  const error = new NotSupported("why");
  assert.ok(error instanceof NotSupported);
  assert.equal(error.constructor, NotSupported);
  assert.deepEqual(
    stockClasses(error),
    "Deno" in globalThis ? ["NotSupported"] : [],
  );
});

test("instanceof distinguishes the classes", () => {
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

test("SocketError can be extended", () => {
  class OwnError extends SocketError {
    readonly attempt = 3;
    retry(): string {
      return `${this.code} ${this.attempt}`;
    }
  }
  const error: Error = new OwnError("EPIPE", { syscall: "write" });
  assert.ok(error instanceof SocketError);
  assert.ok(error instanceof OwnError);
  assert.equal(error.retry(), "EPIPE 3");
  assert.equal(error.name, "BrokenPipe");
  assert.equal(error.constructor, OwnError);
  const plain = new SocketError("EPIPE", { syscall: "write" });
  assert.equal(plain instanceof OwnError, false);
});

test("SocketError can be cloned by structuredClone()", () => {
  for (const code of ["ECONNRESET", "ENOTFOUND"]) {
    const error = new SocketError(code, { syscall: "read" });
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

const isWindows = process.platform === "win32";

/* Each call on a closed object, with the system call and the message of its
 * error. */
const CLOSED_CALLS: Record<
  string,
  [call: (closed: Closed) => unknown, syscall: string, message: string]
> = {
  "conn.read()": [
    ({ conn }) => conn.read(new Uint8Array(1)),
    "read",
    "Cannot read: the connection is closed",
  ],
  "conn.readSync()": [
    ({ conn }) => conn.readSync(new Uint8Array(1)),
    "read",
    "Cannot read: the connection is closed",
  ],
  "conn.write()": [
    ({ conn }) => conn.write(new Uint8Array(1)),
    "write",
    "Cannot write: the connection is closed",
  ],
  "conn.writeSync()": [
    ({ conn }) => conn.writeSync(new Uint8Array(1)),
    "write",
    "Cannot write: the connection is closed",
  ],
  "conn.closeWrite()": [
    ({ conn }) => conn.closeWrite(),
    "shutdown",
    "Cannot close the sending direction: the connection is closed",
  ],
  "conn.duplex()": [
    ({ conn }) => conn.duplex(),
    "read",
    "Cannot make a duplex: the connection is closed",
  ],
  "conn.setNoDelay()": [
    ({ conn }) => conn.setNoDelay(),
    "setsockopt",
    "Cannot set an option: the connection is closed",
  ],
  "conn.options": [
    ({ conn }) => conn.options,
    "getsockopt",
    "Cannot get an option: the connection is closed",
  ],
  "conn.stats()": [
    ({ conn }) => conn.stats(),
    "ioctl",
    "Cannot read the counters: the connection is closed",
  ],
  "conn.detach()": [
    ({ conn }) => conn.detach(),
    isWindows ? "NtSetInformationFile" : "epoll_ctl",
    "Cannot detach the connection: the connection is closed",
  ],
  "listener.accept()": [
    ({ listener }) => listener.accept(),
    "accept",
    "Cannot accept: the listener is closed",
  ],
  "listener.acceptSync()": [
    ({ listener }) => listener.acceptSync(),
    "accept",
    "Cannot accept: the listener is closed",
  ],
  "listener.options": [
    ({ listener }) => listener.options,
    "getsockopt",
    "Cannot get an option: the listener is closed",
  ],
  "listener.setOptions({ backlog:  })": [
    ({ listener }) => listener.setOptions({ backlog: 1 }),
    "setsockopt",
    "Cannot set an option: the listener is closed",
  ],
  "listener.setOptions({ acceptPool:  })": [
    ({ listener }) => listener.setOptions({ acceptPool: 1 }),
    "setsockopt",
    "Cannot set an option: the listener is closed",
  ],
  "listener.stats()": [
    ({ listener }) => listener.stats(),
    "ioctl",
    "Cannot read the counters: the listener is closed",
  ],
  "port.listen()": [
    ({ port }) => port.listen({ port: 0 }),
    "listen",
    "Cannot listen: the completion port is closed",
  ],
  "port.connect()": [
    ({ port }) => port.connect({ port: 1 }),
    "connect",
    "Cannot connect: the completion port is closed",
  ],
  "port.connectSync()": [
    ({ port }) => port.connectSync({ port: 1 }),
    "connect",
    "Cannot connect: the completion port is closed",
  ],
  "port.adopt()": [
    ({ port }) => port.adopt({ handle: 0 }),
    isWindows ? "CreateIoCompletionPort" : "epoll_ctl",
    "Cannot adopt a socket: the completion port is closed",
  ],
  "port.addSocket()": [
    ({ port }) => port.addSocket(0),
    isWindows ? "CreateIoCompletionPort" : "epoll_ctl",
    "Cannot adopt a socket: the completion port is closed",
  ],
  "port.stats()": [
    ({ port }) => port.stats(),
    "ioctl",
    "Cannot read the counters: the completion port is closed",
  ],
};

interface Closed {
  conn: Conn;
  listener: Listener;
  port: CompletionPort;
}

async function closedObjects(): Promise<Closed> {
  const port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const conn = await port.connect(listener.addr);
  for (const one of [conn, listener, port]) one.close();
  return { conn, listener, port };
}

for (const [name, [call, syscall, message]] of Object.entries(CLOSED_CALLS)) {
  test(`The error of ${name} says that it is closed`, async () => {
    const closed = await closedObjects();
    const error = await errorFrom(() => call(closed));
    assert.equal(error.code, "EBADF");
    assert.equal(error.syscall, syscall);
    assert.equal(error.message, message);
  });
}

/* The values of `syscall`, with the names that libuv and Node use. */
const SYSCALLS = [
  "accept",
  "bind",
  "close",
  "connect",
  "getaddrinfo",
  "getpeername",
  "getsockname",
  "getsockopt",
  "ioctl",
  "listen",
  "lstat",
  "open",
  "read",
  "recvfrom",
  "sendfile",
  "sendto",
  "setsockopt",
  "shutdown",
  "write",
];

/* Where the sources name a system call: in options, and as an argument. */
const NAMED =
  /syscall(?::| =) ?"([^"]*)"|\b(?:closedError|requireOpen|timedOut|failure|#error)\((?:result, )?"([^"]*)"/g;

test("Every syscall in the sources is a system call", () => {
  const found = new Set<string>();
  for (const file of sourceFiles()) {
    for (const [, option, argument] of readText(file).matchAll(NAMED)) {
      const name = (option ?? argument)!;
      assert.ok(SYSCALLS.includes(name), `${file}: ${name}`);
      found.add(name);
    }
  }
  assert.ok(found.size > 8, `${[...found]}`);
});
