// Copyright the iocp authors. MIT license.
/* accept() with a timeout or a signal: what ends it, and that no connection is lost
 * by it. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CompletionPort, type Conn, type OperationOptions } from "../mod.ts";
import { delay, isSettled, within } from "./shared/deadline.ts";
import { newPath } from "./shared/local.ts";
import { errorFrom } from "./shared/outcome.ts";
import { Random } from "./shared/random.ts";
import { SpiedSignal } from "./shared/spied_signal.ts";

const timeout = 20;
const hour = 3_600_000;

type Place = { hostname: string; port: number };
/* A listener on a path has the same calls; the types of its addresses are others. */
const places: Record<string, () => Place> = {
  "127.0.0.1": () => ({ hostname: "127.0.0.1", port: 0 }),
  "localhost": () => ({ hostname: "localhost", port: 0 }),
  "a local socket": () => ({ path: newPath() }) as unknown as Place,
};

/** Sends a byte in one direction, so both are ends of one connection. */
async function connected(client: Conn, server: Conn): Promise<boolean> {
  const p = new Uint8Array(1);
  await client.write(Uint8Array.of(7));
  await within("a byte", server.read(p));
  return p[0] === 7;
}

for (const [name, place] of Object.entries(places)) {
  describe(`accept() on ${name}`, () => {
    test("fails after its timeout, and the next one gets the connection", async () => {
      using port = new CompletionPort();
      const listener = port.listen(place());
      const error = await errorFrom(listener.accept({ timeout }));
      assert.deepEqual([error.code, error.syscall], ["ETIMEDOUT", "accept"]);
      const next = listener.accept({ timeout: hour });
      const client = await within("it", port.connect(listener.addr));
      assert.ok(await connected(client, await within("it", next)));
    });

    test("ends with the reason of its signal", async () => {
      using port = new CompletionPort();
      const listener = port.listen(place());
      const controller = new AbortController();
      const { signal } = controller;
      const first = listener.accept({ signal });
      const second = listener.accept();
      assert.equal(await isSettled(first), false);
      controller.abort("why");
      await assert.rejects(first, (reason) => reason === "why");
      const client = await within("it", port.connect(listener.addr));
      assert.ok(await connected(client, await within("it", second)));
      await assert.rejects(
        listener.accept({ signal }),
        (reason) => reason === "why",
      );
    });

    test("returns every connection, whatever ends between", async () => {
      using port = new CompletionPort();
      const listener = port.listen(place());
      const random = new Random(7);
      const count = 40;
      const connect = async () => {
        const clients: Conn[] = [];
        for (let i = 0; i < count; i++) {
          clients.push(await port.connect(listener.addr));
          await delay(i % 3);
        }
        return clients;
      };
      const connecting = connect();
      const servers: Conn[] = [];
      let cut = 0;
      while (servers.length < count) {
        const controller = new AbortController();
        const options = random.chance(0.5)
          ? { timeout: random.integer(0, 2) }
          : { signal: controller.signal };
        const accepted = listener.accept(options);
        if (random.chance(0.5)) controller.abort();
        else setTimeout(() => controller.abort(), random.integer(0, 2));
        try {
          servers.push(await within("it", accepted));
        } catch (error) {
          const { name } = error as Error;
          assert.ok(["TimedOut", "AbortError"].includes(name), `${error}`);
          cut++;
        }
      }
      assert.ok(cut > 0);
      /* Each has a peer of its own. */
      const clients = await within("all", connecting);
      for (const client of clients) await client.write(Uint8Array.of(7));
      for (const server of servers) {
        const p = new Uint8Array(2);
        assert.equal(await within("it", server.read(p)), 1);
      }
    });
  });
}

test("Many accepts with one signal leave no listener on it", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const spied = new SpiedSignal();
  const { signal } = spied;
  for (let i = 0; i < 50; i++) {
    const accepted = listener.accept({ signal, timeout: hour });
    (await port.connect(listener.addr)).reset();
    (await within("it", accepted)).reset();
  }
  assert.equal(spied.count, 0);
  const accepts = Array.from(
    { length: 10_000 },
    () => listener.accept({ signal }),
  );
  assert.equal(spied.count, 1);
  const results = Promise.allSettled(accepts);
  spied.abort("enough");
  for (const result of await results) {
    assert.deepEqual(result, { status: "rejected", reason: "enough" });
  }
  assert.equal(spied.count, 0);
});

test("The close of a listener ends accept() with limits as any other", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const spied = new SpiedSignal();
  const options = { signal: spied.signal, timeout: hour };
  const accepted = errorFrom(listener.accept(options));
  listener.close();
  assert.equal((await accepted).code, "EBADF");
  assert.equal((await errorFrom(listener.accept(options))).code, "EBADF");
  await delay(0);
  assert.equal(spied.count, 0);
});

for (const [name, place] of Object.entries(places)) {
  describe(`A loop over accepts() on ${name}`, () => {
    test("ends after the timeout of a turn, and closes the listener", async () => {
      using port = new CompletionPort();
      const listener = port.listen(place());
      const { addr } = listener;
      const servers: Conn[] = [];
      const loop = async () => {
        for await (const conn of listener.accepts({ timeout: 200 })) {
          servers.push(conn);
        }
      };
      const looped = errorFrom(loop());
      const client = await within("it", port.connect(addr));
      const error = await within("the loop", looped);
      assert.deepEqual([error.code, error.syscall], ["ETIMEDOUT", "accept"]);
      assert.equal((await errorFrom(listener.accept())).code, "EBADF");
      /* What was accepted stays open. */
      assert.equal(servers.length, 1);
      assert.ok(await connected(client, servers[0]!));
    });

    test("ends with the reason of its signal, and closes the listener", async () => {
      using port = new CompletionPort();
      const listener = port.listen(place());
      const controller = new AbortController();
      const { signal } = controller;
      const accepts = listener.accepts({ signal, timeout: hour });
      const first = accepts.next();
      const client = await within("it", port.connect(listener.addr));
      const { value } = await within("it", first);
      assert.ok(await connected(client, value!));
      const next = accepts.next();
      assert.equal(await isSettled(next), false);
      controller.abort("why");
      await assert.rejects(within("it", next), (reason) => reason === "why");
      const done = { value: undefined, done: true };
      assert.deepEqual(await accepts.next(), done);
      assert.equal((await errorFrom(listener.accept())).code, "EBADF");
    });

    test("is like any other until then", async () => {
      using port = new CompletionPort();
      const listener = port.listen(place());
      const spied = new SpiedSignal();
      const options = { signal: spied.signal, timeout: hour };
      const accepts = listener.accepts(options);
      for (let i = 0; i < 20; i++) {
        const next = accepts.next();
        const client = await within("it", port.connect(listener.addr));
        const { value } = await within("it", next);
        assert.ok(await connected(client, value!));
        client.reset();
        value!.reset();
      }
      const next = accepts.next();
      listener.close();
      const done = { value: undefined, done: true };
      assert.deepEqual(await within("it", next), done);
      assert.deepEqual(await accepts.next(), done);
      assert.equal(spied.count, 0);
      assert.ok(spied.most <= 1);
    });
  });
}

test("Leaving a loop over accepts() closes the listener", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const client = port.connect(listener.addr);
  for await (const conn of listener.accepts({ timeout: hour })) {
    assert.ok(await connected(await client, conn));
    break;
  }
  assert.equal((await errorFrom(listener.accept())).code, "EBADF");
});

test("10,000 turns of accepts() with one signal leave no listener on it", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const spied = new SpiedSignal();
  const accepts = listener.accepts({ signal: spied.signal, timeout: hour });
  const turns = Array.from({ length: 10_000 }, () => accepts.next());
  assert.equal(spied.count, 1);
  const results = Promise.allSettled(turns);
  spied.abort("enough");
  for (const result of await results) {
    assert.deepEqual(result, { status: "rejected", reason: "enough" });
  }
  assert.equal(spied.count, 0);
});

test("Wrong options of accept() are refused by name", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const wrong: [unknown, string, RegExp][] = [
    [1, "TypeError", /"options"/],
    [{ timeout: 0.5 }, "RangeError", /"timeout"/],
    [{ signal: 1 }, "TypeError", /"signal"/],
  ];
  for (const [options, name, message] of wrong) {
    const given = options as OperationOptions;
    await assert.rejects(listener.accept(given), { name, message });
    assert.throws(() => listener.accepts(given), { name, message });
  }
});
