// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CompletionPort, SocketError } from "../mod.ts";
import type { IpAddress } from "../src/native/address.ts";
import { makeConnection } from "../src/connect/connector.ts";
import { Group } from "../src/loop/group.ts";
import { connectSettings } from "../src/options/connect.ts";
import { eventually, isSettled, within } from "./shared/deadline.ts";
import {
  closedAddress,
  noIpv6,
  unresponsiveAddress,
} from "./shared/network.ts";
import { errorFrom } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";

test("connect() without a listener fails with ECONNREFUSED", async () => {
  using port = new CompletionPort();
  const { hostname, port: number } = closedAddress;
  const error = await errorFrom(port.connect({ hostname, port: number }));
  assert.equal(error.code, "ECONNREFUSED");
  assert.equal(error.syscall, "connect");
  assert.equal(error.address, hostname);
  assert.equal(error.port, number);
  assert.notEqual(error.errno, 0);
  assert.equal(
    error.message,
    `Cannot connect to ${hostname}:${number}: connection refused`,
  );
  await eventually("its socket is closed", () => port.stats().sockets === 0);
});

test("connect() fails after its timeout", async () => {
  using port = new CompletionPort();
  const unresponsive = await unresponsiveAddress(port);
  const { sockets } = port.stats();
  const error = await errorFrom(
    port.connect({ ...unresponsive, timeout: 100 }),
  );
  assert.equal(error.code, "ETIMEDOUT");
  assert.equal(error.syscall, "connect");
  assert.equal(error.address, unresponsive.hostname);
  assert.equal(error.port, unresponsive.port);
  await eventually(
    "its socket is closed",
    () => port.stats().sockets <= sockets,
  );
});

test("connect() rejects with the reason of an aborted signal", async () => {
  using port = new CompletionPort();
  const reason = { my: "reason" };
  const signal = AbortSignal.abort(reason);
  await assert.rejects(
    port.connect({ ...closedAddress, signal }),
    (error) => error === reason,
  );
  assert.equal(port.stats().sockets, 0);
});

test("connect() rejects with the reason of a signal that aborts while it is pending", async () => {
  using port = new CompletionPort();
  const unresponsive = await unresponsiveAddress(port);
  const { sockets } = port.stats();
  const controller = new AbortController();
  const connecting = port.connect({
    ...unresponsive,
    signal: controller.signal,
  });
  assert.equal(await isSettled(connecting), false);
  const reason = new RangeError("changed my mind");
  controller.abort(reason);
  await assert.rejects(
    within("connect", connecting),
    (error) => error === reason,
  );
  await eventually(
    "its socket is closed",
    () => port.stats().sockets <= sockets,
  );
});

test("connect() can be aborted in the same turn", async () => {
  using ends = await pair();
  const { port, listener } = ends;
  const { sockets } = port.stats();
  const controller = new AbortController();
  const connecting = port.connect({
    ...listener.addr,
    signal: controller.signal,
  });
  controller.abort();
  await assert.rejects(within("connect", connecting), { name: "AbortError" });
  assert.equal(port.stats().sockets, sockets);
});

test("connect() accepts AbortSignal.timeout()", async () => {
  using port = new CompletionPort();
  const unresponsive = await unresponsiveAddress(port);
  const connecting = port.connect({
    ...unresponsive,
    signal: AbortSignal.timeout(50),
  });
  await assert.rejects(within("connect", connecting), { name: "TimeoutError" });
});

test("connect() ignores its signal and timeout once connected", async () => {
  const controller = new AbortController();
  using ends = await pair({
    connect: { signal: controller.signal, timeout: 60_000 },
  });
  controller.abort();
  await ends.client.write(new Uint8Array(3));
  assert.equal(await ends.server.read(new Uint8Array(4)), 3);
});

test("connect() rejects when its port is closed", async () => {
  using port = new CompletionPort();
  const unresponsive = await unresponsiveAddress(port);
  const error = errorFrom(port.connect(unresponsive));
  assert.equal(await isSettled(error), false);
  port.close();
  assert.equal((await error).code, "EINTR");
});

test("connect() resolves host names", async () => {
  for (const hostname of ["localhost", "LOCALHOST", "localhost."]) {
    using ends = await pair({
      listen: { hostname: "localhost" },
      connect: { hostname },
    });
    assert.deepEqual(ends.client.remoteAddr, ends.server.localAddr);
  }
});

test("connect() to localhost finds a server of either family without a delay", {
  skip: noIpv6,
}, async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    /* A server of one family; the other family refuses. */
    using ends = await pair({
      listen: { hostname },
      connect: {
        hostname: "localhost",
        /* Only a refusal starts the second attempt before the deadline. */
        autoSelectFamilyAttemptDelay: 2 ** 31 - 1,
      },
    });
    assert.equal(ends.client.remoteAddr.hostname, hostname);
    using sync = ends.port.connectSync({
      hostname: "localhost",
      port: ends.listener.addr.port,
      autoSelectFamilyAttemptDelay: 2 ** 31 - 1,
    });
    assert.equal(sync.remoteAddr.hostname, hostname);
  }
});

test("connect() to an unknown name fails with ENOTFOUND", async () => {
  using port = new CompletionPort();
  for (const hostname of ["nope.invalid", "bücher.invalid", "a".repeat(70)]) {
    const error = await errorFrom(port.connect({ hostname, port: 80 }));
    assert.equal(error.code, "ENOTFOUND", hostname);
    assert.equal(error.syscall, "getaddrinfo");
    assert.match(
      error.message,
      /^Cannot connect to \S+:80: host name not found$/,
    );
    assert.equal(error.port, 80);
    assert.ok(error.cause instanceof Error);
  }
  assert.equal(port.stats().sockets, 0);
});

test("connect() uses localAddress", async () => {
  for (const localAddress of ["127.0.0.1", "127.0.0.2"]) {
    using ends = await pair({ connect: { localAddress } });
    assert.equal(ends.client.localAddr.hostname, localAddress);
    assert.equal(ends.server.remoteAddr.hostname, localAddress);
  }
});

test("connect() fails with a localAddress of another machine", async () => {
  using port = new CompletionPort();
  using listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const error = await errorFrom(
    port.connect({ ...listener.addr, localAddress: "192.0.2.1" }),
  );
  assert.equal(error.code, "EADDRNOTAVAIL");
});

test("connect() fails with a localAddress of the other family", async () => {
  using port = new CompletionPort();
  using listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const error = await errorFrom(
    port.connect({ ...listener.addr, localAddress: "::1" }),
  );
  assert.equal(error.code, "EAFNOSUPPORT");
  assert.match(error.message, /localAddress/);
});

test("connect() may be called many times concurrently", async () => {
  using port = new CompletionPort();
  using listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const closed = closedAddress;
  const calls = Array.from(
    { length: 100 },
    (_, i) =>
      port.connect(i % 2 === 0 ? listener.addr : closed).then(
        () => "connected",
        (error: SocketError) => error.code,
      ),
  );
  const results = await within("100 calls", Promise.all(calls));
  for (const [i, result] of results.entries()) {
    assert.equal(result, i % 2 === 0 ? "connected" : "ECONNREFUSED");
  }
});

test("connect() can be aborted while the name is being resolved", async () => {
  const group = new Group();
  const controller = new AbortController();
  const settings = connectSettings({
    hostname: "slow.example",
    port: 80,
    signal: controller.signal,
  });
  const never = new Promise<IpAddress[]>(() => {});
  const connecting = makeConnection(group, settings, () => never);
  const reason = new Error("too slow");
  controller.abort(reason);
  await assert.rejects(
    within("connect", connecting),
    (error) => error === reason,
  );
  group.close();
});
