// Copyright the iocp authors. MIT license.

// The two processes of a measurement: the server and the load, each on a core
// of its own and with as many descriptors as it may have.

import { readFile } from "node:fs/promises";
import { serve } from "../scripts/server.js";
import { run, runOrThrow } from "../scripts/setup.js";

/* Becomes the program, which thus has the process id that is printed first, and
 * ends with this process. */
const launch = 'ulimit -n "$(ulimit -Hn)"; echo "process $$"; ' +
  'exec setpriv --pdeathsig KILL taskset -c "$0" "$@"';

/**
 * Starts a server; returns its `pid`, its `port`, and `stop()`, which resolves
 * to what it has written.
 */
export async function startServer({ cores, timeout }, command) {
  const shell = { run: (args, options) => run("sh", args, options) };
  const pattern = /^process (\d+)\n[^]*^listening on 127\.0\.0\.1:(\d+)\n/m;
  const args = ["-c", launch, `${cores.server}`, ...command];
  const server = await serve(shell, pattern, args, { timeout });
  const [, pid, port] = server.match;
  return { pid, port, stop: async () => (await server.stop()).output };
}

/** Runs the load and returns its figures; `options` are by name. */
export async function runLoad({ cores, programs, timeout }, kind, options) {
  const args = Object.entries(options)
    .flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const command = [`${cores.load}`, programs.load, kind, ...args];
  const ran = await runOrThrow("sh", ["-c", launch, ...command], { timeout });
  return JSON.parse(ran.stdout.split("\n").at(-2));
}

/**
 * The cores of the server and of the load: the last two that this process may
 * use, and that are not hyper-threads of one core.
 */
export async function chooseCores() {
  const status = await readFile("/proc/self/status", "utf8");
  const [, list] = /^Cpus_allowed_list:\s*(\S+)/m.exec(status);
  const [server, ...others] = parseList(list).reverse();
  const topology = `/sys/devices/system/cpu/cpu${server}/topology`;
  const text = await readFile(`${topology}/thread_siblings_list`, "utf8")
    .catch(() => `${server}`);
  const siblings = parseList(text);
  const load = others.find((core) => !siblings.includes(core)) ?? others[0];
  if (load === undefined) throw new Error("Cannot measure on a single core");
  return { server, load };
}

/* "0-2,7" is [0, 1, 2, 7]. */
function parseList(text) {
  return text.trim().split(",").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
