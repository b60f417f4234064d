// Copyright the iocp authors. MIT license.
/* conn.leased(): chunks whose memory is used again. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { bind, type Conn, type OperationOptions } from "../mod.ts";
import { socketOf } from "../src/conn.ts";
import { SLAB_BYTES } from "../src/loop/slab.ts";
import { within } from "./shared/deadline.ts";
import { outcome } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";
import { Digest, digest, pattern } from "./shared/pattern.ts";
import { transports } from "./shared/transports.ts";

const TOTAL = 20 * SLAB_BYTES + 12_345;

async function send(conn: Conn, bytes: Uint8Array): Promise<void> {
  await conn.write(bytes);
  await conn.closeWrite();
}

/* Without limits, and with limits that do not end a turn. */
const limits: Record<string, OperationOptions | undefined> = {
  "leased()": undefined,
  "leased(options)": { timeout: 3_600_000 },
};

for (const [call, options] of Object.entries(limits)) {
  for (const { name, open } of transports) {
    test(`${call} delivers every byte in order, over ${name}`, async () => {
      using ends = await open({ allowHalfOpen: true });
      const { client, server } = ends;
      const bytes = pattern(TOTAL);
      const sending = client.write(bytes).then(() => client.close());
      const result = new Digest();
      for await (const chunk of server.leased(options)) result.add(chunk);
      await within("the write", sending);
      assert.equal(result.text(), digest(bytes));
    });

    test(`${call} uses memory again, and a chunk that is kept becomes empty, over ${name}`, async () => {
      using ends = await open();
      const { client, server } = ends;
      const sending = client.write(pattern(TOTAL)).then(() => client.close());
      const kept: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of server.leased(options)) {
        length += chunk.length;
        kept.push(chunk);
      }
      await within("the write", sending);
      assert.equal(length, TOTAL);
      /* All but those of the last buffers. */
      const left = kept.filter((chunk) => chunk.length > 0);
      const bytes = left.reduce((sum, chunk) => sum + chunk.length, 0);
      assert.ok(
        bytes <= 2 * SLAB_BYTES,
        `${bytes} bytes were not given back`,
      );
    });
  }
}

test("Wrong options of leased() are refused by name", async () => {
  using ends = await pair();
  const wrong: [unknown, string, RegExp][] = [
    [1, "TypeError", /"options"/],
    [null, "TypeError", /"options"/],
    [{ timeout: 0.5 }, "RangeError", /"timeout"/],
    [{ signal: 1 }, "TypeError", /"signal"/],
  ];
  for (const [options, name, message] of wrong) {
    const given = options as OperationOptions;
    assert.throws(() => ends.server.leased(given), { name, message });
  }
});

test("leased() and owned chunks of other connections do not touch each other", async () => {
  using borrowing = await pair();
  using owning = await pair();
  const bytes = pattern(TOTAL, 7);
  const others = pattern(TOTAL, 8);
  const own: Uint8Array[] = [];
  const lent = new Digest();
  const loops = [
    send(borrowing.client, bytes),
    send(owning.client, others),
    (async () => {
      for await (const chunk of borrowing.server.leased()) {
        lent.add(chunk);
        await Promise.resolve();
      }
    })(),
    (async () => {
      for await (const chunk of owning.server) own.push(chunk);
    })(),
  ];
  await within("the loops", Promise.all(loops));
  assert.equal(lent.text(), digest(bytes));
  /* All of them still have their bytes. */
  assert.equal(digest(...own), digest(others));
});

test("Chunks that other ways of reading give are kept while one is lent", async () => {
  using borrowing = await pair();
  const lease = borrowing.server.leased();
  await borrowing.client.write(new Uint8Array(1000));
  const first = await lease.next();
  assert.equal((first.value as Uint8Array).length, 1000);

  using other = await pair();
  const bytes = pattern(8 * SLAB_BYTES, 3);
  const sending = send(other.client, bytes);
  const kept: Uint8Array[] = [];
  const reader = other.server.readable.getReader();
  for (;;) {
    const { value, done } = await within("a chunk", reader.read());
    if (done) break;
    kept.push(value);
  }
  await sending;

  using third = await pair();
  const again = send(third.client, bytes);
  const viaDuplex: Uint8Array[] = [];
  const duplex = third.server.duplex() as unknown as AsyncIterable<Uint8Array>;
  for await (const chunk of duplex) viaDuplex.push(chunk);
  await again;

  const flood = send(borrowing.client, new Uint8Array(TOTAL));
  while (!(await within("the rest", lease.next())).done);
  await flood;
  assert.equal(digest(...kept), digest(bytes));
  assert.equal(digest(...viaDuplex), digest(bytes));
});

test("Datagrams are kept while chunks are lent", async () => {
  using borrowing = await pair();
  const lease = borrowing.server.leased();
  await borrowing.client.write(new Uint8Array(1000));
  await lease.next();
  using receiver = bind({ hostname: "127.0.0.1", port: 0 });
  using sender = bind({ hostname: "127.0.0.1", port: 0 });
  const kept: Uint8Array[] = [];
  const iterator = receiver[Symbol.asyncIterator]();
  for (let i = 0; i < 20; i++) {
    const next = iterator.next();
    await sender.send(pattern(1000, i), receiver.addr);
    kept.push((await within("a datagram", next)).value!.data);
  }
  const flood = send(borrowing.client, new Uint8Array(TOTAL));
  while (!(await within("the rest", lease.next())).done);
  await flood;
  for (const [i, data] of kept.entries()) {
    assert.deepEqual(data, pattern(1000, i));
  }
});

test("A lent chunk can be written while the loop waits for the write", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const echo = async () => {
    for await (const chunk of server.leased()) await server.write(chunk);
  };
  const echoing = echo();
  const bytes = pattern(TOTAL);
  const sending = send(client, bytes);
  const result = new Digest();
  for await (const chunk of client.leased()) result.add(chunk);
  await within("the echo", Promise.all([echoing, sending]));
  assert.equal(result.text(), digest(bytes));
});

test("leased() ends as the default loop does", async () => {
  using left = await pair();
  await left.client.write(new Uint8Array(5));
  for await (const _ of left.server.leased()) break;
  assert.equal(
    await outcome(() => left.server.write(new Uint8Array(1))),
    "EBADF",
  );

  using failed = await pair();
  const loop = async () => {
    for await (const _ of failed.server.leased());
  };
  const looping = outcome(loop);
  failed.client.reset();
  assert.equal(await looping, "ECONNRESET");

  using half = await pair({ allowHalfOpen: true });
  await half.client.closeWrite();
  for await (const _ of half.server.leased());
  assert.equal(await half.server.write(new Uint8Array(3)), 3);
});

test("A connection borrows once, however many loops it has", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const { slab } = socketOf(server)!.loop;
  let count = 0;
  const { addBorrower } = slab;
  slab.addBorrower = () => {
    count++;
    addBorrower.call(slab);
  };
  try {
    for (let i = 0; i < 5; i++) {
      await client.write(pattern(1000, i));
      const { value } = await within("a chunk", server.leased().next());
      assert.deepEqual(value, pattern(1000, i));
    }
  } finally {
    slab.addBorrower = addBorrower;
  }
  assert.equal(count, 1);
});

test("Several turns may be requested at once", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const lease = server.leased();
  const turns = [lease.next(), lease.next()];
  const chunks: Uint8Array[] = [];
  for (const [i, turn] of turns.entries()) {
    await client.write(pattern(1000, i));
    const { value } = await within("a chunk", turn);
    chunks.push(value!);
  }
  assert.deepEqual(chunks[0], pattern(1000, 0));
  assert.deepEqual(chunks[1], pattern(1000, 1));
});

/* What structuredClone() says about transferring the memory of a chunk. */
function transfer(chunk: Uint8Array): string {
  try {
    structuredClone(chunk, { transfer: [chunk.buffer as ArrayBuffer] });
    return "transferred";
  } catch (error) {
    return (error as Error).name;
  }
}

test("A kept chunk is protected while others are lent, as it is otherwise", async () => {
  async function received(): Promise<Uint8Array> {
    using ends = await pair();
    await ends.client.write(new Uint8Array(1000));
    const { value } = await ends.server[Symbol.asyncIterator]().next();
    return value!;
  }
  const usual = transfer(await received());
  using borrowing = await pair();
  const lease = borrowing.server.leased();
  const flood = send(borrowing.client, new Uint8Array(TOTAL));
  for (let length = 0; length < TOTAL / 2;) {
    length += (await within("a chunk", lease.next())).value!.length;
  }
  assert.equal(transfer(await received()), usual);
  while (!(await within("the rest", lease.next())).done);
  await flood;
});
