// Copyright the iocp authors. MIT license.
/*
 * An echo server that is replaced while it runs:
 *
 *   deno run -A examples/graceful_restart.ts --port 8080
 *
 * Start it again, with a new version of the program: the new process takes over the
 * listening socket from the old one, which serves its connections to their end and
 * then exits. No connection is refused or cut.
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Addr, type Conn, connect, inboxAddress } from "../mod.ts";
import { listen, type Listener, localSocketPath } from "../mod.ts";

const { values } = parseArgs({
  options: { port: { type: "string", default: "8080" } },
});
/* Both processes find each other here; only this user may connect. */
const path = localSocketPath(`graceful-restart-${values.port}`);

async function writeLine(conn: Conn<Addr>, bytes: Uint8Array): Promise<void> {
  const line = `${Buffer.from(bytes).toString("base64")}\n`;
  await conn.write(new TextEncoder().encode(line));
}

/* Empty when the peer closes. */
async function readLine(conn: Conn<Addr>): Promise<Uint8Array> {
  const p = new Uint8Array(4096);
  let text = "";
  while (!text.endsWith("\n")) {
    const count = await conn.read(p);
    if (count === null) break;
    text += new TextDecoder().decode(p.subarray(0, count));
  }
  return new Uint8Array(Buffer.from(text, "base64"));
}

/* Takes the socket of the process that runs already, if there is one. */
async function takeOver(): Promise<Listener<Addr> | undefined> {
  const old = await connect({ path, timeout: 5_000 }).catch(() => undefined);
  if (old === undefined) return undefined;
  await writeLine(old, inboxAddress());
  const listener = listen({ ticket: await readLine(old) });
  await writeLine(old, new Uint8Array([1]));
  /* It leaves the path before it closes. */
  await readLine(old);
  old.close();
  return listener;
}

/* Passes the socket to the first process that asks for it. */
async function handOver(listener: Listener<Addr>): Promise<void> {
  using control = listen({ path, access: "user", replaceStale: true });
  const next = await control.accept();
  await writeLine(next, listener.pass(await readLine(next)));
  const answer = await readLine(next);
  control.close();
  next.close();
  /* If it has failed, this process goes on. */
  return answer.length > 0 ? listener.stop() : handOver(listener);
}

async function echo(conn: Conn<Addr>): Promise<void> {
  for await (const chunk of conn) await conn.write(chunk);
  conn.close();
}

const listener = await takeOver() ??
  listen({ hostname: "127.0.0.1", port: values.port });
console.log(`listening on port ${(listener.addr as { port: number }).port}`);
handOver(listener).catch((error) => console.error("not replaced:", error));
for await (const conn of listener) echo(conn).catch(console.error);
console.log(`process ${process.pid} has been replaced`);
