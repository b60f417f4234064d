// Copyright the iocp authors. MIT license.
// The Docker Engine API through its unix socket or named pipe: prints the version
// and the containers, or sends a line to a container and prints its output:
//   bun examples/docker.ts
//   bun examples/docker.ts attach CONTAINER "a line for its standard input"
// In Deno: deno run -A examples/docker.ts. DOCKER_SOCKET is another path.

import { get, type IncomingMessage } from "node:http";
import process from "node:process";
import { connect, NotSupported } from "iocp";

const path = process.env["DOCKER_SOCKET"] ??
  (process.platform === "win32"
    ? "\\\\.\\pipe\\docker_engine"
    : "/var/run/docker.sock");
const [command, container = "", line = ""] = process.argv.slice(2);

/** What the API returns for a path. */
async function query(url: string): Promise<unknown> {
  using conn = await connect({ path, timeout: 5_000 });
  const options = { createConnection: () => conn.duplex(), path: url };
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    get(options, resolve).once("error", reject)
  );
  let text = "";
  for await (const chunk of response) text += chunk;
  if (response.statusCode === 200) return JSON.parse(text);
  throw new Error(text);
}

/** Sends the line to a container without a terminal, and prints its output. */
async function attach(): Promise<void> {
  using conn = await connect({ path, timeout: 5_000, allowHalfOpen: true });
  const send = (text: string) => conn.write(new TextEncoder().encode(text));
  const query = "stream=1&stdin=1&stdout=1&stderr=1";
  await send(`POST /containers/${container}/attach?${query} HTTP/1.1\r\n`);
  await send("Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
  const reader = conn.reader();
  const bytes = await reader.readUntil("\r\n\r\n", { timeout: 5_000 });
  const head = new TextDecoder().decode(bytes ?? undefined);
  if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(head);
  await send(`${line}\n`);
  // Ends the container's standard input; a named pipe has no such end.
  await conn.closeWrite().catch((error) => {
    if (!(error instanceof NotSupported)) throw error;
  });
  // Frames: the stream (1: output, 2: errors), three zeros, the length, the bytes.
  const frames = reader.frames({ lengthOffset: 4, includeHeader: true });
  for await (const frame of frames) {
    const stream = frame[0] === 2 ? process.stderr : process.stdout;
    stream.write(frame.subarray(8));
  }
}

if (command === "attach") await attach();
else {
  const { Version } = await query("/version") as { Version: string };
  console.log(`Docker ${Version}`);
  const all = await query("/containers/json?all=1") as Record<string, string>[];
  for (const { Id, Names, State } of all as Record<string, string>[]) {
    console.log(Id!.slice(0, 12), State, String(Names));
  }
}
