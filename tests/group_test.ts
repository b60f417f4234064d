// Copyright the iocp authors. MIT license.
/* The ports of a thread share a native queue, but no sockets or counters. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import process from "node:process";
import { describe, test } from "node:test";
import { CompletionPort } from "../mod.ts";
import { Group } from "../src/loop/group.ts";
import { connectSettings } from "../src/options/connect.ts";
import { makeConnection } from "../src/connect/connector.ts";
import { run } from "./shared/child.ts";
import { eventually, isSettled, within } from "./shared/deadline.ts";
import { openHandles } from "./shared/handles.ts";
import { errorFrom, outcome } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";
import { pattern } from "./shared/pattern.ts";

const local = { hostname: "127.0.0.1", port: 0 };
const noThreads = process.platform === "linux"
  ? false
  : "only Linux shows the number of threads";

function threads(): number {
  return readdirSync("/proc/self/task").length;
}

test("500 ports in one thread all work, and do not block the thread pool of the runtime", async () => {
  const ended = await run("many_ports", []);
  assert.equal(ended.code, 0, ended.stderr);
  assert.deepEqual(JSON.parse(ended.stdout), {
    files: true,
    name: true,
    last: "answer",
    first: "answer",
  });
});

describe("Of two ports in a thread", () => {
  test("each has the counters of its own sockets", async () => {
    using one = await pair();
    using two = new CompletionPort();
    const client = await two.connect(one.listener.addr);
    const server = await one.listener.accept();
    assert.equal(one.port.stats().accepted, 2);
    assert.equal(two.stats().accepted, 0);
    await client.write(pattern(5_000));
    let count = 0;
    while (count < 5_000) {
      count += (await server.read(new Uint8Array(8_000)))!;
    }
    await server.write(pattern(300));
    await client.read(new Uint8Array(300));
    await eventually("all is sent", () => two.stats().bytesUnsent === 0);
    assert.equal(two.stats().bytesSent, 5_000);
    assert.equal(two.stats().bytesReceived, 300);
    assert.equal(one.port.stats().bytesReceived, 5_000);
    assert.equal(one.port.stats().bytesSent, 300);
    client.close();
    server.close();
    await eventually("it is closed", () => two.stats().sockets === 0);
    /* The counters include closed connections. */
    assert.equal(two.stats().bytesSent, 5_000);
    assert.equal(one.port.stats().sockets, 3);
    assert.equal(two.stats().polls, one.port.stats().polls);
  });

  test("closing one closes no sockets of the other", async () => {
    using open = await pair();
    using closed = await pair();
    const reads = [
      open.client.read(new Uint8Array(10)),
      open.server.read(new Uint8Array(10)),
    ];
    const lost = errorFrom(closed.client.read(new Uint8Array(10)));
    /* A connection with one end on each port. */
    const between = await closed.port.connect(open.listener.addr);
    const other = await open.listener.accept();
    const end = outcome(() => other.read(new Uint8Array(10)));
    const accept = open.listener.accept();
    closed.port.close();
    assert.equal((await lost).code, "EINTR");
    assert.equal(await outcome(() => between.write(pattern(1))), "EBADF");
    assert.equal(await within("the failure", end), "null");
    assert.equal(await isSettled(Promise.race([...reads, accept])), false);
    await open.client.write(pattern(3));
    await open.server.write(pattern(4));
    assert.deepEqual(await within("both", Promise.all(reads)), [4, 3]);
    const last = await open.port.connect(open.listener.addr);
    (await within("the next", accept)).close();
    last.close();
  });

  test("closing one does not truncate pending sends of the other", async () => {
    using ends = await pair();
    const other = new CompletionPort();
    other.listen(local);
    const parts = pattern(8 * 1024 * 1024);
    ends.client.write(parts).catch(() => {});
    ends.client.close();
    other.close();
    let count = 0;
    for await (const chunk of ends.server) count += chunk.length;
    assert.equal(count, parts.length);
  });
});

test("Closing the port fails a connect() that is resolving its host name", async () => {
  const group = new Group();
  const settings = connectSettings({ hostname: "several.example", port: 1 });
  const never = new Promise<never>(() => {});
  const connecting = errorFrom(makeConnection(group, settings, () => never));
  group.close();
  const error = await within("the failure", connecting);
  assert.equal(error.code, "EINTR");
  assert.equal(error.address, "several.example");
});

test("connect() makes no connection after its port was closed", async () => {
  using ends = await pair();
  const group = new Group();
  const { hostname, port } = ends.listener.addr;
  const settings = connectSettings({ hostname, port });
  let found!: (addresses: []) => void;
  const lookUp = new Promise<[]>((resolve) => found = resolve);
  const connecting = errorFrom(makeConnection(group, settings, () => lookUp));
  group.close();
  found([]);
  assert.equal((await within("the failure", connecting)).code, "EINTR");
  assert.equal(ends.port.stats().accepted, 1);
});

test("Ports that are opened and closed leak no thread and no handle", {
  skip: noThreads,
}, async () => {
  async function round() {
    using ends = await pair();
    /* Long enough for the loop to park. */
    await ends.client.write(pattern(10));
    await ends.server.read(new Uint8Array(10));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  for (let i = 0; i < 20; i++) await round();
  const before = { threads: threads(), handles: openHandles() };
  for (let i = 0; i < 100; i++) await round();
  await eventually(
    "threads and handles are released",
    () =>
      threads() <= before.threads + 4 && openHandles() <= before.handles + 4,
  );
});

test("new CompletionPort() fails after 65,535 ports in a thread", () => {
  const ports: CompletionPort[] = [];
  try {
    for (;;) ports.push(new CompletionPort());
  } catch (error) {
    assert.equal((error as { code?: string }).code, "EMFILE");
    /* Other tests of this file may still have ports open. */
    assert.ok(ports.length > 65_000, `${ports.length}`);
    ports.pop()!.close();
    ports.push(new CompletionPort());
  } finally {
    for (const port of ports) port.close();
  }
});
