// Copyright the iocp authors. MIT license.
/* Readers of connections, and loops over their lines and frames: what they leave over
 * goes to the next read of any kind, and no byte is lost or comes twice. */

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, test } from "node:test";
import {
  adopt,
  type ByteReader,
  type Conn,
  type PathAddr,
  SocketError,
} from "../mod.ts";
import { socketOf } from "../src/conn.ts";
import { numberOf } from "../src/errors.ts";
import { delay, eventually, isSettled, within } from "./shared/deadline.ts";
import { receiveByDuplex } from "./shared/duplex.ts";
import {
  Model,
  pickBytes,
  pickOp,
  pieces,
  run,
} from "./shared/framing_model.ts";
import { errorFrom } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";
import { bytesOf, concat, digest, pattern, textOf } from "./shared/pattern.ts";
import { type Random, seeded, seeds } from "./shared/random.ts";
import { SpiedSignal } from "./shared/spied_signal.ts";
import { receiveByLoop, receiveByStream } from "./shared/transfer.ts";
import { kinds, transports } from "./shared/transports.ts";

type AnyConn = Conn | Conn<PathAddr>;

/* Sends the bytes in pieces, and ends. */
async function send(conn: AnyConn, bytes: Uint8Array, random: Random) {
  for (const piece of pieces(bytes, random)) {
    const written = conn.write(piece);
    if (random.chance(0.5)) await written;
    else written.catch(() => {});
    if (random.chance(0.1)) await new Promise((resolve) => setTimeout(resolve));
  }
  conn.close();
}

/* The sender is in this thread, so a read must not block it. */
function readSyncIfAny(conn: AnyConn, p: Uint8Array): number | null {
  try {
    return conn.readSync(p, { timeout: 0 });
  } catch (error) {
    assert.equal((error as SocketError).code, "ETIMEDOUT");
    return 0;
  }
}

/* Reads `count` bytes, or those up to the end. */
async function readBy(conn: AnyConn, count: number, random: Random) {
  const p = new Uint8Array(count);
  let at = 0;
  while (at < count) {
    const room = p.subarray(at);
    const got = random.chance(0.3)
      ? readSyncIfAny(conn, room)
      : random.chance(0.5)
      ? await conn.read(room)
      : (await conn.chunks(room).next()).value?.length ?? null;
    if (got === null) break;
    at += got;
  }
  return p.subarray(0, at);
}

/* A call that may be ended before it has what it wants. */
async function readBriefly(conn: AnyConn, random: Random) {
  const count = 1 + random.size(15_000);
  try {
    return await conn.reader().readExactly(count, {
      timeout: random.integer(0, 1),
    });
  } catch (error) {
    assert.ok(error instanceof SocketError);
    assert.match(error.code, /^(ETIMEDOUT|EUNEXPECTEDEND)$/);
    return new Uint8Array(0);
  }
}

for (const { name, open } of kinds) {
  describe(`${name}: the results do not depend on the chunks, nor on who reads`, () => {
    for (const seed of seeds(1, 3)) {
      test(`seed ${seed}`, () =>
        seeded(seed, "framing_conn", async (random) => {
          for (let round = 0; round < 8; round++) {
            using ends = await open();
            const { client, server } = ends;
            /* The end of a loop over chunks leaves the connection open. */
            server.setOptions({ allowHalfOpen: true });
            const bytes = concat([pickBytes(random), pickBytes(random)]);
            const model = new Model(bytes);
            const sent = send(client, bytes, random.fork());
            let reader = server.reader();
            for (let left = random.size(40); left > 0; left--) {
              if (random.chance(0.3)) reader = server.reader();
              const choice = random.integer(0, 9);
              if (choice === 0) {
                const got = await readBy(server, random.size(5_000), random);
                assert.equal(textOf(got), textOf(model.take(got.length)));
              } else if (choice === 1) {
                const got = await readBriefly(server, random);
                assert.equal(textOf(got), textOf(model.take(got.length)));
              } else {
                const op = pickOp(random);
                const what = JSON.stringify(op);
                const result = await within(what, run(reader, op));
                assert.equal(result, model.run(op), what);
              }
            }
            const receive = random.pick([
              receiveByLoop,
              receiveByStream,
              (conn: AnyConn) => receiveByDuplex(conn.duplex()),
            ]);
            const rest = model.left;
            assert.equal(
              await within("the rest", receive(server)),
              digest(rest),
            );
            await sent;
          }
        }));
    }
  });
}

/* Waits until a reader has got the text, which it does not use yet. */
async function sendText(from: AnyConn, to: AnyConn, text: string) {
  await from.write(bytesOf(text));
  await eventually("the text", () => to.stats().bytesAhead === text.length);
}

for (const { name, open } of transports) {
  describe(`${name}: what is left over`, () => {
    async function opened() {
      const ends = await open();
      const { client, server } = ends;
      await client.write(bytesOf("one\r\ntwo\nthree"));
      return {
        ends,
        client,
        server,
        [Symbol.dispose]: () => ends[Symbol.dispose](),
      };
    }
    const leave = {
      "by a loop over lines": async (conn: AnyConn) => {
        for await (const line of conn.lines()) if (line === "two") break;
      },
      "by a loop of a reader": async (conn: AnyConn) => {
        for await (const line of conn.reader().lines()) {
          if (line === "two") break;
        }
      },
      "by a call of a reader": async (conn: AnyConn) => {
        assert.equal(
          textOf(await conn.reader().readExactly(9)),
          "one\r\ntwo\n",
        );
      },
      "by a loop over frames": async (conn: AnyConn) => {
        /* "o" is 111. */
        const options = { lengthBytes: 1, lengthAdjustment: 8 - 111 };
        for await (const _ of conn.frames(options)) break;
      },
    };
    for (const [how, leaveOver] of Object.entries(leave)) {
      test(`${how} is counted as unread, and goes to read()`, async () => {
        using test = await opened();
        const { server } = test;
        await leaveOver(server);
        await eventually("the bytes", () => server.stats().bytesReadable === 5);
        const p = new Uint8Array(100);
        let text = "";
        while (text.length < 5) {
          text += textOf(p.subarray(0, (await within("it", server.read(p)))!));
        }
        assert.equal(text, "three");
      });
    }
    test("goes to a detach, and to the next owner", async () => {
      using test = await opened();
      const { server } = test;
      await leave["by a call of a reader"](server);
      await eventually("the bytes", () => server.stats().bytesReadable === 5);
      const socket = await within("the detach", server.detach());
      assert.equal(textOf(socket.bytes!), "three");
      using again = adopt(socket) as AnyConn;
      assert.equal(textOf(await again.reader().readExactly(5)), "three");
    });
    test("goes to a detach that a call of the reader is pending for", async () => {
      using ends = await open();
      const { client, server } = ends;
      const failing = errorFrom(server.reader().readLine());
      await sendText(client, server, "par");
      const socket = await within("the detach", server.detach());
      assert.equal((await failing).code, "EINTR");
      assert.equal(textOf(socket.bytes!), "par");
      adopt(socket).close();
    });
    test("goes to a read of the same turn, which has done much before", async () => {
      using test = await opened();
      const { client, server } = test;
      await leave["by a call of a reader"](server);
      await eventually("the bytes", () => server.stats().bytesReadable === 5);
      await client.write(bytesOf("later"));
      /* What is settled from here on is settled in the next turn. */
      socketOf(server as Conn)!.loop.allowance.spend(2 ** 21);
      const p = new Uint8Array(100);
      const two = server.reader().readExactly(2);
      const read = server.read(p);
      assert.equal(textOf(await within("the call", two)), "th");
      assert.equal(textOf(p.subarray(0, (await within("it", read))!)), "ree");
    });
    test("goes to another reader, also while the first one is kept", async () => {
      using test = await opened();
      const { client, server } = test;
      const [first, second] = [server.reader(), server.reader()];
      assert.equal(await first.readLine(), "one");
      assert.equal(await second.readLine(), "two");
      await client.write(bytesOf("\nfour\n"));
      assert.equal(await first.readLine(), "three");
      assert.equal(await second.readLine(), "four");
      assert.deepEqual([first.buffered, second.buffered], [0, 0]);
    });
    test("goes to a read that was pending behind the reader", async () => {
      using ends = await open();
      const { client, server } = ends;
      const p = new Uint8Array(100);
      const line = server.reader().readLine();
      const read = server.read(p);
      await sendText(client, server, "par");
      assert.equal(await isSettled(read), false);
      await client.write(bytesOf("tial\nnext"));
      assert.equal(await within("the line", line), "partial");
      assert.equal(textOf(p.subarray(0, (await within("it", read))!)), "next");
    });
    test("goes to a read that was pending behind a call that has timed out", async () => {
      using ends = await open();
      const { client, server } = ends;
      const p = new Uint8Array(100);
      const controller = new AbortController();
      const line = server.reader().readLine({ signal: controller.signal });
      const read = server.read(p);
      await sendText(client, server, "par");
      assert.equal(await isSettled(line), false);
      controller.abort(new RangeError("it"));
      await assert.rejects(line, RangeError);
      assert.equal(textOf(p.subarray(0, (await within("it", read))!)), "par");
    });
  });

  describe(`${name}: the end`, () => {
    async function collect(source: AsyncIterable<unknown>) {
      const all: unknown[] = [];
      for await (const one of source) all.push(one);
      return all;
    }
    for (const kind of ["lines", "frames"] as const) {
      test(`of the peer ends a loop over ${kind}, and closes the connection`, async () => {
        using ends = await open();
        const { client, server } = ends;
        await client.write(new Uint8Array([0, 0, 0, 1, 10]));
        client.close();
        await within("the loop", collect(server[kind]()));
        await assert.rejects(server.write(bytesOf("x")), { code: "EBADF" });
      });
      test(`by close() ends a loop over ${kind}, without what was not read`, async () => {
        using ends = await open();
        const { client, server } = ends;
        const loop = collect(server[kind]({ maxLength: 1000 }));
        await sendText(client, server, "\0\0");
        server.close();
        assert.deepEqual(await within("the loop", loop), []);
        assert.deepEqual(await collect(server[kind]()), []);
      });
    }
    test("leaving a loop leaves the connection open", async () => {
      using ends = await open();
      const { client, server } = ends;
      await client.write(bytesOf("a\n"));
      for await (const _ of server.lines()) break;
      await server.write(bytesOf("answer\n"));
      assert.equal(await client.reader().readLine(), "answer");
    });
    test("what is not as it should be closes the connection", async () => {
      using ends = await open();
      const { client, server } = ends;
      await client.write(bytesOf("too long\n"));
      const error = await errorFrom(collect(server.lines({ maxLength: 3 })));
      assert.equal(error.code, "EMSGSIZE");
      await assert.rejects(server.write(bytesOf("x")), { code: "EBADF" });
    });
    test("a timeout leaves the connection open, and the loop can go on", async () => {
      using ends = await open();
      const { client, server } = ends;
      const loop = server.lines({ timeout: 20 });
      assert.equal((await errorFrom(loop.next())).code, "ETIMEDOUT");
      await client.write(bytesOf("a"));
      await errorFrom(loop.next());
      await client.write(bytesOf("b\n"));
      await eventually("a line", async () => {
        try {
          assert.equal((await loop.next()).value, "ab");
          return true;
        } catch {
          return false;
        }
      });
    });
    test("close() rejects a pending call, and later ones", async () => {
      using ends = await open();
      const { client, server } = ends;
      const reader = server.reader();
      const line = reader.readLine();
      await sendText(client, server, "part");
      server.close();
      assert.equal((await errorFrom(line)).code, "EINTR");
      assert.equal((await errorFrom(reader.readLine())).code, "EBADF");
      assert.equal(reader.buffered, 0);
    });
  });

  describe(`${name}: limits`, () => {
    test("frames that are larger than all that is received ahead", async () => {
      using ends = await open();
      const { client, server } = ends;
      const bytes = pattern(3_000_000);
      const header = new Uint8Array(4);
      new DataView(header.buffer).setUint32(0, bytes.length, true);
      client.write(header);
      const sent = client.write(bytes);
      const loop = server.frames({ maxLength: 3_000_000, endian: "little" });
      const { value } = await within("the frame", loop.next());
      assert.equal(digest(value!), digest(bytes));
      await sent;
    });
    test("10,000 calls with one signal leave no listener, and add few", async () => {
      using ends = await open();
      const { client, server } = ends;
      const spied = new SpiedSignal();
      const { signal } = spied;
      const reader = server.reader();
      for (let count = 0; count < 10_000; count += 100) {
        const calls = Array.from(
          { length: 100 },
          () => reader.readLine({ signal, timeout: 3_600_000 }),
        );
        await client.write(bytesOf("line\n".repeat(100)));
        for (const line of await within("the lines", Promise.all(calls))) {
          assert.equal(line, "line");
        }
      }
      assert.equal(socketOf(server)!.loop.deadlines.length, 0);
      await eventually("no listener", () => spied.count === 0);
      assert.ok(spied.most <= 1, `${spied.most}`);
      assert.equal(getEventListeners(signal, "abort").length, 0);
    });
  });
}

/* Reads some of what follows, by a call that may be ended, and returns it. */
async function readLarge(conn: AnyConn, reader: ByteReader, random: Random) {
  const count = random.size(600_000);
  const timeout = random.integer(0, 3);
  const options = { timeout, maxLength: 600_000 };
  try {
    const choice = random.integer(0, 5);
    if (choice === 0) {
      await conn.read(NOTHING);
      return NOTHING;
    }
    if (choice === 1) return await readBy(conn, random.size(5_000), random);
    if (choice === 2) {
      /* The second one is behind the first one, which may have collected some. */
      const first = reader.readExactly(count, options).catch(nothing);
      const second = reader.readExactly(random.size(50), { timeout: 60_000 });
      return concat([await first, await second.catch(nothing)]);
    }
    const peeked = choice === 3 ? await reader.peek(count, options) : NOTHING;
    const got = await reader.readExactly(count, options);
    assert.equal(digest(got.subarray(0, peeked!.length)), digest(peeked!));
    return got;
  } catch (error) {
    return nothing(error);
  }
}

const NOTHING = new Uint8Array(0);

function nothing(error: unknown): Uint8Array {
  const { code } = error as SocketError;
  assert.ok(code === "ETIMEDOUT" || code === "EUNEXPECTEDEND", `${error}`);
  return NOTHING;
}

for (const { name, open } of kinds) {
  test(`Long messages are whole, whatever ends between, over ${name}`, async () => {
    for (const seed of seeds(1, 2)) {
      await seeded(seed, "framing_conn", async (random) => {
        using ends = await open();
        const { client, server } = ends;
        const bytes = pattern(6_000_000, seed);
        const sent = (async () => {
          const own = random.fork();
          for (let at = 0; at < bytes.length;) {
            at += await client.write(
              bytes.subarray(at, at + own.size(400_000)),
            );
            if (own.chance(0.3)) await delay(own.integer(0, 3));
          }
          client.close();
        })();
        let reader = server.reader();
        let at = 0;
        while (at < 5_000_000) {
          if (random.chance(0.1)) reader = server.reader();
          const reading = readLarge(server, reader, random);
          const got = await within("a call", reading);
          const expected = bytes.subarray(at, at + got.length);
          assert.equal(digest(got), digest(expected), `at ${at}`);
          at += got.length;
        }
        const rest = await within("the rest", receiveByLoop(server));
        assert.equal(rest, digest(bytes.subarray(at)));
        await sent;
      });
    }
  });
}

test("A call that ends leaves no read pending when the next one needs none", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const reader = server.reader();
  const first = errorFrom(reader.readExactly(100, { timeout: 50 }));
  const second = reader.readExactly(5);
  await client.write(bytesOf("hello, "));
  assert.equal((await first).code, "ETIMEDOUT");
  assert.equal(textOf(await within("it", second)), "hello");
  const other = server.reader();
  assert.equal(textOf(await other.readExactly(2)), ", ");
  const next = other.readExactly(5);
  await client.write(bytesOf("world"));
  assert.equal(textOf(await within("the rest", next)), "world");
});

test("The bytes of large frames are received where they stay", async () => {
  const SIZES = [64 * 1024, 1024 * 1024];
  for (const size of SIZES) {
    using ends = await pair();
    const { client, server } = ends;
    const { port } = socketOf(server)!.loop;
    const { read } = port;
    let direct = 0;
    port.read = (...args) => {
      const result = read.apply(port, args);
      if (args[1].length > 4096 && result > 0) direct += result;
      return result;
    };
    const frame = pattern(4 + size, 1);
    new DataView(frame.buffer).setUint32(0, size);
    const COUNT = 32;
    const sent = (async () => {
      for (let i = 0; i < COUNT; i++) await client.write(frame);
      client.close();
    })();
    let count = 0;
    for await (const got of server.frames()) {
      assert.equal(digest(got), digest(frame.subarray(4)));
      count++;
    }
    port.read = read;
    await sent;
    assert.equal(count, COUNT);
    assert.ok(direct > COUNT * size / 2, `${direct} bytes`);
  }
});

test("A reset is an error, never an end, also inside of a line", async () => {
  using ends = await pair();
  const { client, server } = ends;
  await client.write(bytesOf("whole\npart"));
  const reader = server.reader();
  assert.equal(await reader.readLine(), "whole");
  client.reset();
  const { code } = await errorFrom(reader.readLine());
  assert.notEqual(code, "EUNEXPECTEDEND");
  assert.match(code, /^E(CONNRESET|PIPE|CONNABORTED)$/);
});

test("A connection that the library has closed fails loops and calls", async () => {
  using ends = await pair();
  const { server } = ends;
  const [loop, call] = [server.lines().next(), server.reader().readLine()];
  /* What its completion does. */
  socketOf(server)!.closed(numberOf("ECONNRESET"), 0, 0);
  assert.equal((await errorFrom(loop)).code, "ECONNRESET");
  assert.equal((await errorFrom(call)).code, "ECONNRESET");
});
