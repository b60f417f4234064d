// Copyright the iocp authors. MIT license.

// The processes of a measurement: the server and the load, each pinned to a core
// of its own, and the C programs that they need.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { ensureZig, runOrThrow, zigEnvironment } from "../scripts/setup.js";

const START_MS = 30_000;
const live = new Set();

process.on("exit", () => {
  for (const child of live) child.kill("SIGKILL");
});

/** A server under test, started by `launch`, a program and its arguments. */
export class ServerProcess {
  #child;
  #ended;
  #output = "";

  constructor(launch, command) {
    const [program, ...args] = [...launch, ...command];
    const options = { stdio: ["ignore", "pipe", "pipe"] };
    this.#child = spawn(program, args, options);
    live.add(this.#child);
    this.#ended = new Promise((resolve) => {
      this.#child.on("error", resolve);
      this.#child.on("close", resolve);
    });
    const keep = (text) => this.#output += text;
    this.#child.stdout.setEncoding("utf8").on("data", keep);
    this.#child.stderr.setEncoding("utf8").on("data", keep);
  }

  get pid() {
    return this.#child.pid;
  }

  /** What it has written so far. */
  get output() {
    return this.#output;
  }

  /** Waits for the line with its port. */
  async port() {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, START_MS);
    });
    const found = new Promise((resolve) => {
      const look = () => {
        const match = /^listening on 127\.0\.0\.1:(\d+)\s/m.exec(this.#output);
        if (match) resolve(Number(match[1]));
      };
      this.#child.stdout.on("data", look);
    });
    const port = await Promise.race([found, this.#ended, late]);
    clearTimeout(timer);
    if (typeof port === "number" && port > 0) return port;
    throw new Error(`the server did not start:\n${this.#output}`);
  }

  async stop() {
    this.#child.kill("SIGKILL");
    await this.#ended;
    live.delete(this.#child);
  }
}

/**
 * Runs the load program on its core and returns its figures. `flags` are its
 * options by name, `command` is what `startup` starts.
 */
export async function runLoad(bench, kind, flags, command = []) {
  const [program, ...first] = launchOn(bench, bench.cores.load);
  const options = Object.entries(flags).flatMap((
    [name, value],
  ) => [`--${name}`, String(value)]);
  const { stdout } = await runOrThrow(program, [
    ...first,
    bench.programs.load,
    kind,
    ...options,
    ...(command.length > 0 ? ["--", ...command] : []),
  ], { timeout: bench.timeout });
  return JSON.parse(stdout);
}

/** What starts a program on the server's core. */
export function serverLaunch(bench) {
  return launchOn(bench, bench.cores.server);
}

function launchOn({ programs, priority }, core) {
  return [programs.pin, String(core), String(priority)];
}

/**
 * Two cores that this process may run on, for the server and for the load: the
 * last two that are not hyper-threads of one.
 */
export async function chooseCores() {
  const status = await readFile("/proc/self/status", "utf8");
  const [, list] = /^Cpus_allowed_list:\s*(\S+)/m.exec(status);
  const cores = parseList(list).reverse();
  const siblings = await siblingsOf(cores[0]);
  const load = cores.find((core) => !siblings.includes(core)) ?? cores[1];
  if (load === undefined) {
    throw new Error("the bench needs two cores: one for the load");
  }
  return { server: cores[0], load };
}

async function siblingsOf(core) {
  const path = `/sys/devices/system/cpu/cpu${core}/topology/` +
    "thread_siblings_list";
  try {
    return parseList((await readFile(path, "utf8")).trim());
  } catch {
    return [core];
  }
}

/* "0-2,7" is [0, 1, 2, 7]. */
function parseList(text) {
  return text.split(",").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/**
 * Compiles the C programs of the bench into a folder; returns their paths. A
 * program is one file, or all the files of a folder of its name.
 */
export async function compilePrograms(folder) {
  const programs = {};
  for (const name of ["pin", "floor", "load"]) {
    programs[name] = join(folder, name);
    await compileC(
      await sourcesOf(join(import.meta.dirname, name)),
      programs[name],
    );
  }
  return programs;
}

/** Compiles C files into a program. */
export async function compileC(sources, program) {
  const flags = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"];
  await runOrThrow(
    await ensureZig(),
    [
      "cc",
      ...flags,
      "-O2",
      "-fno-sanitize=all",
      ...sources,
      "-o",
      program,
      "-lm",
    ],
    { env: zigEnvironment() },
  );
}

async function sourcesOf(path) {
  if (existsSync(`${path}.c`)) return [`${path}.c`];
  return (await readdir(path)).filter((name) => name.endsWith(".c")).sort()
    .map((name) => join(path, name));
}
