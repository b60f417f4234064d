// Copyright the iocp authors. MIT license.
/* Has a socket of each kind, and one of each origin: made by the module, by others, or
 * taken with a ticket. It has three connections to the port in its argument. Then it
 * starts programs in every way that its runtime has, which outlive it. */

import { spawn } from "node:child_process";
import process from "node:process";
import {
  adopt,
  bind,
  connect,
  dropSocket,
  inboxAddress,
  listen,
  passSocket,
} from "../../mod.ts";
import { isWindows, newPath } from "../shared/local.ts";
import { connectSocket, listenSocket } from "../shared/os_socket.ts";
import { programPath } from "../shared/child.ts";

interface Spawned {
  pid?: number | undefined;
  unref(): void;
}
interface Runtimes {
  Deno?: {
    Command: new (program: string, options: object) => { spawn(): Spawned };
  };
  Bun?: { spawn(command: string[], options: object): Spawned };
}

const { Deno: deno, Bun: bun } = globalThis as unknown as Runtimes;
const hostname = "127.0.0.1";
const remote = Number(process.argv[2]);

/* A connection that this process has passed to itself. */
async function passedConn() {
  const conn = await connect({ hostname, port: remote });
  const socket = await conn.detach();
  const ticket = passSocket(socket, inboxAddress());
  dropSocket(socket);
  return adopt({ ticket });
}

async function passedListener() {
  const old = listen({ hostname, port: 0 });
  const next = listen({ ticket: old.pass(inboxAddress()) });
  await old.stop();
  return next;
}

const listener = listen({ hostname, port: 0 });
const taken = await passedListener();
const adopted = listen({
  [isWindows ? "handle" : "fd"]: listenSocket().handle,
});
const path = newPath();
const local = listen({ path });
const datagrams = [
  bind({ hostname, port: 0 }),
  ...isWindows ? [] : [bind({ path: `\0iocp-test-${process.pid}` })],
];
const conns = await Promise.all([
  connect({ hostname, port: remote }),
  passedConn(),
  adopt({ handle: connectSocket(remote) }),
  connect(listener.addr),
  listener.accept(),
  connect({ path }),
  local.accept(),
]);
/* Accepts and receives are in flight. */
const listeners = [listener, taken, adopted, local];
for (const each of listeners) each.accept().catch(() => {});
for (const conn of conns) conn.read(new Uint8Array(10)).catch(() => {});
for (const each of datagrams) each.receive(new Uint8Array(10)).catch(() => {});

const flags = deno ? ["run", "--quiet", "--no-check", "--no-lock"] : [];
const args = [...flags, programPath("sleep")];
/* Detached, since Windows would end them with their parent. */
const detached = true;
const nothing = { stdin: "null", stdout: "null", stderr: "null" };
const children: Spawned[] = [
  spawn(process.execPath, args, { stdio: "ignore", detached }),
];
if (deno) {
  const options = { args, detached, ...nothing };
  children.push(new deno.Command(process.execPath, options).spawn());
}
if (bun) {
  const options = { stdio: ["ignore", "ignore", "ignore"], detached };
  children.push(bun.spawn([process.execPath, ...args], options));
}
for (const child of children) child.unref();
console.log(
  "ready",
  JSON.stringify({
    children: children.map(({ pid }) => pid),
    addrs: listeners.map(({ addr }) => addr),
    datagrams: datagrams.map(({ addr }) => addr),
  }),
);
