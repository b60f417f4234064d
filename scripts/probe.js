// Copyright the iocp authors. MIT license.

// npm run probe -- [--filter WORD] [--json FILE] [--write] [--controls]
//
// Builds ffi/probe and asks a Windows, or here Wine, whether it does what the
// model of Windows says (ffi/tests/model). Prints a Markdown table; --json
// writes every answer to a file, and --write replaces the table in
// ffi/probe/README.md. A difference is a finding: it fails only when it cannot run.

import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import process from "node:process";
import { formatWithDprint } from "./format.js";
import { buildProbe, runProbe } from "./probe/program.js";
import { replaceTable } from "./probe/table.js";
import { inTemporaryFolder, parseOptions, repository } from "./setup.js";
import { openSystem } from "./system.js";

async function main() {
  const text = { type: "string" };
  const flag = { type: "boolean", default: false };
  const values = parseOptions(import.meta.filename, {
    ...{ filter: text, json: text, write: flag, controls: flag },
  });
  if (values.write && (values.filter || values.controls)) {
    throw new Error("--write takes all rules: no --filter, no --controls");
  }
  const windows = await openSystem("windows");
  if (windows.reason) throw new Error(`Cannot probe: ${windows.reason}`);
  const args = values.controls ? ["--controls"] : [];
  if (values.filter) args.push("--filter", values.filter);
  await inTemporaryFolder("iocp-probe-", async (folder) => {
    const program = await buildProbe(join(repository, "ffi"), folder);
    const { markdown, json } = await runProbe(windows, program, args);
    console.log(markdown.trim());
    if (values.json) await writeFile(resolve(values.json), json);
    if (values.write) await writeTable(markdown);
  });
}

async function writeTable(markdown) {
  const file = join(repository, "ffi", "probe", "README.md");
  await writeFile(file, replaceTable(await readFile(file, "utf8"), markdown));
  const problems = await formatWithDprint(true);
  if (problems.length !== 0) throw new Error(problems.join("\n"));
}

await main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
