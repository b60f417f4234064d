// Copyright the iocp authors. MIT license.
/* conn.setTimeout(): what an idle connection ends with, and what is not idle. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Conn } from "../mod.ts";
import { delay, eventually, isSettled, within } from "./shared/deadline.ts";
import { errorFrom } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";
import { bytesOf } from "./shared/pattern.ts";
import { transports } from "./shared/transports.ts";

const idle = 40;
/* Never passes in a test. */
const hour = 3_600_000;
const room = () => new Uint8Array(100);

async function stateOf(conn: object): Promise<string> {
  const { inspect } = await import("node:util");
  return inspect(conn);
}

for (const { name, open } of transports) {
  describe(`Over ${name}`, () => {
    test("an idle connection ends, and its calls fail with ETIMEDOUT", async () => {
      using ends = await open();
      const { client, server } = ends;
      server.setTimeout(idle);
      const reads = [
        server.read(room()),
        server.read(room(), { timeout: hour }),
      ];
      for (const read of reads) {
        const error = await errorFrom(read);
        assert.deepEqual([error.code, error.syscall], ["ETIMEDOUT", "read"]);
        assert.match(error.message, /no byte was sent or received for 40 mil/);
      }
      const later = [
        await errorFrom(server.read(room())),
        await errorFrom(server.write(room())),
        await errorFrom(server.write(room(), { timeout: 1 })),
        await errorFrom(server.closeWrite()),
      ];
      assert.deepEqual(later.map(({ code, syscall }) => [code, syscall]), [
        ["ETIMEDOUT", "read"],
        ["ETIMEDOUT", "write"],
        ["ETIMEDOUT", "write"],
        ["ETIMEDOUT", "shutdown"],
      ]);
      assert.equal((server.lastError as { code?: string }).code, "ETIMEDOUT");
      assert.match(await stateOf(server), /closed/);
      /* Nothing was left unsent, so the peer sees an end. */
      assert.equal(await within("the end", client.read(room())), null);
      server.close();
    });

    test("loops end with it, pending and later ones", async () => {
      using ends = await open();
      const { server } = ends;
      server.setTimeout(idle);
      const loop = async (chunks: AsyncIterable<unknown>) => {
        for await (const _ of chunks);
      };
      const pending = loop(server);
      assert.equal((await errorFrom(pending)).code, "ETIMEDOUT");
      using others = await open();
      others.server.setTimeout(idle);
      await eventually(
        "it ends",
        async () => /closed/.test(await stateOf(others.server)),
      );
      const later = loop(others.server.chunks(room()));
      assert.equal((await errorFrom(later)).code, "ETIMEDOUT");
    });

    test("web streams fail with it", async () => {
      using ends = await open();
      const { server } = ends;
      const { readable, writable } = server;
      const reader = readable.getReader();
      server.setTimeout(idle);
      const read = reader.read();
      assert.equal((await errorFrom(read)).code, "ETIMEDOUT");
      const writer = writable.getWriter();
      const written = writer.write(bytesOf("no"));
      assert.equal((await errorFrom(written)).code, "ETIMEDOUT");
      await writer.closed.catch(() => {});
    });

    test("a stream that was not being read fails with it", async () => {
      using ends = await open();
      const { server } = ends;
      const { readable } = server;
      server.setTimeout(idle);
      await eventually(
        "it ends",
        async () => /closed/.test(await stateOf(server)),
      );
      const read = readable.getReader().read();
      assert.equal((await errorFrom(read)).code, "ETIMEDOUT");
    });

    test("bytes in one direction keep it open", async () => {
      for (const direction of ["in", "out"]) {
        using ends = await open();
        const { client, server } = ends;
        const [from, to] = direction === "in"
          ? [client, server]
          : [server, client];
        const ms = 400;
        server.setTimeout(ms);
        const pending = direction === "in" ? undefined : server.read(room());
        pending?.catch(() => {});
        const begin = performance.now();
        let last = begin;
        while (last - begin < 3 * ms) {
          await from.write(bytesOf("tick"));
          assert.equal(await within("it", to.read(room())), 4);
          const time = performance.now();
          /* The machine may have stopped for so long. */
          if (time - last > ms / 2) return;
          last = time;
          await delay(20);
        }
      }
    });

    test("a peer that reads nothing is idle, and sees a reset", async () => {
      using ends = await open();
      const { client, server } = ends;
      const data = new Uint8Array(40_000_000);
      const write = errorFrom(server.write(data));
      assert.equal(await isSettled(write), false);
      server.setTimeout(idle);
      const error = await write;
      assert.deepEqual([error.code, error.syscall], ["ETIMEDOUT", "write"]);
      let received = 0;
      const drain = async () => {
        const p = new Uint8Array(1_000_000);
        for (;;) {
          const count = await within("it", client.read(p));
          if (count === null) return;
          received += count;
        }
      };
      /* Over a local socket a reset may look like an end. */
      if (name === "TCP") {
        assert.equal((await errorFrom(drain())).code, "ECONNRESET");
      } else await drain().catch(() => {});
      assert.ok(received < data.length);
    });

    test("0 turns it off, and each call starts it anew", async () => {
      using ends = await open();
      const { client, server } = ends;
      server.setTimeout(200);
      server.setTimeout(hour);
      client.setTimeout(200);
      client.setTimeout(0);
      const reads = [client.read(room()), server.read(room())];
      await delay(400);
      await client.write(bytesOf("hello"));
      assert.equal(await within("it", reads[1]!), 5);
      await server.write(bytesOf("hello"));
      assert.equal(await within("it", reads[0]!), 5);
      server.setTimeout(idle);
      assert.equal((await errorFrom(server.read(room()))).code, "ETIMEDOUT");
    });
  });
}

test("A connection that is closed needs no timeout", async () => {
  using ends = await pair();
  const { client, server } = ends;
  server.setTimeout(idle);
  server.close();
  client.setTimeout(idle);
  const { handle: _, ...rest } = await client.detach();
  assert.ok(rest);
  assert.throws(() => server.setTimeout(idle), { code: "EBADF" });
  await delay(4 * idle);
  assert.equal((await errorFrom(server.read(room()))).code, "EBADF");
  assert.equal((await errorFrom(client.read(room()))).code, "EBADF");
});

test("A connection that keeps its bytes for later is idle", async () => {
  using ends = await pair();
  const { client, server } = ends;
  await client.write(bytesOf("hello"));
  server.setTimeout(idle);
  await eventually(
    "it ends",
    async () => /closed/.test(await stateOf(server)),
  );
  assert.equal((await errorFrom(server.read(room()))).code, "ETIMEDOUT");
});

test("Wrong times are refused by name", async () => {
  using ends = await pair();
  const { server } = ends as { server: Conn };
  for (const ms of [-1, 0.5, NaN, Infinity, 2 ** 31]) {
    assert.throws(() => server.setTimeout(ms), {
      name: "RangeError",
      message: /"ms"/,
    });
  }
  for (const ms of [undefined, null, "1", {}]) {
    assert.throws(() => server.setTimeout(ms as never), {
      name: "TypeError",
      message: /"ms"/,
    });
  }
  server.setTimeout(2 ** 31 - 1);
});
