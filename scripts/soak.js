// Copyright the iocp authors. MIT license.

// npm run soak: uses the library at random for a while, in one cell after the
// other, and fails when a byte is wrong, a promise never settles, or memory or
// handles are not given back. tests/soak/ has what is done and what is checked.
//
//   npm run soak -- --minutes 30 --cell deno-linux
//   npm run soak -- --cell bun-linux --seed 17    the choices of another run
//   npm run soak -- --visits transfer,reset       only these

import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { cellNames, openCell } from "./cells.js";
import { describeEnd, repository } from "./setup.js";
import { StatusLine } from "./soak/status_line.js";

/** What a cell needs beside its minutes, however slow it is. */
const EXTRA_MS = 600_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    cell: { type: "string", multiple: true, default: cellNames },
    seed: { type: "string" },
    visits: { type: "string" },
  },
});

/** Runs the program in a cell; true when all was well. */
async function soak(cell, minutes, seed) {
  const program = join(repository, "tests", "soak", "soak.ts");
  const args = [
    ...cell.runtime === "deno" ? ["run", "-A", "--no-check", "--no-lock"] : [],
    cell.path(program),
    "--seconds",
    String(minutes * 60),
    "--seed",
    String(seed),
    ...values.visits ? ["--visits", values.visits] : [],
  ];
  const status = new StatusLine(cell.name);
  let rest = "";
  let summary;
  const ended = await cell.run(args, {
    cwd: repository,
    timeout: minutes * 60_000 + EXTRA_MS,
    onStdout(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines.filter((line) => line.startsWith("{"))) {
        const said = JSON.parse(line);
        if (said.summary !== undefined) summary = said.summary;
        else if (said.failure !== undefined) status.note(said.failure);
        else status.show(said);
      }
    },
  });
  status.end();
  if (summary !== undefined) describe(cell.name, summary);
  if (ended.ok && summary !== undefined) return true;
  console.log(`${cell.name}: FAILED: ${describeEnd(ended)}`);
  if (ended.stderr) console.log(ended.stderr);
  const again = `npm run soak -- --minutes ${minutes} --cell ${cell.name}`;
  console.log(`to repeat it: ${again} --seed ${seed}`);
  return false;
}

function describe(name, { seed, visits, memory, handles, failures }) {
  const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);
  const counts = Object.entries(visits).map(([kind, n]) => `${kind} ${n}`);
  const verdict = memory.isTooShort
    ? "too short to judge"
    : memory.isFlat
    ? `flat, or less than ${each(memory, memory.limit)} a connection`
    : `GROWS by ${each(memory, memory.late - memory.early)} a connection`;
  console.log(`${name}: seed ${seed}; ${counts.join(", ")}`);
  console.log(
    `${name}: memory ${mib(memory.early)} MiB in the second quarter, ` +
      `${
        mib(memory.late)
      } MiB in the last, ${memory.connections} connections ` +
      `later: ${verdict}; handles ${handles.before} before, ${handles.after} after; ` +
      `${failures.length} failures`,
  );
}

/* In a run with few connections a small leak is within the noise. */
function each({ connections }, bytes) {
  return `${Math.round(bytes / Math.max(connections, 1))} bytes`;
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
