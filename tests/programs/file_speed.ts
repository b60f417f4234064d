// Copyright the iocp authors. MIT license.
/* Compares sendFile() with reading a file and writing it, for a file that is in
 * memory, to another process: the time and the CPU time of this process for each
 * GiB. The arguments are the number of MiB to send each way, by default 4,096, and "tls"
 * to send them over TLS, and over the runtime's own node:tls as well. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { connect as connectOwn, createServer, type Server } from "node:tls";
import { fileURLToPath } from "node:url";
import { type Conn, connect, listen } from "../../mod.ts";
import { server as identity } from "../shared/tls.ts";

const MIB = 2 ** 20;
const FILE_BYTES = 64 * MIB;
const PART = 256 * 1024;
const ROUNDS = 3;
const [, , first = "4096", mode = "plain", port, ownPort] = process.argv;
const isSecure = mode === "tls";

async function receive(port: number): Promise<void> {
  const tls = isSecure ? { rejectUnauthorized: false } : undefined;
  const conn = await connect({ port, tls });
  for await (const _chunk of conn.chunks(new Uint8Array(MIB)));
}

async function readAndWrite(conn: Conn, path: string): Promise<void> {
  const file = await open(path);
  const p = new Uint8Array(PART);
  try {
    for (;;) {
      const { bytesRead } = await file.read(p, 0, PART);
      if (bytesRead === 0) return;
      await conn.write(p.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

type Way = (conn: Conn, path: string) => Promise<unknown>;
const ways: Record<string, Way> = {
  "read and write": readAndWrite,
  "sendFile()": (conn, path) => conn.sendFile(path),
};

/* A connection of the runtime's own node:tls. */
async function ownConnection(server: Server): Promise<Way> {
  const [socket] = await once(server, "secureConnection");
  const p = new Uint8Array(PART);
  return async () => {
    for (let sent = 0; sent < FILE_BYTES; sent += PART) {
      if (!socket.write(p)) await once(socket, "drain");
    }
  };
}

async function measure(name: string, way: Way, conn: Conn, path: string) {
  const count = Math.ceil(Number(first) * MIB / FILE_BYTES);
  const gib = count * FILE_BYTES / 2 ** 30;
  const start = performance.now();
  const cpu = process.cpuUsage();
  for (let i = 0; i < count; i++) await way(conn, path);
  const { user, system } = process.cpuUsage(cpu);
  const ms = performance.now() - start;
  console.log(
    `${name.padEnd(16)} ${(ms / gib).toFixed(0).padStart(6)} ms/GiB, CPU ${
      ((user + system) / 1000 / gib).toFixed(0).padStart(6)
    } ms/GiB`,
  );
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function run(): Promise<void> {
  const path = join(tmpdir(), `iocp-file-speed-${process.pid}`);
  await writeFile(path, new Uint8Array(FILE_BYTES));
  const tls = isSecure ? identity : undefined;
  const listener = listen({ hostname: "127.0.0.1", port: 0, tls });
  const own = createServer(identity).listen(0, "127.0.0.1");
  await once(own, "listening");
  /* The same runtime, with its own flags. */
  const program = fileURLToPath(import.meta.url);
  const args = process.versions["deno"] ? ["run", "-A", program] : [program];
  const receiver = spawn(
    process.execPath,
    [...args, first, mode, `${listener.addr.port}`, `${portOf(own)}`],
    { stdio: "inherit" },
  );
  try {
    if (isSecure) ways["node:tls"] = await ownConnection(own);
    const conn = await listener.accept({ timeout: 60_000 });
    for (let i = 0; i < ROUNDS; i++) {
      for (const [name, way] of Object.entries(ways)) {
        await measure(name, way, conn, path);
      }
    }
    conn.close();
  } finally {
    listener.close();
    own.close();
    await rm(path);
    receiver.unref();
    if (isSecure) process.exit();
  }
}

if (port === undefined) await run();
else {
  if (isSecure) {
    connectOwn({ port: Number(ownPort), rejectUnauthorized: false }).resume();
  }
  await receive(Number(port));
}
