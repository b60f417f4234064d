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
} from "../mod.ts";
import { listenDatagramOptions } from "../src/options/listen_datagram.ts";
import { eventually, isSettled, within } from "./shared/deadline.ts";
import { TemporaryFolder } from "./shared/files.ts";
import { errorFrom } from "./shared/outcome.ts";
import { bytesOf, pattern, textOf } from "./shared/pattern.ts";

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
