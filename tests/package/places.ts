// Copyright the iocp authors. MIT license.

// Runs a bundle from places that have no path. It is copied beside the folder
// of the bundles.

import { readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const path = fileURLToPath(new URL("./dist/esm.js", import.meta.url));
const text = readFileSync(path, "utf8");
/* Bun imports no data: module that is longer than a path may be, and no blob:
 * module outside of a Worker. */
if ("Deno" in globalThis) {
  await import(`data:text/javascript,${encodeURIComponent(text)}`);
  const blob = new Blob([text], { type: "text/javascript" });
  await import(URL.createObjectURL(blob));
} else {
  const blob = new Blob([text], { type: "text/javascript" });
  const worker = new Worker(URL.createObjectURL(blob));
  worker.addEventListener("error", ({ message }) => {
    console.error(message);
    process.exitCode = 1;
  });
}
