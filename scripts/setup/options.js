// Copyright the iocp authors. MIT license.

// The options of a script, whose opening comment is what `--help` prints.

import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";

function openingComment(file) {
  const [, , ...lines] = readFileSync(file, "utf8").split(/\r?\n/);
  const end = lines.findIndex((line) => !line.startsWith("//"));
  return lines.slice(0, end).map((line) => line.slice(3)).join("\n");
}

/**
 * The values of the options of a script, as parseArgs() of node:util has them.
 * With `--help` the script ends here, and with an option that it does not know.
 */
export function parseOptions(file, options) {
  try {
    const help = { type: "boolean" };
    const { values } = parseArgs({ options: { ...options, help } });
    if (!values.help) return values;
    console.log(openingComment(file));
    process.exit(0);
  } catch ({ message }) {
    console.error(`${message}\n\n${openingComment(file)}`);
    process.exit(2);
  }
}
