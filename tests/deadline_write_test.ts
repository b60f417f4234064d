// Copyright the iocp authors. MIT license.
/* write() and closeWrite() with a timeout or a signal: what ends them, what the peer
 * gets then, and that the connection can be used further. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Conn, OperationOptions } from "../mod.ts";
import { delay, isSettled, within } from "./shared/deadline.ts";
import { isWindows, localPair } from "./shared/local.ts";
import { errorFrom } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";
import { bytesOf, Digest, digest, pattern, textOf } from "./shared/pattern.ts";
import { seeded, seeds } from "./shared/random.ts";
import { SpiedSignal } from "./shared/spied_signal.ts";
import { kinds, transports } from "./shared/transports.ts";

type Writer = Pick<Conn, "write">;
type Reader = Pick<Conn, "read">;

const timeout = 20;
const hour = 3_600_000;
const PART = 4_000_000;
/* One stream, of which every test writes a part. */
const data = pattern(20 * PART);

/** Writes until the peer takes no more, from `at` on. Returns where it ended. */
async function fill(
  conn: Writer,
  at: number,
  options: () => OperationOptions = () => ({ timeout }),
): Promise<{ at: number; error: Error & { bytesWritten?: number } }> {
  for (;;) {
    assert.ok(at + PART <= data.length, "the peer takes everything");
    const part = data.subarray(at, at + PART);
    try {
      at += await within("a write", conn.write(part, options()));
    } catch (error) {
      const { bytesWritten } = error as { bytesWritten: number };
      assert.ok(bytesWritten >= 0 && bytesWritten <= PART, `${bytesWritten}`);
      return { at: at + bytesWritten, error: error as Error };
    }
  }
}

/** The digest of the next `length` bytes. */
async function take(conn: Reader, length: number): Promise<string> {
  const digest = new Digest();
  const p = new Uint8Array(1_000_000);
  while (digest.length < length) {
    const left = Math.min(p.length, length - digest.length);
    const count = await within("bytes", conn.read(p.subarray(0, left)));
    if (count === null) break;
    digest.add(p.subarray(0, count));
  }
  return digest.text();
}

async function takeText(conn: Reader, length: number): Promise<string> {
  const p = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const count = await within("bytes", conn.read(p.subarray(at)));
    if (count === null) break;
    at += count;
  }
  return textOf(p.subarray(0, at));
}

for (const { name, open } of kinds) {
  describe(name, () => {
    test("a write fails after its timeout, and says how much was taken", async () => {
      using ends = await open();
      const { client, server } = ends;
      const { at, error } = await fill(client, 0);
      const { code, syscall } = error as Error & {
        code: string;
        syscall: string;
      };
      assert.deepEqual([code, syscall], ["ETIMEDOUT", "write"]);
      assert.ok(at > 0);
      /* The next write comes directly behind what was taken. */
      const next = client.write(bytesOf("next"));
      assert.equal(await take(server, at), digest(data.subarray(0, at)));
      assert.equal(await takeText(server, 4), "next");
      assert.equal(await within("the next", next), 4);
    });

    test("a write that is aborted says how much was taken, and why", async () => {
      using ends = await open();
      const { client, server } = ends;
      const reason = new Error("why");
      const { at, error } = await fill(client, 0, () => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(reason), timeout);
        return { signal: controller.signal };
      });
      assert.equal((error as Error & { code: string }).code, "ECANCELED");
      assert.equal(error.cause, reason);
      /* The rest of the same bytes. */
      const rest = client.write(data.subarray(at, at + PART));
      const end = at + PART;
      assert.equal(await take(server, end), digest(data.subarray(0, end)));
      assert.equal(await within("the rest", rest), PART);
    });

    test("writes that wait behind another one take nothing when they end", async () => {
      using ends = await open();
      const { client, server } = ends;
      const { at } = await fill(client, 0);
      const controller = new AbortController();
      const { signal } = controller;
      const writes = ["one", "two", "three"].map((text) =>
        client.write(bytesOf(text.padEnd(PART)), { signal })
      );
      const kept = client.write(bytesOf("kept"));
      const late = errorFrom(client.write(bytesOf("late"), { timeout }));
      assert.equal((await late).bytesWritten, 0);
      assert.equal(await isSettled(Promise.race(writes)), false);
      controller.abort("enough");
      let taken = 0;
      for (const [i, write] of writes.entries()) {
        const error = await errorFrom(write);
        assert.equal(error.code, "ECANCELED");
        assert.equal(error.cause, "enough");
        /* The system may have had room again for a part of the first. */
        if (i > 0) assert.equal(error.bytesWritten, 0);
        else taken = error.bytesWritten!;
      }
      assert.equal(await take(server, at), digest(data.subarray(0, at)));
      assert.equal(
        await takeText(server, taken),
        "one".padEnd(PART).slice(0, taken),
      );
      assert.equal(await takeText(server, 4), "kept");
      assert.equal(await within("it", kept), 4);
    });
  });
}

for (const { name, open } of transports) {
  test(`Random limits of writes lose and repeat no byte, over ${name}`, async () => {
    for (const seed of seeds(1, 2)) {
      await seeded(seed, "deadline_write", async (random) => {
        using ends = await open();
        const { client, server } = ends;
        const length = 16_000_000;
        const reader = random.fork();
        const received = new Digest();
        const read = async () => {
          const p = new Uint8Array(300_000);
          for (;;) {
            const room = p.subarray(0, reader.size(p.length));
            const count = await server.read(room);
            if (count === null) return;
            received.add(room.subarray(0, count));
            if (reader.chance(0.1)) await delay(reader.integer(0, 3));
          }
        };
        const reads = read();
        let at = 0;
        let cut = 0;
        while (at < length) {
          const controller = new AbortController();
          const { signal } = controller;
          const options = random.chance(0.5)
            ? { timeout: random.integer(0, 2) }
            : { signal };
          const end = Math.min(length, at + random.size(3_000_000));
          const write = client.write(data.subarray(at, end), options);
          if (random.chance(0.3)) controller.abort();
          else if (random.chance(0.5)) setTimeout(() => controller.abort());
          else setTimeout(() => controller.abort(), random.integer(0, 3));
          try {
            at += await within("a write", write);
          } catch (error) {
            const { code, bytesWritten } = error as {
              code: string;
              bytesWritten: number;
            };
            assert.ok(["ETIMEDOUT", "ECANCELED"].includes(code), `${error}`);
            at += bytesWritten;
            cut++;
          }
        }
        client.close();
        await within("the end", reads);
        assert.ok(cut > 0, "no write was ended");
        assert.equal(received.text(), digest(data.subarray(0, length)));
      });
    }
  });

  test(`A write with limits that is not ended is like any other, over ${name}`, async () => {
    using ends = await open();
    const { client, server } = ends;
    const spied = new SpiedSignal();
    const options = { signal: spied.signal, timeout: hour };
    for (const length of [0, 1, 1000, 3 * PART]) {
      const write = client.write(data.subarray(0, length), options);
      assert.equal(
        await take(server, length),
        digest(data.subarray(0, length)),
      );
      assert.equal(await within("it", write), length);
    }
    const count = 10_000;
    const taken = take(server, count);
    for (let i = 0; i < count; i++) {
      await within("it", client.write(data.subarray(0, 1), options));
    }
    await taken;
    assert.equal(spied.count, 0);
    assert.ok(spied.most <= 1);
  });

  test(`A signal that has aborted already writes nothing, over ${name}`, async () => {
    using ends = await open();
    const { client, server } = ends;
    const signal = AbortSignal.abort("before");
    const error = await errorFrom(client.write(bytesOf("no"), { signal }));
    assert.equal(error.code, "ECANCELED");
    assert.equal(error.cause, "before");
    assert.equal(error.bytesWritten, 0);
    await client.write(bytesOf("yes"));
    assert.equal(await takeText(server, 3), "yes");
  });

  test(`An abort after a write has no effect on it, over ${name}`, async () => {
    using ends = await open();
    const { client, server } = ends;
    const controller = new AbortController();
    const { signal } = controller;
    /* It has its result, though the program has not seen it. */
    const write = client.write(bytesOf("hello"), { signal });
    controller.abort();
    assert.equal(await within("it", write), 5);
    assert.equal(await takeText(server, 5), "hello");
  });
}

describe("closeWrite()", () => {
  for (const { name, open } of transports) {
    const skip = isWindows && name !== "TCP" &&
      "a named pipe has no end of one direction";
    test(
      `fails after its timeout while writes are pending, and the direction stays open, over ${name}`,
      { skip },
      async () => {
        using ends = await open();
        const { client, server } = ends;
        const { at } = await fill(client, 0);
        const write = client.write(data.subarray(at, at + PART));
        const error = await errorFrom(client.closeWrite({ timeout }));
        assert.deepEqual([error.code, error.syscall], [
          "ETIMEDOUT",
          "shutdown",
        ]);
        const controller = new AbortController();
        const closed = client.closeWrite({ signal: controller.signal });
        assert.equal(await isSettled(closed), false);
        controller.abort("why");
        await assert.rejects(closed, (reason) => reason === "why");
        const last = client.write(bytesOf("last"));
        const end = at + PART;
        assert.equal(await take(server, end), digest(data.subarray(0, end)));
        assert.equal(await takeText(server, 4), "last");
        await within("both", Promise.all([write, last]));
        await within("it", client.closeWrite({ timeout: hour }));
        assert.equal(await within("it", server.read(new Uint8Array(1))), null);
      },
    );

    test(`ends the direction if another call relies on it, over ${name}`, {
      skip,
    }, async () => {
      using ends = await open();
      const { client, server } = ends;
      const { at } = await fill(client, 0);
      const write = client.write(data.subarray(at, at + PART));
      const closed = errorFrom(client.closeWrite({ timeout }));
      await client.closeWrite();
      assert.equal((await closed).code, "ETIMEDOUT");
      await assert.rejects(client.write(bytesOf("no")), { code: "EPIPE" });
      const end = at + PART;
      assert.equal(await take(server, end), digest(data.subarray(0, end)));
      await within("the write", write);
      assert.equal(await within("it", server.read(new Uint8Array(1))), null);
    });

    test(
      `with a signal that has aborted already leaves the direction open, over ${name}`,
      { skip },
      async () => {
        using ends = await open();
        const { client, server } = ends;
        const signal = AbortSignal.abort("before");
        await assert.rejects(
          client.closeWrite({ signal }),
          (reason) => reason === "before",
        );
        await client.write(bytesOf("hello"));
        assert.equal(await takeText(server, 5), "hello");
        await client.closeWrite({});
        await assert.rejects(client.write(bytesOf("no")), { code: "EPIPE" });
      },
    );
  }

  const skip = !isWindows && "named pipes are on Windows";
  test("with options is refused by a named pipe", { skip }, async () => {
    using ends = await localPair();
    await assert.rejects(ends.client.closeWrite({ timeout }), {
      name: "NotSupported",
    });
    await ends.client.write(bytesOf("hello"));
    assert.equal(await takeText(ends.server, 5), "hello");
  });
});

test("A close or a reset ends a write with limits as any other", async () => {
  const spied = new SpiedSignal();
  const options = { signal: spied.signal, timeout: hour };
  for (const how of ["reset", "close"] as const) {
    using ends = await pair({ closeTimeout: 200 });
    const { client } = ends;
    await fill(client, 0);
    const write = errorFrom(client.write(data.subarray(0, PART), options));
    const end = errorFrom(client.closeWrite(options));
    client[how]();
    assert.equal((await write).code, "EINTR", how);
    assert.equal((await end).code, "EINTR", how);
    const later = await errorFrom(client.write(bytesOf("no"), options));
    assert.equal(later.code, "EBADF");
    assert.equal((await errorFrom(client.closeWrite(options))).code, "EBADF");
  }
  assert.equal(spied.count, 0);
});

test("A close sends what a write had left when its timeout has passed", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const { at } = await fill(client, 0);
  const write = errorFrom(client.write(data.subarray(at, at + PART), {
    timeout: 100,
  }));
  client.close();
  const end = at + (await write).bytesWritten!;
  const p = new Uint8Array(1_000_000);
  const received = new Digest();
  for (;;) {
    const count = await within("the end", server.read(p));
    if (count === null) break;
    received.add(p.subarray(0, count));
  }
  assert.equal(received.text(), digest(data.subarray(0, end)));
});

test("Wrong options of writes are refused by name, and write nothing", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const wrong: [unknown, string, RegExp][] = [
    [1, "TypeError", /"options"/],
    [null, "TypeError", /"options"/],
    [{ timeout: "1" }, "TypeError", /"timeout"/],
    [{ timeout: -1 }, "RangeError", /"timeout"/],
    [{ signal: {} }, "TypeError", /"signal"/],
  ];
  for (const [options, name, message] of wrong) {
    const given = options as OperationOptions;
    await assert.rejects(client.write(bytesOf("no"), given), { name, message });
    await assert.rejects(client.closeWrite(given), { name, message });
  }
  await client.write(bytesOf("yes"), { timeout: undefined });
  assert.equal(await takeText(server, 3), "yes");
});
