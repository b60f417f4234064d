// Copyright the iocp authors. MIT license.
/* Every option can be read back, is inherited from a listener, and has its
 * effect. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { CompletionPort, connect, listen, NotSupported } from "../mod.ts";
import { delay, eventually, within } from "./shared/deadline.ts";
import { comparable, withDefaults } from "./shared/options.ts";
import { errorFrom, outcome } from "./shared/outcome.ts";
import { pair, readUntilReset } from "./shared/pair.ts";
import { bytesOf } from "./shared/pattern.ts";

const local = { hostname: "127.0.0.1", port: 0 };
const isWindows = process.platform === "win32";

test("tcpBacklog is the backlog", () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 7 });
  assert.equal(listener.options.backlog, 7);
});

test("conn.options has the options that were given", async () => {
  const options = {
    allowHalfOpen: true,
    closeTimeout: 1234,
    noDelay: false,
    keepAlive: { idle: 61, interval: 7, count: 5 },
    receive: { mode: "flow", bufferSize: 5000 },
    sendConcurrency: 3,
  } as const;
  using ends = await pair(options);
  const expected = withDefaults("conn", {
    ...options,
    receive: { mode: "flow", bufferSize: 5000, depth: 1, limit: 5000 },
  });
  /* The options of the listener are inherited. */
  for (const { options } of [ends.client, ends.server]) {
    assert.deepEqual(comparable(options, expected), expected);
  }
});

test("conn.options has the defaults", async () => {
  using ends = await pair();
  const expected = withDefaults("conn");
  for (const { options } of [ends.client, ends.server]) {
    assert.deepEqual(comparable(options, expected), expected);
  }
});

test("A connection made before the first accept() inherits the options", async () => {
  for (const noDelay of [true, false]) {
    using port = new CompletionPort();
    const listener = port.listen({ ...local, noDelay });
    /* The system completes the connection before accept() is called. */
    using client = await port.connect({ ...listener.addr, noDelay });
    using server = await listener.accept();
    assert.equal(client.options.noDelay, noDelay);
    assert.equal(server.options.noDelay, noDelay);
  }
});

test("listener.options has the options that were given", () => {
  using port = new CompletionPort();
  const conn = {
    allowHalfOpen: true,
    closeTimeout: 1,
    noDelay: false,
    keepAlive: { idle: 5 },
    sendConcurrency: 64,
  };
  const own = {
    backlog: 17,
    acceptPool: 9,
    deferAccept: true,
    firstByteTimeout: 777,
    maxConnections: 3,
    acceptRate: 40,
    ipv6Only: false,
    reusePort: false,
  };
  const listener = port.listen({ ...local, ...conn, ...own });
  assert.deepEqual(listener.options, {
    ...withDefaults("conn", conn),
    ...own,
  });
  const plain = port.listen(local);
  assert.deepEqual(plain.options, {
    ...withDefaults("conn"),
    ...withDefaults("listen"),
  });
  const deferring = port.listen({ ...local, deferAccept: true });
  assert.equal(deferring.options.firstByteTimeout, 120_000);
});

test("Options that are changed are read back from the system", async () => {
  using ends = await pair();
  const { client } = ends;
  client.setNoDelay(false);
  assert.equal(client.options.noDelay, false);
  client.setNoDelay();
  assert.equal(client.options.noDelay, true);
  client.setKeepAlive({ idle: 90 });
  const { keepAlive } = client.options;
  assert.ok(keepAlive && keepAlive.idle === 90);
  client.setKeepAlive({ interval: 11, count: 3 });
  assert.deepEqual(client.options.keepAlive, {
    idle: 90,
    interval: 11,
    count: 3,
  });
  client.setKeepAlive(false);
  assert.equal(client.options.keepAlive, false);
  client.setKeepAlive();
  assert.notEqual(client.options.keepAlive, false);
});

test("Options and counters of a closed connection or listener throw EBADF", async () => {
  using ends = await pair();
  const { client, listener } = ends;
  client.close();
  listener.close();
  const calls = [
    () => client.options,
    () => client.stats(),
    () => client.setKeepAlive({ idle: 1 }),
    () => client.setOptions({ receive: { mode: "flow" } }),
    () => client.setOptions({ sendConcurrency: 2 }),
    () => listener.options,
    () => listener.stats(),
    () => listener.setOptions({ backlog: 5 }),
    () => listener.setOptions({ acceptPool: 5 }),
  ];
  for (const call of calls) {
    assert.equal(await outcome(call), "EBADF", call.toString());
  }
});

test("listener.setOptions() changes the accept pool", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ ...local, acceptPool: 3 });
  const accept = listener.accept();
  assert.equal(listener.stats().acceptsPosted, 3);
  listener.setOptions({ acceptPool: 20 });
  assert.equal(listener.options.acceptPool, 20);
  assert.equal(listener.stats().acceptsPosted, 20);
  listener.setOptions({ acceptPool: 2 });
  for (let i = 0; i < 20; i++) port.connect(listener.addr);
  await within("a connection", accept);
  for (let i = 1; i < 20; i++) await within("one", listener.accept());
  await eventually("a small pool", () => listener.stats().acceptsPosted <= 2);
  assert.equal(listener.stats().accepted, 20);
});

test("listener.setOptions() increases the backlog", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ ...local, backlog: 1 });
  assert.equal(listener.options.backlog, 1);
  listener.setOptions({ backlog: 30 });
  assert.equal(listener.options.backlog, 30);
  const conns = Array.from({ length: 30 }, () => port.connect(listener.addr));
  await within("connecting", Promise.all(conns));
});

test("listener.setOptions() decreases the backlog", {
  skip: isWindows && "Windows does not",
}, () => {
  using port = new CompletionPort();
  const listener = port.listen({ ...local, backlog: 30 });
  listener.setOptions({ backlog: 5 });
  assert.equal(listener.options.backlog, 5);
});

describe("An option that Windows lacks is NotSupported:", () => {
  test("a smaller backlog", { skip: !isWindows && "Linux has it" }, () => {
    using port = new CompletionPort();
    const listener = port.listen({ ...local, backlog: 30 });
    const isRight = (error: unknown) => error instanceof NotSupported;
    assert.throws(() => listener.setOptions({ backlog: 5 }), isRight);
    assert.equal(listener.options.backlog, 30);
  });

  for (const key of ["dscp", "userTimeout"] as const) {
    test(key, { skip: !isWindows && "Linux has both" }, async () => {
      using ends = await pair();
      const { client } = ends;
      const set = () => client.setOptions({ [key]: 1 });
      /* Windows has TCP_MAXRT, in seconds, and Wine has not. */
      if (key === "userTimeout" && client.options[key] !== undefined) {
        set();
        assert.equal(client.options[key], 1_000);
        return;
      }
      assert.throws(set, (error) =>
        error instanceof NotSupported &&
        error.message.startsWith(`Cannot set ${key}: `));
      assert.equal(client.options[key], undefined);
      assert.equal(client.lastError, undefined);
    });
  }
});

test("listener.stats() counts connections that are not accepted yet", async () => {
  using port = new CompletionPort();
  const listener = port.listen(local);
  await Promise.all([listener.accept(), port.connect(listener.addr)]);
  for (let i = 0; i < 5; i++) await port.connect(listener.addr);
  await eventually(
    "all are waiting",
    () => listener.stats().acceptsReady === 5,
  );
  await listener.accept();
  assert.equal(listener.stats().acceptsReady, 4);
  assert.equal(listener.stats().accepted, 6);
  assert.equal(listener.stats().acceptFailures, 0);
});

test("conn.stats() counts bytes", async () => {
  using ends = await pair();
  const { client, server } = ends;
  await client.write(new Uint8Array(1000));
  await eventually(
    "the bytes have arrived",
    () => server.stats().bytesReadable === 1000,
  );
  assert.equal(client.stats().bytesSent, 1000);
  assert.equal(server.stats().bytesReceived, 0);
  assert.equal(await server.read(new Uint8Array(600)), 600);
  assert.equal(server.stats().bytesReceived, 600);
  await eventually("the rest", () => server.stats().bytesReadable === 400);
  assert.equal(server.stats().bytesAhead, 0);
});

test("conn.lastError is the error with which the connection has failed", async () => {
  using ends = await pair();
  const { client, server } = ends;
  assert.equal(client.lastError, undefined);
  server.reset();
  const error = await readUntilReset(client);
  assert.equal(client.lastError, error);
});

test("deferAccept delivers only connections that have received data", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ ...local, deferAccept: true });
  const accepting = listener.accept();
  const idle = await port.connect(listener.addr);
  await port.connect(listener.addr);
  const active = await port.connect(listener.addr);
  await delay(100);
  assert.equal(listener.stats().accepted, 0);
  await active.write(bytesOf("hello"));
  const first = await within("the first", accepting);
  assert.deepEqual(first.remoteAddr, active.localAddr);
  const p = new Uint8Array(10);
  assert.equal(await first.read(p), 5);
  assert.equal(listener.stats().accepted, 1);
  await idle.write(bytesOf("late"));
  const second = await within("the second", listener.accept());
  assert.deepEqual(second.remoteAddr, idle.localAddr);
  assert.equal(await second.read(p), 4);
});

const TIMEOUT = 600;

/* The system's clock and a busy machine may lengthen a timeout. */
function checkInTime(started: number): void {
  const took = performance.now() - started;
  assert.ok(took > TIMEOUT - 20, `${took} ms`);
  assert.ok(took < TIMEOUT * 1.5 + 300, `${took} ms`);
}

for (const deferAccept of [false, true]) {
  test(`firstByteTimeout resets a connection without data, deferAccept: ${deferAccept}`, async () => {
    using port = new CompletionPort();
    const listener = port.listen({
      ...local,
      deferAccept,
      firstByteTimeout: TIMEOUT,
    });
    listener.accept().catch(() => {});
    const started = performance.now();
    const idle = await port.connect(listener.addr);
    await readUntilReset(idle);
    checkInTime(started);
    await eventually(
      "the timeout is counted",
      () => listener.stats().firstByteTimeouts === 1,
    );
    assert.equal(listener.stats().accepted, deferAccept ? 0 : 1);
    assert.equal(listener.stats().acceptsDeferred, 0);
  });
}

test("firstByteTimeout fails a connection with ETIMEDOUT", async () => {
  using ends = await pair({ listen: { firstByteTimeout: TIMEOUT } });
  const { client, server } = ends;
  const addresses = [client.remoteAddr, client.localAddr];
  const chunk = server[Symbol.asyncIterator]().next();
  const error = await errorFrom(chunk);
  assert.equal(error.code, "ETIMEDOUT");
  assert.equal(error.port, client.localAddr.port);
  assert.equal(server.lastError, error);
  assert.deepEqual([server.localAddr, server.remoteAddr], addresses);
  /* A loop that fails closes the connection. */
  assert.equal(await outcome(() => server.write(bytesOf("x"))), "EBADF");
  server.close();
});

test("firstByteTimeout fails a pending read and all later calls with ETIMEDOUT", async () => {
  using ends = await pair({ listen: { firstByteTimeout: TIMEOUT } });
  const { server } = ends;
  const p = new Uint8Array(8);
  assert.equal(await outcome(() => server.read(p)), "ETIMEDOUT");
  for (let i = 0; i < 3; i++) {
    assert.equal(await outcome(() => server.write(p)), "ETIMEDOUT");
    assert.equal(await outcome(() => server.closeWrite()), "ETIMEDOUT");
    await delay(5);
  }
});

test("firstByteTimeout fails the writes of a server that only writes with ETIMEDOUT", async () => {
  using ends = await pair({ listen: { firstByteTimeout: TIMEOUT } });
  let result = "1";
  while (result === "1") {
    result = await outcome(() => ends.server.write(bytesOf("x")));
    await delay(1);
  }
  assert.equal(result, "ETIMEDOUT");
});

test("firstByteTimeout fails a pending write with ETIMEDOUT", async () => {
  using ends = await pair({ listen: { firstByteTimeout: TIMEOUT } });
  const write = ends.server.write(new Uint8Array(32 * 1024 * 1024));
  assert.equal((await errorFrom(write)).code, "ETIMEDOUT");
});

test("firstByteTimeout does not apply after the first byte", async () => {
  using ends = await pair({ listen: { firstByteTimeout: 200 } });
  const { client, server } = ends;
  await client.write(bytesOf("hello"));
  await delay(700);
  const p = new Uint8Array(10);
  assert.equal(await server.read(p), 5);
  await server.write(bytesOf("answer"));
  assert.equal(await client.read(p), 6);
});

test("An option that is set to undefined has its default", async () => {
  const shared = {
    allowHalfOpen: undefined,
    noDelay: undefined,
    keepAlive: undefined,
    closeTimeout: undefined,
    receive: undefined,
    sendConcurrency: undefined,
    hostname: undefined,
    transport: undefined,
  };
  using listener = listen({
    ...shared,
    port: 0,
    backlog: undefined,
    acceptPool: undefined,
    deferAccept: undefined,
    firstByteTimeout: undefined,
    tcpBacklog: undefined,
    ipv6Only: undefined,
    reusePort: undefined,
  });
  using plain = listen({ port: 0 });
  assert.deepEqual(listener.options, plain.options);
  const { port } = listener.addr;
  using conn = await connect({
    ...shared,
    port,
    signal: undefined,
    timeout: undefined,
    localAddress: undefined,
    autoSelectFamily: undefined,
    autoSelectFamilyAttemptDelay: undefined,
    autoSelectFamilyAttemptTimeout: undefined,
  });
  using other = await connect({ port });
  assert.deepEqual(conn.options, other.options);
  const options = { mode: undefined, bufferSize: undefined, depth: undefined };
  conn.setOptions({ receive: { ...options, limit: undefined } });
  assert.deepEqual(conn.options, other.options);
});
