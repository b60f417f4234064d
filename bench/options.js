// Copyright the iocp authors. MIT license.

import { parseArgs } from "node:util";
import { kinds } from "./kinds.js";
import { servers } from "./servers.js";
import { workloads } from "./workloads.js";

/** What `--quick` may take in all, in seconds. */
export const QUICK_SECONDS = 120;

const wrap = (names) =>
  names.join(", ").replace(/(.{30,52}),\s/g, "$1,\n" + " ".repeat(20));

/** What `--help` prints. */
export const help = `usage: npm run bench -- [options]

Measures servers side by side, each in turn, in new processes, and prints tables
and which goals are met. All of it takes about an hour.

  --quick           a look at everything within two minutes, too short to trust
  --workload NAMES  some of these, or of their kinds (default: all):
                    ${wrap(workloads.map(({ name }) => name))};
                    ${wrap(Object.keys(kinds))}
  --servers NAMES   some of these, and of the peers that bench/peers.js builds
                    (default: all; --quick leaves out peers and node:net):
                    ${wrap(servers.map(({ name }) => name))}
  --rounds N        measurements of each server, at least 1 (default 5)
  --seconds S       counted time of each (default 1)
  --settle S        seconds for which idle connections are silent before their
                    memory is looked at, and the server alone before they come
                    (default 25); collectors give memory back late
  --no-calls        does not count system calls; neither does --quick
  --realtime        keeps other programs off the two cores while it measures,
                    but for paced loads; needs root, makes the machine sluggish,
                    and is hard on runtimes: on their one core the threads of
                    the collector have to wait for up to 100 ms
  --check           ends with exit code 1 when a goal is not met
  --json FILE       writes every figure of every round to a file
  --from FILE       measures nothing, and takes the figures from such a file
  --write           writes docs/benchmarks.md, docs/benchmarks.json and
                    docs/benchmarks/*.svg
  --help            prints this

NAMES are separated by commas.`;

/** Wrong options; the message is for the user. */
export class UsageError extends Error {}

const spec = {
  quick: { type: "boolean", default: false },
  workload: { type: "string", default: "all" },
  servers: { type: "string", default: "all" },
  rounds: { type: "string" },
  seconds: { type: "string" },
  settle: { type: "string" },
  "no-calls": { type: "boolean", default: false },
  realtime: { type: "boolean", default: false },
  check: { type: "boolean", default: false },
  json: { type: "string" },
  from: { type: "string" },
  write: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
};

/** The options of the command line, checked. */
export function parseOptions(args) {
  let values;
  try {
    ({ values } = parseArgs({ args, options: spec }));
  } catch (error) {
    throw new UsageError(error.message);
  }
  const { quick } = values;
  const rounds = Number(values.rounds ?? (quick ? 1 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new UsageError(`--rounds needs a whole number from 1`);
  }
  const seconds = Number(values.seconds ?? (quick ? 0.15 : 1));
  if (!(seconds > 0 && seconds <= 3600)) {
    throw new UsageError(`--seconds needs a number above 0, up to 3600`);
  }
  const settle = Number(values.settle ?? (quick ? 0.3 : 25));
  if (!(settle >= 0 && settle <= 600)) {
    throw new UsageError(`--settle needs a number from 0 to 600`);
  }
  return {
    ...values,
    calls: !quick && !values["no-calls"],
    rounds,
    seconds,
    settle,
    servers: namesOf(values.servers),
    workloads: selectWorkloads(namesOf(values.workload)),
    arguments: args,
  };
}

/** Undefined for all. */
function namesOf(text) {
  if (text === "all") return undefined;
  return text.split(",").map((name) => name.trim());
}

function selectWorkloads(names) {
  if (names === undefined) return workloads;
  const known = workloads.flatMap(({ name, kind }) => [name, kind]);
  requireKnown("--workload", names, known);
  return workloads.filter(({ name, kind }) =>
    names.includes(name) || names.includes(kind)
  );
}

/** The servers that were asked for, out of a list; others were left out. */
export function selectServers(names, list, leftOut = []) {
  if (names === undefined) return list;
  requireKnown("--servers", names, list.map(({ name }) => name), leftOut);
  return list.filter(({ name }) => names.includes(name));
}

function requireKnown(option, names, known, leftOut = []) {
  for (const name of names) {
    if (known.includes(name)) continue;
    const all = [...new Set(known)].join(", ");
    throw new UsageError(
      [`${option} knows no "${name}"; it has ${all}`, ...leftOut].join("\n"),
    );
  }
}
