// Copyright the iocp authors. MIT license.
/* What receiving costs in memory, and what is lost. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { CompletionPort } from "../mod.ts";
import { AHEAD_MAX } from "../src/datagram/receive_queue.ts";
import { receiveText, sendTexts, take, UdpPair } from "./shared/datagrams.ts";
import { eventually, settled, within } from "./shared/deadline.ts";
import { pattern, textOf } from "./shared/pattern.ts";

const isWindows = process.platform === "win32";
const hostname = "127.0.0.1";

test("A steady peer has one address object, which is frozen", async () => {
  using port = new CompletionPort();
  const server = port.bind({ hostname, port: 0 });
  const clients = Array.from(
    { length: 50 },
    () => port.bind({ hostname, port: 0 }),
  );
  const known = new Map<number, object>();
  for (let round = 0; round < 4; round++) {
    for (const client of clients) await sendTexts(client, server.addr, "hello");
    for (const { addr } of await take(server, clients.length)) {
      assert.ok(Object.isFrozen(addr));
      const before = known.get(addr.port);
      if (round === 0) assert.equal(before, undefined);
      else assert.equal(addr, before);
      known.set(addr.port, addr);
    }
  }
  assert.equal(known.size, clients.length);
  /* receive() knows the same objects. */
  await sendTexts(clients[7]!, server.addr, "again");
  const { addr } = await within("it", server.receive(new Uint8Array(10)));
  assert.equal(addr, known.get(clients[7]!.addr.port));
});

test("An address of a datagram cannot be changed, and can be answered", async () => {
  using it = new UdpPair();
  await sendTexts(it.left, it.right.addr, "hello");
  const { addr } = await within("it", it.right.receive(new Uint8Array(10)));
  assert.throws(() => (addr as { port: number }).port = 1, TypeError);
  await sendTexts(it.right, addr, "answer");
  assert.equal(await receiveText(it.left), "answer");
});

test("Nothing is received before it is asked for", async () => {
  using it = new UdpPair();
  await sendTexts(it.left, it.right.addr, "1", "2", "3");
  await eventually("they are sent", () => it.left.stats().datagramsSent === 3);
  assert.equal(it.right.stats().bytesAhead, 0);
  assert.equal(await receiveText(it.right), "1");
  assert.equal(it.right.stats().bytesAhead, 0);
  assert.equal(await receiveText(it.right), "2");
});

async function receivesAheadUpToLimit(): Promise<void> {
  using port = new CompletionPort();
  const sender = port.bind({ hostname, port: 0 });
  const receiver = port.bind({
    hostname,
    port: 0,
    systemReceiveBuffer: 100_000,
  });
  const loop = receiver[Symbol.asyncIterator]();
  const first = loop.next();
  const data = pattern(1_000);
  let count = 0;
  /* On a busy machine most of them may be lost before they are received. */
  do {
    for (let i = 0; i < 3_000; i++) await sender.send(data, receiver.addr);
    count += 3_000;
    await settled("what is ahead", () => receiver.stats().bytesAhead);
  } while (receiver.stats().bytesAhead < AHEAD_MAX / 2 && count < 60_000);
  await within("the first", first);
  const stats = receiver.stats();
  /* One batch may exceed it. */
  assert.ok(stats.bytesAhead <= AHEAD_MAX + 70_000, `${stats.bytesAhead}`);
  assert.ok(stats.bytesAhead >= AHEAD_MAX / 2, `${stats.bytesAhead}`);
  assert.ok(stats.datagramsReceived < count / 2, `${stats.datagramsReceived}`);
  /* The loop gets what was received ahead and what the system holds. */
  let received = 1;
  let next = loop.next();
  next.catch(() => {});
  for (;;) {
    const late = new Promise((resolve) => setTimeout(resolve, 500));
    const result = await Promise.race([next, late]) as
      | IteratorResult<{ data: Uint8Array }>
      | undefined;
    if (result === undefined) break;
    assert.deepEqual(result.value.data, data);
    received++;
    next = loop.next();
  }
  const { datagramsReceived, datagramsDropped } = receiver.stats();
  assert.equal(datagramsReceived, received);
  assert.ok(received < count, "nothing was lost");
  /* Windows does not count them. Linux is asked, so that no later datagram is needed
   * to learn of those that were lost behind the last one. */
  assert.equal(datagramsDropped, isWindows ? 0 : count - received);
}

test(
  "A slow loop receives ahead up to a limit, and the system counts the rest",
  {
    skip: isWindows && "Windows does not count them",
  },
  receivesAheadUpToLimit,
);

test(
  "A slow loop receives ahead up to a limit, and the system counts nothing",
  {
    skip: !isWindows && "Linux counts the rest",
  },
  receivesAheadUpToLimit,
);

test("A datagram that is kept does not keep a slab of 256 KiB with it", async () => {
  using it = new UdpPair();
  const loop = it.right[Symbol.asyncIterator]();
  const first = loop.next();
  await sendTexts(it.left, it.right.addr, "first");
  await within("it", first);
  await sendTexts(it.left, it.right.addr, "second");
  await eventually("it has come", () => it.right.stats().bytesAhead > 0);
  const { data } = (await within("it", loop.next())).value!;
  assert.equal(textOf(data), "second");
  assert.ok(data.buffer.byteLength < 1_000, `${data.buffer.byteLength}`);
});

test("systemReceiveBuffer can be set and is read back", () => {
  using port = new CompletionPort();
  const socket = port.bind({ port: 0, systemReceiveBuffer: 50_000 });
  assert.equal(socket.options.systemReceiveBuffer, 50_000);
  socket.setOptions({ systemReceiveBuffer: 70_000, systemSendBuffer: 60_000 });
  const { systemReceiveBuffer, systemSendBuffer } = socket.options;
  assert.deepEqual([systemReceiveBuffer, systemSendBuffer], [70_000, 60_000]);
});

test("With offload datagrams are received one by one as without", {
  skip: isWindows && "Windows has no offload",
}, async () => {
  using port = new CompletionPort();
  const sender = port.bind({ hostname, port: 0, offload: true });
  const receiver = port.bind({ hostname, port: 0, offload: true });
  const { addr } = receiver;
  const lengths = [...new Array<number>(40).fill(1_000), 500, 0, 1, 1, 1_000];
  const datagrams = lengths.map((length, i) => ({
    data: pattern(length, i),
    addr,
  }));
  assert.equal(await sender.sendMany(datagrams), lengths.length);
  const received = await take(receiver, lengths.length);
  for (const [i, { data, size, isTruncated }] of received.entries()) {
    assert.deepEqual([...data], [...pattern(lengths[i]!, i)], `datagram ${i}`);
    assert.deepEqual([size, isTruncated], [lengths[i], false]);
  }
});

test("A long series of datagrams is received without a gap", async () => {
  using it = new UdpPair();
  const window = 50;
  let sent = 0;
  let received = 0;
  const count = 5_000;
  const send = async () => {
    const view = new Uint8Array(new Uint32Array([sent++]).buffer);
    await it.left.send(view, it.right.addr);
  };
  while (sent < window) await send();
  for await (const batch of it.right.batches()) {
    for (const { data } of batch) {
      assert.equal(new Uint32Array(data.slice().buffer)[0], received++);
      if (sent < count) await send();
    }
    if (received === count) break;
  }
});

test("Datagrams that fill several slabs are received whole", async () => {
  using port = new CompletionPort();
  const systemReceiveBuffer = 4_000_000;
  const sender = port.bind({ hostname, port: 0 });
  const receiver = port.bind({ hostname, port: 0, systemReceiveBuffer });
  const { addr } = receiver;
  let received = 0;
  let sent = 0;
  const lengthOf = (i: number) =>
    i % 3 === 0 ? 65_507 : 20_000 + 1_000 * (i % 30);
  const send = async () => {
    await sender.send(pattern(lengthOf(sent), sent), addr);
    sent++;
  };
  for (let i = 0; i < 3; i++) await send();
  for await (const { data, isTruncated } of receiver) {
    assert.equal(isTruncated, false);
    assert.deepEqual(data, pattern(lengthOf(received), received));
    received++;
    if (sent < 60) await send();
    if (received === 60) break;
  }
});
