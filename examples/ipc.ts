// Copyright the iocp authors. MIT license.
// Two processes of one user that talk through a local socket: a named pipe on
// Windows, a unix socket on Linux. The server counts the words of each line:
//   bun examples/ipc.ts server &
//   bun examples/ipc.ts client "How many words are these?"
// In Deno: deno run -A examples/ipc.ts ...

import process from "node:process";
import { connect, listen, localSocketPath, type PathAddr } from "iocp";
import type { Conn } from "iocp";

const maxLength = 1_000_000;
const [role = "server", ...words] = process.argv.slice(2);
const path = localSocketPath(process.env["IPC_NAME"] ?? "iocp-example");

async function send(conn: Conn<PathAddr>, message: unknown): Promise<void> {
  const line = `${JSON.stringify(message)}\n`;
  await conn.write(new TextEncoder().encode(line));
}

async function serve(conn: Conn<PathAddr>): Promise<void> {
  try {
    for await (const line of conn.lines({ maxLength })) {
      const { text } = JSON.parse(line) as { text: string };
      const count = text.split(/\s+/).filter((word) => word !== "").length;
      await send(conn, { count, pid: process.pid, yourPid: conn.peer.pid });
    }
  } catch (error) {
    console.error(String(error));
    conn.reset();
  }
}

if (role === "server") {
  // "user": no other user of this machine may connect.
  const listener = listen({ path, access: "user", replaceStale: true });
  console.log(`listening on ${listener.addr.path}`);
  for await (const conn of listener) serve(conn);
} else {
  using conn = await connect({ path, timeout: 5_000 });
  await send(conn, { text: words.join(" ") });
  console.log(await conn.reader().readLine({ timeout: 5_000 }));
}
