// Copyright the iocp authors. MIT license.

// npm run demo: sends a file through the `for await` echo loop of examples/echo.ts,
// over many connections at once: Deno serving Bun, then Bun serving Deno.

import process from "node:process";
import { openCell } from "./cells.js";
import { serve } from "./server.js";
import { describeEnd } from "./setup.js";

const options = { timeout: 300_000 };
const system = process.platform === "win32" ? "windows" : "linux";

async function open(runtime) {
  const name = `${runtime}-${system}`;
  const { cell, reason } = await openCell(name);
  if (cell) return cell;
  throw new Error(`${name} is not available: ${reason}`);
}

/** Has one runtime load the other; throws unless all that came back was right. */
async function exchange(server, client) {
  console.log(`${client.name} -> ${server.name}:`);
  const run = (args, options) =>
    server.runScript("examples/echo.ts", args, options);
  const { match, stop } = await serve({ run }, /on .*:(\d+)/, [], options);
  const file = "scripts/demo_client.ts";
  const result = await client.runScript(file, [match[1]], options);
  console.log(result.stdout.trimEnd());
  const { output } = await stop();
  if (result.ok) return;
  throw new Error(`${describeEnd(result)}\n${result.stderr}\n${output}`);
}

const [deno, bun] = [await open("deno"), await open("bun")];
await exchange(deno, bun);
await exchange(bun, deno);
