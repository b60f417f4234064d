// Copyright the iocp authors. MIT license.
/* read() and loops with a timeout or a signal: what ends them, and that no byte is
 * lost by it. */

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, test } from "node:test";
import {
  CompletionPort,
  type Conn,
  type OperationOptions,
  SocketError,
} from "../mod.ts";
import { delay, isSettled, within } from "./shared/deadline.ts";
import { errorFrom } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";
import { bytesOf, concat, pattern, textOf } from "./shared/pattern.ts";
import { seeded, seeds } from "./shared/random.ts";
import { SpiedSignal } from "./shared/spied_signal.ts";
import { type Ends, kinds, transports } from "./shared/transports.ts";

const room = (length = 100) => new Uint8Array(length);
/* Short: what it ends is pending for ever otherwise. */
const timeout = 20;
/* Too long to pass in a test. */
const hour = 3_600_000;

async function readText(conn: Pick<Conn, "read">): Promise<string> {
  const p = room();
  const count = await within("a read", conn.read(p));
  return count === null ? "the end" : textOf(p.subarray(0, count));
}

type Loop = AsyncIterableIterator<Uint8Array, undefined>;
/* Loops over chunks whose turns have limits. */
const loops: Record<
  string,
  (conn: Ends["server"], options: OperationOptions) => Loop
> = {
  "chunks(options)": (conn, options) => conn.chunks(options),
  "chunks(p, options)": (conn, options) => conn.chunks(room(1000), options),
  "leased(options)": (conn, options) => conn.leased(options),
};

for (const { name, open } of kinds) {
  describe(name, () => {
    test("a read fails after its timeout, and the next one gets the bytes", async () => {
      using ends = await open();
      const { client, server } = ends;
      const error = await errorFrom(server.read(room(), { timeout }));
      assert.equal(error.code, "ETIMEDOUT");
      assert.equal(error.syscall, "read");
      assert.equal(error.bytesWritten, undefined);
      await client.write(bytesOf("hello"));
      assert.equal(await readText(server), "hello");
    });

    test("a read ends with the reason of its signal, and the next one gets the bytes", async () => {
      using ends = await open();
      const { client, server } = ends;
      const controller = new AbortController();
      const p = room();
      const read = server.read(p, { signal: controller.signal });
      assert.equal(await isSettled(read), false);
      const reason = { why: "it" };
      controller.abort(reason);
      await assert.rejects(within("it", read), (error) => error === reason);
      await client.write(bytesOf("hello"));
      assert.equal(await readText(server), "hello");
      assert.deepEqual(p, room());
    });

    test("a signal that has aborted already reads nothing", async () => {
      using ends = await open();
      const { client, server } = ends;
      await client.write(bytesOf("hello"));
      const signal = AbortSignal.abort("too late");
      for (let i = 0; i < 3; i++) {
        await assert.rejects(
          server.read(room(), { signal }),
          (reason) => reason === "too late",
        );
      }
      assert.equal(await readText(server), "hello");
    });

    test("reads behind one that is withdrawn are served", async () => {
      using ends = await open();
      const { client, server } = ends;
      const controller = new AbortController();
      const { signal } = controller;
      const first = server.read(room(), { signal });
      const p = room(3);
      const second = server.read(p);
      const third = server.read(room(), { signal });
      const fourth = readText(server);
      controller.abort();
      for (const read of [first, third]) {
        await assert.rejects(within("it", read), { name: "AbortError" });
      }
      await client.write(bytesOf("onetwo"));
      assert.equal(await within("it", second), 3);
      assert.equal(textOf(p), "one");
      assert.equal(await fourth, "two");
    });

    test("a loop fails after the timeout of a turn, and closes the connection", async () => {
      for (const start of Object.values(loops)) {
        using ends = await open();
        const { client, server } = ends;
        const chunks = start(server, { timeout });
        const error = await errorFrom(chunks.next());
        assert.equal(error.code, "ETIMEDOUT");
        assert.equal((await chunks.next()).done, true);
        await assert.rejects(server.read(room()), { code: "EBADF" });
        assert.equal(await readText(client), "the end");
      }
    });

    test("a loop ends with the reason of its signal", async () => {
      for (const start of Object.values(loops)) {
        using ends = await open();
        const { client, server } = ends;
        await client.write(bytesOf("hello"));
        const controller = new AbortController();
        const { signal } = controller;
        const texts: string[] = [];
        const loop = async () => {
          for await (const chunk of start(server, { signal, timeout: hour })) {
            texts.push(textOf(chunk));
            setTimeout(() => controller.abort());
          }
        };
        const looped = within("the loop", loop());
        await assert.rejects(looped, { name: "AbortError" });
        assert.deepEqual(texts, ["hello"]);
        await assert.rejects(server.read(room()), { code: "EBADF" });
      }
    });
  });
}

for (const { name, open } of transports) {
  test(`A loop with limits ends as one without, over ${name}`, async () => {
    const cases = Object.values(loops).flatMap((start) => [
      { start, limits: {} },
      { start, limits: { timeout: hour } },
    ]);
    for (const { start, limits } of cases) {
      using ends = await open();
      const { client, server } = ends;
      const parts: Uint8Array[] = [];
      const loop = async () => {
        for await (const part of start(server, limits)) {
          parts.push(part.slice());
        }
      };
      const looped = loop();
      for (let i = 0; i < 20; i++) {
        await client.write(pattern(1500, 1, i * 1500));
      }
      client.close();
      await within("the loop", looped);
      assert.deepEqual(concat(parts), pattern(30_000));
      await assert.rejects(server.read(room()), { code: "EBADF" });
    }
  });

  test(`Random timeouts against a peer that trickles lose no byte, over ${name}`, async () => {
    for (const seed of seeds(1, 3)) {
      await seeded(seed, "deadline_read", async (random) => {
        using ends = await open();
        const { client, server } = ends;
        const length = 20_000;
        const peer = random.fork();
        const write = async () => {
          for (let at = 0; at < length;) {
            const count = Math.min(peer.size(600), length - at);
            await client.write(pattern(count, seed, at));
            at += count;
            if (peer.chance(0.5)) await delay(peer.integer(0, 3));
          }
        };
        const written = write();
        const parts: Uint8Array[] = [];
        let received = 0;
        let cut = 0;
        while (received < length) {
          const controller = new AbortController();
          const { signal } = controller;
          const options = random.chance(0.5)
            ? { timeout: random.integer(0, 2) }
            : { signal };
          const p = room(random.size(1000));
          const read = server.read(p, options);
          if (random.chance(0.5)) controller.abort();
          else if (random.chance(0.5)) setTimeout(() => controller.abort());
          else setTimeout(() => controller.abort(), random.integer(0, 3));
          try {
            const count = await within("a read", read);
            assert.ok(count !== null, "the end");
            parts.push(p.subarray(0, count));
            received += count;
          } catch (error) {
            const { name } = error as Error;
            assert.ok(["TimedOut", "AbortError"].includes(name), `${error}`);
            cut++;
          }
        }
        await written;
        assert.ok(cut > 0, "no read was ended");
        assert.deepEqual(concat(parts), pattern(length, seed));
      });
    }
  });

  test(`10,000 reads with one signal leave no listener, over ${name}`, async () => {
    using ends = await open();
    const { client, server } = ends;
    const spied = new SpiedSignal();
    const { signal } = spied;
    const count = 10_000;
    const write = async () => {
      for (let i = 0; i < count; i++) await client.write(room(1));
    };
    const written = write();
    for (let i = 0; i < count; i++) {
      await server.read(room(1), { signal, timeout: hour });
    }
    await written;
    assert.equal(spied.count, 0);
    assert.ok(spied.most <= 1, `${spied.most} listeners`);
    /* Pending at the same time. */
    const reads = Array.from(
      { length: 1000 },
      () => server.read(room(1), { signal }),
    );
    assert.equal(spied.count, 1);
    spied.abort("enough");
    for (const read of reads) {
      await assert.rejects(read, (reason) => reason === "enough");
    }
    assert.equal(spied.count, 0);
    await client.write(bytesOf("hello"));
    assert.equal(await readText(server), "hello");
  });
}

test("A signal's own list of listeners is empty after a read", async () => {
  using ends = await pair();
  const { signal } = new AbortController();
  const count = () => getEventListeners(signal, "abort").length;
  const read = ends.server.read(room(), { signal });
  assert.equal(count(), 1);
  await ends.client.write(room(1));
  await within("it", read);
  assert.equal(count(), 0);
});

test("A signal that cannot be listened to fails the read, which takes nothing", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const wrong = new Error("no listeners");
  const signal = {
    aborted: false,
    addEventListener: () => {
      throw wrong;
    },
    removeEventListener: () => {},
  } as unknown as AbortSignal;
  const read = server.read(room(), { signal, timeout });
  await assert.rejects(within("it", read), (error) => error === wrong);
  await client.write(bytesOf("hello"));
  assert.equal(await readText(server), "hello");
});

test("A result that is there counts, even if the program has not seen it", async () => {
  using ends = await pair();
  const { client, server } = ends;
  /* So many that the last ones are left to the next turn. */
  const count = 2_000;
  await client.write(pattern(count));
  const controller = new AbortController();
  const { signal } = controller;
  const p = room(count);
  await within("it", server.read(p.subarray(0, 1), { signal }));
  const reads: Promise<number | null>[] = [];
  for (let i = 1; i < count; i++) {
    reads.push(server.read(p.subarray(i, i + 1), { signal }));
  }
  controller.abort();
  const results = await Promise.allSettled(reads);
  const cut = results.findIndex(({ status }) => status === "rejected");
  const got = cut < 0 ? reads.length : cut;
  for (const { status } of results.slice(got)) assert.equal(status, "rejected");
  const rest = room(count - got - 1);
  for (let at = 0; at < rest.length;) {
    at += (await within("the rest", server.read(rest.subarray(at))))!;
  }
  p.set(rest, 1 + got);
  assert.deepEqual(p, pattern(count));
});

test("A timeout of 0 reads what has come", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const none = await errorFrom(server.read(room(), { timeout: 0 }));
  assert.equal(none.code, "ETIMEDOUT");
  await client.write(bytesOf("hello"));
  for (;;) {
    const p = room();
    try {
      const count = await server.read(p, { timeout: 0 });
      assert.equal(textOf(p.subarray(0, count!)), "hello");
      return;
    } catch (error) {
      assert.equal((error as SocketError).code, "ETIMEDOUT");
    }
  }
});

test("A timeout ends a read while the loop is busy with others", async () => {
  using port = new CompletionPort();
  using other = await pair();
  using ends = await pair();
  let isOver = false;
  const busy = async () => {
    while (!isOver) {
      await other.client.write(room(1));
      await other.server.read(room(1));
    }
  };
  const run = busy();
  const error = await errorFrom(ends.server.read(room(), { timeout }));
  assert.equal(error.code, "ETIMEDOUT");
  isOver = true;
  await run;
  assert.ok(port.stats().polls > 0);
});

test("A timeout ends a read while the loop expects the answer of a lone peer", async () => {
  using ends = await pair();
  const chunks = ends.server.chunks({ timeout });
  for (let i = 0; i < 8; i++) {
    const next = chunks.next();
    await ends.client.write(room(1));
    assert.equal((await within("a chunk", next)).value?.length, 1);
  }
  const error = await errorFrom(within("the timeout", chunks.next()));
  assert.equal(error.code, "ETIMEDOUT");
});

test("A close ends a read with limits as any other", async () => {
  using ends = await pair();
  const spied = new SpiedSignal();
  const { signal } = spied;
  const read = errorFrom(ends.server.read(room(), { signal, timeout: hour }));
  const next = ends.client.chunks({ signal, timeout: hour }).next();
  ends.server.close();
  ends.client.close();
  assert.equal((await read).code, "EINTR");
  assert.equal((await within("the loop", next)).done, true);
  const closed = await errorFrom(ends.server.read(room(), { timeout }));
  assert.equal(closed.code, "EBADF");
  assert.equal(spied.count, 0);
});

test("Wrong options are refused by name, and read nothing", async () => {
  using ends = await pair();
  const { client, server } = ends;
  await client.write(bytesOf("hello"));
  const wrong: [unknown, string, RegExp][] = [
    [1, "TypeError", /"options"/],
    [null, "TypeError", /"options"/],
    [{ timeout: "1" }, "TypeError", /"timeout"/],
    [{ timeout: -1 }, "RangeError", /"timeout"/],
    [{ timeout: 1.5 }, "RangeError", /"timeout"/],
    [{ timeout: NaN }, "RangeError", /"timeout"/],
    [{ timeout: 2 ** 31 }, "RangeError", /"timeout"/],
    [{ signal: {} }, "TypeError", /"signal"/],
    [{ signal: null }, "TypeError", /"signal"/],
  ];
  for (const [options, name, message] of wrong) {
    const given = options as { timeout: number };
    await assert.rejects(server.read(room(), given), { name, message });
    assert.throws(() => server.chunks(room(), given), { name, message });
  }
  for (const options of [{}, { timeout: undefined, signal: undefined }]) {
    const count = await server.read(room(1), options);
    assert.equal(count, 1);
  }
  const longest = { timeout: 2 ** 31 - 1 };
  assert.equal(await server.read(room(3), longest), 3);
});
