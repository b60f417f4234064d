// Copyright the iocp authors. MIT license.

// npm run demo [-- [--windows] [FILE]]
//
// Sends a real file, 64 MiB or more in total, over 50 connections through the
// `for await` echo loop of examples/echo.ts: Deno serving Bun, then Bun serving
// Deno. --windows runs the Windows programs under Wine instead.

import { statSync } from "node:fs";
import { relative, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { openCell } from "./cells.js";
import { serve } from "./server.js";
import { argv, describeEnd } from "./setup.js";

const CONNECTIONS = 50;
const TOTAL_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 300_000;

const args = process.argv.slice(2);
const onWine = args.includes("--windows") && process.platform !== "win32";
const system = onWine || process.platform === "win32" ? "windows" : "linux";
const file = resolve(
  args.find((arg) => !arg.startsWith("--")) ??
    fileURLToPath(
      new URL("../ffi/prebuilt/linux_x86_64/libiocp.so", import.meta.url),
    ),
);

/** Has one runtime load the other; true if all that came back was right. */
async function exchange(server, client) {
  console.log(`${client.name} -> ${server.name}:`);
  const options = { timeout: TIMEOUT_MS };
  const pattern = /listening on .*:(\d+)/;
  const run = (args, options) =>
    server.runScript("examples/echo.ts", args, options);
  const { match, stop } = await serve({ run }, pattern, [], options);
  const args = argv`${match[1]} ${client.path(file)} ${CONNECTIONS}
    ${TOTAL_BYTES}`;
  const result = await client.runScript("scripts/demo/load.ts", args, options);
  console.log(result.stdout.trimEnd());
  const { output } = await stop();
  if (!result.ok) {
    console.error(`${describeEnd(result)}\n${result.stderr}\n${output}`);
  }
  return result.ok;
}

const cells = [];
for (const runtime of ["deno", "bun"]) {
  const { cell, reason } = await openCell(`${runtime}-${system}`);
  if (!cell) {
    throw new Error(`${runtime} on ${system} is not available: ${reason}`);
  }
  cells.push(cell);
}
const [deno, bun] = cells;
const size = statSync(file).size;
console.log(
  `sending ${relative(process.cwd(), file)} (${size} bytes) over ` +
    `${CONNECTIONS} connections at once, as often as makes 64 MiB`,
);
let isRight = true;
for (const [server, client] of [[deno, bun], [bun, deno]]) {
  isRight = await exchange(server, client) && isRight;
}
process.exit(isRight ? 0 : 1);
