// Copyright the iocp authors. MIT license.
/* Abandons iterators at each stage, by break, throw and return(), or by dropping
 * the last reference. All but the last close what they iterate over; a dropped
 * iterator delays no other reader.
 *
 *   abandon.ts SEED ROUNDS */

import { CompletionPort, type Conn } from "../../mod.ts";
import { collectGarbage } from "../shared/collect.ts";
import { eventually, within } from "../shared/deadline.ts";
import { outcome } from "../shared/outcome.ts";
import type { Random } from "../shared/random.ts";
import { repeat } from "../shared/rounds.ts";

/** How many a round has. */
const CONNS = 20;
const LISTENERS = 5;

type Iterated = AsyncIterable<unknown>;
type Way = "break" | "throw" | "return" | "forget";

const WAYS: readonly Way[] = ["break", "throw", "return", "forget"];
/* Of a connection: before the first next(), while one is pending, with a chunk,
 * and after the end or an error. */
const STAGES = ["new", "waiting", "chunk", "end", "error"] as const;

async function leave(target: Iterated, way: Way): Promise<void> {
  if (way === "return") {
    await target[Symbol.asyncIterator]().return!();
    return;
  }
  if (way === "forget") {
    target[Symbol.asyncIterator]().next().catch(() => {});
    return;
  }
  const reason = new Error("on purpose");
  try {
    for await (const _ of target) {
      if (way === "throw") throw reason;
      break;
    }
  } catch (error) {
    if (error !== reason) throw error;
  }
}

/* `break` and `throw` are in the body of the loop, so they need a chunk. */
async function abandonConn(
  port: CompletionPort,
  random: Random,
): Promise<void> {
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const [client, server] = await Promise.all([
    port.connect(listener.addr),
    listener.accept(),
  ]);
  listener.close();
  const stage = random.pick(STAGES);
  const way = random.pick(WAYS);
  const waiting: Promise<unknown>[] = [];
  if (stage === "waiting") {
    waiting.push(client[Symbol.asyncIterator]().next());
  }
  if (stage !== "new" && stage !== "waiting") {
    await server.write(new Uint8Array(100_000));
  }
  if (stage === "end") await server.closeWrite();
  if (stage === "error") server.reset();
  const needsChunk = way === "break" || way === "throw";
  if (needsChunk) {
    /* More than one chunk: when a next() is pending, it gets the first. */
    await outcome(() => server.write(new Uint8Array(300_000)));
  }
  const left = await outcome(() => leave(client, way));
  if (left !== "undefined" && stage !== "error") {
    throw new Error(`${way} at ${stage}: ${left}`);
  }
  if (random.chance(0.1)) collectGarbage();
  await checkLeft(client, server, way, stage);
  for (const one of [client, server]) one.close();
  await within("the pending calls", Promise.allSettled(waiting));
}

async function checkLeft(
  client: Conn,
  server: Conn,
  way: Way,
  stage: string,
): Promise<void> {
  const write = await outcome(() => client.write(new Uint8Array(1)));
  if (way !== "forget") {
    if (write !== "EBADF") throw new Error(`${way} at ${stage}: ${write}`);
    return;
  }
  if (stage === "end" || stage === "error") return;
  /* The results of at most two pending next() calls are lost. More is sent than
   * two chunks can have, so another next() must get a chunk. */
  await server.write(new Uint8Array(600_000));
  const { value } = await client[Symbol.asyncIterator]().next();
  if (value === undefined) throw new Error(`no chunk at ${stage}`);
}

async function abandonListener(
  port: CompletionPort,
  random: Random,
): Promise<void> {
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const way = random.pick(WAYS);
  const client = await port.connect(listener.addr);
  await leave(listener, way);
  const accept = outcome(() => listener.accept());
  if (way !== "forget" && await accept !== "EBADF") {
    throw new Error(`${way}: ${await accept}`);
  }
  listener.close();
  await accept;
  client.close();
}

async function abandonEvents(port: CompletionPort): Promise<void> {
  port.events()[Symbol.asyncIterator]().next().catch(() => {});
  await port.events().return!();
}

await repeat(async (random) => {
  const port = new CompletionPort();
  for (let i = 0; i < CONNS; i++) await abandonConn(port, random);
  for (let i = 0; i < LISTENERS; i++) await abandonListener(port, random);
  await abandonEvents(port);
  collectGarbage();
  /* Only listeners whose iterators were dropped may still be open. */
  const left = () => port.stats().sockets <= LISTENERS;
  await eventually("the others are closed", left);
  port.close();
});
