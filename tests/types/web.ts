// Copyright the iocp authors. MIT license.

// That chunks go where the platform takes bytes: it is only checked, with the
// libraries of types that know the platform, and never run.

import type { Conn } from "../../mod.ts";

export async function passOn(conn: Conn): Promise<void> {
  for await (const chunk of conn) {
    new Blob([chunk]);
    await crypto.subtle.digest("SHA-256", chunk);
    await fetch("http://127.0.0.1/", { method: "POST", body: chunk });
    new Response(chunk);
  }
  for await (const chunk of conn.chunks(new Uint8Array(10))) new Blob([chunk]);
  for await (const chunk of conn.readable) new Blob([chunk]);
}
