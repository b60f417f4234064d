// Copyright the iocp authors. MIT license.
/* Compares libraries over iocp/net with the same over the runtime's own sockets: the
 * CPU time of their process for a question, one at a time, and for a blob of 2 MB.
 * Each is a process of its own, in the order own sockets, iocp/net, and both once
 * more; the quotient is that of the lesser figures. The arguments are names of
 * libraries, by default all. IOCP_TEST_PEERS is the folder of a Debian with servers;
 * see docs/libraries.md. */

import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Session } from "../shared/library.ts";
import { pattern } from "../shared/pattern.ts";
import { startServer } from "../shared/servers.ts";
import { clients, load, servers } from "./library_subjects.ts";

/* Until the runtime compiles nothing more. */
const WARM_UP_MS = 4000;
const WARM_UP_BLOBS = 10;
const MEASURED_MS = 2000;
const BLOBS = 40;
const blob = pattern(2_000_000);
const [, program, role = "", name = "", port = ""] = process.argv;

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/* Each of the children prints a line with what it has measured. */
function report(value: unknown): void {
  console.log(JSON.stringify(value));
}

async function forMs(ms: number, run: () => Promise<unknown>): Promise<number> {
  const end = performance.now() + ms;
  let count = 0;
  for (; performance.now() < end; count++) await run();
  return count;
}

async function measureClient(session: Session): Promise<void> {
  await forMs(WARM_UP_MS, () => session.ask());
  const start = cpuUs();
  const began = performance.now();
  const count = await forMs(MEASURED_MS, () => session.ask());
  const questionUs = (cpuUs() - start) / count;
  const waitUs = 1000 * (performance.now() - began) / count;
  for (let i = 0; i < WARM_UP_BLOBS; i++) await session.echo(blob);
  const blobStart = cpuUs();
  for (let i = 0; i < BLOBS; i++) await session.echo(blob);
  const blobUs = (cpuUs() - blobStart) / BLOBS;
  report({ questionUs, waitUs, blobUs });
  await session.close();
}

/* A server counts its questions; the load comes from another process. */
function measureServer(): () => void {
  let count = 0;
  let beganAt = 0;
  let start = 0;
  let first = 0;
  return () => {
    if (count++ % 64 !== 0) return;
    const now = performance.now();
    if (beganAt === 0) beganAt = now;
    if (first === 0) {
      if (now < beganAt + WARM_UP_MS) return;
      [first, start] = [count, cpuUs()];
    } else if (now > beganAt + WARM_UP_MS + MEASURED_MS) {
      report({ questionUs: (cpuUs() - start) / (count - first) });
      process.exit();
    }
  };
}

interface Figures {
  readonly questionUs: number;
  readonly waitUs?: number;
  readonly blobUs?: number;
}

/* A process of this runtime; `isOurs` has iocp/net in the place of node:net. */
function child(isOurs: boolean, ...args: string[]) {
  const register = fileURLToPath(
    new URL("../../net_register.ts", import.meta.url),
  );
  const isDeno = "Deno" in globalThis;
  const flags = isDeno ? ["run", "-A", "--no-check", "--no-lock"] : [];
  if (isOurs) flags.push("--preload", register);
  const env = { ...process.env, IOCP_IS_OURS: isOurs ? "1" : "" };
  const started = spawn(process.execPath, [...flags, program!, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env,
  });
  const lines = createInterface({ input: started.stdout });
  const iterator = lines[Symbol.asyncIterator]();
  const line = async () => {
    const { value } = await iterator.next();
    if (value === undefined) throw new Error(`${args} has printed nothing`);
    return JSON.parse(value);
  };
  return { line, end: () => started.kill() };
}

async function figuresOf(name: string, isOurs: boolean, port: number) {
  if (name in clients) {
    const client = child(isOurs, "client", name, String(port));
    try {
      return await client.line() as Figures;
    } finally {
      client.end();
    }
  }
  const server = child(isOurs, "server", name);
  const loading = child(false, "load", name, await server.line());
  try {
    return await server.line() as Figures;
  } finally {
    loading.end();
    server.end();
  }
}

/* What else runs on the machine only adds to it. */
function least(all: Figures[], name: keyof Figures): number {
  return Math.min(...all.map((each) => each[name] ?? NaN));
}

async function compare(name: string): Promise<void> {
  const peer = clients[name]?.peer;
  const partner = peer === "partner"
    ? child(false, "partner", name)
    : undefined;
  const server = peer === undefined || peer === "partner" || peer === "own"
    ? undefined
    : await startServer(peer);
  const port = partner ? Number(await partner.line()) : server?.port ?? 0;
  const own: Figures[] = [];
  const ours: Figures[] = [];
  for (let round = 0; round < 2; round++) {
    own.push(await figuresOf(name, false, port));
    ours.push(await figuresOf(name, true, port));
  }
  const cells = (["questionUs", "waitUs", "blobUs"] as const).map((figure) => {
    const [a, b] = [least(own, figure), least(ours, figure)];
    const each = (all: Figures[]) =>
      all.map((one) => one[figure]?.toFixed(1)).join(" ");
    return Number.isNaN(a)
      ? "-"
      : `${(a / b).toFixed(2)} (${each(own)} : ${each(ours)})`;
  });
  console.log(`${name.padEnd(12)} ${cells.join("   ")}`);
  partner?.end();
  await server?.[Symbol.asyncDispose]();
}

if (role === "client") {
  await measureClient(await clients[name]!.open(Number(port)));
  process.exit();
} else if (role === "server") {
  report(String(await servers[name]!(measureServer())));
} else if (role === "load") load(name, Number(port));
else if (role === "partner") report(await clients[name]!.partner!());
else {
  const names = process.argv.slice(2);
  console.log(
    "CPU of a question, its time, CPU of a blob: own / iocp/net (us)",
  );
  for (const each of [...Object.keys(clients), ...Object.keys(servers)]) {
    if (names.length === 0 || names.includes(each)) await compare(each);
  }
  process.exit();
}
