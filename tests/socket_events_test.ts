// Copyright the iocp authors. MIT license.
/* The callback view: sockets are added to a port, and what happens to them
 * comes as events, each with the state that the user gave. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CompletionPort, type Conn, type SocketEvent } from "../mod.ts";
import { isSettled, settled, within } from "./shared/deadline.ts";
import { type Pair, pair } from "./shared/pair.ts";
import { bytesOf, Digest, digest, pattern, textOf } from "./shared/pattern.ts";

/* The handle of a socket that was made elsewhere: on another port. */
async function foreign(ends: Pair): Promise<number> {
  const { handle, bytes } = await ends.server.detach();
  assert.equal(bytes!.length, 0);
  return handle;
}

/* On Windows a socket that another port had cannot be told from one of ours,
 * so what is added here is one that no port has had. */
async function added(
  port: CompletionPort,
  ends: Pair,
  options: Parameters<CompletionPort["addSocket"]>[1],
): Promise<Conn> {
  return port.addSocket(await foreign(ends), options);
}

async function nextOf<T>(
  events: AsyncIterator<SocketEvent<T>, undefined>,
): Promise<SocketEvent<T>> {
  const { value, done } = await within("an event", events.next());
  assert.equal(done, false);
  return value!;
}

test("Reads and the end come as events, with the user's state", async () => {
  using ends = await pair();
  using port = new CompletionPort();
  const userState = { name: "mine" };
  const socket = await added(port, ends, { userState });
  const events = port.events<typeof userState>();
  await ends.client.write(bytesOf("hello"));
  const read = await nextOf(events);
  assert.equal(read.socket, socket);
  assert.equal(read.type, "read");
  assert.equal(textOf(read.data!), "hello");
  assert.equal(read.byteCount, 5);
  assert.equal(read.userState, userState);
  assert.equal(read.error, undefined);
  await read.socket.write(bytesOf("answer"));
  assert.equal(await ends.client.read(new Uint8Array(9)), 6);
  ends.client.close();
  const end = await nextOf(events);
  assert.equal(end.type, "end");
  assert.equal(end.socket, socket);
  assert.equal(end.byteCount, 0);
  assert.equal(end.data, undefined);
});

test("A reset and a close of our own come as errors, once", async () => {
  for (const isOurs of [false, true]) {
    using ends = await pair();
    using port = new CompletionPort();
    const socket = await added(port, ends, { userState: 7 });
    const events = port.events<number>();
    const waiting = events.next();
    if (isOurs) socket.close();
    else ends.client.reset();
    const { value } = await within("an event", waiting);
    assert.equal(value!.type, "error");
    assert.equal(value!.userState, 7);
    const { code } = value!.error as unknown as { code: string };
    assert.equal(code, isOurs ? "EBADF" : "ECONNRESET");
    assert.equal(await isSettled(events.next()), false);
  }
});

test("No event brings more than the read buffer size", async () => {
  using ends = await pair();
  using port = new CompletionPort();
  await added(port, ends, { readBufferSize: 1000 });
  const bytes = pattern(200_000, 3);
  const written = ends.client.write(bytes).then(() => ends.client.close());
  const result = new Digest();
  for await (const { type, data, byteCount } of port.events()) {
    if (type !== "read") break;
    assert.ok(byteCount <= 1000 && byteCount === data!.length);
    result.add(data!);
  }
  assert.equal(result.text(), digest(bytes));
  await written;
});

test("Sockets whose events nobody takes receive no more", async () => {
  using ends = await pair();
  using port = new CompletionPort();
  await added(port, ends, { readBufferSize: 4096 });
  const bytes = pattern(4 * 1024 * 1024, 3);
  const written = ends.client.write(bytes).then(() => ends.client.close());
  const ahead = await settled(
    "the flood",
    () => port.stats().bytesReceived,
  );
  assert.ok(ahead <= 2 * 4096, `${ahead}`);
  const result = new Digest();
  for await (const { type, data } of port.events()) {
    if (type !== "read") break;
    result.add(data!);
  }
  assert.equal(result.text(), digest(bytes));
  await written;
});

test("Many sockets share the events, each in order", async () => {
  using port = new CompletionPort();
  const all = await Promise.all(Array.from({ length: 20 }, () => pair()));
  try {
    const results = all.map(() => new Digest());
    for (const [userState, ends] of all.entries()) {
      await added(port, ends, { readBufferSize: 3000, userState });
    }
    const writes = all.map(({ client }, i) =>
      client.write(pattern(100_000, i)).then(() => client.close())
    );
    let open = all.length;
    /* Several loops take turns. */
    const loop = async () => {
      for await (const { type, data, userState } of port.events<number>()) {
        if (type === "read") results[userState]!.add(data!);
        else {
          assert.equal(type, "end");
          if (--open === 0) port.close();
        }
      }
    };
    await within("the events", Promise.all([loop(), loop(), loop()]));
    for (const [i, result] of results.entries()) {
      assert.equal(result.text(), digest(pattern(100_000, i)));
    }
    await Promise.all(writes);
  } finally {
    for (const ends of all) ends[Symbol.dispose]();
  }
});

test("Closing the port ends the events", async () => {
  const port = new CompletionPort();
  const events = port.events();
  const waiting = events.next();
  port.close();
  assert.deepEqual(await within("the end", waiting), {
    value: undefined,
    done: true,
  });
  assert.equal((await events.next()).done, true);
});

test("Leaving a loop over the events loses none", async () => {
  using ends = await pair();
  using port = new CompletionPort();
  await added(port, ends, {});
  await ends.client.write(bytesOf("one"));
  for await (const { data } of port.events()) {
    assert.equal(textOf(data!), "one");
    break;
  }
  await ends.client.write(bytesOf("two"));
  for await (const { data } of port.events()) {
    assert.equal(textOf(data!), "two");
    break;
  }
});
