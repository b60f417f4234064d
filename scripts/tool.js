// Copyright the iocp authors. MIT license.

// Runs the Deno or the Bun of package.json by hand, on any system:
//   node scripts/tool.js deno run -A cli.ts doctor

import process from "node:process";
import { bunPath, denoPath, ensureNodeModules, run } from "./setup.js";

const paths = { deno: denoPath, bun: bunPath };
const [name, ...args] = process.argv.slice(2);
if (!Object.hasOwn(paths, name ?? "")) {
  console.error("usage: node scripts/tool.js deno|bun ARGUMENTS");
  process.exit(2);
}
await ensureNodeModules();
const result = await run(paths[name](), args, { show: true });
process.exit(result.code ?? 1);
