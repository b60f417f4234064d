// Copyright the iocp authors. MIT license.
/* Writes of several arrays, writes that do not wait, and how much is pending. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CompletionPort, type Conn } from "../mod.ts";
import { eventually, isSettled, within } from "./shared/deadline.ts";
import { isWindows, localPair } from "./shared/local.ts";
import {
  closeSocket,
  connectSocket,
  segmentsReceived,
} from "./shared/os_socket.ts";
import { errorFrom, failure, outcome } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";
import { pattern } from "./shared/pattern.ts";
import { sendsOf } from "./shared/sends.ts";
import { transports } from "./shared/transports.ts";

/** More than the system's buffers hold. */
const FLOOD_BYTES = 32 * 1024 * 1024;

/* The bytes of a stream, one part after the other. */
class Pattern {
  #position: number;

  constructor(position = 0) {
    this.#position = position;
  }

  next(length: number): Uint8Array<ArrayBuffer> {
    const part = pattern(length, 1, this.#position);
    this.#position += length;
    return part;
  }
}

async function readAll(conn: Conn<never> | Conn): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of conn) chunks.push(chunk);
  return chunks;
}

const LENGTHS: Readonly<Record<string, number[]>> = {
  "no part": [],
  "one part": [5],
  "empty parts": [0, 0, 3, 0],
  "short parts": [1, 2, 3, 4, 5],
  "just what is joined": [1, 65_534, 1],
  "one byte more": [1, 65_535, 1],
  "long parts between short ones": [7, 300_000, 5, 6, 70_000, 1],
  "many parts": Array.from({ length: 500 }, (_, i) => i * 7 % 1000),
};

for (const [what, lengths] of Object.entries(LENGTHS)) {
  test(`write() of ${what} sends them in order`, async () => {
    using ends = await pair();
    using local = await localPair();
    for (const { client, server } of [ends, local]) {
      const sent = new Pattern();
      const parts = lengths.map((length) => sent.next(length));
      const length = lengths.reduce((sum, one) => sum + one, 0);
      const reading = readAll(server as Conn);
      assert.equal(await within("the write", client.write(parts)), length);
      /* The caller may change them now. */
      for (const part of parts) part.fill(0);
      client.close();
      const expected = new Pattern();
      let received = 0;
      for (const chunk of await within("the bytes", reading)) {
        assert.deepEqual(chunk, expected.next(chunk.length));
        received += chunk.length;
      }
      assert.equal(received, length);
    }
  });
}

/* With more bytes in all they are sent in several parts. */
const SHORT_PARTS = [[100, 200], [1, 65_535], Array<number>(1000).fill(65)];

for (const { name, open } of transports) {
  test(`write() of up to 64 KiB is one call of the library, over ${name}`, async () => {
    using ends = await open();
    const client = ends.client as Conn;
    /* A named pipe may have room for less. */
    const reading = readAll(ends.server as Conn);
    for (const sizes of SHORT_PARTS) {
      const parts = sizes.map((size) => new Uint8Array(size));
      const sends = await sendsOf(
        client,
        () => within("the write", client.write(parts)),
      );
      assert.equal(sends.length, 1);
    }
    client.close();
    await within("the bytes", reading);
  });
}

test("write() of short parts is one system call", {
  skip: isWindows && "Windows does not count segments",
}, async () => {
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const handle = connectSocket(listener.addr.port);
  try {
    /* It is TCP_NODELAY, so that each send is a segment of its own. */
    const conn = await within("it", listener.accept());
    assert.equal(conn.options.noDelay, true);
    let received = 0;
    for (const sizes of [[100, 200], Array<number>(100).fill(65)]) {
      await conn.write(sizes.map((size) => new Uint8Array(size)));
      assert.equal(segmentsReceived(handle), ++received);
    }
    for (const size of [100, 200]) await conn.write(new Uint8Array(size));
    assert.equal(segmentsReceived(handle), received + 2);
  } finally {
    closeSocket(handle);
  }
});

test("write() of many parts looks at each of them a few times only", async () => {
  using ends = await pair();
  let looks = 0;
  const parts = Array.from({ length: 4000 }, () => {
    const part = new Uint8Array(40);
    Object.defineProperty(part, "length", { get: () => (looks++, 40) });
    return part;
  });
  const received = readAll(ends.server);
  assert.equal(await within("the write", ends.client.write(parts)), 160_000);
  ends.client.close();
  const chunks = await within("the bytes", received);
  assert.equal(chunks.reduce((sum, { length }) => sum + length, 0), 160_000);
  assert.ok(looks <= 10 * parts.length, `${looks} looks`);
});

for (const { name, open } of transports) {
  test(`write() of parts behind a pending write keeps the order, over ${name}`, async () => {
    using ends = await open();
    const { client, server } = ends;
    const sent = new Pattern();
    const sizes = [FLOOD_BYTES, 10, 20, 100_000, 3];
    const first = client.write(sent.next(sizes[0]!));
    const second = client.write([sent.next(10), sent.next(20)]);
    const third = client.write([sent.next(100_000), sent.next(3)]);
    const expected = new Pattern();
    let left = sizes.reduce((sum, one) => sum + one, 0);
    const buffer = new Uint8Array(1 << 20);
    while (left > 0) {
      const count = await within("bytes", server.read(buffer));
      assert.ok(count !== null);
      assert.deepEqual(buffer.subarray(0, count), expected.next(count));
      left -= count;
    }
    assert.deepEqual(await Promise.all([first, second, third]), [
      FLOOD_BYTES,
      30,
      100_003,
    ]);
  });
}

test("write() of parts takes a timeout, and says how much was accepted", async () => {
  using ends = await pair();
  const parts = [new Uint8Array(FLOOD_BYTES), new Uint8Array(10)];
  const error = await errorFrom(ends.client.write(parts, { timeout: 50 }));
  assert.equal(error.code, "ETIMEDOUT");
  const { bytesWritten } = error;
  assert.ok(
    bytesWritten! > 0 && bytesWritten! < FLOOD_BYTES,
    `${bytesWritten}`,
  );
});

test("write() of parts fails as another write does", async () => {
  using ends = await pair();
  const parts = [new Uint8Array(1), new Uint8Array(1)];
  await ends.client.closeWrite();
  assert.equal(await outcome(() => ends.client.write(parts)), "EPIPE");
  ends.client.close();
  assert.equal(await outcome(() => ends.client.write(parts)), "EBADF");
});

test("Wrong parts are a TypeError that names them", async () => {
  using ends = await pair();
  const wrong: [unknown, string][] = [
    ["abc", '"p" argument must be a Uint8Array or an array of them'],
    [{ length: 0 }, '"p" argument must be a Uint8Array or an array of them'],
    [[new Uint8Array(1), "abc"], '"p[1]" argument must be a Uint8Array'],
    [[new ArrayBuffer(1)], '"p[0]" argument must be a Uint8Array'],
  ];
  for (const [parts, message] of wrong) {
    await assert.rejects(
      () => ends.client.write(parts as never),
      (error: Error) =>
        error instanceof TypeError && error.message.includes(message),
    );
  }
  assert.equal(ends.client.stats().bytesSent, 0);
});

for (const { name, open } of transports) {
  test(`tryWrite() writes what is accepted at once, and then nothing, over ${name}`, async () => {
    using ends = await open();
    const { client, server } = ends;
    const sent = new Pattern();
    let written = 0;
    for (;;) {
      const bytes = new Pattern(written).next(100_000);
      const count = client.tryWrite(bytes);
      bytes.fill(0);
      written += count;
      if (count < bytes.length) break;
    }
    assert.equal(client.tryWrite(new Uint8Array(1)), 0);
    assert.ok(client.writableLength > 0);
    const drained = client.drained();
    const buffer = new Uint8Array(1 << 20);
    for (let left = written; left > 0;) {
      const count = await within("bytes", server.read(buffer));
      assert.ok(count !== null);
      assert.deepEqual(buffer.subarray(0, count), sent.next(count));
      left -= count;
    }
    await within("the drain", drained);
    assert.equal(client.writableLength, 0);
    assert.equal(client.tryWrite(new Uint8Array(7)), 7);
    assert.equal(await server.read(buffer), 7);
  });

  test(`writableLength counts what the system has not accepted, over ${name}`, async () => {
    using ends = await open({ writableHighWaterMark: 1_000_000 });
    const { client, server } = ends;
    assert.equal(client.writableLength, 0);
    assert.equal(client.writableNeedDrain, false);
    const writes = [FLOOD_BYTES, 1000, 2000].map((length) =>
      client.write(new Uint8Array(length))
    );
    const total = FLOOD_BYTES + 3000;
    assert.ok(client.writableLength > 3000 && client.writableLength <= total);
    assert.equal(client.writableNeedDrain, true);
    const reading = readAll(server as Conn);
    await within("the writes", Promise.all(writes));
    await within("the drain", client.drained());
    assert.equal(client.writableLength, 0);
    assert.equal(client.writableNeedDrain, false);
    client.close();
    await reading;
  });

  test(`drained() takes a timeout and a signal, and leaves the writes alone, over ${name}`, async () => {
    using ends = await open();
    const { client, server } = ends;
    const writing = client.write(new Uint8Array(FLOOD_BYTES));
    const code = await outcome(() => client.drained({ timeout: 20 }));
    assert.equal(code, "ETIMEDOUT");
    const controller = new AbortController();
    const { signal } = controller;
    const draining = errorFrom(client.drained({ signal }));
    const other = client.drained();
    assert.equal(await isSettled(draining), false);
    controller.abort("why");
    const aborted = await draining;
    assert.deepEqual([aborted.code, aborted.cause], ["ECANCELED", "why"]);
    const late = await errorFrom(client.drained({ signal }));
    assert.deepEqual([late.code, late.cause], ["ECANCELED", "why"]);
    const reading = readAll(server as Conn);
    assert.equal(await within("the write", writing), FLOOD_BYTES);
    await within("the drain", other);
    client.close();
    const chunks = await reading;
    assert.equal(
      chunks.reduce((sum, { length }) => sum + length, 0),
      FLOOD_BYTES,
    );
  });
}

test("writableHighWaterMark says from how many bytes on there is a need to drain", async () => {
  for (
    const [mark, isNeeded] of [[FLOOD_BYTES, true], [1 << 30, false]] as const
  ) {
    using ends = await pair({ writableHighWaterMark: mark });
    const { client } = ends;
    const writes = [1, 2].map(() =>
      outcome(() => client.write(new Uint8Array(FLOOD_BYTES)))
    );
    assert.ok(client.writableLength >= FLOOD_BYTES);
    assert.equal(client.writableNeedDrain, isNeeded);
    client.reset();
    await Promise.all(writes);
  }
});

test("tryWrite() throws when the connection is closed or has failed", async () => {
  using ends = await pair();
  const { client, server } = ends;
  assert.throws(() => client.tryWrite("abc" as never), TypeError);
  await server.closeWrite();
  assert.equal(failure(() => server.tryWrite(new Uint8Array(1))).code, "EPIPE");
  server.reset();
  await eventually("the failure", () => {
    try {
      return client.tryWrite(new Uint8Array(1)) < 0;
    } catch {
      return true;
    }
  });
  assert.notEqual(failure(() => client.tryWrite(new Uint8Array(1))).code, "");
  client.close();
  assert.equal(failure(() => client.tryWrite(new Uint8Array(1))).code, "EBADF");
});

test("writableLength is exact after a canceled write and after a reset", async () => {
  using ends = await pair();
  const { client } = ends;
  const first = outcome(() => client.write(new Uint8Array(FLOOD_BYTES)));
  const before = client.writableLength;
  const second = client.write(new Uint8Array(5000), { timeout: 20 });
  assert.equal(client.writableLength, before + 5000);
  assert.equal(await outcome(() => second), "ETIMEDOUT");
  assert.ok(client.writableLength <= before);
  client.reset();
  assert.equal(await first, "EINTR");
  assert.equal(client.writableLength, 0);
});
