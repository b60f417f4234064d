// Copyright the iocp authors. MIT license.
/* The limits of a listener: places, rate and addresses. */

import assert from "node:assert/strict";
import { BlockList } from "node:net";
import { test } from "node:test";
import {
  type AddressFilter,
  CompletionPort,
  type Conn,
  type Listener,
} from "../mod.ts";
import { eventually, isSettled, within } from "./shared/deadline.ts";
import { newPath } from "./shared/local.ts";
import { noIpv6 } from "./shared/network.ts";
import { failure, outcome } from "./shared/outcome.ts";
import { readUntilReset } from "./shared/pair.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };
const ONE = new Uint8Array(1);

const accepted = (listener: Listener) =>
  within("a connection", listener.accept());

async function clients(
  port: CompletionPort,
  listener: Listener,
  count: number,
) {
  const all: Conn[] = [];
  for (let i = 0; i < count; i++) all.push(await port.connect(listener.addr));
  return all;
}

test("maxConnections: further connections are accepted as others are closed", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ ...LOOPBACK, maxConnections: 2 });
  const all = await clients(port, listener, 5);
  for (const client of all) await client.write(ONE);
  const first = await accepted(listener);
  const second = await accepted(listener);
  const third = listener.accept();
  assert.equal(await isSettled(third), false);
  assert.equal(await first.read(new Uint8Array(9)), 1);
  first.close();
  /* It waited, and nothing that its peer has sent is lost. */
  assert.equal(await (await within("the third", third)).read(ONE), 1);
  const fourth = listener.accept();
  assert.equal(await isSettled(fourth), false);
  second.reset();
  (await within("the fourth", fourth)).close();
  (await accepted(listener)).close();
  assert.equal(listener.stats().accepted, 5);
});

test("maxConnections: a place is free when a loop has failed", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ ...LOOPBACK, maxConnections: 1 });
  const [first] = await clients(port, listener, 2);
  const server = await accepted(listener);
  const next = listener.accept();
  assert.equal(await isSettled(next), false);
  const loop = async () => {
    for await (const _ of server);
  };
  const looping = outcome(loop);
  first!.reset();
  assert.equal(await looping, "ECONNRESET");
  await within("the next", next);
});

test("maxConnections: acceptSync() waits for a place too", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ ...LOOPBACK, maxConnections: 1 });
  await clients(port, listener, 2);
  const first = listener.acceptSync({ timeout: 10_000 });
  const error = failure(() => listener.acceptSync({ timeout: 30 }));
  assert.equal(error.code, "ETIMEDOUT");
  first.close();
  listener.acceptSync({ timeout: 10_000 });
});

test("maxConnections: a new limit counts connections that are open already", async () => {
  using port = new CompletionPort();
  const listener = port.listen(LOOPBACK);
  await clients(port, listener, 3);
  const first = await accepted(listener);
  first.setOptions({ noDelay: false });
  const second = await accepted(listener);
  /* This one may be in the queue by now, and then is open. */
  await accepted(listener);
  listener.setOptions({ maxConnections: 2 });
  await clients(port, listener, 1);
  const next = listener.accept();
  first.close();
  assert.equal(await isSettled(next), false);
  second.close();
  await within("a place", next);
  await clients(port, listener, 1);
  const free = listener.accept();
  assert.equal(await isSettled(free), false);
  listener.setOptions({ maxConnections: 0 });
  await within("no limit", free);
  assert.equal(listener.options.maxConnections, 0);
});

test("maxConnections: another listener of the port has its own places", async () => {
  using port = new CompletionPort();
  const limited = port.listen({ ...LOOPBACK, maxConnections: 1 });
  const other = port.listen(LOOPBACK);
  await clients(port, other, 1);
  await accepted(other);
  await clients(port, limited, 1);
  await accepted(limited);
});

test("A limited listener resets what waits when it is closed", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ ...LOOPBACK, maxConnections: 1 });
  const [first, second] = await clients(port, listener, 2);
  const server = await accepted(listener);
  await eventually(
    "one waits",
    () =>
      listener.stats().acceptsReady > 0 || listener.stats().acceptsPosted === 0,
  );
  listener.close();
  await readUntilReset(second!);
  await server.write(ONE);
  assert.equal(await first!.read(ONE), 1);
});

const places: Record<string, () => typeof LOOPBACK> = {
  "TCP": () => LOOPBACK,
  /* A listener on a path has the same calls; the types of its addresses are others. */
  "a local socket": () => ({ path: newPath() }) as unknown as typeof LOOPBACK,
};

for (const [name, place] of Object.entries(places)) {
  test(`acceptRate: as many connections as it says come at once, others later, over ${name}`, async () => {
    using port = new CompletionPort();
    const start = performance.now();
    const listener = port.listen({ ...place(), acceptRate: 4 });
    /* A named pipe makes a connect() wait until there is an accept. */
    const connecting = clients(port, listener, 6);
    for (let i = 0; i < 6; i++) await accepted(listener);
    /* The fifth is due 250 ms after the first, the sixth after 500. */
    const listenedFor = performance.now() - start;
    assert.ok(listenedFor > 450, `${listenedFor} ms`);
    assert.equal(listener.stats().accepted, 6);
    await connecting;
  });
}

test("acceptRate: acceptSync() waits for it without spinning", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ ...LOOPBACK, acceptRate: 2 });
  await clients(port, listener, 3);
  for (let i = 0; i < 3; i++) listener.acceptSync({ timeout: 10_000 });
  const { polls } = port.stats();
  const error = failure(() => listener.acceptSync({ timeout: 50 }));
  assert.equal(error.code, "ETIMEDOUT");
  assert.ok(port.stats().polls - polls < 1000);
});

test("acceptRate can be changed, and 0 ends it", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ ...LOOPBACK, acceptRate: 1 });
  await clients(port, listener, 3);
  await accepted(listener);
  const next = listener.accept();
  listener.setOptions({ acceptRate: 0 });
  await within("no limit", next);
  await accepted(listener);
});

test("blockList resets the connections of its addresses", async () => {
  using port = new CompletionPort();
  const blockList = new BlockList();
  blockList.addSubnet("127.0.0.0", 30, "ipv4");
  const listener = port.listen({ ...LOOPBACK, blockList });
  const [blocked] = await clients(port, listener, 1);
  const next = listener.accept();
  await readUntilReset(blocked!);
  assert.equal(listener.stats().blocked, 1);
  const options = { ...listener.addr, localAddress: "127.0.0.5" };
  const client = await port.connect(options);
  const server = await within("the other address", next);
  assert.equal(
    (server.remoteAddr as { hostname: string }).hostname,
    "127.0.0.5",
  );
  await client.write(ONE);
  assert.equal(await server.read(ONE), 1);
});

test(
  "blockList gets an IPv4 address as such from a listener of both families",
  {
    skip: noIpv6,
  },
  async () => {
    using port = new CompletionPort();
    const seen: string[] = [];
    const blockList: AddressFilter = {
      check(address, family) {
        seen.push(`${family} ${address}`);
        return false;
      },
    };
    const listener = port.listen({ hostname: "::", port: 0, blockList });
    for (const hostname of ["127.0.0.1", "::1"]) {
      await port.connect({ hostname, port: listener.addr.port });
      await accepted(listener);
    }
    assert.deepEqual(seen, ["ipv4 127.0.0.1", "ipv6 ::1"]);
  },
);

test("A filter that throws blocks the address", async () => {
  using port = new CompletionPort();
  const wrong = new Error("wrong");
  const check = () => {
    throw wrong;
  };
  const listener = port.listen({ ...LOOPBACK, blockList: { check } });
  const [client] = await clients(port, listener, 1);
  const next = listener.accept();
  await readUntilReset(client!);
  assert.equal(listener.lastError, wrong);
  assert.equal(await isSettled(next), false);
});

test("A filter may close the listener", async () => {
  using port = new CompletionPort();
  const check = () => {
    listener.close();
    return false;
  };
  const listener: Listener = port.listen({ ...LOOPBACK, blockList: { check } });
  const all = await clients(port, listener, 2);
  assert.equal(await outcome(() => listener.accept()), "EBADF");
  for (const client of all) await readUntilReset(client);
  await eventually("nothing is left", () => port.stats().sockets === 2);
});

test("acceptSync() asks the filter", async () => {
  using port = new CompletionPort();
  const check = () => true;
  const listener = port.listen({ ...LOOPBACK, blockList: { check } });
  const [client] = await clients(port, listener, 1);
  const error = failure(() => listener.acceptSync({ timeout: 200 }));
  assert.equal(error.code, "ETIMEDOUT");
  await readUntilReset(client!);
});

test("Local sockets have maxConnections, and no addresses to block", async () => {
  using port = new CompletionPort();
  const path = newPath();
  const check = () => true;
  assert.throws(
    () => port.listen({ path, blockList: { check } } as never),
    { name: "NotSupported", message: /^Cannot set blockList: / },
  );
  using listener = port.listen({ path, maxConnections: 1 });
  await port.connect({ path });
  const first = await within("a connection", listener.accept());
  const second = port.connect({ path });
  const next = listener.accept();
  assert.equal(await isSettled(next), false);
  first.close();
  await within("both", Promise.all([second, next]));
});

test("A wrong filter is a TypeError", () => {
  using port = new CompletionPort();
  for (const blockList of [null, 1, "127.0.0.1", {}, [], { check: true }]) {
    assert.throws(
      () => port.listen({ ...LOOPBACK, blockList: blockList as never }),
      {
        name: "TypeError",
        message: /"blockList" argument must be a BlockList/,
      },
    );
  }
});
