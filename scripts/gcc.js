// Copyright the iocp authors. MIT license.

// Compilers of the Debian folder. A build is `{ debian, ffi, folder, jobs }`:
// command lines run in the folder `ffi`, `jobs` at once, and write to `folder`.

import { join } from "node:path";
import { describeEnd } from "./setup.js";

/** The path in `folder` of the object that a source file is compiled to. */
export function objectOf(folder, file) {
  return join(folder, `${file.replaceAll("/", "_")}.o`);
}

/** Compiles files into the folder of a build; returns the objects. */
export async function compileObjects(build, compiler, files, flags) {
  const objects = files.map((file) => objectOf(build.folder, file));
  const lines = files
    .map((file, i) => [compiler, ...flags, "-c", file, "-o", objects[i]]);
  await runCompilers(build, ...lines);
  return objects;
}

/** Runs command lines; throws what they print when one fails. */
export async function runCompilers({ debian, ffi, folder, jobs }, ...lines) {
  if (lines.length === 0) return;
  const script = 'echo "$1" | xargs -P "$2" -I {} sh -c {}';
  const text = lines.map((line) => line.join(" ")).join("\n");
  const args = ["-c", script, "sh", text, `${jobs}`];
  const options = { cwd: ffi, timeout: 600_000, folders: [folder, ffi] };
  const result = await debian.run("sh", args, options);
  if (!result.ok) throw new Error(result.output || describeEnd(result));
}
