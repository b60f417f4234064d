// Copyright the iocp authors. MIT license.
/* Visits with a shared listener: parts in this thread, and Workers that leave or are
 * terminated while connections are handed out. */

import type { Addr, Conn, Listener, NetAddr } from "../../../mod.ts";
import { delay } from "../../shared/deadline.ts";
import { isWindows, newPath } from "../../shared/local.ts";
import { Digest, digest, pattern } from "../../shared/pattern.ts";
import { pickLocalOptions } from "../../shared/style.ts";
import { echo, receiveByLoop, sendWhole } from "../../shared/transfer.ts";
import { type Context, type Kind, newSeed, requireSame } from "../context.ts";
import type { Part, Told } from "../share_worker.ts";

const ECHO_MAX = 100_000;

function listenShared({ otherPort, random }: Context): Listener<Addr> {
  return !isWindows && random.chance(0.3)
    ? otherPort.listen({ path: newPath() })
    : otherPort.listen({ hostname: "127.0.0.1", port: 0 });
}

/* Echoes on each connection. Returns how many there were. */
async function serve(part: Listener<Addr>): Promise<number> {
  const conns: Promise<void>[] = [];
  for await (const conn of part) {
    conns.push(echo(conn).finally(() => conn.close()));
  }
  await Promise.all(conns);
  return conns.length;
}

/* Connects, and compares what is echoed with what was sent. With `mayEnd`, the Worker
 * that has the connection may be terminated: then the start of it has come. */
async function ask(
  context: Context,
  addr: Addr,
  mayEnd: boolean,
): Promise<void> {
  const { port, random, counters } = context;
  const options = { ...addr as NetAddr, ...pickLocalOptions(random) };
  const conn: Conn<Addr> = await port.connect(options);
  counters.made++;
  const seed = newSeed(context);
  const length = random.size(ECHO_MAX);
  const result = new Digest();
  const calls = await Promise.allSettled([
    sendWhole(conn, length, seed),
    receiveByLoop(conn, result),
  ]);
  for (const call of calls) {
    if (call.status === "fulfilled") continue;
    const code = counters.failed(call.reason);
    if (!mayEnd || !["ECONNRESET", "EPIPE"].includes(code)) throw call.reason;
  }
  if (!mayEnd) requireSame("the length", result.length, length);
  requireSame(
    "an echo",
    result.text(),
    digest(pattern(length, seed).subarray(0, result.length)),
  );
  counters.bytes += 2 * result.length;
  conn.close();
}

function askAll(context: Context, addr: Addr, count: number, mayEnd: boolean) {
  return Promise.all(
    Array.from({ length: count }, () => ask(context, addr, mayEnd)),
  );
}

/* Parts in this thread, which come and go. */
async function parts(context: Context): Promise<void> {
  const { port, random } = context;
  const listener = listenShared(context);
  const share = listener.share();
  const take = () =>
    port.listen({
      share,
      ...pickLocalOptions(random),
      maxConnections: random.chance(0.3) ? random.integer(1, 3) : 0,
      deferAccept: listener.addr.transport === "tcp"
        ? random.chance(0.3)
        : undefined,
    });
  const all = Array.from({ length: random.integer(1, 4) }, take);
  const served = all.map(serve);
  const first = random.integer(1, 12);
  const asked = [askAll(context, listener.addr, first, false)];
  const another = take();
  served.push(serve(another));
  await delay(random.integer(0, 3));
  for (const part of all) {
    if (random.chance(0.5)) await part.stop();
  }
  const second = random.integer(1, 12);
  asked.push(askAll(context, listener.addr, second, false));
  await Promise.all(asked);
  const { accepted } = listener.stats();
  listener.close();
  const counts = await Promise.all(served);
  const sum = counts.reduce((sum, count) => sum + count, 0);
  requireSame("the connections", sum, first + second);
  requireSame("those accepted", accepted, sum);
}

/* A Worker with a part, and what it says: that it has it, and how many connections
 * it has served. */
async function startWorker(listener: Listener<Addr>, count: number) {
  const url = new URL("../share_worker.ts", import.meta.url);
  const worker = new Worker(url.href, { type: "module" });
  const [started, ended] = ["started", "ended"].map((what) =>
    new Promise<number>((resolve, reject) => {
      worker.addEventListener("message", ({ data }: MessageEvent<Told>) => {
        if (data.what === what) resolve(data.served);
      });
      worker.addEventListener("error", (event) => {
        event.preventDefault();
        reject(new Error((event as ErrorEvent).message));
      });
    })
  ) as [Promise<number>, Promise<number>];
  ended.catch(() => {});
  const part: Part = { share: listener.share(), count };
  worker.postMessage(part);
  await started;
  return { worker, ended };
}

/* Workers that leave when they have had enough: no connection is lost. */
async function workersLeave(context: Context): Promise<void> {
  const { port, random, counters } = context;
  const listener = listenShared(context);
  const own = port.listen({ share: listener.share(), allowHalfOpen: true });
  const served = serve(own);
  const count = random.integer(1, 5);
  counters.workers += 2;
  const workers = await Promise.all([
    startWorker(listener, count),
    startWorker(listener, count),
  ]);
  let isOver = false;
  const asked = (async () => {
    while (!isOver) await askAll(context, listener.addr, 4, false);
  })();
  const counts = await Promise.all(workers.map(({ ended }) => ended));
  isOver = true;
  await asked;
  for (const { worker } of workers) worker.terminate();
  const { accepted } = listener.stats();
  listener.close();
  const sum = counts.reduce((sum, count) => sum + count, await served);
  requireSame("the connections", sum, accepted);
}

/* Workers that are terminated at any time: their connections end, and new ones find
 * others. */
async function workersDie(context: Context): Promise<void> {
  const { port, random, counters } = context;
  const listener = listenShared(context);
  const own = port.listen({ share: listener.share(), allowHalfOpen: true });
  const served = serve(own);
  counters.workers++;
  const { worker } = await startWorker(listener, 0);
  const asked = askAll(context, listener.addr, random.integer(4, 20), true);
  await delay(random.integer(0, 10));
  worker.terminate();
  await asked;
  /* In Deno it takes connections until its code has returned. */
  await askAll(context, listener.addr, random.integer(1, 5), true);
  listener.close();
  await served;
}

/** The kinds of visits. */
export const SHARE: Readonly<Record<string, Kind>> = {
  share: { visit: parts, share: 5 },
  shareWorkersLeave: { visit: workersLeave, share: 0.3 },
  shareWorkersDie: { visit: workersDie, share: 0.3 },
};
