// Copyright the iocp authors. MIT license.

// The servers that are compared. `own` is the runtime's own way in the same
// runtime. `roles` has what a server can do, and the argument for each.

import { join } from "node:path";
import process from "node:process";
import { bunPath, denoPath } from "../scripts/setup.js";
import { buildPeers } from "./peers.js";

const folder = join(import.meta.dirname, "servers");
const script = (name) => join(folder, name);
const deno = (name) => (role) => [
  denoPath(),
  "run",
  "-A",
  "--no-check",
  script(name),
  role,
];
const bun = (name) => (role) => [bunPath(), "run", script(name), role];
const node = (name) => (role) => [process.execPath, script(name), role];

const tcpRoles = {
  echo: "echo",
  sink: "sink",
  source: "source",
  broadcast: "broadcast",
};
const allRoles = { ...tcpRoles, http: "http" };
const inDeno = { own: "deno-listen" };
const inBun = { own: "bun-listen" };
/* Where there is much to copy, what a caller's buffer saves. */
const ownBuffer = { roles: { echo: "echo-own" }, bytesMin: 16 * 1024 };

/**
 * Every server; `command` is given the argument of a role and the paths of the
 * compiled C programs.
 */
export const servers = [
  {
    name: "c",
    title: "C, epoll",
    roles: tcpRoles,
    command: (role, { floor }) => [floor, role],
  },
  {
    name: "iocp-deno",
    title: "this module, Deno",
    ...inDeno,
    roles: allRoles,
    command: deno("iocp.ts"),
    importCommand: deno("import.ts"),
  },
  {
    name: "iocp-bun",
    title: "this module, Bun",
    ...inBun,
    roles: allRoles,
    command: bun("iocp.ts"),
    importCommand: bun("import.ts"),
  },
  {
    name: "iocp-deno-own",
    title: "this module, Deno, caller's buffer",
    ...inDeno,
    ...ownBuffer,
    command: deno("iocp.ts"),
  },
  {
    name: "iocp-bun-own",
    title: "this module, Bun, caller's buffer",
    ...inBun,
    ...ownBuffer,
    command: bun("iocp.ts"),
  },
  {
    name: "deno-listen",
    title: "Deno.listen",
    roles: allRoles,
    command: deno("deno_listen.ts"),
  },
  {
    name: "deno-readable",
    title: "Deno.listen, conn.readable",
    ...inDeno,
    roles: { echo: "echo-readable" },
    bytesMin: 16 * 1024,
    command: deno("deno_listen.ts"),
  },
  {
    name: "bun-listen",
    title: "Bun.listen",
    roles: allRoles,
    command: bun("bun_listen.ts"),
  },
  {
    name: "node-net",
    title: "node:net, Node",
    roles: allRoles,
    command: node("node_net.js"),
  },
  {
    name: "node-net-deno",
    title: "node:net, Deno",
    own: "deno-listen",
    roles: allRoles,
    command: deno("node_net.js"),
  },
  {
    name: "node-net-bun",
    title: "node:net, Bun",
    own: "bun-listen",
    roles: allRoles,
    command: bun("node_net.js"),
  },
];

/** Native servers, as far as they can be built here, and the reasons for others. */
export async function findPeers() {
  const built = await buildPeers();
  return {
    peers: built.filter(({ reason }) => reason === undefined),
    leftOut: built.filter(({ reason }) => reason !== undefined)
      .map(({ name, reason }) => `${name}: ${reason}`),
  };
}
