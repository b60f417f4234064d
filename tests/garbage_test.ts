// Copyright the iocp authors. MIT license.
/* What a message leaves for the garbage collector, counted in objects, and what an idle
 * connection holds. Bun alone can count them. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { bind, type ConnEvent } from "../mod.ts";
import { runtime } from "../src/runtime/detect.ts";
import { type SendOwner, SendQueue } from "../src/socket/send_queue.ts";
import { collectGarbage } from "./shared/collect.ts";
import { pair } from "./shared/pair.ts";
import { pattern } from "./shared/pattern.ts";

type Counts = Record<string, number>;
const jsc = process.getBuiltinModule("bun:jsc" as "node:fs") as unknown as {
  heapStats(): { objectTypeCounts: Counts; heapSize: number };
} | undefined;
const skip = runtime.name === "Bun" ? false : "only Bun counts objects";

const BATCHES = 50;
const BATCH = 20;

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/* A collection during a run removes objects, so the most of several runs is closest
 * to what a call makes. */
const RUNS = 4;

/* How many objects of each kind a call makes. */
async function objectsOf(
  call: () => unknown,
): Promise<(kind: string) => number> {
  const run = async () => {
    for (let i = 0; i < BATCHES; i++) {
      for (let j = 0; j < BATCH; j++) call();
      await turn();
    }
  };
  await run();
  const grown: ((kind: string) => number)[] = [];
  for (let i = 0; i < RUNS; i++) {
    collectGarbage();
    const before = jsc!.heapStats().objectTypeCounts;
    await run();
    const after = jsc!.heapStats().objectTypeCounts;
    grown.push((kind) => (after[kind] ?? 0) - (before[kind] ?? 0));
  }
  return (kind) => Math.max(...grown.map((of) => of(kind))) / (BATCHES * BATCH);
}

test("A write and a send make no scope and no function", { skip }, async () => {
  using ends = await pair();
  using receiver = bind({ hostname: "127.0.0.1", port: 0 });
  using sender = bind({ hostname: "127.0.0.1", port: 0 });
  const { addr } = receiver;
  const bytes = pattern(16, 1);
  const write = () => ends.client.write(bytes);
  const send = () => sender.send(bytes, addr);
  for (const call of [write, send]) {
    const count = await objectsOf(call);
    for (const kind of ["JSLexicalEnvironment", "Function"]) {
      const each = count(kind);
      assert.ok(each < 0.5, `${call}: ${each} of ${kind}`);
    }
  }
});

test(
  "A message makes no more objects with onEvent than without",
  { skip },
  async () => {
    const events: string[] = [];
    const onEvent = ({ type }: ConnEvent) => void events.push(type);
    using plain = await pair();
    using watched = await pair({ onEvent });
    const bytes = pattern(16, 1);
    const kinds = ["Object", "Function", "Array", "JSLexicalEnvironment"];
    const made: number[][] = [];
    for (const { client, server } of [plain, watched]) {
      const buffer = new Uint8Array(16);
      const count = await objectsOf(() => {
        client.write(bytes);
        server.read(buffer);
      });
      made.push(kinds.map(count));
    }
    kinds.forEach((kind, i) => {
      const [off, on] = [made[0]![i]!, made[1]![i]!];
      assert.ok(on < off + 0.3, `${kind}: ${on} with onEvent, ${off} without`);
    });
    assert.deepEqual(events.sort(), ["accepted", "connected"]);
  },
);

test("Several turns share one object of setImmediate()", { skip }, async () => {
  using ends = await pair();
  const { port, client, server } = ends;
  const echo = async () => {
    for await (const chunk of server) await server.write(chunk);
  };
  const echoing = echo();
  const bytes = pattern(16, 1);
  const buffer = new Uint8Array(64);
  const before = jsc!.heapStats().objectTypeCounts;
  const { polls } = port.stats();
  for (let i = 0; i < 500; i++) {
    await client.write(bytes);
    await client.read(buffer);
  }
  const polled = port.stats().polls - polls;
  const made = (jsc!.heapStats().objectTypeCounts["Immediate"] ?? 0) -
    (before["Immediate"] ?? 0);
  client.close();
  await echoing;
  assert.ok(polled >= 500, `${polled}`);
  assert.ok(made < polled / 2, `${made} of ${polled}`);
});

/* Six fields, behind the header of an object; a seventh needs 16 bytes more. */
test("A queue that sends nothing has 64 bytes", { skip }, () => {
  const owner = {} as SendOwner;
  const count = 20_000;
  const queues = new Array<SendQueue>(count).fill(new SendQueue(owner));
  collectGarbage();
  const before = jsc!.heapStats().heapSize;
  for (let i = 0; i < count; i++) queues[i] = new SendQueue(owner);
  collectGarbage();
  const bytes = (jsc!.heapStats().heapSize - before) / count;
  assert.equal(new Set(queues).size, count);
  assert.ok(bytes > 60 && bytes < 72, `${bytes}`);
});
