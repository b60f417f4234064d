// Copyright the iocp authors. MIT license.

// The servers that are compared: `roles` has the argument for each role, `command`
// the command line. Names end in `-buffer` with a buffer of the caller, in `-leased`
// with lent chunks, in `-batches` with many datagrams at once; `iocp-net` is this
// module in the place of node:net, and `before` is this module at another commit.

import { join, resolve } from "node:path";
import { bunPath, denoPath } from "../scripts/setup.js";

export const folder = join(import.meta.dirname, "servers");
const runtime =
  (file, flags) => (name, { options = [], at = folder } = {}) => (role) => [
    ...[file(), "run", ...flags],
    ...[...options, join(at, name), role],
  ];
const deno = runtime(denoPath, ["-A", "--no-check", "--unstable-net"]);
const bun = runtime(bunPath, []);
const register = {
  options: ["--preload", join(folder, "../../net_register.ts")],
};
const tcp = { echo: "echo", broadcast: "broadcast", idle: "echo" };
const floors = { ...tcp, receive: "receive", send: "send" };
const all = { ...floors, http: "http" };
// When idle, the buffers would be most of the memory.
const buffer = { echo: "buffer" };
const batches = { receive: "receive-batches", send: "send-batches" };
const ways = {
  "": all,
  "-buffer": buffer,
  "-leased": { echo: "leased" },
  "-batches": batches,
};

/** Every server; `command` is given a role and the paths of the C programs. */
export const servers = [
  ["c", floors, (role, { floor }) => [floor, role]],
  ...Object.entries(ways).flatMap(([way, roles]) => [
    [`iocp-deno${way}`, roles, deno("iocp.ts")],
    [`iocp-bun${way}`, roles, bun("iocp.ts")],
  ]),
  ["deno-listen", all, deno("deno_listen.js")],
  ["deno-listen-buffer", buffer, deno("deno_listen.js")],
  ["bun-listen", all, bun("bun_listen.js")],
  ["bun-listen-batches", batches, bun("bun_listen.js")],
  ["node-net-deno", all, deno("node_net.js")],
  ["node-net-bun", all, bun("node_net.js")],
  ["iocp-net-deno", tcp, deno("node_net.js", register)],
  ["iocp-net-bun", tcp, bun("node_net.js", register)],
].map(named);

/** This module as it is in a checkout of another commit. */
export function serversOf(checkout) {
  const at = join(resolve(checkout), "bench", "servers");
  return Object.entries(ways).flatMap(([way, roles]) => [
    [`before-deno${way}`, roles, deno("iocp.ts", { at })],
    [`before-bun${way}`, roles, bun("iocp.ts", { at })],
  ]).map(named);
}

function named([name, roles, command]) {
  return { name, roles, command };
}
