// Copyright the iocp authors. MIT license.
/* Runs programs in child processes, in the runtime that runs the test. */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { LIFETIME_MS } from "./deadline.ts";

/** The exit status of a process, and its output. */
export interface Ended {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

export interface ChildOptions {
  /** Added to this process's environment; undefined removes a variable. */
  env?: Record<string, string | undefined> | undefined;
  /** Deno's permission flags. @default {["-A"]} */
  flags?: string[];
  /** The runtime's arguments before the program's path, instead of the usual
   * ones. */
  command?: string[];
  /** @default {ownRuntime} */
  runtime?: Runtime;
  cwd?: string;
  /** Milliseconds after which the child is killed. @default {LIFETIME_MS} */
  lifetimeMs?: number;
}

/** A runtime's name and executable. */
export interface Runtime {
  name: "deno" | "bun";
  path: string;
}

/** The runtime that runs the test. */
export const ownRuntime: Runtime = {
  name: "Deno" in globalThis ? "deno" : "bun",
  path: process.execPath,
};

const QUIET = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
const DENO_FLAGS = ["run", "--quiet", "--no-check", "--no-lock", "--no-prompt"];

/** A child process, which is killed at the end of the block. */
export class Child implements Disposable {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";
  #onOutput: (() => void)[] = [];

  constructor(program: string, args: string[], options: ChildOptions) {
    this.process = spawn(program, args, {
      cwd: options.cwd,
      env: environment(options.env),
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
    });
    this.process.stdout!.on("data", (data) => {
      this.stdout += data;
      this.#notify();
    });
    this.process.stderr!.on("data", (data) => this.stderr += data);
    this.ended = this.#watch(options.lifetimeMs ?? LIFETIME_MS);
  }

  #watch(lifetimeMs: number): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.process.kill("SIGKILL");
        reject(new Error(`still running:\n${this.stdout}\n${this.stderr}`));
      }, lifetimeMs);
      this.process.on("error", reject);
      this.process.on("close", (code, signal) => {
        clearTimeout(timer);
        const { stdout, stderr } = this;
        this.#notify();
        resolve({ code, signal, stdout, stderr });
      });
    });
  }

  #notify(): void {
    const listeners = this.#onOutput;
    this.#onOutput = [];
    for (const listener of listeners) listener();
  }

  /** Resolves with the first match of its output; rejects if it ends without
   * one. */
  async output(pattern: RegExp): Promise<RegExpExecArray> {
    let hasEnded = false;
    this.ended.then(() => hasEnded = true, () => hasEnded = true);
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match !== null) return match;
      if (hasEnded) {
        const { stdout, stderr } = this;
        throw new Error(`ended without ${pattern}:\n${stdout}\n${stderr}`);
      }
      const output = new Promise<void>((resolve) =>
        this.#onOutput.push(resolve)
      );
      await Promise.race([output, this.ended.catch(() => {})]);
    }
  }

  [Symbol.dispose](): void {
    if (this.process.exitCode === null) this.process.kill("SIGKILL");
  }
}

function environment(
  changes: ChildOptions["env"],
): Record<string, string | undefined> {
  const result = { ...process.env, ...QUIET, ...changes };
  for (const [name, value] of Object.entries(result)) {
    if (value === undefined) delete result[name as keyof typeof result];
  }
  return result;
}

/** The path of a program in tests/programs/. */
export function programPath(name: string): string {
  return fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url));
}

/** Starts the program with this path or URL. */
export function start(
  program: string,
  args: string[] = [],
  options: ChildOptions = {},
): Child {
  const { name, path } = options.runtime ?? ownRuntime;
  const flags = name === "deno"
    ? [...DENO_FLAGS, ...options.flags ?? ["-A"]]
    : [];
  const command = options.command ?? flags;
  return new Child(path, [...command, program, ...args], options);
}

/** Runs a program of tests/programs/ to its end. */
export async function run(
  name: string,
  args: string[],
  options: ChildOptions = {},
): Promise<Ended> {
  using child = start(programPath(name), args, options);
  return await child.ended;
}
