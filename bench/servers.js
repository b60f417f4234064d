// Copyright the iocp authors. MIT license.

// The servers that are compared. `roles` has the argument for each role, and
// `command` the command line. The names of those that read into a buffer of the
// caller end in `-buffer`; others get chunks that they own. For datagrams the
// runtimes' own are Deno.listenDatagram() and Bun.udpSocket(), and names that end
// in `-batches` pass many at once.

import { join } from "node:path";
import { bunPath, denoPath } from "../scripts/setup.js";

export const folder = join(import.meta.dirname, "servers");
const deno = (name) => (role) => [
  ...[denoPath(), "run", "-A", "--no-check", "--unstable-net"],
  join(folder, name),
  role,
];
const bun = (name) => (role) => [bunPath(), "run", join(folder, name), role];

const tcp = { echo: "echo", broadcast: "broadcast", idle: "echo" };
const floors = { ...tcp, receive: "receive", send: "send" };
const all = { ...floors, http: "http" };
// When idle, the buffers would be most of the memory.
const buffer = { echo: "echo-buffer" };
const batches = { receive: "receive-batches", send: "send-batches" };

/** Every server; `command` is given a role and the paths of the C programs. */
export const servers = [
  ["c", floors, (role, { floor }) => [floor, role]],
  ["iocp-deno", all, deno("iocp.ts")],
  ["iocp-bun", all, bun("iocp.ts")],
  ["iocp-deno-buffer", buffer, deno("iocp.ts")],
  ["iocp-bun-buffer", buffer, bun("iocp.ts")],
  ["iocp-deno-batches", batches, deno("iocp.ts")],
  ["iocp-bun-batches", batches, bun("iocp.ts")],
  ["deno-listen", all, deno("deno_listen.js")],
  ["deno-listen-buffer", buffer, deno("deno_listen.js")],
  ["bun-listen", all, bun("bun_listen.js")],
  ["bun-listen-batches", batches, bun("bun_listen.js")],
  ["node-net-deno", all, deno("node_net.js")],
  ["node-net-bun", all, bun("node_net.js")],
].map(([name, roles, command]) => ({ name, roles, command }));
