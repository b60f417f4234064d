// Copyright the iocp authors. MIT license.
/* A Worker of tests/share_test.ts: it takes a part of a listener, sends its name to
 * each connection and echoes what follows. */

import process from "node:process";
import { type Addr, type Conn, listen, type ListenerShare } from "../../mod.ts";

/** A message to the Worker. */
export interface Task {
  share: ListenerShare;
  name: string;
  /** Leaves after so many connections, and serves these to their end. */
  leaveAfter?: number;
}

/** How it is to end. */
export type End = "throws" | "exits" | "closes itself";

/** Computes, and takes no connections, until this is not 0, and then fails. */
export interface Busy {
  gate: SharedArrayBuffer;
}

const scope = globalThis as unknown as {
  onmessage: (event: { data: Task | End | Busy }) => void;
  postMessage(message: unknown): void;
  close(): void;
};

async function serve(conn: Conn<Addr>, name: string): Promise<void> {
  try {
    await conn.write(new TextEncoder().encode(name));
    for await (const chunk of conn) await conn.write(chunk);
  } catch {
    /* The client has reset it. */
  }
}

async function takePart({ share, name, leaveAfter }: Task) {
  const part = listen({ share });
  const conns: Promise<void>[] = [];
  const first = part.accept();
  scope.postMessage(part.addr);
  conns.push(serve(await first, name));
  if (conns.length === leaveAfter) part.stop();
  for await (const conn of part) {
    conns.push(serve(conn, name));
    if (conns.length === leaveAfter) part.stop();
  }
  await Promise.all(conns);
  scope.postMessage("ended");
}

function compute({ gate }: Busy): never {
  const view = new Int32Array(gate);
  Atomics.store(view, 1, 1);
  while (Atomics.load(view, 0) === 0) continue;
  throw new Error("the Worker has failed");
}

scope.onmessage = ({ data }) => {
  if (data === "throws") throw new Error("the Worker has failed");
  else if (data === "exits") process.exit(0);
  else if (data === "closes itself") scope.close();
  else if ("gate" in data) compute(data);
  else takePart(data).catch((error) => scope.postMessage(String(error)));
};
