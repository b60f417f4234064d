// Copyright the iocp authors. MIT license.
/* Datagrams received and sent with a timeout or a signal: what ends them, and that
 * no datagram is lost by it or sent after it. */

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { describe, test } from "node:test";
import {
  CompletionPort,
  type DatagramSocket,
  type OperationOptions,
  type SocketError,
  type UnixDatagramAddr,
} from "../mod.ts";
import { delay, isSettled, within } from "./shared/deadline.ts";
import { receiveText, sendTexts, UdpPair } from "./shared/datagrams.ts";
import { isWindows } from "./shared/local.ts";
import { errorFrom } from "./shared/outcome.ts";
import { bytesOf, textOf } from "./shared/pattern.ts";
import { Random } from "./shared/random.ts";
import { SpiedSignal } from "./shared/spied_signal.ts";

const timeout = 20;
const hour = 3_600_000;
const room = () => new Uint8Array(100);

function numberOf(data: Uint8Array): number {
  return new DataView(data.buffer, data.byteOffset).getUint32(0);
}

function numbered(i: number): Uint8Array {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, i);
  return data;
}

test("receive() ends by its limits, and the next one gets the datagram", async () => {
  using it = new UdpPair();
  const controller = new AbortController();
  const { signal } = controller;
  const aborted = it.right.receive(room(), { signal });
  const late = await errorFrom(it.right.receive(room(), { timeout }));
  assert.deepEqual([late.code, late.syscall], ["ETIMEDOUT", "recvfrom"]);
  assert.equal(await isSettled(aborted), false);
  controller.abort("why");
  await assert.rejects(aborted, (reason) => reason === "why");
  await sendTexts(it.left, it.right.addr, "later");
  assert.equal(await receiveText(it.right), "later");
});

test("Random limits of receive() lose no datagram", async () => {
  using port = new CompletionPort();
  const left = port.bind({ hostname: "127.0.0.1", port: 0 });
  const right = port.bind({
    hostname: "127.0.0.1",
    port: 0,
    systemReceiveBuffer: 2_000_000,
  });
  const random = new Random(3);
  const count = 500;
  const send = async () => {
    for (let i = 0; i < count; i++) {
      await left.send(numbered(i), right.addr);
      if (i % 3 === 0) await delay(i % 2);
    }
  };
  const sent = send();
  let cut = 0;
  for (let i = 0; i < count;) {
    const controller = new AbortController();
    const options = random.chance(0.5)
      ? { timeout: random.integer(0, 1) }
      : { signal: controller.signal };
    const received = right.receive(room(), options);
    if (random.chance(0.5)) controller.abort();
    else setTimeout(() => controller.abort());
    try {
      const { data } = await within("a datagram", received);
      assert.equal(numberOf(data), i++);
    } catch (error) {
      const { name } = error as Error;
      assert.ok(["TimedOut", "AbortError"].includes(name), `${error}`);
      cut++;
    }
  }
  await sent;
  assert.ok(cut > 0);
});

test("A loop over batches ends by the limits of a turn, and closes the socket", async () => {
  for (const abort of [false, true]) {
    using it = new UdpPair();
    const controller = new AbortController();
    const { signal } = controller;
    const options = abort ? { signal } : { timeout: 200 };
    const texts: string[] = [];
    const loop = async () => {
      for await (const batch of it.right.batches(options)) {
        texts.push(...batch.map(({ data }) => textOf(data)));
        if (abort) setTimeout(() => controller.abort());
      }
    };
    const looped = loop();
    await sendTexts(it.left, it.right.addr, "hello");
    const name = abort ? "AbortError" : "TimedOut";
    await assert.rejects(within("the loop", looped), { name });
    assert.deepEqual(texts, ["hello"]);
    await assert.rejects(it.right.receive(room()), { code: "EBADF" });
  }
});

test("Loops with limits that do not end them are like any other", async () => {
  using it = new UdpPair();
  const spied = new SpiedSignal();
  const options = { signal: spied.signal, timeout: hour };
  const batches = it.right.batches(options);
  for (let i = 0; i < 200; i++) {
    const next = batches.next();
    await it.left.send(numbered(i), it.right.addr, options);
    const { value } = await within("it", next);
    assert.equal(numberOf(value![0]!.data), i);
  }
  const next = batches.next();
  it.right.close();
  assert.deepEqual(await within("it", next), { value: undefined, done: true });
  assert.deepEqual(await batches.next(), { value: undefined, done: true });
  await delay(0);
  assert.equal(spied.count, 0);
});

test("A loop over datagrams() ends by the limits of a turn, and closes the socket", async () => {
  for (const abort of [false, true]) {
    using it = new UdpPair();
    const controller = new AbortController();
    const { signal } = controller;
    const options = abort ? { signal } : { timeout: 200 };
    const texts: string[] = [];
    const loop = async () => {
      for await (const { data } of it.right.datagrams(options)) {
        texts.push(textOf(data));
        if (abort && texts.length === 2) setTimeout(() => controller.abort());
      }
    };
    const looped = loop();
    await sendTexts(it.left, it.right.addr, "hello", "again");
    const name = abort ? "AbortError" : "TimedOut";
    await assert.rejects(within("the loop", looped), { name });
    assert.deepEqual(texts, ["hello", "again"]);
    await assert.rejects(it.right.receive(room()), { code: "EBADF" });
  }
});

test("A loop over datagrams() gets every datagram before its signal ends it", async () => {
  using it = new UdpPair();
  const controller = new AbortController();
  const { signal } = controller;
  const loop = it.right.datagrams({ signal });
  for (let i = 0; i < 100; i++) await it.left.send(numbered(i), it.right.addr);
  for (let i = 0; i < 100; i++) {
    const { value } = await within("a datagram", loop.next());
    assert.equal(numberOf(value!.data), i);
  }
  const next = loop.next();
  controller.abort("why");
  await assert.rejects(within("it", next), (reason) => reason === "why");
  assert.deepEqual(await loop.next(), { value: undefined, done: true });
});

test("connect() with limits connects as without", async () => {
  using it = new UdpPair();
  const spied = new SpiedSignal();
  const options = { signal: spied.signal, timeout: hour };
  await it.left.connect(it.right.addr, options);
  assert.deepEqual(it.left.remoteAddr, it.right.addr);
  assert.equal(await it.left.send(bytesOf("hello")), 5);
  assert.equal(await receiveText(it.right), "hello");
  spied.abort();
  assert.deepEqual(it.left.remoteAddr, it.right.addr);
  /* It needs no wait. */
  await it.left.connect(it.left.addr, { timeout: 0 });
  assert.deepEqual(it.left.remoteAddr, it.left.addr);
  it.left.close();
  const error = await errorFrom(it.left.connect(it.right.addr, { timeout }));
  assert.deepEqual([error.code, error.syscall], ["EBADF", "connect"]);
});

test("connect() ends by its signal, and the socket keeps its peer", async () => {
  using it = new UdpPair();
  await it.left.connect(it.right.addr);
  const reason = (one: unknown) => one === "why";
  const aborted = it.left.connect(it.left.addr, {
    signal: AbortSignal.abort("why"),
  });
  await assert.rejects(aborted, reason);
  const name = { hostname: "ip6-localhost.invalid", port: 9 };
  const controller = new AbortController();
  const { signal } = controller;
  const looksUp = it.left.connect(name, { signal });
  controller.abort("why");
  await assert.rejects(looksUp, reason);
  assert.deepEqual(it.left.remoteAddr, it.right.addr);
  assert.equal(await it.left.send(bytesOf("hello")), 5);
  assert.equal(await receiveText(it.right), "hello");
});

test("10,000 calls of connect() with one signal leave no listener on it", async () => {
  using it = new UdpPair();
  const spied = new SpiedSignal();
  const options = { signal: spied.signal, timeout: hour };
  const addrs = [it.left.addr, it.right.addr];
  for (let i = 0; i < 10_000; i++) {
    await it.left.connect(addrs[i % 2]!, options);
  }
  assert.equal(spied.count, 0);
  assert.ok(spied.most <= 1);
});

test("10,000 turns of datagrams() with one signal leave no listener on it", async () => {
  using it = new UdpPair();
  const spied = new SpiedSignal();
  const loop = it.right.datagrams({ signal: spied.signal, timeout: hour });
  for (let i = 0; i < 10_000; i++) {
    const next = loop.next();
    await it.left.send(numbered(i), it.right.addr);
    const { value } = await within("it", next);
    assert.equal(numberOf(value!.data), i);
  }
  assert.equal(spied.count, 0);
  assert.equal(spied.most, 1);
});

test("10,000 calls with one signal leave no listener on it", async () => {
  using it = new UdpPair();
  const spied = new SpiedSignal();
  const options = { signal: spied.signal, timeout: hour };
  for (let i = 0; i < 5_000; i++) {
    await it.left.send(numbered(i), it.right.addr, options);
    const { data } = await it.right.receive(room(), options);
    assert.equal(numberOf(data), i);
  }
  assert.equal(spied.count, 0);
  assert.ok(spied.most <= 1);
});

test("A signal that has aborted already sends nothing", async () => {
  using it = new UdpPair();
  const signal = AbortSignal.abort("before");
  const { addr } = it.right;
  const one = await errorFrom(it.left.send(bytesOf("no"), addr, { signal }));
  assert.deepEqual([one.code, one.cause], ["ECANCELED", "before"]);
  assert.equal(one.bytesWritten, 0);
  const datagrams = [{ data: bytesOf("no"), addr }];
  const many = await errorFrom(it.left.sendMany(datagrams, { signal }));
  assert.deepEqual([many.code, many.cause], ["ECANCELED", "before"]);
  assert.equal(many.datagramsSent, 0);
  await it.left.send(bytesOf("yes"), addr);
  assert.equal(await receiveText(it.right), "yes");
});

test("An abort after a send has no effect on it", async () => {
  using it = new UdpPair();
  const { addr } = it.right;
  await it.left.connect(addr);
  const controller = new AbortController();
  const { signal } = controller;
  const isAtOnce = !isWindows;
  const one = it.left.send(bytesOf("one"), undefined, { signal });
  const many = it.left.sendMany([{ data: bytesOf("two"), addr }], { signal });
  if (!isAtOnce) await Promise.all([one, many]);
  controller.abort();
  assert.equal(await within("it", one), 3);
  assert.equal(await within("it", many), 1);
  assert.equal(await receiveText(it.right), "one");
  assert.equal(await receiveText(it.right), "two");
});

describe("Unix datagrams whose receiver is slow", () => {
  const skip = isWindows && "Windows has no unix sockets of datagrams";
  const folder = `/tmp/iocp-deadline-${crypto.randomUUID()}`;

  async function fill(
    left: DatagramSocket<UnixDatagramAddr>,
    addr: UnixDatagramAddr,
  ): Promise<number> {
    for (let sent = 0;; sent++) {
      try {
        await left.send(numbered(sent), addr, { timeout: 50 });
      } catch (error) {
        const { code, bytesWritten } = error as {
          code: string;
          bytesWritten: number;
        };
        assert.equal(code, "ETIMEDOUT");
        /* The library has a copy, which is sent when there is room. */
        return sent + (bytesWritten === 0 ? 0 : 1);
      }
    }
  }

  test("end by the limits of send() and sendMany()", { skip }, async () => {
    using port = new CompletionPort();
    const paths = [`${folder}-a`, `${folder}-b`];
    const [left, right] = paths.map((path) => port.bind({ path }));
    try {
      const { addr } = right!;
      let sent = await fill(left!, addr);
      assert.ok(sent > 0);
      const controller = new AbortController();
      const { signal } = controller;
      const waiting = [1, 2, 3].map(() =>
        errorFrom(left!.send(bytesOf("no"), addr, { signal }))
      );
      const many = Array.from({ length: 500 }, (_, i) => ({
        data: numbered(sent + i),
        addr,
      }));
      const kept = left!.sendMany(many, { timeout: 200 });
      /* It waits for the earlier sends. */
      const connected = [
        errorFrom(left!.connect(addr, { timeout })),
        left!.connect(addr, { signal }),
      ];
      const late = await connected[0] as { code: string; address: string };
      assert.deepEqual([late.code, late.address], ["ETIMEDOUT", addr.path]);
      controller.abort("why");
      await assert.rejects(connected[1]!, (reason) => reason === "why");
      assert.equal(left!.remoteAddr, undefined);
      for (const error of await Promise.all(waiting)) {
        assert.deepEqual([error.code, error.bytesWritten], ["ECANCELED", 0]);
      }
      /* It has room for a few more. */
      for (let i = 0; i < 3; i++) {
        const { data } = await within("it", right!.receive(room()));
        assert.equal(numberOf(data), i);
      }
      const error = await errorFrom(kept);
      assert.equal(error.code, "ETIMEDOUT");
      const { datagramsSent } = error as { datagramsSent: number };
      assert.ok(datagramsSent >= 0 && datagramsSent < 500, `${datagramsSent}`);
      sent += datagramsSent;
      const last = left!.send(numbered(sent), addr);
      for (let i = 3; i <= sent; i++) {
        const { data } = await within("it", right!.receive(room()));
        assert.equal(numberOf(data), i);
      }
      assert.equal(await within("it", last), 4);
    } finally {
      port.close();
      for (const path of paths) rmSync(path, { force: true });
    }
  });

  test(
    "say whether they were sent, also when they are empty",
    { skip },
    async () => {
      using port = new CompletionPort();
      const left = port.bind({ path: "" });
      const right = port.bind({ path: `\0${folder}-empty` });
      const { addr } = right;
      let sent = 0;
      let ended = 0;
      while (ended < 5) {
        try {
          await left.send(new Uint8Array(0), addr, { timeout: 20 });
          sent++;
        } catch (error) {
          const { code, datagramsSent } = error as SocketError;
          assert.equal(code, "ETIMEDOUT");
          assert.ok(datagramsSent === 0 || datagramsSent === 1);
          sent += datagramsSent;
          ended++;
        }
      }
      left.close();
      for (let i = 0; i < sent; i++) await within("it", right.receive(room()));
      const error = await errorFrom(right.receive(room(), { timeout: 50 }));
      assert.equal(error.code, "ETIMEDOUT");
    },
  );

  test("end by the limits of receive()", { skip }, async () => {
    using port = new CompletionPort();
    const left = port.bind({ path: "" });
    const right = port.bind({ path: `\0${folder}` });
    const error = await errorFrom(right.receive(room(), { timeout: 20 }));
    assert.equal(error.code, "ETIMEDOUT");
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = right.receive(room(), { signal });
    const next = right.receive(room());
    controller.abort("why");
    await assert.rejects(aborted, (reason) => reason === "why");
    await left.send(numbered(1), right.addr);
    assert.equal(numberOf((await within("it", next)).data), 1);
  });
});

test("Wrong options of datagrams are refused by name", async () => {
  using it = new UdpPair();
  const wrong: [unknown, string, RegExp][] = [
    [1, "TypeError", /"options"/],
    [{ timeout: "1" }, "TypeError", /"timeout"/],
    [{ timeout: 2 ** 31 }, "RangeError", /"timeout"/],
    [{ signal: {} }, "TypeError", /"signal"/],
  ];
  const { addr } = it.right;
  for (const [options, name, message] of wrong) {
    const given = options as OperationOptions;
    const expected = { name, message };
    await assert.rejects(it.right.receive(room(), given), expected);
    await assert.rejects(it.left.send(bytesOf("no"), addr, given), expected);
    await assert.rejects(
      it.left.sendMany([{ data: bytesOf("no"), addr }], given),
      expected,
    );
    assert.throws(() => it.right.batches(given), expected);
    assert.throws(() => it.right.datagrams(given), expected);
    await assert.rejects(it.left.connect(addr, given), expected);
  }
  await assert.rejects(it.left.sendMany(1 as never, {}), {
    name: "TypeError",
    message: /"datagrams"/,
  });
  await sendTexts(it.left, addr, "yes");
  assert.equal(await receiveText(it.right), "yes");
});
