// Copyright the iocp authors. MIT license.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Does `work` with a new folder, whose name begins with `prefix` and which is
 * gone afterwards; returns what it returns.
 */
export async function inTemporaryFolder(prefix, work) {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
