// Copyright the iocp authors. MIT license.
/* Each connection gets the whole message once, after earlier writes, and a
 * connection that fails does not affect the others. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { broadcast, CompletionPort, type Conn } from "../mod.ts";
import { settled, within } from "./shared/deadline.ts";
import { pair } from "./shared/pair.ts";
import { bytesOf, digest, pattern } from "./shared/pattern.ts";
import { receiveByLoop } from "./shared/transfer.ts";

/* More than the library sends in one call, and than the system accepts at once. */
const LARGE = 8 * 1024 * 1024;

const receive = (conn: Conn) => receiveByLoop(conn);

/** Several connections of one port, and their peers. */
async function connectMany(count: number) {
  const port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const ours: Conn[] = [];
  const peers: Conn[] = [];
  while (ours.length < count) {
    const [server, client] = await within(
      "a connection",
      Promise.all([listener.accept(), port.connect(listener.addr)]),
    );
    ours.push(server);
    peers.push(client);
  }
  return { ours, peers, port, [Symbol.dispose]: () => port.close() };
}

const codeOf = (error: unknown) => (error as { code?: string }).code;

test("broadcast() sends the message to each connection once", async () => {
  using ends = await connectMany(200);
  const { ours, peers } = ends;
  const received = peers.map(receive);
  /* A connection that is listed twice gets the message once. */
  const failed = await within(
    "the broadcast",
    broadcast([...ours, ...ours.slice(0, 7)], bytesOf("hello")),
  );
  assert.equal(failed.size, 0);
  await within(
    "a second broadcast",
    broadcast(new Set(ours), bytesOf(" again")),
  );
  for (const conn of ours) conn.close();
  const expected = digest(bytesOf("hello again"));
  for (const one of received) {
    assert.equal(await within("the broadcast", one), expected);
  }
});

test("broadcast() delivers a message that the system accepts in parts", async () => {
  using ends = await connectMany(5);
  const { ours, peers } = ends;
  const bytes = pattern(LARGE);
  const sent = broadcast(ours, bytes);
  const received = peers.map(receive);
  assert.equal((await within("the broadcast", sent)).size, 0);
  for (const conn of ours) conn.close();
  for (const one of received) {
    assert.equal(await within("the bytes", one), digest(bytes));
  }
});

test("broadcast() keeps the order of writes", async () => {
  using ends = await connectMany(4);
  const { ours, peers } = ends;
  const bytes = pattern(3 * LARGE);
  const parts = [0, 1, 2].map((i) =>
    bytes.subarray(i * LARGE, (i + 1) * LARGE)
  );
  /* The first two have pending writes, the others have none. */
  const writes = [
    ours[0]!.write(parts[0]!),
    ours[1]!.write(parts[0]!),
    broadcast(ours, parts[1]!),
    ...ours.map((conn) => conn.write(parts[2]!)),
  ];
  const received = peers.map(receive);
  await within("the writes", Promise.all(writes));
  for (const conn of ours) conn.close();
  for (const [index, one] of received.entries()) {
    const expected = bytes.subarray(index < 2 ? 0 : LARGE);
    assert.equal(await within("the bytes", one), digest(expected));
  }
});

test("broadcast() resolves after the slowest connection, which delays no other", async () => {
  using ends = await connectMany(3);
  const { ours, peers } = ends;
  const bytes = pattern(LARGE);
  let isDone = false;
  const sent = broadcast(ours, bytes).then(() => isDone = true);
  const quick = peers.slice(1).map(receive);
  await settled("the others", () => ours[1]!.stats().bytesSent);
  assert.equal(ours[1]!.stats().bytesSent, LARGE);
  assert.equal(isDone, false);
  const slow = receiveByLoop(peers[0]!);
  await within("the broadcast", sent);
  for (const conn of ours) conn.close();
  for (const one of [slow, ...quick]) {
    assert.equal(await within("the bytes", one), digest(bytes));
  }
});

describe("broadcast() reports connections that fail, and delivers to the others", () => {
  const failures: Record<
    string,
    [string, (conn: Conn) => Promise<void> | void]
  > = {
    "closed": ["EBADF", (conn) => conn.close()],
    "reset": ["EBADF", (conn) => conn.reset()],
    "half-closed": ["EPIPE", (conn) => conn.closeWrite()],
  };
  for (const [name, [code, breaks]] of Object.entries(failures)) {
    test(name, async () => {
      using ends = await connectMany(3);
      const { ours, peers } = ends;
      await breaks(ours[1]!);
      const failed = await within(
        "the broadcast",
        broadcast(ours, bytesOf("hello")),
      );
      assert.equal(failed.size, 1);
      assert.equal(codeOf(failed.get(ours[1]!)), code);
      for (const peer of [peers[0]!, peers[2]!]) {
        const p = new Uint8Array(9);
        assert.equal(await within("a read", peer.read(p)), 5);
      }
    });
  }

  test("reset by the peer during the write", async () => {
    using ends = await connectMany(2);
    const { ours, peers } = ends;
    const bytes = pattern(LARGE);
    const sent = broadcast(ours, bytes);
    const received = receiveByLoop(peers[1]!);
    peers[0]!.reset();
    const failed = await within("the broadcast", sent);
    assert.equal(failed.size, 1);
    assert.equal(codeOf(failed.get(ours[0]!)), "ECONNRESET");
    ours[1]!.close();
    assert.equal(await within("the bytes", received), digest(bytes));
  });

  test("reset by the peer before the write", async () => {
    using ends = await connectMany(2);
    const { ours, peers } = ends;
    peers[0]!.reset();
    await within("the reset", assert.rejects(ours[0]!.read(new Uint8Array(1))));
    const failed = await within(
      "the broadcast",
      broadcast(ours, bytesOf("hello")),
    );
    const error = failed.get(ours[0]!) as Error & { errno?: number };
    assert.equal(codeOf(error), "ECONNRESET");
    assert.ok(error.errno! > 0, `${error.errno}`);
    assert.equal(failed.size, 1);
  });
});

test("broadcast() sends to connections of several ports", async () => {
  using one = await connectMany(2);
  using other = await connectMany(2);
  const failed = await within(
    "the broadcast",
    broadcast([...one.ours, ...other.ours], bytesOf("hello")),
  );
  assert.equal(failed.size, 0);
  for (const peer of [...one.peers, ...other.peers]) {
    const p = new Uint8Array(9);
    assert.equal(await within("a read", peer.read(p)), 5);
  }
  /* Closing a port fails only its own connections. */
  one.port.close();
  const late = await broadcast([...one.ours, ...other.ours], bytesOf("x"));
  assert.equal(late.size, 2);
  for (const conn of one.ours) assert.equal(codeOf(late.get(conn)), "EBADF");
});

test("broadcast() accepts an iterable that writes to and closes the connections", async () => {
  using ends = await connectMany(3);
  const { ours, peers } = ends;
  const bytes = pattern(LARGE);
  function* meddles() {
    yield ours[0]!;
    /* The iterable writes before broadcast() does. */
    ours[0]!.write(bytes);
    yield ours[1]!;
    ours[1]!.close();
    broadcast([ours[2]!], bytesOf("inner "));
    yield ours[2]!;
    yield ours[2]!;
  }
  const sent = broadcast(meddles(), bytesOf("outer"));
  const received = [peers[0]!, peers[2]!].map(receive);
  const failed = await within("the broadcast", sent);
  assert.equal(failed.size, 1);
  assert.equal(codeOf(failed.get(ours[1]!)), "EBADF");
  for (const conn of ours) conn.close();
  const first = new Uint8Array(LARGE + 5);
  first.set(bytes);
  first.set(bytesOf("outer"), LARGE);
  assert.equal(await within("the first", received[0]!), digest(first));
  const last = digest(bytesOf("inner outer"));
  assert.equal(await within("the last", received[1]!), last);
});

test("broadcast() accepts an empty iterable and an empty message", async () => {
  using ends = await pair();
  assert.equal((await broadcast([], bytesOf("hello"))).size, 0);
  assert.equal((await broadcast([ends.server], bytesOf(""))).size, 0);
  ends.server.close();
  assert.equal((await broadcast([ends.server], bytesOf(""))).size, 1);
});

test("broadcast() with a wrong argument throws an error that names it, and sends nothing", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const wrong: [unknown, unknown, RegExp][] = [
    [[server], "text", /"p" argument/],
    [[server], undefined, /"p" argument/],
    [server as unknown, bytesOf("x"), /"conns" argument/],
    [undefined, bytesOf("x"), /"conns" argument/],
    [[server, {}], bytesOf("x"), /"conns" argument/],
    [[server, null], bytesOf("x"), /"conns" argument/],
    [[server, Object.create(server)], bytesOf("x"), /"conns" argument/],
  ];
  for (const [conns, p, message] of wrong) {
    await assert.rejects(broadcast(conns as Conn[], p as Uint8Array), {
      name: "TypeError",
      message,
    });
  }
  server.close();
  const p = new Uint8Array(9);
  assert.equal(await within("the end", client.read(p)), null);
});
