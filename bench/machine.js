// Copyright the iocp authors. MIT license.

import { readFile } from "node:fs/promises";
import { cpus, release, totalmem, type } from "node:os";
import process from "node:process";
import {
  bunPath,
  denoPath,
  repository,
  run,
  runOrThrow,
} from "../scripts/setup.js";

/** What the figures were measured on, and with. */
export async function describeMachine() {
  const version = async (path) => {
    const { stdout } = await runOrThrow(path, ["--version"]);
    return /\d+\.\d+\.\d+\S*/.exec(stdout)[0];
  };
  return {
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    deno: await version(denoPath()),
    bun: await version(bunPath()),
    node: process.versions.node,
  };
}

/** The commit that is checked out, and whether files differ from it. */
export async function describeCommit() {
  const git = (...args) => run("git", args, { cwd: repository });
  const head = await git("rev-parse", "HEAD");
  if (!head.ok) {
    return { hash: "unknown: not a git checkout", isChanged: false };
  }
  const status = await git("status", "--porcelain", "--untracked-files=no");
  return { hash: head.stdout.trim(), isChanged: status.stdout !== "" };
}

/** How many descriptors a process may have here. */
export async function descriptorsMax() {
  const limits = await readFile("/proc/self/limits", "utf8");
  const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(limits);
  return hard === "unlimited" ? Infinity : Number(hard);
}
