// Copyright the iocp authors. MIT license.
/* Programs in processes of their own, in the runtime that runs the test. */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { DEADLINE_MS } from "./deadline.ts";

/** How a process has ended, and what it wrote. */
export interface Ended {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

export interface ChildOptions {
  /** Added to our environment; undefined takes a variable away. */
  env?: Record<string, string | undefined> | undefined;
  /** Deno's permissions; all of them when left out. */
  flags?: string[];
  /** What the program's path follows, in the place of the usual flags. */
  command?: string[];
  /** Another runtime than ours. */
  runtime?: Runtime;
  cwd?: string;
  /** Milliseconds after which it is killed; DEADLINE_MS when left out. */
  lifetimeMs?: number;
}

/** A runtime's program, and what it is called. */
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

/** A process that was started, and is ended at the end of the block. */
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
      this.#tell();
    });
    this.process.stderr!.on("data", (data) => this.stderr += data);
    this.ended = this.#watch(options.lifetimeMs ?? DEADLINE_MS);
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
        this.#tell();
        resolve({ code, signal, stdout, stderr });
      });
    });
  }

  #tell(): void {
    const waiting = this.#onOutput;
    this.#onOutput = [];
    for (const look of waiting) look();
  }

  /** Waits until it has written something that matches, or has ended. */
  async output(pattern: RegExp): Promise<RegExpExecArray> {
    let isOver = false;
    this.ended.then(() => isOver = true, () => isOver = true);
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match !== null) return match;
      if (isOver) {
        const { stdout, stderr } = this;
        throw new Error(`ended without ${pattern}:\n${stdout}\n${stderr}`);
      }
      const looked = new Promise<void>((resolve) =>
        this.#onOutput.push(resolve)
      );
      await Promise.race([looked, this.ended.catch(() => {})]);
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

/** Starts the program at a path or URL. */
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

/** Runs a case of a program in tests/programs/ to its end. */
export async function run(
  name: string,
  args: string[],
  options: ChildOptions = {},
): Promise<Ended> {
  using child = start(programPath(name), args, options);
  return await child.ended;
}
