// Copyright the iocp authors. MIT license.
/* Where datagrams go: addresses, host names, connect(), sendMany(), and the errors
 * that the network reports. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { CompletionPort, type SocketError } from "../mod.ts";
import { receiveText, sendTexts, take, UdpPair } from "./shared/datagrams.ts";
import { eventually, isSettled, within } from "./shared/deadline.ts";
import { errorFrom } from "./shared/outcome.ts";
import { bytesOf, pattern, textOf } from "./shared/pattern.ts";

const isWindows = process.platform === "win32";
const hostname = "127.0.0.1";

/* A port of this machine that no socket is bound to. */
function closedAddr(port: CompletionPort) {
  const socket = port.bind({ hostname, port: 0 });
  socket.close();
  return socket.addr;
}

test("A host name is looked up, and localhost needs no look-up", async () => {
  using it = new UdpPair();
  const { port } = it.right.addr;
  await it.left.send(bytesOf("by name"), { hostname: "localhost", port });
  assert.equal(await receiveText(it.right), "by name");
  await it.left.connect({ hostname: "LOCALHOST.", port });
  await it.left.send(bytesOf("connected"));
  assert.equal(await receiveText(it.right), "connected");
  const error = await errorFrom(
    it.left.send(bytesOf("lost"), { hostname: "no.such.host.invalid", port }),
  );
  assert.ok(
    ["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL"].includes(error.code),
    error.code,
  );
  assert.equal(error.syscall, "getaddrinfo");
});

test("A connected socket sends there by default, and receives from there alone", async () => {
  using it = new UdpPair();
  const { left, right, port } = it;
  const other = port.bind({ hostname, port: 0 });
  assert.equal(left.remoteAddr, undefined);
  await left.connect(right.addr);
  assert.deepEqual(left.remoteAddr, right.addr);
  await left.send(bytesOf("to the peer"));
  assert.equal(await receiveText(right), "to the peer");
  await left.send(bytesOf("to the other"), other.addr);
  assert.equal(await receiveText(other), "to the other");
  await sendTexts(other, left.addr, "from the other");
  await sendTexts(right, left.addr, "from the peer");
  assert.equal(await receiveText(left), "from the peer");
  left.disconnect();
  assert.equal(left.remoteAddr, undefined);
  assert.equal((await errorFrom(left.send(bytesOf("?")))).code, "EDESTADDRREQ");
  /* The other may answer. */
  await sendTexts(left, other.addr, "not connected");
  const { addr } = await within("it", other.receive(new Uint8Array(100)));
  await sendTexts(other, addr, "from the other again");
  assert.equal(await receiveText(left), "from the other again");
});

test("A socket that was disconnected has the port that it had", {
  skip: isWindows && "Wine asks Linux to disconnect, which takes the port away",
}, async () => {
  using it = new UdpPair();
  const { left, right } = it;
  const { addr } = left;
  await left.connect(right.addr);
  left.disconnect();
  assert.deepEqual(left.addr, addr);
  await sendTexts(right, addr, "to the port");
  assert.equal(await receiveText(left), "to the port");
  await sendTexts(left, right.addr, "from the port");
  const received = right.receive(new Uint8Array(100));
  assert.deepEqual({ ...(await within("it", received)).addr }, addr);
});

test("DatagramSocket.connect() finds out the local address", async () => {
  using port = new CompletionPort();
  const server = port.bind({ hostname, port: 0 });
  const client = port.bind({ port: 0 });
  assert.equal(client.addr.hostname, "0.0.0.0");
  await client.connect(server.addr);
  assert.equal(client.addr.hostname, hostname);
  client.disconnect();
  assert.equal(client.addr.hostname, "0.0.0.0");
});

test("Without a destination send() fails with EDESTADDRREQ", async () => {
  using it = new UdpPair();
  const error = await errorFrom(it.left.send(bytesOf("hello")));
  assert.equal(error.code, "EDESTADDRREQ");
  const many = await errorFrom(it.left.sendMany([{ data: bytesOf("hello") }]));
  assert.equal(many.code, "EDESTADDRREQ");
  assert.equal(many.datagramsSent, 0);
});

test("sendMany() sends all datagrams, in order", async () => {
  using port = new CompletionPort();
  const left = port.bind({ hostname, port: 0 });
  const right = port.bind({
    hostname,
    port: 0,
    systemReceiveBuffer: 2_000_000,
  });
  const { addr } = right;
  const count = 500;
  const datagrams = Array.from(
    { length: count },
    (_, i) => ({ data: pattern(i % 100, i), addr }),
  );
  const taken = take(right, count);
  assert.equal(await left.sendMany(datagrams), count);
  for (const [i, { data }] of (await taken).entries()) {
    assert.deepEqual([...data], [...datagrams[i]!.data], `datagram ${i}`);
  }
  assert.equal(left.stats().datagramsSent, count);
  assert.equal(await left.sendMany([]), 0);
});

test("sendMany() sends to several peers and lengths, by address and by name", async () => {
  using port = new CompletionPort();
  const sender = port.bind({ hostname, port: 0 });
  const receivers = [0, 1, 2].map(() => port.bind({ hostname, port: 0 }));
  const data = [pattern(65_507, 1), pattern(30_000, 2), new Uint8Array()];
  const datagrams = receivers.flatMap(({ addr }) =>
    data.map((data, i) => ({
      data,
      addr: i === 1 ? { hostname: "localhost", port: addr.port } : addr,
    }))
  );
  assert.equal(await sender.sendMany(new Set(datagrams)), 9);
  for (const receiver of receivers) {
    const received = await take(receiver, 3);
    for (const [i, datagram] of received.entries()) {
      assert.deepEqual(datagram.data, data[i]);
    }
  }
});

test("sendMany() reads the address of each datagram", async () => {
  using port = new CompletionPort();
  const sender = port.bind({ hostname, port: 0 });
  const receivers = [0, 1].map(() => port.bind({ hostname, port: 0 }));
  const frozen = receivers.map(({ addr }) => Object.freeze(addr));
  /* Two for one receiver, two for the other one, and so on. */
  const indexOf = (i: number) => (i >> 1) & 1;
  function* datagrams() {
    const changing = { hostname, port: 0 };
    for (let i = 0; i < 24; i++) {
      const addr = frozen[indexOf(i)]!;
      changing.port = addr.port;
      yield { data: Uint8Array.of(i), addr: i < 12 ? changing : addr };
    }
  }
  assert.equal(await sender.sendMany(datagrams()), 24);
  for (const [index, receiver] of receivers.entries()) {
    const received = await take(receiver, 12);
    const expected = [...Array(24).keys()].filter((i) => indexOf(i) === index);
    assert.deepEqual(received.map(({ data }) => data[0]), expected);
  }
});

test("An address that has changed since the last send is read again", async () => {
  using port = new CompletionPort();
  const sender = port.bind({ hostname, port: 0 });
  const receiver = port.bind({ hostname, port: 0 });
  const addr = {
    transport: "udp" as const,
    hostname,
    port: receiver.addr.port,
  };
  const data = Uint8Array.of(1);
  const sends = [
    () => sender.send(data, addr),
    () => sender.sendMany([{ data, addr }]),
  ];
  for (const send of sends) {
    await send();
    addr.hostname = "::1";
    assert.equal((await errorFrom(send())).code, "EAFNOSUPPORT");
    addr.hostname = hostname;
    await send();
    addr.transport = "unixpacket" as never;
    await assert.rejects(send, { name: "TypeError" });
    addr.transport = "udp";
    await send();
    addr.port = 0;
    await assert.rejects(send, { name: "RangeError" });
    addr.port = receiver.addr.port;
  }
  assert.equal((await take(receiver, 6)).length, 6);
});

test("sendMany() says how many datagrams were sent before one that fails", async () => {
  using it = new UdpPair();
  const { addr } = it.right;
  const data = bytesOf("good");
  const bad = { data: new Uint8Array(65_508), addr };
  const good = Array.from({ length: 70 }, () => ({ data, addr }));
  const error = await errorFrom(it.left.sendMany([...good, bad, ...good]));
  assert.equal(error.code, "EMSGSIZE");
  assert.equal(error.datagramsSent, 70);
  assert.equal((await take(it.right, 70)).length, 70);
  assert.equal(await isSettled(it.right.receive(new Uint8Array(1))), false);
});

test("Datagrams that the system has no room for are sent when it has", async () => {
  using port = new CompletionPort();
  const sender = port.bind({ hostname, port: 0, systemSendBuffer: 4_096 });
  const receiver = port.bind({
    hostname,
    port: 0,
    systemReceiveBuffer: 3_000_000,
  });
  const count = 30;
  const sends = Array.from(
    { length: count },
    (_, i) => sender.send(pattern(2_000, i), receiver.addr),
  );
  const taken = await take(receiver, count);
  assert.deepEqual(
    await within("all sends", Promise.all(sends)),
    Array.from({ length: count }, () => 2_000),
  );
  for (const [i, { data }] of taken.entries()) {
    assert.deepEqual([...data], [...pattern(2_000, i)]);
  }
});

test("A broadcast needs the option broadcast, and is received", async () => {
  using port = new CompletionPort();
  const receiver = port.bind({ port: 0 });
  /* The address of the loopback interface makes that the way to everybody, so no
   * route is needed. */
  const sender = port.bind({ hostname, port: 0 });
  for (const everybody of ["127.255.255.255", "255.255.255.255"]) {
    const addr = { hostname: everybody, port: receiver.addr.port };
    const data = bytesOf(`to ${everybody}`);
    sender.setOptions({ broadcast: false });
    assert.equal((await errorFrom(sender.send(data, addr))).code, "EACCES");
    sender.setOptions({ broadcast: true });
    assert.equal(sender.options.broadcast, true);
    assert.equal(await sender.send(data, addr), data.length);
    assert.equal(await receiveText(receiver), `to ${everybody}`);
  }
});

test("connect() waits for sends that are pending", async () => {
  using port = new CompletionPort();
  const sender = port.bind({ hostname, port: 0, systemSendBuffer: 4_096 });
  const [first, second] = [0, 1].map(() =>
    port.bind({ hostname, port: 0, systemReceiveBuffer: 3_000_000 })
  );
  await sender.connect(first!.addr);
  const sends = Array.from(
    { length: 30 },
    (_, i) => sender.send(pattern(2_000, i)),
  );
  await sender.connect(second!.addr);
  assert.deepEqual(sender.remoteAddr, second!.addr);
  assert.equal((await take(first!, 30)).length, 30);
  await within("all sends", Promise.all(sends));
  await sendTexts(sender, undefined, "to the second");
  assert.equal(await receiveText(second!), "to the second");
});

/* Windows reports ICMP to connected sockets too, but Wine does not. */
const noIcmp = isWindows && "Wine reports no ICMP errors";

test(
  "An error of the network rejects a pending receive(), and the socket goes on",
  {
    skip: noIcmp,
  },
  async () => {
    using it = new UdpPair();
    const { left, port } = it;
    const refused = closedAddr(port);
    await left.connect(refused);
    const received = left.receive(new Uint8Array(100));
    await left.send(bytesOf("anybody?"));
    const error = await errorFrom(received);
    assert.equal(error.code, "ECONNREFUSED");
    assert.equal(error.syscall, "recvfrom");
    assert.equal(error.port, refused.port);
    assert.equal(left.lastError, error);
    await left.connect(it.right.addr);
    await sendTexts(it.right, left.addr, "still open");
    assert.equal(await receiveText(left), "still open");
  },
);

test("An error of the network does not end a loop, and onError gets it", {
  skip: noIcmp,
}, async () => {
  using port = new CompletionPort();
  const errors: SocketError[] = [];
  const onError = (error: SocketError) => errors.push(error);
  const socket = port.bind({ hostname, port: 0, onError });
  const server = port.bind({ hostname, port: 0 });
  const refused = closedAddr(port);
  const received: string[] = [];
  const ended = (async () => {
    for await (const { data } of socket) received.push(textOf(data));
  })();
  for (let round = 1; round <= 3; round++) {
    await socket.connect(refused);
    await socket.send(bytesOf("anybody?"));
    await eventually("an error", () => errors.length === round);
    await socket.connect(server.addr);
    await sendTexts(server, socket.addr, `round ${round}`);
    await eventually("a datagram", () => received.length === round);
  }
  assert.deepEqual(errors.map(({ code }) => code), [
    "ECONNREFUSED",
    "ECONNREFUSED",
    "ECONNREFUSED",
  ]);
  assert.equal(socket.lastError, errors[2]);
  assert.deepEqual(received, ["round 1", "round 2", "round 3"]);
  socket.close();
  await within("the loop", ended);
});

/* Under Wine, which reports none at all, this shows nothing but that the loop goes on. */
test("Without connect() a refusal is not reported, and the loop goes on", async () => {
  using it = new UdpPair();
  const { left, right, port } = it;
  const loop = left[Symbol.asyncIterator]();
  const next = loop.next();
  await left.send(bytesOf("anybody?"), closedAddr(port));
  await sendTexts(right, left.addr, "hello");
  assert.equal(textOf((await within("a datagram", next)).value!.data), "hello");
  assert.equal(left.lastError, undefined);
});

test("close() lets pending sends finish, or fails them", async () => {
  using port = new CompletionPort();
  const sender = port.bind({ hostname, port: 0 });
  const receiver = port.bind({ hostname, port: 0 });
  const sends = Array.from(
    { length: 10 },
    () => sender.send(pattern(1_000), receiver.addr),
  );
  await sender[Symbol.asyncDispose]();
  const results = await within("all sends", Promise.allSettled(sends));
  for (const result of results) {
    if (result.status === "rejected") assert.equal(result.reason.code, "EINTR");
    else assert.equal(result.value, 1_000);
  }
});
