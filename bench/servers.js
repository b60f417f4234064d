// Copyright the iocp authors. MIT license.

// The servers that are compared. `roles` has the argument for each role, and
// `command` the command line. The names of those that read into a buffer of the
// caller end in `-buffer`; others get chunks that they own.

import { join } from "node:path";
import { bunPath, denoPath } from "../scripts/setup.js";

export const folder = join(import.meta.dirname, "servers");
const deno = (name) => (role) => [
  ...[denoPath(), "run", "-A", "--no-check"],
  join(folder, name),
  role,
];
const bun = (name) => (role) => [bunPath(), "run", join(folder, name), role];

const tcp = { echo: "echo", broadcast: "broadcast", idle: "echo" };
const all = { ...tcp, http: "http" };
// When idle, the buffers would be most of the memory.
const buffer = { echo: "echo-buffer" };

/** Every server; `command` is given a role and the paths of the C programs. */
export const servers = [
  { name: "c", roles: tcp, command: (role, { floor }) => [floor, role] },
  { name: "iocp-deno", roles: all, command: deno("iocp.ts") },
  { name: "iocp-bun", roles: all, command: bun("iocp.ts") },
  { name: "iocp-deno-buffer", roles: buffer, command: deno("iocp.ts") },
  { name: "iocp-bun-buffer", roles: buffer, command: bun("iocp.ts") },
  { name: "deno-listen", roles: all, command: deno("deno_listen.js") },
  {
    name: "deno-listen-buffer",
    roles: buffer,
    command: deno("deno_listen.js"),
  },
  { name: "bun-listen", roles: all, command: bun("bun_listen.js") },
  { name: "node-net-deno", roles: all, command: deno("node_net.js") },
  { name: "node-net-bun", roles: all, command: bun("node_net.js") },
];
