// Copyright the iocp authors. MIT license.

// npm run soak: uses the library at random for a while, in one cell after the
// other, and fails when a byte is wrong, a promise never settles, or memory or
// handles are not freed. tests/soak/ has what is done and what is checked.
//
//   npm run soak -- --minutes 30                  in each cell; 1 when left out
//   npm run soak -- --cell bun-linux --seed 17    the choices of another run
//   npm run soak -- --visits transfer,reset       only these

import process from "node:process";
import { cellNames, openCell } from "./cells.js";
import { argv, describeEnd, parseOptions, repository } from "./setup.js";

/** What a cell needs beside its minutes, however slow it is. */
const EXTRA_MS = 600_000;

const values = parseOptions(import.meta.filename, {
  minutes: { type: "string", default: "1" },
  cell: { type: "string", multiple: true, default: cellNames },
  seed: { type: "string" },
  visits: { type: "string" },
});

/** Runs the program in a cell; true when all was well. */
async function soak(cell, minutes, seed) {
  console.log(`${cell.name}:`);
  const args = argv`--seconds ${minutes * 60} --seed ${seed}
    ${values.visits === undefined ? [] : ["--visits", values.visits]}`;
  const ended = await cell.runScript("tests/soak/soak.ts", args, {
    cwd: repository,
    timeout: minutes * 60_000 + EXTRA_MS,
    onStdout: (text) => process.stdout.write(text),
  });
  if (ended.ok && /^\{"summary"/m.test(ended.stdout)) return true;
  console.log(`${cell.name}: FAILED: ${describeEnd(ended)}\n${ended.stderr}`);
  const again = `npm run soak -- --minutes ${minutes} --cell ${cell.name}`;
  console.log(`to repeat it: ${again} --seed ${seed}`);
  return false;
}

const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new RangeError("--minutes must be a positive number");
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
let isRight = true;
for (const name of values.cell) {
  const { cell, reason } = await openCell(name);
  if (cell) isRight = await soak(cell, minutes, seed) && isRight;
  else console.log(`${name}: NOT RUN: ${reason}`);
}
process.exit(isRight ? 0 : 1);
