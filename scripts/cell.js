// Copyright the iocp authors. MIT license.

// Runs a cell's runtime by hand, for example:
//   node scripts/cell.js deno-windows -- test -A tests/conn_test.ts
//   node scripts/cell.js bun-windows -- examples/echo.ts --port 8080

import process from "node:process";
import { cellNames, openCell } from "./cells.js";

const [name, ...rest] = process.argv.slice(2);
if (!cellNames.includes(name)) {
  console.error(
    `usage: node scripts/cell.js CELL [--] ARGUMENTS\n` +
      `where CELL is one of ${cellNames.join(", ")}`,
  );
  process.exit(2);
}
const args = rest[0] === "--" ? rest.slice(1) : rest;
const { cell, reason } = await openCell(name);
if (!cell) {
  console.error(`${name} is not available: ${reason}`);
  process.exit(1);
}
const result = await cell.run(args, { cwd: process.cwd(), show: true });
process.exit(result.code ?? 1);
