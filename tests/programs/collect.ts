// Copyright the iocp authors. MIT license.
/* Collects garbage continuously while operations are pending and hardly any
 * object is referenced.
 *
 *   collect.ts SEED ROUNDS */

import { CompletionPort, type Conn } from "../../mod.ts";
import { collectGarbage } from "../shared/collect.ts";
import { within } from "../shared/deadline.ts";
import { Digest, digest, pattern } from "../shared/pattern.ts";
import type { Random } from "../shared/random.ts";
import { repeat } from "../shared/rounds.ts";

const SIZE = 400_000;

let hasFinished = false;
function collectOften(): void {
  collectGarbage();
  if (!hasFinished) setTimeout(collectOften, 1);
}

/* Only the pending calls reference the connection and the buffers. */
function send(conn: Conn, seed: number): void {
  for (let at = 0; at < SIZE; at += 50_000) {
    conn.write(pattern(50_000, seed, at)).catch(() => {});
  }
  conn.closeWrite().catch(() => {});
}

async function receiveByNext(
  conn: Conn,
  retained: Uint8Array[],
): Promise<string> {
  const result = new Digest();
  const chunks = conn[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await chunks.next();
    if (done) return result.text();
    result.add(value);
    if (result.length % 3 === 0) retained.push(value);
  }
}

async function receiveByView(conn: Conn): Promise<string> {
  const result = new Digest();
  for (;;) {
    const whole = new Uint8Array(30_000);
    const count = await conn.read(whole.subarray(1000, 20_000));
    if (count === null) return result.text();
    result.add(whole.subarray(1000, 1000 + count));
  }
}

async function transfer(port: CompletionPort, random: Random): Promise<void> {
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const seed = random.integer(1, 1e9);
  const retained: Uint8Array[] = [];
  const receives = [
    (conn: Conn) => receiveByNext(conn, retained),
    receiveByView,
  ];
  const accepted = listener.accept().then((conn) => send(conn, seed));
  const conn = port.connect({ ...listener.addr, allowHalfOpen: true });
  const received = conn.then(random.pick(receives));
  await accepted;
  if (await received !== digest(pattern(SIZE, seed))) {
    throw new Error("wrong bytes were received");
  }
  (await conn).close();
  listener.close();
}

collectOften();
await repeat(async (random) => {
  using port = new CompletionPort();
  /* Pending calls whose promises are not referenced. */
  const { addr } = port.listen({ hostname: "127.0.0.1", port: 0 });
  port.connect(addr).then((conn) => {
    conn.read(new Uint8Array(10)).catch(() => {});
    conn[Symbol.asyncIterator]().next().catch(() => {});
  }, () => {});
  const transfers = Array.from(
    { length: 4 },
    () => transfer(port, random.fork()),
  );
  await within("the transfers", Promise.all(transfers));
});
hasFinished = true;
