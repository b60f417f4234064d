// Copyright the iocp authors. MIT license.
/* listenDatagram(), whose shape is Deno's. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import {
  bind,
  type BindOptions,
  DatagramConn,
  listenDatagram,
  type OperationOptions,
} from "../mod.ts";
import { listenDatagramOptions } from "../src/options/listen_datagram.ts";
import { eventually, isSettled, within } from "./shared/deadline.ts";
import { TemporaryFolder } from "./shared/files.ts";
import { errorFrom } from "./shared/outcome.ts";
import { bytesOf, pattern, textOf } from "./shared/pattern.ts";
import { SpiedSignal } from "./shared/spied_signal.ts";

const isWindows = process.platform === "win32";
const local = { hostname: "127.0.0.1", port: 0, transport: "udp" } as const;

test("listenDatagram() returns pairs of data and address", async () => {
  using left = listenDatagram(local);
  using right = listenDatagram(local);
  assert.ok(left instanceof DatagramConn);
  assert.deepEqual(left.addr, {
    transport: "udp",
    hostname: "127.0.0.1",
    port: left.addr.port,
  });
  assert.equal(await left.send(bytesOf("hello"), right.addr), 5);
  const [data, addr] = await within("a datagram", right.receive());
  assert.equal(textOf(data), "hello");
  assert.deepEqual({ ...addr }, left.addr);
  /* Without a buffer nothing is truncated. */
  const sent = pattern(30_000);
  await left.send(sent, right.addr);
  assert.deepEqual((await within("a datagram", right.receive()))[0], sent);
});

test("DatagramConn.receive() fills the caller's buffer", async () => {
  using left = listenDatagram(local);
  using right = listenDatagram(local);
  await left.send(pattern(100), right.addr);
  const p = new Uint8Array(40);
  const [data] = await within("a datagram", right.receive(p));
  assert.equal(data.buffer, p.buffer);
  assert.deepEqual([...data], [...pattern(40)]);
});

test("Leaving a loop over a DatagramConn leaves it open, and close() ends it", async () => {
  using left = listenDatagram(local);
  const right = listenDatagram(local);
  for (const text of ["1", "2", "3"]) {
    await left.send(bytesOf(text), right.addr);
  }
  for await (const [data] of right) {
    assert.equal(textOf(data), "1");
    break;
  }
  const received: string[] = [];
  const ended = (async () => {
    for await (const [data] of right) received.push(textOf(data));
  })();
  await eventually("two more", () => received.length === 2);
  assert.deepEqual(received, ["2", "3"]);
  const pending = right.receive();
  right.close();
  await within("the loop", ended);
  assert.equal((await errorFrom(pending)).name, "Interrupted");
  assert.equal((await errorFrom(right.receive())).name, "BadResource");
  const error = await errorFrom(right.send(bytesOf("?"), left.addr));
  assert.equal(error.name, "BadResource");
});

test("DatagramConn.receive() ends by its limits, and the next one gets the datagram", async () => {
  using left = listenDatagram(local);
  using right = listenDatagram(local);
  for (const p of [undefined, new Uint8Array(10)]) {
    const late = await errorFrom(right.receive(p, { timeout: 20 }));
    assert.deepEqual([late.code, late.syscall], ["ETIMEDOUT", "recvfrom"]);
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = right.receive(p, { signal });
    assert.equal(await isSettled(aborted), false);
    controller.abort("why");
    await assert.rejects(aborted, (reason) => reason === "why");
    await left.send(bytesOf("later"), right.addr, { timeout: 5_000 });
    const [data] = await right.receive(p, { timeout: 5_000 });
    assert.equal(textOf(data), "later");
  }
});

test("DatagramConn.send() does nothing with a signal that has aborted", async () => {
  using left = listenDatagram(local);
  using right = listenDatagram(local);
  const signal = AbortSignal.abort("why");
  const error = await errorFrom(
    left.send(bytesOf("1"), right.addr, { signal }),
  );
  assert.deepEqual([error.code, error.cause], ["ECANCELED", "why"]);
  assert.equal((error as { bytesWritten?: number }).bytesWritten, 0);
  await left.send(bytesOf("2"), right.addr);
  const [data] = await within("a datagram", right.receive());
  assert.equal(textOf(data), "2");
});

test("A loop over DatagramConn.datagrams() that ends by its limits leaves it open", async () => {
  using left = listenDatagram(local);
  using right = listenDatagram(local);
  for (const abort of [false, true]) {
    const controller = new AbortController();
    const { signal } = controller;
    const options = abort ? { signal } : { timeout: 200 };
    const texts: string[] = [];
    const loop = async () => {
      for await (const [data] of right.datagrams(options)) {
        texts.push(textOf(data));
        if (abort && texts.length === 2) setTimeout(() => controller.abort());
      }
    };
    const looped = loop();
    for (const text of ["1", "2"]) await left.send(bytesOf(text), right.addr);
    const name = abort ? "AbortError" : "TimedOut";
    await assert.rejects(within("the loop", looped), { name });
    assert.deepEqual(texts, ["1", "2"]);
  }
  await left.send(bytesOf("3"), right.addr);
  const [data] = await within("a datagram", right.receive());
  assert.equal(textOf(data), "3");
  const next = right.datagrams({ timeout: 5_000 }).next();
  right.close();
  assert.deepEqual(await next, { value: undefined, done: true });
});

test("10,000 calls of a DatagramConn with one signal leave no listener on it", async () => {
  using left = listenDatagram(local);
  using right = listenDatagram(local);
  const spied = new SpiedSignal();
  const options = { signal: spied.signal, timeout: 3_600_000 };
  const loop = right.datagrams(options);
  for (let i = 0; i < 2_500; i++) {
    const received = i % 2 === 0
      ? right.receive(undefined, options)
      : loop.next().then(({ value }) => value!);
    const data = Uint8Array.of(i, i >> 8);
    await left.send(data, right.addr, options);
    assert.deepEqual((await within("it", received))[0], data);
    await left.send(data, right.addr, options);
    const again = await right.receive(new Uint8Array(2), options);
    assert.deepEqual(again[0], data);
  }
  assert.equal(spied.count, 0);
});

test("Wrong options of a DatagramConn are refused by name", async () => {
  using socket = listenDatagram(local);
  const wrong: [unknown, string, RegExp][] = [
    [1, "TypeError", /"options"/],
    [{ timeout: -1 }, "RangeError", /"timeout"/],
    [{ signal: 1 }, "TypeError", /"signal"/],
  ];
  for (const [options, name, message] of wrong) {
    const given = options as OperationOptions;
    const expected = { name, message };
    await assert.rejects(socket.receive(undefined, given), expected);
    const sent = socket.send(bytesOf("no"), socket.addr, given);
    await assert.rejects(sent, expected);
    assert.throws(() => socket.datagrams(given), expected);
  }
  await assert.rejects(socket.send(bytesOf("no"), undefined as never, {}), {
    name: "TypeError",
    message: /"addr"/,
  });
});

test("An error of the network does not end a loop over a DatagramConn", {
  skip: isWindows && "Wine reports no ICMP errors",
}, async () => {
  using socket = listenDatagram(local);
  const gone = bind(local);
  gone.close();
  const { promise, resolve } = Promise.withResolvers<string>();
  (async () => {
    for await (const [data] of socket) resolve(textOf(data));
  })();
  await socket.send(bytesOf("anybody?"), gone.addr);
  await socket.send(bytesOf("hello"), socket.addr);
  assert.equal(await within("a datagram", promise), "hello");
});

test("A membership joins, leaves, and sets options", async () => {
  using socket = listenDatagram({
    ...local,
    hostname: "0.0.0.0",
    loopback: true,
  });
  const group = "239.255.7.8";
  const membership = await socket.joinMulticastV4(group, "127.0.0.1");
  await membership.setTTL(3);
  await membership.setLoopback(true);
  await assert.rejects(membership.setTTL(256), RangeError);
  await membership.leave();
  assert.equal((await errorFrom(membership.leave())).code, "EADDRNOTAVAIL");
  await assert.rejects(
    socket.joinMulticastV4("127.0.0.1", "0.0.0.0"),
    TypeError,
  );
});

test("loopback is the option multicastLoop of bind(), and false by default", () => {
  const given = { transport: "udp", port: 0 } as const;
  for (const loopback of [true, false, undefined]) {
    const options = listenDatagramOptions({ ...given, loopback });
    assert.equal("multicastLoop" in options, true);
    assert.equal((options as BindOptions).multicastLoop, loopback ?? false);
  }
});

test("listenDatagram() makes unix sockets, where the system has them", async () => {
  using folder = new TemporaryFolder();
  const path = folder.join("a.sock");
  const transport = "unixpacket";
  if (isWindows) {
    assert.throws(() => listenDatagram({ path, transport }), {
      name: "NotSupported",
    });
    return;
  }
  using receiver = listenDatagram({ path, transport });
  using sender = listenDatagram({ transport });
  assert.deepEqual(receiver.addr, { transport, path });
  assert.equal(await sender.send(bytesOf("hello"), receiver.addr), 5);
  const [data, addr] = await within("a datagram", receiver.receive());
  assert.equal(textOf(data), "hello");
  assert.deepEqual({ ...addr }, { transport, path: "" });
});

test("A broadcast is allowed, as in Deno", async () => {
  using socket = listenDatagram(local);
  const to = {
    transport: "udp",
    hostname: "255.255.255.255",
    port: 9,
  } as const;
  const code = await socket.send(bytesOf("to all"), to)
    .then(() => "sent", (error) => error.code);
  assert.notEqual(code, "EACCES");
});

test("DatagramConn.unref() and ref() decide whether it holds the process", async () => {
  using socket = listenDatagram(local);
  const received = socket.receive();
  socket.unref();
  socket.ref();
  assert.equal(await isSettled(received), false);
  await socket.send(bytesOf("hello"), socket.addr);
  assert.equal(textOf((await received)[0]), "hello");
});
