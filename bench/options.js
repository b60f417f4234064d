// Copyright the iocp authors. MIT license.

import { parseArgs } from "node:util";
import { mainServers, servers } from "./servers.js";
import { mainWorkload, workloads } from "./workloads.js";

const names = (list) => list.map(({ name }) => name).join(", ");

/** What `--help` prints. */
export const help = `usage: npm run bench -- [options]

Measures echo servers side by side, in turn, and prints the CPU time that each
takes for a message.

  --rounds N        measurements of each server, at least 1 (default 7)
  --seconds S       counted time of each (default 1)
  --workload NAMES  one or more of these, or all (default ${mainWorkload}):
                    ${
  names(workloads).replace(/(.{40,55}),\s/g, "$1,\n" + " ".repeat(20))
}
  --servers NAMES   one or more of these, or all (default: the first five):
                    ${
  names(servers).replace(/(.{40,55}),\s/g, "$1,\n" + " ".repeat(20))
}
  --realtime        keeps other programs off the two cores while it measures;
                    needs root, and makes the machine sluggish
  --json FILE       writes every figure of every round to a file
  --check           ends with exit code 1 when a goal is not met
  --help            prints this

NAMES are separated by commas.`;

/** Wrong options; the message is for the user. */
export class UsageError extends Error {}

/** The options of the command line, checked. */
export function parseOptions(args) {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        rounds: { type: "string", default: "7" },
        seconds: { type: "string", default: "1" },
        workload: { type: "string", default: mainWorkload },
        servers: { type: "string", default: mainServers.join(",") },
        realtime: { type: "boolean", default: false },
        json: { type: "string" },
        check: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(error.message);
  }
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new UsageError(`--rounds needs a whole number from 1`);
  }
  const seconds = Number(values.seconds);
  if (!(seconds > 0 && seconds <= 3600)) {
    throw new UsageError(`--seconds needs a number above 0, up to 3600`);
  }
  return {
    rounds,
    seconds,
    workloads: select("--workload", values.workload, workloads),
    servers: select("--servers", values.servers, servers),
    realtime: values.realtime,
    json: values.json,
    check: values.check,
    help: values.help,
  };
}

function select(option, text, list) {
  if (text === "all") return list;
  return text.split(",").map((name) => {
    const found = list.find((entry) => entry.name === name.trim());
    if (found) return found;
    throw new UsageError(`${option} knows no "${name}"; it has ${names(list)}`);
  });
}
