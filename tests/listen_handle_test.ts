// Copyright the iocp authors. MIT license.
/* listen() with a socket that listens already. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import {
  type Addr,
  CompletionPort,
  type Conn,
  type HandleListenOptions,
  type Listener,
} from "../mod.ts";
import { ownRuntime, run } from "./shared/child.ts";
import { within } from "./shared/deadline.ts";
import { TemporaryFolder } from "./shared/files.ts";
import { isWindows } from "./shared/local.ts";
import { closeSocket, listenSocket, makeSocket } from "./shared/os_socket.ts";
import { connectSocket, listenUnixSocket } from "./shared/os_socket.ts";
import { errorFrom, failure } from "./shared/outcome.ts";
import { bytesOf, digest, pattern } from "./shared/pattern.ts";
import { receiveByLoop, sendUnawaited } from "./shared/transfer.ts";

const KEY = isWindows ? "handle" : "fd";
const hostname = "127.0.0.1";

function listenOn(
  port: CompletionPort,
  handle: number,
  options: HandleListenOptions = {},
): Listener<Addr> {
  return port.listen({ ...options, [KEY]: handle });
}

async function echoOne(listener: Listener<Addr>): Promise<void> {
  const conn: Conn<Addr> = await within("a connection", listener.accept());
  for await (const chunk of conn) await conn.write(chunk);
  conn.close();
}

async function becomesListener(): Promise<void> {
  using port = new CompletionPort();
  const { handle, port: number } = listenSocket();
  /* It waits in the backlog. */
  using early = await port.connect({ hostname, port: number });
  const listener = listenOn(port, handle);
  assert.deepEqual(listener.addr, { transport: "tcp", hostname, port: number });
  for (
    const client of [early, await port.connect({ hostname, port: number })]
  ) {
    const echo = echoOne(listener);
    const bytes = pattern(1_000_000, 5);
    const sent = sendUnawaited(client, bytes.length, 5)
      .then(() => client.closeWrite());
    assert.equal(await receiveByLoop(client), digest(bytes));
    await within("the end", Promise.all([echo, sent]));
  }
  listener.close();
  /* It owned the socket. */
  const error = await errorFrom(port.connect({ hostname, port: number }));
  assert.equal(error.code, "ECONNREFUSED");
}

test("A file descriptor that listens already becomes a listener", {
  skip: isWindows && "Windows has none",
}, becomesListener);

test("A SOCKET that listens already becomes a listener", {
  skip: !isWindows && "Linux has none",
}, becomesListener);

test("Accepted connections inherit the options", async () => {
  using port = new CompletionPort();
  for (const noDelay of [true, false]) {
    const { handle, port: number } = listenSocket();
    const receive = { mode: "zero-byte" } as const;
    const options = { noDelay, receive, deferAccept: true };
    using listener = listenOn(port, handle, options);
    using client = await port.connect({ hostname, port: number });
    await client.write(bytesOf("first"));
    using server = await within("a connection", listener.accept());
    assert.equal(server.options.noDelay, noDelay);
    assert.equal(server.options.receive.mode, "zero-byte");
    assert.equal(listener.options.deferAccept, true);
    assert.equal(listener.options.firstByteTimeout, 120_000);
    assert.equal(listener.options.ipv6Only, undefined);
  }
});

test("The backlog is that of the maker, until it is set", () => {
  using port = new CompletionPort();
  const { handle } = listenSocket();
  using listener = listenOn(port, handle);
  assert.equal(listener.options.backlog, undefined);
  const set = () => listener.setOptions({ backlog: 30 });
  if (isWindows) {
    assert.throws(set, { name: "NotSupported" });
    assert.throws(
      () => listenOn(port, listenSocket().handle, { backlog: 30 }),
      { name: "NotSupported" },
    );
    return;
  }
  set();
  assert.equal(listener.options.backlog, 30);
  using other = listenOn(port, listenSocket().handle, { backlog: 20 });
  assert.equal(other.options.backlog, 20);
});

test("A socket that is refused is still the caller's", async () => {
  using port = new CompletionPort();
  const { handle, port: number } = listenSocket();
  using listener = listenOn(port, handle);
  using other = new CompletionPort();
  for (const each of [port, other]) {
    assert.equal(failure(() => listenOn(each, handle)).code, "EEXIST");
  }
  const plain = makeSocket();
  const connected = connectSocket(number);
  for (const each of [plain, connected]) {
    const error = failure(() => listenOn(port, each));
    assert.equal(error.code, "EINVAL");
    assert.match(error.message, /it does not listen for streams: handle/);
    closeSocket(each);
    assert.equal(failure(() => listenOn(port, each)).code, "ENOTSOCK");
  }
  using client = await port.connect({ hostname, port: number });
  using first = await within("a connection", listener.accept());
  using second = await within("a connection", listener.accept());
  assert.equal(client.remoteAddr.port, number);
  assert.equal(first.localAddr.transport, second.localAddr.transport);
});

describe("A wrong argument is refused before the socket is touched:", () => {
  const wrong: [title: string, options: object, error: RegExp][] = [
    [
      "a text",
      { [KEY]: "3" },
      /^TypeError: The ".*" argument must be a number/,
    ],
    ["a negative number", { [KEY]: -1 }, /^RangeError: The/],
    ["a fraction", { [KEY]: 3.5 }, /^RangeError: The/],
    [
      "a port",
      { [KEY]: 3, port: 80 },
      /^TypeError: The "port" argument must be/,
    ],
    ["a path", { [KEY]: 3, path: "/x" }, /^TypeError: The "path" argument/],
    ["an address", { [KEY]: 3, hostname }, /^TypeError: The "hostname"/],
    ["reusePort", { [KEY]: 3, reusePort: true }, /^TypeError: The "reusePort"/],
    ["a backlog of 0", { [KEY]: 3, backlog: 0 }, /^RangeError: The "backlog"/],
    [
      "that of the other system, with NotSupported",
      { [isWindows ? "fd" : "handle"]: 3 },
      /^NotSupported: Cannot listen with (fd|handle): a socket of/,
    ],
    ["both", { fd: 3, handle: 3 }, /^NotSupported: Cannot listen with/],
  ];
  for (const [title, options, error] of wrong) {
    test(title, () => {
      using port = new CompletionPort();
      assert.throws(
        () => port.listen(options as HandleListenOptions),
        (thrown: Error) => error.test(`${thrown.name}: ${thrown.message}`),
      );
    });
  }
});

test("The file of an adopted unix socket is left to its maker", {
  skip: isWindows && "Wine has no unix sockets",
}, async () => {
  using port = new CompletionPort();
  using folder = new TemporaryFolder();
  const path = folder.join("a.sock");
  const listener = listenOn(port, listenUnixSocket(path));
  assert.deepEqual(listener.addr, { transport: "unix", path });
  const echo = echoOne(listener);
  using client = await port.connect({ path });
  await client.write(bytesOf("hello"));
  client.closeWrite();
  assert.equal(await receiveByLoop(client), digest(bytesOf("hello")));
  await within("the echo", echo);
  listener.close();
  assert.equal((await errorFrom(port.connect({ path }))).code, "ECONNREFUSED");
  assert.ok(existsSync(path));
  const other = listenUnixSocket(folder.join("b.sock"));
  assert.throws(
    () => listenOn(port, other, { deferAccept: true }),
    { name: "NotSupported" },
  );
});

describe("Deno's permission to listen at the address is required:", {
  skip: ownRuntime.name !== "deno" && "only Deno has permissions",
}, () => {
  const table: [net: string | undefined, expected: RegExp][] = [
    ["--allow-net=127.0.0.1", /^listening$/m],
    ["--allow-net", /^listening$/m],
    ["--allow-net=127.0.0.2", /^NotCapable: Requires net access to "127/m],
    [undefined, /^NotCapable: Requires net access to "127\.0\.0\.1:\d+"/m],
  ];
  for (const [net, expected] of table) {
    test(net ?? "no flag", async () => {
      const flags = ["--allow-ffi", "--allow-env", "--allow-read"];
      if (net !== undefined) flags.push(net);
      const { stdout, stderr } = await run("listen_handle", [], { flags });
      assert.match(stdout, expected, stdout + stderr);
    });
  }
});
