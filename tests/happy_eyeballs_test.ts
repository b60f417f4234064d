// Copyright the iocp authors. MIT license.
/* connect() to several addresses of one name, which the tests supply. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectOptions, NetAddr } from "../mod.ts";
import { makeConn } from "../src/conn.ts";
import { makeConnection } from "../src/connect/connector.ts";
import { Group } from "../src/loop/group.ts";
import { type IpAddress, parseIp } from "../src/native/address.ts";
import { connectSettings } from "../src/options/connect.ts";
import { listenSettings } from "../src/options/listen.ts";
import { Acceptor } from "../src/socket/acceptor.ts";
import { eventually, within } from "./shared/deadline.ts";
import { closedAddress, noIpv6, withSamePort } from "./shared/network.ts";
import { errorFrom } from "./shared/outcome.ts";

function addresses(...texts: string[]): IpAddress[] {
  return texts.map((text) => parseIp(text)!);
}

/* Connects to the port at one of the addresses. */
async function connectTo(group: Group, port: number, ...texts: string[]) {
  return await connectWith({}, group, port, ...texts);
}

async function connectWith(
  options: Partial<ConnectOptions>,
  group: Group,
  port: number,
  ...texts: string[]
) {
  const hostname = "several.example";
  const settings = connectSettings({ hostname, port, ...options });
  const find = () => Promise.resolve(addresses(...texts));
  const connecting = makeConnection(group, settings, find);
  return makeConn(await within("the connection", connecting));
}

function acceptor(group: Group, hostname: string, port: number = 0): Acceptor {
  return new Acceptor(group, listenSettings({ hostname, port, backlog: 1 }));
}

/* Returns their port number. */
function acceptors(group: Group, first: string, second: string): number {
  return withSamePort(() => {
    const { port } = acceptor(group, first).address as NetAddr;
    acceptor(group, second, port);
    return port;
  });
}

async function withGroup(body: (group: Group) => Promise<void>): Promise<void> {
  const group = new Group();
  try {
    await body(group);
  } finally {
    group.close();
  }
}

test("connect() tries the next address after a refusal", async () => {
  await withGroup(async (group) => {
    const { port } = acceptor(group, "127.0.0.3").address as NetAddr;
    const conn = await connectTo(
      group,
      port,
      "127.0.0.1",
      "127.0.0.2",
      "127.0.0.3",
    );
    assert.equal(conn.remoteAddr.hostname, "127.0.0.3");
    await eventually(
      "the other attempts are closed",
      () => group.stats().sockets === 2,
    );
  });
});

test("connect() does not wait for an address that does not answer", async () => {
  await withGroup(async (group) => {
    const port = acceptors(group, "127.0.0.1", "127.0.0.2");
    const first = await connectTo(group, port, "127.0.0.1");
    const fill = [1, 2, 3, 4].map(() =>
      connectTo(group, port, "127.0.0.1").catch(() => {})
    );
    const conn = await connectTo(group, port, "127.0.0.1", "127.0.0.2");
    assert.equal(conn.remoteAddr.hostname, "127.0.0.2");
    assert.equal(first.remoteAddr.hostname, "127.0.0.1");
    group.close();
    await Promise.all(fill);
  });
});

test("connect() tries only the first address without autoSelectFamily", async () => {
  await withGroup(async (group) => {
    const { port } = acceptor(group, "127.0.0.2").address as NetAddr;
    const texts = ["127.0.0.1", "127.0.0.2"];
    const error = await errorFrom(
      connectWith({ autoSelectFamily: false }, group, port, ...texts),
    );
    assert.equal(error.code, "ECONNREFUSED");
    assert.equal(error.address, "127.0.0.1");
    assert.equal(error.cause, undefined);
    const conn = await connectWith(
      { autoSelectFamily: true },
      group,
      port,
      ...texts,
    );
    assert.equal(conn.remoteAddr.hostname, "127.0.0.2");
  });
});

test("connect() starts the next attempt after autoSelectFamilyAttemptDelay", async () => {
  await withGroup(async (group) => {
    const port = acceptors(group, "127.0.0.1", "127.0.0.2");
    const fill = [1, 2, 3, 4, 5].map(() =>
      connectTo(group, port, "127.0.0.1").catch(() => {})
    );
    const texts = ["127.0.0.1", "127.0.0.2"];
    for (
      const name of [
        "autoSelectFamilyAttemptDelay",
        "autoSelectFamilyAttemptTimeout",
      ]
    ) {
      /* First a delay that is longer than the test, then none. */
      const never = { [name]: 2 ** 31 - 1, timeout: 600 };
      const error = await errorFrom(connectWith(never, group, port, ...texts));
      assert.equal(error.code, "ETIMEDOUT");
      const conn = await connectWith({ [name]: 0 }, group, port, ...texts);
      assert.equal(conn.remoteAddr.hostname, "127.0.0.2");
    }
    group.close();
    await Promise.all(fill);
  });
});

test("connect() reports the first failure when every address fails", async () => {
  await withGroup(async (group) => {
    const { port } = closedAddress;
    const error = await errorFrom(
      connectTo(group, port, "127.0.0.2", "127.0.0.3"),
    );
    assert.equal(error.code, "ECONNREFUSED");
    assert.equal(error.address, "127.0.0.2");
    assert.ok(error.cause instanceof AggregateError);
    assert.deepEqual(
      error.cause.errors.map(({ code, address }) => `${code} ${address}`),
      ["ECONNREFUSED 127.0.0.2", "ECONNREFUSED 127.0.0.3"],
    );
    await eventually("all are closed", () => group.stats().sockets === 0);
  });
});

test(
  "connect() alternates between the families",
  { skip: noIpv6 },
  async () => {
    await withGroup(async (group) => {
      const { port } = closedAddress;
      const order = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "::1", "::1"];
      const error = await errorFrom(connectTo(group, port, ...order));
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
  },
);

test("connect() finds a listener of either family by host name", {
  skip: noIpv6,
}, async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    await withGroup(async (group) => {
      const { port } = acceptor(group, hostname).address as NetAddr;
      for (const order of [["127.0.0.1", "::1"], ["::1", "127.0.0.1"]]) {
        const conn = await connectTo(group, port, ...order);
        assert.equal(conn.remoteAddr.hostname, hostname);
      }
    });
  }
});
