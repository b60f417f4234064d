// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CompletionPort, type ConnectOptions, SocketError } from "../mod.ts";
import { type IpAddress, parseIp } from "../src/native/address.ts";
import { makeConn } from "../src/conn.ts";
import { Acceptor } from "../src/socket/acceptor.ts";
import { makeConnection } from "../src/connect/connector.ts";
import { Group } from "../src/loop/group.ts";
import { connectSettings } from "../src/options/connect.ts";
import { listenSettings } from "../src/options/listen.ts";
import { eventually, isSettled, within } from "./shared/deadline.ts";
import {
  atOneNumber,
  closedAddress,
  noIpv6,
  silentAddress,
} from "./shared/network.ts";
import { errorFrom } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";

test("connect() is refused where nobody listens", async () => {
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
  await eventually("its socket is gone", () => port.stats().sockets === 0);
});

test("connect() gives up after its timeout", async () => {
  using port = new CompletionPort();
  const silent = await silentAddress(port);
  const { sockets } = port.stats();
  const error = await errorFrom(port.connect({ ...silent, timeout: 100 }));
  assert.equal(error.code, "ETIMEDOUT");
  assert.equal(error.syscall, "connect");
  assert.equal(error.address, silent.hostname);
  assert.equal(error.port, silent.port);
  await eventually("its socket is gone", () => port.stats().sockets <= sockets);
});

test("connect() throws the reason of a signal that has aborted", async () => {
  using port = new CompletionPort();
  const reason = { my: "reason" };
  const signal = AbortSignal.abort(reason);
  await assert.rejects(
    port.connect({ ...closedAddress, signal }),
    (error) => error === reason,
  );
  assert.equal(port.stats().sockets, 0);
});

test("connect() throws the reason of a signal that aborts meanwhile", async () => {
  using port = new CompletionPort();
  const silent = await silentAddress(port);
  const { sockets } = port.stats();
  const controller = new AbortController();
  const connecting = port.connect({ ...silent, signal: controller.signal });
  assert.equal(await isSettled(connecting), false);
  const reason = new RangeError("changed my mind");
  controller.abort(reason);
  await assert.rejects(
    within("connect", connecting),
    (error) => error === reason,
  );
  await eventually("its socket is gone", () => port.stats().sockets <= sockets);
});

test("connect() heeds a signal that aborts in the same turn", async () => {
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

test("connect() takes AbortSignal.timeout()", async () => {
  using port = new CompletionPort();
  const silent = await silentAddress(port);
  const connecting = port.connect({
    ...silent,
    signal: AbortSignal.timeout(50),
  });
  await assert.rejects(within("connect", connecting), { name: "TimeoutError" });
});

test("connect() is done with its signal and its timeout once connected", async () => {
  const controller = new AbortController();
  using ends = await pair({
    connect: { signal: controller.signal, timeout: 60_000 },
  });
  controller.abort();
  await ends.client.write(new Uint8Array(3));
  assert.equal(await ends.server.read(new Uint8Array(4)), 3);
});

test("connect() is rejected when its port is closed", async () => {
  using port = new CompletionPort();
  const silent = await silentAddress(port);
  const error = errorFrom(port.connect(silent));
  assert.equal(await isSettled(error), false);
  port.close();
  assert.equal((await error).code, "EINTR");
});

test("connect() takes names", async () => {
  for (const hostname of ["localhost", "LOCALHOST", "localhost."]) {
    using ends = await pair({
      listen: { hostname: "localhost" },
      connect: { hostname },
    });
    assert.deepEqual(ends.client.remoteAddr, ends.server.localAddr);
  }
});

test("connect() to localhost finds a server of either family at once", {
  skip: noIpv6,
}, async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    /* A server that stands alone: the other family refuses. */
    using ends = await pair({
      listen: { hostname },
      connect: {
        hostname: "localhost",
        /* Only a refusal lets the second address join before the deadline. */
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

test("connect() cannot find an unknown name", async () => {
  using port = new CompletionPort();
  for (const hostname of ["nope.invalid", "bücher.invalid", "a".repeat(70)]) {
    const error = await errorFrom(port.connect({ hostname, port: 80 }));
    assert.equal(error.code, "ENOTFOUND", hostname);
    assert.equal(error.syscall, "connect");
    assert.equal(error.port, 80);
    assert.ok(error.cause instanceof Error);
  }
  assert.equal(port.stats().sockets, 0);
});

test("connect() leaves from localAddress", async () => {
  for (const localAddress of ["127.0.0.1", "127.0.0.2"]) {
    using ends = await pair({ connect: { localAddress } });
    assert.equal(ends.client.localAddr.hostname, localAddress);
    assert.equal(ends.server.remoteAddr.hostname, localAddress);
  }
});

test("connect() cannot leave from an address of another machine", async () => {
  using port = new CompletionPort();
  using listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const error = await errorFrom(
    port.connect({ ...listener.addr, localAddress: "192.0.2.1" }),
  );
  assert.equal(error.code, "EADDRNOTAVAIL");
});

test("connect() cannot leave from an address of the other family", async () => {
  using port = new CompletionPort();
  using listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const error = await errorFrom(
    port.connect({ ...listener.addr, localAddress: "::1" }),
  );
  assert.equal(error.code, "EAFNOSUPPORT");
  assert.match(error.message, /localAddress/);
});

test("connect() may be called many times at once", async () => {
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

/* The race of several addresses, with addresses of the test's own. */

function addresses(...texts: string[]): IpAddress[] {
  return texts.map((text) => parseIp(text)!);
}

/* Connects to the port at each of the addresses. */
async function raceOn(loop: Group, port: number, ...texts: string[]) {
  return await raceWith({}, loop, port, ...texts);
}

async function raceWith(
  options: Partial<ConnectOptions>,
  loop: Group,
  port: number,
  ...texts: string[]
) {
  const hostname = "several.example";
  const settings = connectSettings({ hostname, port, ...options });
  const find = () => Promise.resolve(addresses(...texts));
  const connecting = makeConnection(loop, settings, find);
  return makeConn(await within("the race", connecting));
}

function acceptor(loop: Group, hostname: string, port: number = 0): Acceptor {
  return new Acceptor(loop, listenSettings({ hostname, port, backlog: 1 }));
}

/* Their port number. */
function acceptors(loop: Group, first: string, second: string): number {
  return atOneNumber(() => {
    const { port } = acceptor(loop, first).address;
    acceptor(loop, second, port);
    return port;
  });
}

async function withGroup(body: (loop: Group) => Promise<void>): Promise<void> {
  const loop = new Group();
  try {
    await body(loop);
  } finally {
    loop.close();
  }
}

test("connect() goes on to the next address when one is refused", async () => {
  await withGroup(async (loop) => {
    const { port } = acceptor(loop, "127.0.0.3").address;
    const conn = await raceOn(
      loop,
      port,
      "127.0.0.1",
      "127.0.0.2",
      "127.0.0.3",
    );
    assert.equal(conn.remoteAddr.hostname, "127.0.0.3");
    await eventually("the losers are gone", () => loop.stats().sockets === 2);
  });
});

test("connect() does not wait for an address that is silent", async () => {
  await withGroup(async (loop) => {
    const port = acceptors(loop, "127.0.0.1", "127.0.0.2");
    const first = await raceOn(loop, port, "127.0.0.1");
    const fill = [1, 2, 3, 4].map(() =>
      raceOn(loop, port, "127.0.0.1").catch(() => {})
    );
    const conn = await raceOn(loop, port, "127.0.0.1", "127.0.0.2");
    assert.equal(conn.remoteAddr.hostname, "127.0.0.2");
    assert.equal(first.remoteAddr.hostname, "127.0.0.1");
    loop.close();
    await Promise.all(fill);
  });
});

test("connect() tries only the first address without autoSelectFamily", async () => {
  await withGroup(async (loop) => {
    const { port } = acceptor(loop, "127.0.0.2").address;
    const texts = ["127.0.0.1", "127.0.0.2"];
    const error = await errorFrom(
      raceWith({ autoSelectFamily: false }, loop, port, ...texts),
    );
    assert.equal(error.code, "ECONNREFUSED");
    assert.equal(error.address, "127.0.0.1");
    assert.equal(error.cause, undefined);
    const conn = await raceWith(
      { autoSelectFamily: true },
      loop,
      port,
      ...texts,
    );
    assert.equal(conn.remoteAddr.hostname, "127.0.0.2");
  });
});

test("connect() gives an address autoSelectFamilyAttemptDelay", async () => {
  await withGroup(async (loop) => {
    const port = acceptors(loop, "127.0.0.1", "127.0.0.2");
    const fill = [1, 2, 3, 4, 5].map(() =>
      raceOn(loop, port, "127.0.0.1").catch(() => {})
    );
    const texts = ["127.0.0.1", "127.0.0.2"];
    for (
      const name of [
        "autoSelectFamilyAttemptDelay",
        "autoSelectFamilyAttemptTimeout",
      ]
    ) {
      /* So long a delay is never over, so short a one at once. */
      const never = { [name]: 2 ** 31 - 1, timeout: 600 };
      const error = await errorFrom(raceWith(never, loop, port, ...texts));
      assert.equal(error.code, "ETIMEDOUT");
      const conn = await raceWith({ [name]: 0 }, loop, port, ...texts);
      assert.equal(conn.remoteAddr.hostname, "127.0.0.2");
    }
    loop.close();
    await Promise.all(fill);
  });
});

test("connect() reports the first failure when every address fails", async () => {
  await withGroup(async (loop) => {
    const { port } = closedAddress;
    const error = await errorFrom(raceOn(loop, port, "127.0.0.2", "127.0.0.3"));
    assert.equal(error.code, "ECONNREFUSED");
    assert.equal(error.address, "127.0.0.2");
    assert.ok(error.cause instanceof AggregateError);
    assert.deepEqual(
      error.cause.errors.map(({ code, address }) => `${code} ${address}`),
      ["ECONNREFUSED 127.0.0.2", "ECONNREFUSED 127.0.0.3"],
    );
    await eventually("all is gone", () => loop.stats().sockets === 0);
  });
});

test("connect() lets the families take turns", { skip: noIpv6 }, async () => {
  await withGroup(async (loop) => {
    const { port } = closedAddress;
    const order = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "::1", "::1"];
    const error = await errorFrom(raceOn(loop, port, ...order));
    const tried = (error.cause as AggregateError).errors
      .map(({ address }) => address);
    assert.deepEqual(tried, [
      "127.0.0.1",
      "::1",
      "127.0.0.2",
      "::1",
      "127.0.0.3",
    ]);
  });
});

test("connect() finds a listener of either family by its name", {
  skip: noIpv6,
}, async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    await withGroup(async (loop) => {
      const { port } = acceptor(loop, hostname).address;
      for (const order of [["127.0.0.1", "::1"], ["::1", "127.0.0.1"]]) {
        const conn = await raceOn(loop, port, ...order);
        assert.equal(conn.remoteAddr.hostname, hostname);
      }
    });
  }
});

test("connect() may be aborted while the name is looked up", async () => {
  await withGroup(async (loop) => {
    const controller = new AbortController();
    const settings = connectSettings({
      hostname: "slow.example",
      port: 80,
      signal: controller.signal,
    });
    const never = new Promise<IpAddress[]>(() => {});
    const connecting = makeConnection(loop, settings, () => never);
    const reason = new Error("too slow");
    controller.abort(reason);
    await assert.rejects(
      within("connect", connecting),
      (error) => error === reason,
    );
  });
});
