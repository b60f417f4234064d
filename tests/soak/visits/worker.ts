// Copyright the iocp authors. MIT license.
/* A visit whose server is in a Worker, which is terminated during a transfer. */

import type { Conn } from "../../../mod.ts";
import { delay } from "../../shared/deadline.ts";
import { digest, pattern } from "../../shared/pattern.ts";
import { readFully } from "../hub.ts";
import type { Context } from "../context.ts";
import type { Message } from "../worker.ts";

const ECHO_BYTES = 200_000;

/* Sends to the echo of the Worker, and compares what comes back. */
async function useEcho(conn: Conn, seed: number): Promise<void> {
  const bytes = pattern(ECHO_BYTES, seed);
  const received = new Uint8Array(ECHO_BYTES);
  await Promise.all([conn.write(bytes), readFully(conn, received)]);
  if (digest(received) !== digest(bytes)) throw new Error("a wrong echo");
}

/* Reads until the connection of the terminated Worker ends or fails. */
async function readUntilEnd(context: Context, conn: Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    while (await conn.read(buffer) !== null);
  } catch (error) {
    const code = context.counters.failed(error);
    if (code !== "ECONNRESET") throw error;
  } finally {
    conn.reset();
  }
}

/** The visit. */
export async function visitWorker(context: Context): Promise<void> {
  const { hub, port, counters, random } = context;
  counters.workers++;
  const worker = new Worker(new URL("../worker.ts", import.meta.url).href, {
    type: "module",
  });
  const failed = new Promise<never>((_, reject) => {
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error((event as ErrorEvent).message));
    };
  });
  failed.catch(() => {});
  try {
    const { client, server } = await hub.connect(port, { allowHalfOpen: true });
    const message: Message = { socket: await client.detach() };
    worker.postMessage(message);
    const seed = random.integer(1, 1e9);
    await Promise.race([useEcho(server, seed), failed]);
    counters.bytes += 2 * ECHO_BYTES;
    const flood = server.write(new Uint8Array(4_000_000));
    flood.catch((error) => counters.failed(error));
    const ended = readUntilEnd(context, server);
    await delay(random.integer(0, 20));
    worker.terminate();
    await ended;
  } finally {
    worker.terminate();
  }
}
