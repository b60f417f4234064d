// Copyright the iocp authors. MIT license.

import { cpus, release, type } from "node:os";
import process from "node:process";
import { bunPath, denoPath, runOrThrow } from "../scripts/setup.js";

/** What the figures were measured on, and with. */
export async function describeMachine() {
  const version = async (path) => {
    const { stdout } = await runOrThrow(path, ["--version"]);
    return /\d+\.\d+\.\d+\S*/.exec(stdout)[0];
  };
  return {
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    system: `${type()} ${release()}`,
    deno: await version(denoPath()),
    bun: await version(bunPath()),
    node: process.versions.node,
  };
}
