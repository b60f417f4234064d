// Copyright the iocp authors. MIT license.

import process from "node:process";
import { inTemporaryFolder } from "../scripts/setup.js";

/** Runs a tool of the bench, `main`, with a temporary folder. */
export async function runTool(name, main) {
  try {
    await inTemporaryFolder(`iocp-${name}-`, main);
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    process.exitCode = 1;
  }
}
