// Copyright the iocp authors. MIT license.

// The servers that are compared. `own` names the server that is the stock way
// in the same runtime.

import { join } from "node:path";
import process from "node:process";
import { bunPath, denoPath } from "../scripts/setup.js";

const folder = join(import.meta.dirname, "servers");
const script = (name) => join(folder, name);
const deno = (
  name,
) => [denoPath(), "run", "-A", "--no-check", script(name), "echo"];
const bun = (name) => [bunPath(), "run", script(name), "echo"];

/** Every server; `command` is given the paths of the compiled C programs. */
export const servers = [
  { name: "c", command: ({ floor }) => [floor] },
  { name: "deno-listen", command: () => deno("deno_listen.ts") },
  { name: "bun-listen", command: () => bun("bun_listen.ts") },
  {
    name: "iocp-deno",
    own: "deno-listen",
    command: () => deno("iocp.ts"),
  },
  { name: "iocp-bun", own: "bun-listen", command: () => bun("iocp.ts") },
  {
    name: "node-net",
    command: () => [process.execPath, script("node_net.js"), "echo"],
  },
  {
    name: "node-net-deno",
    own: "deno-listen",
    command: () => deno("node_net.js"),
  },
  {
    name: "node-net-bun",
    own: "bun-listen",
    command: () => bun("node_net.js"),
  },
];

/** Those that run unless others are asked for. */
export const mainServers = [
  "c",
  "deno-listen",
  "bun-listen",
  "iocp-deno",
  "iocp-bun",
];
