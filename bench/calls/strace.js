// Copyright the iocp authors. MIT license.

// System calls of a process on Linux, counted by strace, all threads. It stops
// the process at every call, so the process is slower than it is by itself, and
// finds more that is ready when it looks: what it does once a batch is counted
// a little too low, what it does once a message is not.

import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describeEnd, run } from "../../scripts/setup.js";

const ATTACH_MS = 20_000;

/** Why it cannot be used here; undefined when it can. */
export async function straceIsMissing() {
  const tried = await run("strace", ["-c", "-f", "-o", "/dev/null", "true"], {
    timeout: 60_000,
  });
  if (tried.ok) return undefined;
  return `strace is needed: ${tried.output.trim() || describeEnd(tried)}`;
}

/** Counts the calls of a process while `during()` runs: a Map by name. */
export async function countByStrace(pid, folder, during) {
  const file = join(folder, "strace.txt");
  const child = spawn("strace", [
    ...["-c", "-f", "--summary-columns=calls,name"],
    ...["-o", file, "-p", String(pid)],
  ], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => {
    child.on("error", resolve);
    child.on("close", resolve);
  });
  try {
    await attached(child, ended);
    await during();
  } finally {
    child.kill("SIGINT");
    await ended;
  }
  return parse(await readFile(file, "utf8"));
}

async function attached(child, ended) {
  let timer;
  let output = "";
  const said = new Promise((resolve) => {
    child.stderr.setEncoding("utf8").on("data", (text) => {
      output += text;
      if (/ attached/.test(output)) resolve(true);
    });
  });
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ATTACH_MS);
  });
  const isAttached = await Promise.race([said, ended, late]);
  clearTimeout(timer);
  if (isAttached !== true) throw new Error(`strace: ${output.trim()}`);
}

function parse(text) {
  const lines = [...text.matchAll(/^\s*(\d+)\s+(\w+)\s*$/gm)];
  return new Map(
    lines.filter(([, , name]) => name !== "total")
      .map(([, calls, name]) => [name, Number(calls)]),
  );
}
