// Copyright the iocp authors. MIT license.
/* Retains chunks after their connection and their port are closed, and while
 * other connections receive: their bytes never change.
 *
 *   keep_chunks.ts SEED ROUNDS */

import { CompletionPort, type ReceiveOptions } from "../../mod.ts";
import { collectGarbage } from "../shared/collect.ts";
import { digest, pattern } from "../shared/pattern.ts";
import type { Random } from "../shared/random.ts";
import { repeat } from "../shared/rounds.ts";

interface Retained {
  chunk: Uint8Array;
  hash: string;
}

const MODES: readonly ReceiveOptions[] = [
  { mode: "auto" },
  { mode: "zero-byte" },
  { mode: "flow" },
  { mode: "burst" },
];

/* Receives a stream, and retains some of its chunks. */
async function receive(
  port: CompletionPort,
  random: Random,
  retained: Retained[],
): Promise<void> {
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const receive = random.pick(MODES);
  const [client, server] = await Promise.all([
    port.connect({ ...listener.addr, receive }),
    listener.accept(),
  ]);
  const seed = random.integer(1, 1e9);
  const length = random.size(500_000);
  const sent = server.write(pattern(length, seed));
  server.close();
  let at = 0;
  for await (const chunk of client) {
    if (random.chance(0.3)) {
      retained.push({ chunk, hash: digest(pattern(chunk.length, seed, at)) });
    }
    at += chunk.length;
  }
  await sent;
  listener.close();
}

function check(retained: readonly Retained[], when: string): void {
  for (const { chunk, hash } of retained) {
    if (digest(chunk) !== hash) throw new Error(`a chunk changed ${when}`);
  }
}

await repeat(async (random) => {
  const retained: Retained[] = [];
  const port = new CompletionPort();
  const other = new CompletionPort();
  for (let i = 0; i < 4; i++) await receive(port, random, retained);
  check(retained, "after the close of its connection");
  collectGarbage();
  await receive(port, random, []);
  check(retained, "when other connections received");
  port.close();
  await receive(other, random, []);
  collectGarbage();
  check(retained, "after the close of its port");
  other.close();
});
