// Copyright the iocp authors. MIT license.

// Runs a runtime by hand: that of a cell, or with "deno" or "bun" the one of
// package.json on any system. For example:
//   node scripts/cell.js deno-windows -- test -A tests/conn_test.ts
//   node scripts/cell.js bun-windows -- examples/echo.ts --port 8080
//   node scripts/cell.js deno run -A cli.ts doctor

import process from "node:process";
import { openCell } from "./cells.js";
import { bunPath, denoPath, ensureNodeModules, run } from "./setup.js";

const programs = { deno: denoPath, bun: bunPath };

async function open(name) {
  if (!Object.hasOwn(programs, name)) return await openCell(name);
  await ensureNodeModules();
  return { cell: { run: (...all) => run(programs[name](), ...all) } };
}

const [name, ...rest] = process.argv.slice(2);
const args = rest[0] === "--" ? rest.slice(1) : rest;
const { cell, reason } = await open(name)
  .catch(({ message }) => ({ reason: message }));
if (!cell) console.error(`Cannot run ${name}: ${reason}`);
const { code } = await cell?.run(args, { show: true }) ?? { code: 2 };
process.exit(code ?? 1);
