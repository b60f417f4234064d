// Copyright the iocp authors. MIT license.
// Sends files of a folder, each to a client that asks for it by name, and shows the
// progress of each:
//   deno run --allow-ffi --allow-net --allow-read examples/file_server.ts --root site
//   bun examples/file_server.ts --root site --port 8080
// Fetch a file, from a byte on if a part of it is there already:
//   printf 'big.iso 0\n' | nc 127.0.0.1 8080 > big.iso

import { realpath, stat } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Conn, listen, type SendFileProgress } from "iocp";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8080" },
    root: { type: "string", default: "." },
  },
});
const root = await realpath(resolve(values.root));
const WIDTH = 40;
const STEPS = 100;

/** Shows a bar each time that another hundredth was sent. */
function progressBar(name: string): (progress: SendFileProgress) => void {
  let shown = -1;
  return ({ bytesSent, length }) => {
    const part = length === 0 ? 1 : bytesSent / length;
    const step = Math.floor(part * STEPS);
    if (step === shown) return;
    shown = step;
    const bar = "#".repeat(Math.floor(part * WIDTH)).padEnd(WIDTH, ".");
    const text = `[${bar}] ${String(step).padStart(3)} % of ${name}`;
    const isTerminal = process.stdout.isTTY;
    process.stdout.write(
      isTerminal ? `\r${text}${step === STEPS ? "\n" : ""}` : `${text}\n`,
    );
  };
}

/** The path of a file below the root, wherever links lead. */
async function findFile(name: string): Promise<string> {
  const path = await realpath(join(root, name));
  if (path !== root && !path.startsWith(root + sep)) {
    throw new Error(`${name} is not below the root`);
  }
  return path;
}

async function serve(conn: Conn): Promise<void> {
  try {
    const line = await conn.reader().readLine({ timeout: 30_000 });
    const [, name, start = "0"] = /^(.+?)(?: (\d+))?$/.exec(line ?? "") ?? [];
    if (name === undefined) throw new Error("a client has asked for no file");
    const path = await findFile(name);
    const offset = Math.min(Number(start), (await stat(path)).size);
    await conn.sendFile(path, { offset, onProgress: progressBar(name) });
    conn.close();
  } catch (error) {
    console.error((error as Error).message);
    /* A client must not take a part of a file for all of it. */
    conn.reset();
  }
}

const { hostname, port } = values;
const listener = listen({ hostname, port: Number(port) });
console.log(`listening on ${listener.addr.hostname}:${listener.addr.port}`);
for await (const conn of listener) void serve(conn);
