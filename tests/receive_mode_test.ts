// Copyright the iocp authors. MIT license.
/* The receive modes: the buffers that are posted and the bytes that are received
 * ahead of the reader in each mode, and that no bytes are lost in any. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { CompletionPort, type Conn, type ReceiveOptions } from "../mod.ts";
import { eventually, settled, within } from "./shared/deadline.ts";
import { type Pair, pair } from "./shared/pair.ts";
import { bytesOf, Digest, digest, pattern } from "./shared/pattern.ts";
import {
  type Receive,
  receiveByByob,
  receiveByChunks,
  receiveByLoop,
  receiveByRead,
  receiveByStream,
  receiveMixed,
  sendUnawaited,
} from "./shared/transfer.ts";

const MIB = 1024 * 1024;
/* Only Windows posts receive operations. */
const posts = process.platform === "win32";

const KINDS: readonly ReceiveOptions[] = [
  { mode: "auto" },
  { mode: "auto", bufferSize: 20_000 },
  { mode: "zero-byte" },
  { mode: "zero-byte", bufferSize: 1000 },
  { mode: "flow" },
  { mode: "flow", bufferSize: 777 },
  { mode: "burst" },
  { mode: "burst", bufferSize: 4096, depth: 8, limit: 20_000 },
  { mode: "burst", bufferSize: 512, depth: 64 },
];

function nameOf(receive: ReceiveOptions): string {
  return Object.values(receive).join(" ");
}

/* A pair whose server has the given mode. */
function receiving(receive: ReceiveOptions): Promise<Pair> {
  return pair({ listen: { receive } });
}

/* Starts a read, and waits until the library has posted its receives. */
async function startRead(conn: Conn): Promise<{ reading: Promise<unknown> }> {
  const reading = conn[Symbol.asyncIterator]().next();
  await settled("posting", () => conn.stats().receivesPosted);
  return { reading };
}

describe("While idle", () => {
  const rows: [ReceiveOptions, receives: number, bytes: number][] = [
    [{ mode: "zero-byte" }, 1, 0],
    [{ mode: "auto" }, 1, 1024],
    [{ mode: "auto", bufferSize: 5000 }, 1, 5000],
    [{ mode: "flow", bufferSize: 4096 }, 1, 4096],
    [{ mode: "burst", bufferSize: 4096, depth: 8 }, 8, 32768],
    [{ mode: "burst", bufferSize: 4096, depth: 8, limit: 10_000 }, 3, 10_000],
    [{ mode: "burst", bufferSize: 4096, depth: 8, limit: 100 }, 1, 100],
  ];
  for (const [receive, receives, bytes] of rows) {
    test(`${nameOf(receive)} holds ${bytes} bytes`, async () => {
      using ends = await receiving(receive);
      const { client, server, port } = ends;
      const { reading } = await startRead(server);
      const stats = server.stats();
      assert.equal(stats.receivesPosted, posts ? receives : 0);
      assert.equal(stats.bytesPosted, posts ? bytes : 0);
      assert.equal(stats.operations, posts ? receives : 0);
      assert.equal(port.stats().bytesPosted, posts ? bytes : 0);
      await client.write(bytesOf("hello"));
      await within("the chunk", reading);
    });
  }
});

/* The bytes received ahead while the peer sends all that it can. */
async function aheadUnderFlood(receive: ReceiveOptions): Promise<number[]> {
  using ends = await receiving(receive);
  const { client, server } = ends;
  const bytes = pattern(4 * MIB);
  client.write(bytes).catch(() => {});
  const result = new Digest();
  const chunks = server[Symbol.asyncIterator]();
  const ahead: number[] = [];
  for (let i = 0; i < 10; i++) {
    const { value } = await within("a chunk", chunks.next());
    result.add(value!);
    const most = await settled("the flood", () => server.stats().bytesAhead);
    const { bytesPosted, bytesReadable } = server.stats();
    assert.ok(bytesReadable >= most);
    ahead.push(most + bytesPosted);
  }
  assert.equal(result.text(), digest(pattern(result.length)));
  client.reset();
  return ahead;
}

describe("Under a flood", () => {
  test("zero-byte receives nothing ahead of the reader", async () => {
    const ahead = await aheadUnderFlood({ mode: "zero-byte" });
    assert.deepEqual(new Set(ahead), new Set([0]));
  });
  test("flow receives no more than its buffer", async () => {
    const ahead = await aheadUnderFlood({ mode: "flow", bufferSize: 3000 });
    assert.ok(Math.max(...ahead) <= 3000, `${ahead}`);
    assert.ok(Math.max(...ahead) > 0, `${ahead}`);
  });
  test("burst never exceeds its limit", async () => {
    const receive = { bufferSize: 4096, depth: 8, limit: 10_000 };
    const ahead = await aheadUnderFlood({ mode: "burst", ...receive });
    assert.ok(Math.max(...ahead) <= 10_000, `${ahead}`);
    assert.ok(Math.max(...ahead) > 5000, `${ahead}`);
  });
  test("burst fills several buffers", async () => {
    const receive = { bufferSize: 4096, depth: 8 };
    const ahead = await aheadUnderFlood({ mode: "burst", ...receive });
    assert.ok(Math.max(...ahead) <= 32768, `${ahead}`);
    assert.ok(Math.max(...ahead) > 16384, `${ahead}`);
  });
});

describe("No chunk is larger than the buffer", () => {
  for (const mode of ["zero-byte", "flow"] as const) {
    test(mode, async () => {
      using ends = await receiving({ mode, bufferSize: 1000 });
      const written = ends.client.write(pattern(MIB));
      let length = 0;
      for await (const chunk of ends.server) {
        assert.ok(chunk.length <= 1000, `${chunk.length}`);
        length += chunk.length;
        if (length === MIB) break;
      }
      await written;
    });
  }
});

describe("All bytes arrive in order", () => {
  const receives: Record<string, Receive> = {
    "a loop": receiveByLoop,
    "chunks(p)": receiveByChunks(10_000),
    "read(p)": receiveByRead(1, 10_000, 333),
    "a stream": receiveByStream,
    "a BYOB reader": receiveByByob,
    "a loop and read(p)": receiveMixed,
  };
  for (const receive of KINDS) {
    for (const [way, receiveAll] of Object.entries(receives)) {
      test(`${nameOf(receive)}, by ${way}`, async () => {
        using ends = await receiving(receive);
        const bytes = pattern(2 * MIB, 7);
        const received = receiveAll(ends.server);
        await ends.client.write(bytes);
        ends.client.close();
        assert.equal(await within("the bytes", received), digest(bytes));
      });
    }
  }
});

/* Other connections of the port are busy meanwhile. */
test("64 MiB arrive in order at depth 8 under load", async () => {
  using ends = await receiving({ mode: "burst", bufferSize: 4096, depth: 8 });
  const { client, server, port, listener } = ends;
  let hasFinished = false;
  const load = Array.from({ length: 8 }, async () => {
    const one = await port.connect({ port: listener.addr.port });
    const other = await listener.accept();
    const p = new Uint8Array(1000);
    let rounds = 0;
    while (!hasFinished) {
      await one.write(p);
      await other.read(p);
      rounds++;
    }
    return rounds;
  });
  const received = receiveByLoop(server);
  const sent = new Digest();
  for (let at = 0; at < 64 * MIB; at += MIB) {
    const bytes = pattern(MIB, 3, at);
    sent.add(bytes);
    await client.write(bytes);
  }
  client.close();
  assert.equal(await within("the bytes", received), sent.text());
  hasFinished = true;
  const rounds = await within("the load", Promise.all(load));
  assert.ok(rounds.every((count) => count > 10), `${rounds}`);
});

test("conn.setOptions() changes the mode during a transfer", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const bytes = pattern(4 * MIB, 5);
  const written = client.write(bytes).then(() => client.close());
  const result = new Digest();
  let next = 0;
  for await (const chunk of server) {
    result.add(chunk);
    /* Not after the last byte, when the peer may have closed. */
    if (result.length < bytes.length) {
      server.setOptions({ receive: KINDS[next++ % KINDS.length]! });
    }
  }
  assert.equal(result.text(), digest(bytes));
  assert.ok(next > KINDS.length, `${next} changes`);
  await written;
});

test("conn.options.receive has the mode in force", async () => {
  using ends = await receiving({ mode: "burst", bufferSize: 2000, depth: 3 });
  const burst = { mode: "burst", bufferSize: 2000, depth: 3, limit: 6000 };
  assert.deepEqual(ends.listener.options.receive, burst);
  assert.deepEqual(ends.server.options.receive, burst);
  assert.equal(ends.client.options.receive.mode, "auto");
  ends.client.setOptions({ receive: { mode: "flow" } });
  assert.deepEqual(ends.client.options.receive, {
    mode: "flow",
    bufferSize: 16384,
    depth: 1,
    limit: 16384,
  });
});

test("Many idle connections in zero-byte mode hold no buffer", async () => {
  using port = new CompletionPort();
  const listener = port.listen({
    hostname: "127.0.0.1",
    port: 0,
    receive: { mode: "zero-byte" },
  });
  const servers: Conn[] = [];
  for (let i = 0; i < 50; i++) {
    const [, server] = await Promise.all([
      port.connect(listener.addr),
      listener.accept(),
    ]);
    servers.push(server);
    server[Symbol.asyncIterator]().next().catch(() => {});
  }
  await eventually(
    "all receive",
    () =>
      !posts || servers.every((server) => server.stats().receivesPosted === 1),
  );
  assert.equal(port.stats().bytesPosted, 0);
});

/* In one turn the queue has both received bytes and connections that are readable.
 * Reading from the latter must not overwrite bytes that are not delivered yet. */
test("A connection in zero-byte mode leaves the chunks of others intact", async () => {
  const SIZE = 20_000;
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const ends: { client: Conn; server: Conn }[] = [];
  for (let i = 0; i < 20; i++) {
    const receive: ReceiveOptions = {
      mode: i % 2 === 0 ? "zero-byte" : "auto",
    };
    const [client, server] = await within(
      "connecting",
      Promise.all([
        port.connect({ ...listener.addr, receive }),
        listener.accept(),
      ]),
    );
    ends.push({ client, server });
  }
  for (let round = 0; round < 3; round++) {
    const received = ends.map(async ({ client }, i) => {
      const result = new Digest();
      const chunks = client[Symbol.asyncIterator]();
      while (result.length < SIZE) result.add((await chunks.next()).value!);
      assert.equal(result.text(), digest(pattern(SIZE, i, round * SIZE)));
    });
    await settled("pending reads", () => port.stats().polls);
    for (const [i, { server }] of ends.entries()) {
      server.write(pattern(SIZE, i, round * SIZE));
    }
    await within("the chunks", Promise.all(received));
  }
});

test("All bytes before the end arrive after this side has half-closed", async () => {
  using port = new CompletionPort();
  using other = new CompletionPort();
  const receive: ReceiveOptions = { mode: "burst", bufferSize: 257, depth: 4 };
  async function answer(length: number, seed: number) {
    const listener = other.listen({
      hostname: "127.0.0.1",
      port: 0,
      allowHalfOpen: true,
    });
    const [client, server] = await Promise.all([
      port.connect({ ...listener.addr, receive, allowHalfOpen: true }),
      listener.accept(),
    ]);
    /* The client posts receives before it half-closes. */
    server.write(pattern(1, seed));
    await client.read(new Uint8Array(1));
    await client.write(pattern(5000, 1));
    await client.closeWrite();
    await receiveByLoop(server);
    const sent = sendUnawaited(server, length, seed);
    const received = await receiveByLoop(client);
    await sent;
    assert.equal(received, digest(pattern(length, seed)));
    for (const one of [client, server, listener]) one.close();
  }
  const lanes = Array.from({ length: 4 }, async (_, lane) => {
    for (let i = 0; i < 5; i++) await answer(700 * (i + 1), lane);
  });
  await within("the answers", Promise.all(lanes));
});
