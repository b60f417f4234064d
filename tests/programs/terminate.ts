// Copyright the iocp authors. MIT license.
/* Terminates Workers at random moments, while their ports have operations in
 * progress. The port of this thread must not be affected.
 *
 *   terminate.ts SEED ROUNDS */

import { CompletionPort, type Conn } from "../../mod.ts";
import { delay, eventually, within } from "../shared/deadline.ts";
import { outcome } from "../shared/outcome.ts";
import { digest, pattern } from "../shared/pattern.ts";
import { repeat } from "../shared/rounds.ts";

const local = { hostname: "127.0.0.1", port: 0 };
/** How the connections of a terminated Worker end: its unread data decides. */
const END_CODES = ["null", "ECONNRESET"];
const port = new CompletionPort();

async function readToTheEnd(conn: Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  let seen: string;
  do seen = await outcome(() => conn.read(buffer)); while (Number(seen) > 0);
  if (!END_CODES.includes(seen)) {
    throw new Error(`a connection ends with ${seen}`);
  }
  conn.close();
}

/* Transfers between two connections of this thread. */
async function exchange(): Promise<void> {
  const listener = port.listen(local);
  const [client, server] = await Promise.all([
    port.connect(listener.addr),
    listener.accept(),
  ]);
  const bytes = pattern(50_000, 5);
  const received = new Uint8Array(bytes.length);
  const written = client.write(bytes);
  for (let at = 0; at < received.length;) {
    at += (await server.read(received.subarray(at)))!;
  }
  await written;
  if (digest(received) !== digest(bytes)) throw new Error("wrong bytes");
  for (const one of [client, server, listener]) one.close();
}

await repeat(async (random) => {
  const listener = port.listen(local);
  const ends: Promise<void>[] = [];
  const serving = (async () => {
    for await (const conn of listener) ends.push(readToTheEnd(conn));
  })();
  const url = new URL("./busy_worker.ts", import.meta.url);
  const worker = new Worker(url.href, { type: "module" });
  const busy = new Promise((resolve) => worker.onmessage = resolve);
  worker.postMessage({ address: listener.addr, seed: random.integer(1, 1e9) });
  await within("the Worker", busy);
  await delay(random.integer(0, 30));
  worker.terminate();
  await exchange();
  listener.close();
  await within("the loop", serving);
  await within("the ends", Promise.all(ends));
  await eventually("all sockets are closed", () => port.stats().sockets === 0);
});
port.close();
