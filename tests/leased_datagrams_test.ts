// Copyright the iocp authors. MIT license.
/* DatagramSocket.leased(): batches whose memory is used again. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Datagram, DatagramSocket } from "../mod.ts";
import { SLAB_BYTES } from "../src/loop/slab.ts";
import { UdpPair } from "./shared/datagrams.ts";
import { within } from "./shared/deadline.ts";
import { errorFrom } from "./shared/outcome.ts";
import { bytesOf, pattern, textOf } from "./shared/pattern.ts";

const LENGTH = 1200;
/* No more than the buffer of any system has. */
const BURST = 50;
const BURSTS = Math.ceil(8 * SLAB_BYTES / (BURST * LENGTH));

/* Sends bursts, each after `next` has returned that the one before was received. */
async function sendBursts(
  from: DatagramSocket,
  to: DatagramSocket,
  receive: (count: number) => Promise<void>,
): Promise<void> {
  const { addr } = to;
  for (let i = 0; i < BURSTS; i++) {
    const sent = from.sendMany(Array.from({ length: BURST }, (_, j) => ({
      data: pattern(LENGTH, i * BURST + j),
      addr,
    })));
    await within("a burst", Promise.all([sent, receive(BURST)]));
  }
}

/* Takes datagrams from batches, and passes each to `use` with its number. */
function receiving(
  batches: AsyncIterator<Datagram[], undefined>,
  use: (data: Uint8Array, i: number) => void,
): (count: number) => Promise<void> {
  let received = 0;
  return async (count) => {
    for (const end = received + count; received < end;) {
      const { value } = await batches.next();
      for (const { data } of value!) use(data, received++);
    }
  };
}

test("DatagramSocket.leased() uses memory again, and data that is kept becomes empty", async () => {
  using it = new UdpPair();
  const kept: Uint8Array[] = [];
  const receive = receiving(it.right.leased(), (data, i) => {
    assert.deepEqual(data, pattern(LENGTH, i));
    kept.push(data);
  });
  await sendBursts(it.left, it.right, receive);
  assert.equal(kept.length, BURSTS * BURST);
  /* All but those of the last buffers. */
  const left = kept.filter(({ length }) => length > 0);
  const bytes = left.reduce((sum, { length }) => sum + length, 0);
  assert.ok(bytes <= 2 * SLAB_BYTES, `${bytes} bytes were not given back`);
});

test("Data that another socket's loops give is kept while batches are lent", async () => {
  using it = new UdpPair();
  using other = new UdpPair();
  const lease = receiving(it.right.leased(), (data, i) => {
    assert.deepEqual(data, pattern(LENGTH, i));
  });
  const kept: Uint8Array[] = [];
  const owned = receiving(other.right.batches(), (data) => kept.push(data));
  await Promise.all([
    sendBursts(it.left, it.right, lease),
    sendBursts(other.left, other.right, owned),
  ]);
  for (const [i, data] of kept.entries()) {
    assert.deepEqual(data, pattern(LENGTH, i), `datagram ${i}`);
  }
});

test("Data that other calls of a socket give is kept beside its lent batches", async () => {
  using it = new UdpPair();
  const lease = it.right.leased();
  const loop = it.right[Symbol.asyncIterator]();
  const kept: Uint8Array[] = [];
  let received = 0;
  await sendBursts(it.left, it.right, async (count) => {
    for (const end = received + count; received < end;) {
      const { value } = received % 3 === 0
        ? await lease.next()
        : { value: [(await loop.next()).value!] };
      for (const { data } of value!) {
        assert.deepEqual(data, pattern(LENGTH, received));
        if (value!.length === 1) kept[received] = data;
        received++;
      }
    }
  });
  kept.forEach((data, i) => {
    /* A batch of one may have been lent. */
    if (data.length > 0) assert.deepEqual(data, pattern(LENGTH, i));
    else assert.equal(i % 3, 0);
  });
});

test("Leaving a loop over leased() closes the socket, and so do its limits", async () => {
  for (const limited of [false, true]) {
    using it = new UdpPair();
    await it.left.send(bytesOf("hello"), it.right.addr);
    const texts: string[] = [];
    const loop = async () => {
      for await (const batch of it.right.leased({ timeout: 200 })) {
        texts.push(...batch.map(({ data }) => textOf(data)));
        if (!limited) break;
      }
    };
    const looped = within("the loop", loop());
    if (limited) assert.equal((await errorFrom(looped)).code, "ETIMEDOUT");
    else await looped;
    assert.deepEqual(texts, ["hello"]);
    const error = await errorFrom(it.right.receive(new Uint8Array(10)));
    assert.equal(error.code, "EBADF");
    const done = { value: undefined, done: true };
    assert.deepEqual(await it.right.leased().next(), done);
  }
});

test("leased() refuses wrong options by name", () => {
  using it = new UdpPair();
  const expected = { name: "RangeError", message: /"timeout"/ };
  assert.throws(() => it.right.leased({ timeout: -1 }), expected);
});
