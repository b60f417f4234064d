// Copyright the iocp authors. MIT license.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { cached } from "../../scripts/setup.js";

/**
 * The folder of a build in the developer cache, made by `make(partialFolder)`
 * when it is not there. It is named by what the files that it is made of have
 * in them, so that a change of one makes a new one.
 */
export async function built(name, what, files, make) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(await readFile(file));
  const digest = hash.digest("hex").slice(0, 12);
  return await cached(`bench-${name}-${digest}`, what, make);
}
