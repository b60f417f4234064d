// Copyright the iocp authors. MIT license.
// A Worker of all_cores.ts.

import { type Addr, type Conn, listen, type ListenerShare } from "iocp";

const scope = globalThis as unknown as {
  onmessage: (event: { data: ListenerShare }) => void;
};

/** A checksum (FNV-1a) that is computed again and again, which takes about half a
 * millisecond. */
function answerTo(line: string): number {
  if (line === "fail") throw new Error("a client has asked for it");
  let hash = 0x811c9dc5;
  for (let round = 0; round < 300_000; round++) {
    hash ^= line.charCodeAt(round % line.length);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

async function serve(conn: Conn<Addr>): Promise<void> {
  for await (const line of conn.lines()) {
    await conn.write(new TextEncoder().encode(`${answerTo(line)}\n`));
  }
}

scope.onmessage = async ({ data: share }) => {
  for await (const conn of listen({ share })) {
    serve(conn).catch((error) => {
      conn.close();
      // A fault of the program ends this Worker, and a client that resets does not.
      if (error.code === undefined) reportError(error);
    });
  }
};
