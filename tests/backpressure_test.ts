// Copyright the iocp authors. MIT license.
/* The bytes in memory when one side is slower than the other stay within the
 * documented bounds. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RECEIVE_WINDOW } from "../src/options/receive_mode.ts";
import { isSettled, settled, within } from "./shared/deadline.ts";
import { definedNumbers, readHeader } from "./shared/header.ts";
import { pair } from "./shared/pair.ts";
import { Digest, digest, pattern } from "./shared/pattern.ts";
import { receiveByLoop } from "./shared/transfer.ts";

const numbers = definedNumbers(readHeader());
const SEND_MAX = numbers.get("IOCP_SEND_MAX")!;
const LARGE = 64 * 1024 * 1024;

test("A connection without reads receives nothing", async () => {
  using ends = await pair();
  const { client, port } = ends;
  const written = client.write(pattern(LARGE));
  await settled("the sender has stopped", () => port.stats().bytesSent);
  assert.equal(port.stats().bytesReceived, 0);
  assert.equal(await isSettled(written), false);
  const received = receiveByLoop(ends.server);
  assert.equal(await within("the write", written), LARGE);
  client.close();
  assert.equal(await within("the rest", received), digest(pattern(LARGE)));
});

test("A loop that stops receives at most the receive window ahead", async () => {
  using ends = await pair();
  const { client, server, port } = ends;
  const written = client.write(pattern(LARGE));
  const chunks = server[Symbol.asyncIterator]();
  const result = new Digest();
  const { value } = await within("a chunk", chunks.next());
  result.add(value!);
  for (let round = 0; round < 5; round++) {
    await settled("the sender has stopped", () => port.stats().bytesSent);
    const { bytesReceived, bytesUnsent } = port.stats();
    const ahead = bytesReceived - result.length;
    assert.ok(ahead <= RECEIVE_WINDOW, `${ahead} bytes ahead`);
    assert.ok(bytesUnsent <= SEND_MAX, `${bytesUnsent} bytes unsent`);
    assert.equal(await isSettled(written), false);
    for (let i = 0; i < 3; i++) result.add((await chunks.next()).value!);
  }
  client.close();
  for (;;) {
    const { value, done } = await within("a chunk", chunks.next());
    if (done) break;
    result.add(value);
  }
  assert.equal(result.text(), digest(pattern(LARGE)));
  assert.equal(await written, LARGE);
});

test("read(p) receives nothing ahead", async () => {
  using ends = await pair();
  const { client, server, port } = ends;
  const written = client.write(pattern(LARGE));
  const buffer = new Uint8Array(1000);
  const result = new Digest();
  for (let i = 0; i < 20; i++) {
    const count = await within("a read", server.read(buffer));
    result.add(buffer.subarray(0, count!));
    assert.equal(port.stats().bytesReceived, result.length);
  }
  assert.ok(port.stats().bytesUnsent <= SEND_MAX);
  client.reset();
  await assert.rejects(written, { code: "EINTR" });
});

test("A readable stream without a reader receives at most its window", async () => {
  using ends = await pair();
  const { client, server, port } = ends;
  const written = client.write(pattern(LARGE)).catch(() => {});
  const reader = server.readable.getReader();
  await within("a chunk", reader.read());
  await settled("the sender has stopped", () => port.stats().bytesSent);
  assert.ok(port.stats().bytesReceived <= RECEIVE_WINDOW);
  client.reset();
  await written;
});

test("The sender's memory does not grow with its writes", async () => {
  using ends = await pair();
  const { client, server, port } = ends;
  const bytes = pattern(LARGE);
  const writes: Promise<number>[] = [];
  for (let at = 0; at < LARGE; at += 1024 * 1024) {
    writes.push(client.write(bytes.subarray(at, at + 1024 * 1024)));
  }
  await settled("the sender has stopped", () => port.stats().bytesSent);
  assert.ok(
    port.stats().bytesUnsent <= SEND_MAX,
    `${port.stats().bytesUnsent}`,
  );
  client.close();
  const received = await within("the rest", receiveByLoop(server));
  assert.equal(received, digest(bytes));
  await within("the writes", Promise.all(writes));
  assert.equal(port.stats().bytesUnsent, 0);
});

test("A stopped loop does not delay other connections", async () => {
  using ends = await pair();
  const { client, server, port, listener } = ends;
  const stopped = client.write(pattern(LARGE)).catch(() => {});
  await server[Symbol.asyncIterator]().next();
  const [other, accepted] = await Promise.all([
    port.connect(listener.addr),
    listener.accept(),
  ]);
  const received = receiveByLoop(accepted);
  await within("the write", other.write(pattern(4_000_000)));
  other.close();
  assert.equal(await within("the loop", received), digest(pattern(4_000_000)));
  client.reset();
  await stopped;
});

test("An echo that awaits its writes stops while its client reads nothing", async () => {
  using ends = await pair();
  const { client, server, port } = ends;
  async function echo() {
    for await (const chunk of server) await server.write(chunk);
  }
  const echoed = echo();
  const bytes = pattern(LARGE);
  const written = client.write(bytes);
  await settled("all senders have stopped", () => port.stats().bytesSent);
  assert.equal(await isSettled(written), false);
  assert.ok(port.stats().bytesUnsent <= 2 * SEND_MAX);
  const ended = written.then(() => client.closeWrite());
  assert.equal(await within("the echo", receiveByLoop(client)), digest(bytes));
  await within("both", Promise.all([ended, echoed]));
});
