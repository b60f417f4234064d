// Copyright the iocp authors. MIT license.

import { ensureDebian, ensureWine, run } from "./setup.js";

// There are libraries for these alone; elsewhere nothing is native.
const native = process.arch === "x64"
  ? { win32: "windows", linux: "linux" }[process.platform]
  : undefined;

/**
 * How programs for "linux" or "windows" run here: `{ run, path, debian, reason
 * }`. A reason says why they cannot; `run` is as in setup/command.js, and
 * `path(path)` is a path of this system as such a program sees it. With Wine,
 * `debian` has a compiler for them.
 */
export async function openSystem(system) {
  if (system === native) return { run, path: (path) => path };
  if (native !== "linux") {
    const here = `${process.platform} ${process.arch}`;
    return { reason: `this is ${here}, which runs nothing for ${system}` };
  }
  const { wine, reason } = await ensureWine();
  if (!wine) return { reason };
  const { debian } = await ensureDebian();
  return {
    run: (program, args, options) => wine.run(program, args, options),
    path: (path) => wine.path(path),
    debian,
  };
}
