// Copyright the iocp authors. MIT license.

// The completion-port server by hand. It runs under Wine here, so it is there
// for its calls, not for its speed, and is none of the peers that are compared.

import { join } from "node:path";
import { built } from "./built.js";
import { compileForWindows } from "./windows_c.js";

const files = ["iocp.c", "../pattern.h"]
  .map((file) => join(import.meta.dirname, file));

/** Builds it if it is not there; returns the path of its program. */
export async function buildRawIocp() {
  const folder = await built(
    "raw-iocp",
    "the completion-port server of the bench",
    files,
    (partial) =>
      compileForWindows([
        files[0],
        "-o",
        join(partial, "iocp.exe"),
        "-lws2_32",
      ]),
  );
  return join(folder, "iocp.exe");
}
