// Copyright the iocp authors. MIT license.
/* A Worker that visits, and is terminated at some moment of it. */

import type { Conn } from "../../mod.ts";
import { delay } from "../shared/deadline.ts";
import { digest, pattern } from "../shared/pattern.ts";
import { readFully } from "./hub.ts";
import type { Place } from "./visits.ts";
import type { Order } from "./worker.ts";

const ECHO_BYTES = 200_000;
/** How a connection ends whose Worker is gone. */
const GONE = ["ECONNRESET", "ECONNABORTED", "EPIPE"];

/* Sends to the echo of a Worker, and compares what comes back. */
async function useEcho(conn: Conn, seed: number): Promise<void> {
  const bytes = pattern(ECHO_BYTES, seed);
  const received = new Uint8Array(ECHO_BYTES);
  await Promise.all([conn.write(bytes), readFully(conn, received)]);
  if (digest(received) !== digest(bytes)) throw new Error("a wrong echo");
}

/* What becomes of a connection whose Worker is gone. */
async function meetEnd(place: Place, conn: Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    while (await conn.read(buffer) !== null);
  } catch (error) {
    const code = place.counters.failed(error);
    if (!GONE.includes(code)) throw error;
  } finally {
    conn.reset();
  }
}

/** The visit. */
export async function visitWorker(place: Place): Promise<void> {
  const { hub, port, counters, random } = place;
  counters.workers++;
  const worker = new Worker(new URL("./worker.ts", import.meta.url).href, {
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
    const { client, server } = await hub.meet(port, { allowHalfOpen: true });
    const order: Order = { socket: await client.detach() };
    worker.postMessage(order);
    const seed = random.integer(1, 1e9);
    await Promise.race([useEcho(server, seed), failed]);
    counters.bytes += 2 * ECHO_BYTES;
    const flood = server.write(new Uint8Array(4_000_000));
    flood.catch((error) => counters.failed(error));
    const ended = meetEnd(place, server);
    await delay(random.integer(0, 20));
    worker.terminate();
    await ended;
  } finally {
    worker.terminate();
  }
}
