// Copyright the iocp authors. MIT license.
/* Operations that complete immediately do not starve the event loop, and settle in
 * order. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { broadcast, type Conn } from "../mod.ts";
import { Allowance } from "../src/socket/allowance.ts";
import { currentLoop } from "../src/loop/group.ts";
import { Loop } from "../src/loop/loop.ts";
import { eventually, within } from "./shared/deadline.ts";
import { outcome } from "./shared/outcome.ts";
import { type Pair, pair } from "./shared/pair.ts";
import { Digest, digest, pattern } from "./shared/pattern.ts";

/* Many more than settle in one turn, and few enough for the system's buffers. */
const MANY = 4096;

/* Resolves in the next turn of the runtime's event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/* Sends bytes, and waits until the server can read them without waiting. */
async function fill({ client, server }: Pair, count: number): Promise<void> {
  await client.write(Uint8Array.from({ length: count }, (_, i) => i));
  /* Over loopback bytes mostly arrive when they are sent; the arrival of one more
   * byte shows it. */
  await server.read(new Uint8Array(1));
  for (let i = 0; i < 10; i++) await turn();
}

type Operation = () => Promise<unknown>;
const OPERATIONS: Record<string, (ends: Pair) => Operation> = {
  read: ({ server }) => () => server.read(new Uint8Array(1)),
  "chunks(p)": ({ server }) => {
    const chunks = server.chunks(new Uint8Array(1));
    return () => chunks.next();
  },
  readable: ({ server }) => {
    const reader = server.readable.getReader({ mode: "byob" });
    return () => reader.read(new Uint8Array(1));
  },
  write: ({ client }) => () => client.write(new Uint8Array(1)),
  writable: ({ client }) => {
    const writer = client.writable.getWriter();
    return () => writer.write(new Uint8Array(1));
  },
  broadcast: ({ client, server }) => () =>
    broadcast([client, server], new Uint8Array(1)),
};

describe("The event loop turns while many operations complete immediately:", () => {
  for (const [name, make] of Object.entries(OPERATIONS)) {
    test(name, async () => {
      using ends = await pair();
      await fill(ends, MANY + 1);
      const operation = make(ends);
      let hasTurned = false;
      setImmediate(() => hasTurned = true);
      let count = 0;
      while (!hasTurned && count < MANY) {
        await operation();
        count++;
      }
      assert.ok(count < MANY, `${count} without a turn`);
    });
  }

  test("Allowance.settled(), which next() of a port's events uses", async () => {
    const allowance = new Allowance();
    let hasTurned = false;
    setImmediate(() => hasTurned = true);
    let count = 0;
    for (; !hasTurned && count < MANY; count++) {
      await allowance.settled(count, 0);
    }
    assert.ok(count < MANY, `${count} without a turn`);
  });
});

/* Uses up the allowance of this turn. */
async function spendAllowance(conn: Conn): Promise<void> {
  const reads: Promise<unknown>[] = [];
  for (let i = 0; i < MANY / 2; i++) {
    reads.push(conn.read(new Uint8Array(0)));
  }
  await reads[0];
}

describe("Operations deferred to the next turn stay in order:", () => {
  test("reads, and a close after them", async () => {
    using ends = await pair();
    await fill(ends, MANY + 1);
    const order: number[] = [];
    const bytes: number[] = [];
    const reads: Promise<unknown>[] = [];
    for (let i = 0; i < MANY; i++) {
      const p = new Uint8Array(1);
      reads.push(
        ends.server.read(p).then(() => {
          order.push(i);
          bytes.push(p[0]!);
        }),
      );
    }
    reads.push(
      outcome(() => ends.server.read(new Uint8Array(1))).then((code) => {
        assert.equal(code, "EINTR");
        order.push(MANY);
      }),
    );
    ends.server.close();
    await within("the reads", Promise.all(reads));
    assert.deepEqual(order, Array.from({ length: MANY + 1 }, (_, i) => i));
    assert.deepEqual(
      bytes,
      Array.from({ length: MANY }, (_, i) => i + 1 & 255),
    );
  });

  test("writes, pending or not, and closeWrite()", async () => {
    using ends = await pair();
    const order: string[] = [];
    const { client, server } = ends;
    const log = (name: string) => () => order.push(name);
    const all: Promise<unknown>[] = [];
    const expected: string[] = [];
    for (let i = 0; i < MANY; i++) {
      all.push(client.write(new Uint8Array(1).fill(i)).then(log(`${i}`)));
      expected.push(`${i}`);
    }
    all.push(client.write(new Uint8Array(8 << 20)).then(log("large")));
    all.push(client.write(new Uint8Array(1).fill(1)).then(log("last")));
    all.push(client.closeWrite().then(log("end")));
    let count = 0;
    for await (const chunk of server) {
      const part = chunk.subarray(0, Math.max(0, MANY - count));
      part.forEach((byte, i) => assert.equal(byte, count + i & 255));
      count += chunk.length;
    }
    await within("the writes", Promise.all(all));
    assert.equal(count, MANY + (8 << 20) + 1);
    assert.deepEqual(order, [...expected, "large", "last", "end"]);
  });

  test("reads and detach(), which loses no bytes", async () => {
    using ends = await pair();
    await fill(ends, MANY + 1);
    const p = new Uint8Array(MANY / 2);
    const reads = Array.from(
      p,
      (_, i) => ends.server.read(p.subarray(i, i + 1)),
    );
    const socket = await within("detach", ends.server.detach());
    await within("the reads", Promise.all(reads));
    const { port } = ends;
    const server = port.adopt(socket);
    const rest = new Uint8Array(1);
    await within("a read", server.read(rest));
    assert.equal(rest[0], MANY / 2 + 1 & 255);
    assert.equal(p[p.length - 1], MANY / 2 & 255);
  });
});

describe("A blocking call does not wait for another turn", () => {
  for (const timeout of [0, 60_000]) {
    test(`to read or write, with a timeout of ${timeout}`, async () => {
      using ends = await pair();
      await fill(ends, 100);
      await spendAllowance(ends.server);
      const p = new Uint8Array(1);
      const first = ends.server.read(p);
      const q = new Uint8Array(1);
      assert.equal(ends.server.readSync(q, { timeout }), 1);
      assert.equal(q[0], 2);
      assert.equal(await first, 1);
      assert.equal(p[0], 1);
      await spendAllowance(ends.server);
      const written = ends.client.write(new Uint8Array(1));
      /* On Windows the first bytes may not have arrived yet. */
      assert.equal(ends.client.writeSync(q, { timeout: 60_000 }), 1);
      assert.equal(await written, 1);
    });
  }
});

for (const way of ["pauses", "ends"] as const) {
  test(`a duplex that ${way} loses nothing that was left to the next turn`, async () => {
    using ends = await pair({ receive: { mode: "zero-byte" } });
    using other = await pair();
    const { client, server } = ends;
    const bytes = pattern(5000);
    await client.write(bytes);
    await client.closeWrite();
    await eventually("bytes", () => server.stats().bytesReadable === 5000);
    const p = new Uint8Array(1);
    for (let i = 0; i < 300; i++) other.client.write(p);
    /* Requests a chunk, whose promise is settled in the next turn. */
    const duplex = server.duplex();
    duplex.read(0);
    duplex.pause();
    let isSettled = false;
    /* Was lost after a failure among those before it. */
    const last = other.client.write(p).then(() => isSettled = true);
    if (way === "ends") duplex.destroy();
    await within("a later write", last);
    assert.ok(isSettled);
    if (way === "ends") return;
    const received = new Digest();
    duplex.on("data", (part: Uint8Array) => received.add(part));
    duplex.resume();
    await within("the end", once(duplex, "end"));
    assert.equal(received.text(), digest(bytes));
  });
}

test("a read that is continued in the next turn sees the peer's end, and no error", async () => {
  /* Half of the limit is used up by then, so the continued read requests more. */
  const receive = { mode: "burst", bufferSize: 4096, depth: 2 } as const;
  using ends = await pair({ receive });
  using other = await pair();
  const { client, server } = ends;
  const bytes = pattern(6000, 1);
  await client.write(bytes);
  const first = new Uint8Array(1);
  await server.read(first);
  await eventually("the rest", () => server.stats().bytesAhead === 5999);
  /* Nothing is left of this turn's allowance. */
  for (let i = 0; i < 300; i++) other.client.write(first);
  const read = server.reader().readExactly(8000);
  client.closeWrite();
  assert.equal(await outcome(() => read), "EUNEXPECTEDEND");
});

test("Allowance settles deferred operations in order, before those of the new turn", async () => {
  const loop = new Loop();
  try {
    const { allowance } = loop;
    const order: number[] = [];
    assert.equal(allowance.spend(2 ** 40), false);
    allowance.defer(() => order.push(1));
    allowance.defer(() => order.push(2));
    allowance.resumeLater(() => order.push(3));
    assert.equal(allowance.isPending, true);
    assert.equal(allowance.isLeft, false);
    allowance.begin();
    assert.deepEqual(order, [1, 2, 3]);
    assert.equal(allowance.spend(2 ** 40), true, "each turn has its own bound");
    allowance.end();
    assert.equal(allowance.spend(0), false);
    allowance.defer(() => order.push(4));
    await turn();
    await turn();
    assert.deepEqual(order, [1, 2, 3, 4]);
    assert.equal(allowance.isPending, false);
  } finally {
    loop.close();
  }
});

test("Allowance.settledWrite() makes one promise for writes of one length", async () => {
  const allowance = new Allowance();
  const first = allowance.settledWrite(64);
  assert.equal(allowance.settledWrite(64), first);
  const second = allowance.settledWrite(65);
  assert.notEqual(second, first);
  assert.deepEqual(
    await Promise.all([first, second, allowance.settledWrite(64)]),
    [64, 65, 64],
  );
  assert.equal(await allowance.settledWrite(0), 0);
});

test("Allowance.settledWrite() waits for the next turn when nothing is left", async () => {
  const allowance = new Allowance();
  const settled: number[] = [];
  const note = (bytes: number) => void settled.push(bytes);
  allowance.settledWrite(64).then(note);
  assert.ok(!allowance.spend(2 ** 29));
  allowance.settledWrite(64).then(note);
  allowance.settledWrite(65).then(note);
  for (let i = 0; i < 10; i++) await undefined;
  assert.deepEqual(settled, [64]);
  allowance.begin();
  allowance.end();
  await within("the writes", turn());
  assert.deepEqual(settled, [64, 64, 65]);
});

test("The thread does not sleep between a chunk and an answer from setImmediate()", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const { port } = currentLoop();
  const waitHere = port.waitHere.bind(port);
  /* Chunks that were received, and for which no immediate has come so far. */
  let unanswered = 0;
  let waits = 0;
  port.waitHere = (timeoutUs) => {
    if (unanswered > 0) waits++;
    return waitHere(timeoutUs);
  };
  try {
    const echo = (async () => {
      for await (const chunk of server) await server.write(chunk);
    })();
    const chunks = client[Symbol.asyncIterator]();
    for (let i = 0; i < 500; i++) {
      const next = chunks.next();
      await client.write(new Uint8Array(1));
      await within("the echo", next);
      unanswered++;
      /* As many clients of databases do. */
      await turn();
      unanswered--;
    }
    client.close();
    await echo;
  } finally {
    port.waitHere = waitHere;
  }
  assert.equal(waits, 0);
});

test("A settlement may settle those behind it, and leaves what it defers", () => {
  const allowance = new Allowance();
  const order: number[] = [];
  allowance.defer(() => {
    allowance.defer(() => order.push(4));
    allowance.settle();
    order.push(3);
  });
  allowance.defer(() => order.push(1));
  allowance.defer(() => order.push(2));
  allowance.settle();
  allowance.settle();
  assert.equal(allowance.isPending, false);
  assert.deepEqual(order, [1, 2, 4, 3]);
});
