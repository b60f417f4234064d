// Copyright the iocp authors. MIT license.

// The results of mutants as a table by file.

import { markdownTable } from "markdown-table";

const heads = ["File", "Mutants", "Simulation", "Tests", "Equivalent"];

/**
 * A table of `results`, in which those that cannot change behaviour have the
 * verdict "equivalent". Scores are of the others, in per cent: those that the
 * simulation kills, and those that are killed at all.
 */
export function tableOf(results) {
  const judged = results
    .filter(({ verdict }) => !["same", "invalid"].includes(verdict));
  const files = [...new Set(judged.map(({ file }) => file))].sort();
  const rows = files.map((file) =>
    rowOf(file.slice(4), judged.filter((result) => result.file === file))
  );
  const head = [...heads, "Survived", "Score, simulation", "Score, all"];
  const align = ["l", ...head.slice(1).map(() => "r")];
  return markdownTable([head, ...rows, rowOf("all", judged)], { align });
}

function rowOf(name, results) {
  const count = (is) => results.filter(is).length;
  const simulation = count(({ by }) => by === "simulation");
  const killed = count(({ verdict }) => verdict === "killed");
  const equivalent = count(({ verdict }) => verdict === "equivalent");
  const others = results.length - equivalent;
  const score = (part) => others === 0 ? "" : (100 * part / others).toFixed(1);
  const counts = [results.length, simulation, killed - simulation, equivalent];
  const scores = [others - killed, score(simulation), score(killed)];
  return [name, ...counts, ...scores].map(String);
}
