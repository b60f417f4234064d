// Copyright the iocp authors. MIT license.

// System calls of a process on Linux, counted by perf in the kernel, all
// threads: the process runs almost as fast as it does by itself.

import { spawn } from "node:child_process";
import { describeEnd, run } from "../../scripts/setup.js";

const total = "raw_syscalls:sys_enter";
const prefix = "syscalls:sys_enter_";
/* Each is opened for each thread, so these are only those that servers make;
 * what else there is shows in the total. */
const names = [
  ...["accept4", "close", "shutdown", "setsockopt", "getsockopt"],
  ...["recvfrom", "recvmsg", "read", "readv", "ioctl"],
  ...["sendto", "sendmsg", "write", "writev"],
  ...["epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl"],
  ...["poll", "ppoll", "io_uring_enter", "eventfd2", "timerfd_settime"],
  ...["futex", "sched_yield", "madvise", "mmap", "munmap", "mprotect"],
];
const events = [total, ...names.map((name) => prefix + name)].join(",");

/** Why it cannot be used here; undefined when it can. */
export async function perfIsMissing() {
  const args = ["stat", "-x,", "-e", events, "--", "true"];
  const tried = await run("perf", args, { timeout: 60_000 });
  if (tried.ok && parse(tried.stderr).size > 0) return undefined;
  const said = tried.output.trim().split("\n", 1)[0];
  return `perf cannot count system calls: ${said || describeEnd(tried)}`;
}

/** Counts the calls of a process while `during()` runs: a Map by name. */
export async function countByPerf(pid, _folder, during) {
  const stat = ["stat", "-x,", "-e", events];
  return parse(await attach(stat, pid, during));
}

/** Samples a process while `during()` runs, into a file of perf's. */
export async function recordByPerf(pid, file, during) {
  await attach(["record", "-q", "-F", "4000", "-o", file], pid, during);
}

/* Has perf look at a process while `during()` runs; returns what it says. */
async function attach(args, pid, during) {
  const child = spawn("perf", [
    ...args,
    ...["-p", String(pid)],
    // Counts nothing before it is told to, and says when it has understood.
    ...["--delay=-1", "--control=fd:3,4"],
  ], { stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] });
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (text) => output += text);
  const ended = new Promise((resolve) => {
    child.on("error", resolve);
    child.on("close", resolve);
  });
  const tell = async (word) => {
    const understood = new Promise((resolve) => {
      child.stdio[4].once("data", () => resolve(true));
    });
    child.stdio[3].write(`${word}\n`);
    if (await Promise.race([understood, ended]) === true) return;
    throw new Error(`perf: ${output.trim()}`);
  };
  try {
    await tell("enable");
    await during();
    await tell("disable");
  } finally {
    child.kill("SIGINT");
    await ended;
  }
  return output;
}

/* Lines of "count,,event,...", where a count may be "<not supported>". */
function parse(text) {
  const counts = new Map();
  for (const [, count, name] of text.matchAll(/^(\d+),[^,]*,([^,]+),/gm)) {
    counts.set(name, Number(count));
  }
  if (!counts.has(total)) return new Map();
  const byName = new Map(
    names.map((name) => [name, counts.get(prefix + name) ?? 0]),
  );
  const named = [...byName.values()].reduce((sum, count) => sum + count, 0);
  return byName.set("others", counts.get(total) - named);
}
