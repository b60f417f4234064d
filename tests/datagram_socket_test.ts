// Copyright the iocp authors. MIT license.
/* Datagram sockets: sending, receiving, loops, and the close. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { bind, CompletionPort, DatagramSocket, NotSupported } from "../mod.ts";
import { run } from "./shared/child.ts";
import { receiveText, sendTexts, take, UdpPair } from "./shared/datagrams.ts";
import { eventually, isSettled, within } from "./shared/deadline.ts";
import { group } from "./shared/groups.ts";
import { noIpv6 } from "./shared/network.ts";
import { errorFrom, failure } from "./shared/outcome.ts";
import { bytesOf, pattern, textOf } from "./shared/pattern.ts";

const isWindows = process.platform === "win32";
const hostname = "127.0.0.1";

test("DatagramSocket.addr has the port number that the system chose", () => {
  using it = new UdpPair();
  const { addr } = it.left;
  assert.equal(addr.transport, "udp");
  assert.equal(addr.hostname, hostname);
  assert.ok(addr.port > 0 && addr.port < 65_536);
  it.left.close();
  assert.deepEqual(it.left.addr, addr);
});

test("A datagram arrives with its data and the address of its sender", async () => {
  using it = new UdpPair();
  const sent = pattern(1_200);
  assert.equal(await it.left.send(sent, it.right.addr), 1_200);
  const p = new Uint8Array(2_000);
  const { data, addr, isTruncated, size } = await within(
    "a datagram",
    it.right.receive(p),
  );
  assert.equal(data.buffer, p.buffer);
  assert.deepEqual([...data], [...sent]);
  assert.deepEqual({ ...addr }, it.left.addr);
  assert.deepEqual([isTruncated, size], [false, 1_200]);
});

test("A loop receives datagrams one by one", async () => {
  using it = new UdpPair();
  const texts = Array.from({ length: 100 }, (_, i) => `number ${i}`);
  const sending = sendTexts(it.left, it.right.addr, ...texts);
  const received: string[] = [];
  for await (const { data, addr, isTruncated, size } of it.right) {
    received.push(textOf(data));
    assert.deepEqual({ ...addr }, it.left.addr);
    assert.deepEqual([isTruncated, size], [false, data.length]);
    if (received.length === texts.length) break;
  }
  await sending;
  assert.deepEqual(received, texts);
});

test("DatagramSocket.batches() receives what has arrived together", async () => {
  using it = new UdpPair();
  const texts = Array.from({ length: 40 }, (_, i) => `number ${i}`);
  await sendTexts(it.left, it.right.addr, ...texts);
  const received: string[] = [];
  let batches = 0;
  for await (const batch of it.right.batches()) {
    assert.ok(batch.length > 0);
    batches++;
    for (const { data } of batch) received.push(textOf(data));
    if (received.length === texts.length) break;
  }
  assert.deepEqual(received, texts);
  assert.ok(batches < texts.length, `${batches} batches`);
});

test("The data of a loop is the caller's: later datagrams leave it as it is", async () => {
  using it = new UdpPair();
  const all: Uint8Array[] = [];
  const count = 1_000;
  const loop = it.right[Symbol.asyncIterator]();
  for (let i = 0; i < count; i++) {
    await it.left.send(pattern(900, i), it.right.addr);
    all.push((await within("a datagram", loop.next())).value!.data);
  }
  for (const [i, data] of all.entries()) {
    assert.deepEqual([...data], [...pattern(900, i)], `datagram ${i}`);
  }
});

test("An empty datagram is received as one", async () => {
  using it = new UdpPair();
  assert.equal(await it.left.send(new Uint8Array(), it.right.addr), 0);
  const p = new Uint8Array(10);
  const { data, addr, isTruncated, size } = await within(
    "receive()",
    it.right.receive(p),
  );
  assert.deepEqual([data.length, isTruncated, size], [0, false, 0]);
  assert.equal(addr.port, it.left.addr.port);
  await it.left.send(new Uint8Array(), it.right.addr);
  await sendTexts(it.left, it.right.addr, "after");
  const [empty, after] = await take(it.right, 2);
  assert.equal(empty!.data.length, 0);
  assert.equal(textOf(after!.data), "after");
});

test("The longest datagram has 65,507 bytes, and one more is EMSGSIZE", async () => {
  using it = new UdpPair();
  const sent = pattern(65_507);
  await it.left.send(sent, it.right.addr);
  const [first] = await take(it.right, 1);
  assert.deepEqual(first!.data, sent);
  assert.equal(first!.isTruncated, false);
  const error = await errorFrom(
    it.left.send(new Uint8Array(65_508), it.right.addr),
  );
  assert.equal(error.code, "EMSGSIZE");
  assert.equal(error.syscall, "sendto");
  assert.equal(error.port, it.right.addr.port);
  assert.equal(it.left.lastError, error);
  await sendTexts(it.left, it.right.addr, "still open");
  assert.equal(await receiveText(it.right), "still open");
});

test("The longest datagram has 65,527 bytes over IPv6", {
  skip: noIpv6,
}, async () => {
  using it = new UdpPair({ hostname: "::1" });
  const sent = pattern(65_527);
  assert.equal(await it.left.send(sent, it.right.addr), 65_527);
  const [first] = await take(it.right, 1);
  assert.deepEqual(first!.data, sent);
  assert.equal(first!.isTruncated, false);
  const p = new Uint8Array(65_527);
  const { addr } = it.right;
  assert.equal(await it.left.sendMany([{ data: sent, addr }]), 1);
  const { data, size } = await within("it", it.right.receive(p));
  assert.deepEqual(data, sent);
  assert.equal(size, 65_527);
});

test("DatagramSocket.receive() truncates what does not fit, and says so", async () => {
  using it = new UdpPair();
  await it.left.send(pattern(1_000), it.right.addr);
  await sendTexts(it.left, it.right.addr, "next");
  const p = new Uint8Array(100);
  const { data, isTruncated, size } = await within("it", it.right.receive(p));
  assert.deepEqual([...data], [...pattern(100)]);
  assert.equal(isTruncated, true);
  assert.equal(size, 1_000);
  assert.equal(await receiveText(it.right), "next");
});

test("A pending receive() gets the size of what it truncates", async () => {
  using it = new UdpPair();
  const receiving = it.right.receive(new Uint8Array(100));
  await it.left.send(pattern(1_000), it.right.addr);
  const { isTruncated, size } = await within("it", receiving);
  assert.equal(isTruncated, true);
  assert.equal(size, 1_000);
});

test("DatagramSocket.receive() truncates what a loop has received ahead", async () => {
  using it = new UdpPair();
  const loop = it.right[Symbol.asyncIterator]();
  const first = loop.next();
  await sendTexts(it.left, it.right.addr, "for the loop");
  await it.left.send(pattern(1_000), it.right.addr);
  await within("the loop", first);
  await eventually("it is ahead", () => it.right.stats().bytesAhead > 0);
  const p = new Uint8Array(100);
  const { data, isTruncated, size } = await within("it", it.right.receive(p));
  assert.deepEqual([...data], [...pattern(100)]);
  assert.deepEqual([isTruncated, size], [true, 1_000]);
});

test("DatagramSocket.receive() calls settle in order", async () => {
  using it = new UdpPair();
  const received = Promise.all(
    Array.from({ length: 5 }, () => receiveText(it.right)),
  );
  const texts = ["1", "2", "3", "4", "5"];
  await sendTexts(it.left, it.right.addr, ...texts);
  assert.deepEqual(await within("all of them", received), texts);
});

test("Pending receive() calls and a loop share the datagrams in order", async () => {
  using it = new UdpPair();
  const loop = it.right[Symbol.asyncIterator]();
  const first = receiveText(it.right);
  const second = loop.next();
  const third = receiveText(it.right);
  await sendTexts(it.left, it.right.addr, "1", "2", "3");
  assert.equal(await first, "1");
  assert.equal(textOf((await within("second", second)).value!.data), "2");
  assert.equal(await third, "3");
});

test("DatagramSocket.receive() ends after its timeout and on abort", async () => {
  using it = new UdpPair();
  const p = new Uint8Array(100);
  const late = await errorFrom(it.right.receive(p, { timeout: 10 }));
  assert.equal(late.code, "ETIMEDOUT");
  assert.equal(late.syscall, "recvfrom");
  const controller = new AbortController();
  const { signal } = controller;
  const received = it.right.receive(p, { signal });
  const reason = new Error("enough");
  controller.abort(reason);
  await assert.rejects(received, (error) => error === reason);
  await assert.rejects(
    it.right.receive(p, { signal }),
    (error) => error === reason,
  );
  /* What comes later is for the next call. */
  await sendTexts(it.left, it.right.addr, "later");
  assert.equal(await receiveText(it.right), "later");
});

test("DatagramSocket.close() ends loops, and fails pending receive() calls", async () => {
  using it = new UdpPair();
  const p = new Uint8Array(100);
  const loop = it.right[Symbol.asyncIterator]();
  const batches = it.right.batches();
  const results: Promise<unknown>[] = [loop.next(), batches.next()];
  const received = it.right.receive(p);
  assert.equal(await isSettled(received), false);
  it.right.close();
  for (const result of results) {
    assert.deepEqual(await within("a loop", result), {
      value: undefined,
      done: true,
    });
  }
  const error = await errorFrom(received);
  assert.equal(error.code, "EINTR");
  assert.deepEqual(await loop.next(), { value: undefined, done: true });
  it.right.close();
});

test("A closed socket refuses calls with EBADF", async () => {
  using it = new UdpPair();
  const { left, right } = it;
  const { addr } = right;
  left.close();
  const p = new Uint8Array(10);
  for (
    const call of [
      () => left.receive(p),
      () => left.receive(p, { timeout: 10 }),
      () => left.send(p, addr),
      () => left.sendMany([{ data: p, addr }]),
      () => left.connect(addr),
      () => left.disconnect(),
      () => left.joinMulticast("239.1.2.3"),
      () => left.leaveMulticast("239.1.2.3"),
      () => left.setOptions({ ttl: 10 }),
      () => left.options,
      () => left.stats(),
    ]
  ) {
    const error = await errorFrom(call as () => unknown);
    assert.equal(error.code, "EBADF", `${call}`);
    assert.match(error.message, /: the socket is closed$/);
  }
});

test("Leaving a loop closes the socket, and its address is free", async () => {
  using it = new UdpPair();
  const { addr } = it.right;
  await sendTexts(it.left, addr, "hello");
  for await (const _ of it.right) break;
  assert.equal(
    (await errorFrom(it.right.receive(new Uint8Array(1)))).code,
    "EBADF",
  );
  const again = it.port.bind(addr);
  assert.equal(again.addr.port, addr.port);
  await sendTexts(it.left, addr, "again");
  assert.equal(await receiveText(again), "again");
});

test("An address in use is EADDRINUSE", () => {
  using it = new UdpPair();
  const error = failure(() => it.port.bind(it.left.addr));
  assert.equal(error.code, "EADDRINUSE");
  assert.equal(error.syscall, "bind");
  assert.equal(
    error.message,
    `Cannot bind to ${hostname}:${it.left.addr.port}: address already in use`,
  );
});

test("using and await using close the socket", async () => {
  let addr;
  {
    using socket = bind({ hostname, port: 0 });
    addr = socket.addr;
  }
  {
    await using socket = bind(addr);
    await socket.send(bytesOf("hello"), addr);
  }
  bind(addr).close();
});

test("A signal closes the socket", async () => {
  using port = new CompletionPort();
  const controller = new AbortController();
  const socket = port.bind({ hostname, port: 0, signal: controller.signal });
  const loop = socket[Symbol.asyncIterator]().next();
  controller.abort();
  assert.equal((await within("the loop", loop)).done, true);
  assert.throws(
    () => port.bind({ hostname, port: 0, signal: controller.signal }),
    { name: "AbortError" },
  );
});

test("Closing its port closes a datagram socket", async () => {
  const it = new UdpPair();
  const loop = it.left[Symbol.asyncIterator]().next();
  const received = it.right.receive(new Uint8Array(1));
  it.port.close();
  assert.equal((await within("the loop", loop)).done, true);
  assert.equal((await errorFrom(received)).code, "EINTR");
  assert.equal(failure(() => it.port.bind({ port: 0 })).code, "EBADF");
});

test("An unref'd socket does not keep the process alive", async () => {
  const { code, stdout, stderr } = await run("datagram_life", []);
  assert.deepEqual([code, stdout], [0, "bound\n"], stderr);
});

test("IPv6 sockets exchange datagrams", { skip: noIpv6 }, async () => {
  using it = new UdpPair({ hostname: "::1" });
  await sendTexts(it.left, it.right.addr, "hello");
  const { data, addr } = await within(
    "a datagram",
    it.right.receive(new Uint8Array(100)),
  );
  assert.equal(textOf(data), "hello");
  assert.deepEqual({ ...addr }, it.left.addr);
  assert.equal(addr.hostname, "::1");
});

test(
  "A socket on :: exchanges datagrams with IPv4 as well",
  { skip: noIpv6 },
  async () => {
    using port = new CompletionPort();
    const both = port.bind({ hostname: "::", port: 0 });
    const v4 = port.bind({ hostname, port: 0 });
    await sendTexts(v4, { hostname, port: both.addr.port }, "to both");
    const [{ data, addr } = { data: undefined!, addr: undefined! }] =
      await take(
        both,
        1,
      );
    assert.equal(textOf(data), "to both");
    assert.deepEqual({ ...addr }, {
      transport: "udp",
      hostname: `::ffff:${hostname}`,
      port: v4.addr.port,
    });
    await sendTexts(both, addr, "to the sender");
    assert.equal(await receiveText(v4), "to the sender");
    /* A plain IPv4 address is the same destination. */
    await sendTexts(both, v4.addr, "to IPv4");
    assert.equal(await receiveText(v4), "to IPv4");
  },
);

test(
  "With ipv6Only a socket on :: shares the port with IPv4",
  { skip: noIpv6 },
  async () => {
    using port = new CompletionPort();
    const v6 = port.bind({ hostname: "::", port: 0, ipv6Only: true });
    const v4 = port.bind({ hostname, port: v6.addr.port });
    const error = await errorFrom(v6.send(bytesOf("hello"), v4.addr));
    assert.equal(error.code, "EAFNOSUPPORT");
    const other = await errorFrom(
      v4.send(bytesOf("hello"), { hostname: "::1", port: v6.addr.port }),
    );
    assert.equal(other.code, "EAFNOSUPPORT");
  },
);

test("reusePort shares an address, and each peer has one of the sockets", {
  skip: isWindows && "Windows has no SO_REUSEPORT",
}, async () => {
  using port = new CompletionPort();
  const first = port.bind({ hostname, port: 0, reusePort: true });
  const second = port.bind({ ...first.addr, reusePort: true });
  assert.equal(first.addr.port, second.addr.port);
  const rounds = 3;
  /* Linux chooses by a hash of both addresses: that all of them get the same socket
   * happens once in 2^63 runs. */
  const peers = Array.from(
    { length: 64 },
    () => port.bind({ hostname, port: 0 }),
  );
  const from: number[][] = [[], []];
  const loops = [first, second].map(async (socket, i) => {
    for await (const { addr } of socket) from[i]!.push(addr.port);
  });
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) await sendTexts(peer, first.addr, "hello");
  }
  await eventually(
    "all have come",
    () => from.flat().length === rounds * peers.length,
  );
  for (const ports of from) assert.ok(ports.length > 0, "one has nothing");
  for (const { addr } of peers) {
    const counts = from.map((ports) =>
      ports.filter((port) => port === addr.port).length
    );
    assert.deepEqual(counts.toSorted(), [0, rounds], `${counts}`);
  }
  first.close();
  second.close();
  await within("the loops", Promise.all(loops));
});

describe("An option that Windows lacks is NotSupported:", () => {
  const table: [key: string, hostname: string][] = [
    ["reusePort", hostname],
    ["reuseAddress", group],
    ["offload", hostname],
  ];
  for (const [key, hostname] of table) {
    test(key, { skip: !isWindows && "Linux has it" }, async () => {
      using port = new CompletionPort();
      assert.throws(
        () => port.bind({ hostname, port: 0, [key]: true }),
        (error) => error instanceof NotSupported && error.message.includes(key),
      );
      await eventually("it is closed", () => port.stats().sockets === 0);
    });
  }
});

test("A datagram socket has no blocking calls, and cannot be detached", () => {
  using it = new UdpPair();
  for (const name of ["receiveSync", "sendSync", "readSync", "detach"]) {
    assert.equal(name in it.left, false, name);
  }
});

test("The address and the state of a datagram socket are shown", () => {
  using port = new CompletionPort();
  const socket = port.bind({ hostname, port: 0 });
  const text = (state: string) =>
    `DatagramSocket { addr: '${hostname}:${socket.addr.port}', state: '${state}' }`;
  assert.equal(inspect(socket), text("open"));
  socket.close();
  assert.equal(inspect(socket), text("closed"));
  assert.equal(typeof inspect(DatagramSocket.prototype), "string");
});
