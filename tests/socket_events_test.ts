// Copyright the iocp authors. MIT license.
/* The events of sockets that were added to a port. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CompletionPort,
  type Conn,
  type Listener,
  type SocketEvent,
} from "../mod.ts";
import { isSettled, settled, within } from "./shared/deadline.ts";
import { closeSocket, connectSocket, makeSocket } from "./shared/os_socket.ts";
import { outcome } from "./shared/outcome.ts";
import { bytesOf, Digest, digest, pattern, textOf } from "./shared/pattern.ts";
import { readText } from "./shared/transfer.ts";
import { transports } from "./shared/transports.ts";

/* A connection between a socket of the system, which is added to a port, and a Conn
 * of another port. */
class Ends implements Disposable {
  readonly other: CompletionPort = new CompletionPort();
  readonly listener: Listener;
  client!: Conn;

  constructor() {
    this.listener = this.other.listen({ hostname: "127.0.0.1", port: 0 });
  }

  async add(
    port: CompletionPort,
    options?: Parameters<CompletionPort["addSocket"]>[1],
  ): Promise<Conn> {
    const accept = this.listener.accept();
    const handle = connectSocket(this.listener.addr.port);
    this.client = await within("the connection", accept);
    return port.addSocket(handle, options);
  }

  [Symbol.dispose](): void {
    this.other.close();
  }
}

async function nextOf<T>(
  events: AsyncIterator<SocketEvent<T>, undefined>,
): Promise<SocketEvent<T>> {
  const { value, done } = await within("an event", events.next());
  assert.equal(done, false);
  return value!;
}

test("Reads and the peer's end are events with the userState of the socket", async () => {
  using ends = new Ends();
  using port = new CompletionPort();
  const userState = { name: "mine" };
  const socket = await ends.add(port, { userState });
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

test("A reset by the peer or a close by this side is a single error event", async () => {
  for (const isOurs of [false, true]) {
    using ends = new Ends();
    using port = new CompletionPort();
    const socket = await ends.add(port, { userState: 7 });
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

test("No event has more bytes than readBufferSize", async () => {
  using ends = new Ends();
  using port = new CompletionPort();
  await ends.add(port, { readBufferSize: 1000 });
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

test("A socket whose events are not read receives at most two buffers", async () => {
  using ends = new Ends();
  using port = new CompletionPort();
  await ends.add(port, { readBufferSize: 4096 });
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

test("The events of many sockets are in order for each socket", async () => {
  using port = new CompletionPort();
  const all = Array.from({ length: 20 }, () => new Ends());
  try {
    const results = all.map(() => new Digest());
    for (const [userState, ends] of all.entries()) {
      await ends.add(port, { readBufferSize: 3000, userState });
    }
    const writes = all.map(({ client }, i) =>
      client.write(pattern(100_000, i)).then(() => client.close())
    );
    let open = all.length;
    /* Several loops read in turn. */
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

test("Closing the port reports each socket's last event before the end", async () => {
  using ends = new Ends();
  using other = new Ends();
  const port = new CompletionPort();
  await ends.add(port, { userState: 1 });
  await other.add(port, { userState: 2 });
  const events = port.events<number>();
  const waiting = events.next();
  port.close();
  const seen = [];
  for (
    let result = await within("an event", waiting);
    !result.done;
    result = await within("an event", events.next())
  ) {
    const { userState, type } = result.value;
    seen.push(`${userState} ${type}`);
  }
  assert.deepEqual(seen.sort(), ["1 error", "2 error"]);
  assert.equal((await events.next()).done, true);
});

test("break in a loop over the events loses no event", async () => {
  using ends = new Ends();
  using port = new CompletionPort();
  await ends.add(port, {});
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

for (const { name, open } of transports) {
  test(`A detached connection can be added, with its unread bytes, over ${name}`, async () => {
    using ends = await open({ receive: { mode: "flow" } });
    using port = new CompletionPort();
    const { client, server } = ends;
    await client.write(bytesOf("one two three"));
    assert.equal(await server.read(new Uint8Array(4)), 4);
    const socket = await server.detach();
    const conn = port.addSocket(socket, { userState: 3 });
    await client.write(bytesOf(" four"));
    const events = port.events();
    let text = "";
    while (text.length < 14) {
      const { type, data, socket, userState } = await nextOf(events);
      assert.equal(type, "read");
      assert.equal(socket, conn);
      assert.equal(userState, 3);
      text += textOf(data!);
    }
    assert.equal(text, "two three four");
    await conn.write(bytesOf("answer"));
    assert.equal(await readText(client), "answer");
    client.close();
    assert.equal((await nextOf(events)).type, "end");
  });
}

test("A handle that is not a connected stream socket is refused and stays open", async () => {
  using ends = new Ends();
  using port = new CompletionPort();
  const handle = makeSocket();
  assert.equal(await outcome(() => port.addSocket(handle)), "ENOTCONN");
  closeSocket(handle);
  assert.equal(await outcome(() => port.addSocket(handle)), "ENOTSOCK");
  const accept = ends.listener.accept();
  const connected = connectSocket(ends.listener.addr.port);
  const server = await within("the connection", accept);
  port.addSocket(connected);
  assert.equal(await outcome(() => port.addSocket(connected)), "EEXIST");
  assert.equal(await outcome(() => ends.other.addSocket(connected)), "EEXIST");
  await server.write(bytesOf("hello"));
  const { value } = await within("an event", port.events().next());
  assert.equal(textOf(value!.data!), "hello");
});
