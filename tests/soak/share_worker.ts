// Copyright the iocp authors. MIT license.
/* A Worker of the soak, which echoes on the connections of its part. */

import { type Addr, type Conn, listen, type ListenerShare } from "../../mod.ts";

/** The message to the Worker. */
export interface Part {
  share: ListenerShare;
  /** Stops after so many connections, which it serves to their end. */
  count: number;
}

/** What the Worker says. */
export interface Told {
  what: "started" | "ended";
  /** The connections that it has served. */
  served: number;
}

const scope = globalThis as unknown as {
  onmessage: (event: { data: Part }) => void;
  postMessage(message: Told): void;
};

async function echo(conn: Conn<Addr>): Promise<void> {
  try {
    for await (const chunk of conn) await conn.write(chunk);
  } catch {
    /* The client has reset it. */
  } finally {
    conn.close();
  }
}

scope.onmessage = async ({ data: { share, count } }) => {
  const part = listen({ share, allowHalfOpen: true });
  const conns: Promise<void>[] = [];
  scope.postMessage({ what: "started", served: 0 });
  for await (const conn of part) {
    conns.push(echo(conn));
    if (conns.length === count) part.stop();
  }
  await Promise.all(conns);
  scope.postMessage({ what: "ended", served: conns.length });
};
