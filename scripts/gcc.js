// Copyright the iocp authors. MIT license.

import { join } from "node:path";
import { describeEnd } from "./setup.js";

/** The path in `folder` of the object that a source file is compiled to. */
export function objectOf(folder, file) {
  return join(folder, `${file.replaceAll("/", "_")}.o`);
}

/** The command lines that compile files into `folder`. */
export function compileLines(compiler, folder, files, flags) {
  return files.map((file) =>
    [compiler, ...flags, "-c", file, "-o", objectOf(folder, file)].join(" ")
  );
}

/**
 * Runs command lines of compilers in the folder `ffi`, inside Debian and
 * `jobs` at once. Throws what they print when one fails.
 */
export async function runLines(debian, ffi, lines, { folder, jobs }) {
  const script = 'echo "$1" | xargs -P "$2" -I {} sh -c {}';
  const args = ["-c", script, "sh", lines.join("\n"), String(jobs)];
  const result = await debian.run("sh", args, {
    cwd: ffi,
    timeout: 600_000,
    folders: [folder, ffi],
  });
  if (!result.ok) throw new Error(result.output || describeEnd(result));
}
