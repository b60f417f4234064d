// Copyright the iocp authors. MIT license.

// The servers that are compared. `own` names the stock way in the same runtime,
// `node` is node:net in it. `roles` has what a server can do (servers/iocp.ts
// has them all), and what it is told for that.

import { join } from "node:path";
import process from "node:process";
import { bunPath, denoPath } from "../scripts/setup.js";
import { windowsTakers } from "./calls/of_workload.js";
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
const inDeno = { runtime: "Deno", own: "deno-listen", node: "node-net-deno" };
const inBun = { runtime: "Bun", own: "bun-listen", node: "node-net-bun" };
/* What a caller's buffer saves shows where there is much to copy. */
const ownBuffer = { roles: { echo: "echo-own" }, bytesMin: 16 * 1024 };

/**
 * Every server; `command` is given what it is told for a role, and the paths of
 * the compiled C programs.
 */
export const servers = [
  {
    name: "c",
    title: "C, epoll",
    runtime: "C",
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
    runtime: "Deno",
    node: "node-net-deno",
    roles: allRoles,
    command: deno("deno_listen.ts"),
  },
  {
    name: "bun-listen",
    title: "Bun.listen",
    runtime: "Bun",
    node: "node-net-bun",
    roles: allRoles,
    command: bun("bun_listen.ts"),
  },
  {
    name: "node-net",
    title: "node:net, Node",
    runtime: "Node",
    roles: allRoles,
    command: node("node_net.js"),
  },
  {
    name: "node-net-deno",
    title: "node:net, Deno",
    runtime: "Deno",
    own: "deno-listen",
    roles: allRoles,
    command: deno("node_net.js"),
  },
  {
    name: "node-net-bun",
    title: "node:net, Bun",
    runtime: "Bun",
    own: "bun-listen",
    roles: allRoles,
    command: bun("node_net.js"),
  },
];

/** Those that `--quick` has time for. */
export const quickServers = [
  "c",
  "iocp-deno",
  "iocp-bun",
  "iocp-deno-own",
  "iocp-bun-own",
  "deno-listen",
  "bun-listen",
];

/**
 * Native servers and those for Windows, as far as they can be built here, and
 * for each other one the reason.
 */
export async function findPeers() {
  const built = await buildPeers();
  const native = built.filter(({ reason }) => reason === undefined);
  return {
    peers: native.map((peer) => ({
      name: peer.name,
      title: `${peer.name} ${peer.version}`,
      runtime: "native",
      roles: Object.fromEntries(peer.roles.map((role) => [role, role])),
      command: (role) => peer.command(role),
    })).concat(windowsTakers),
    leftOut: built.filter(({ reason }) => reason !== undefined)
      .map(({ name, reason }) => `${name}: ${reason}`),
  };
}
