// Copyright the iocp authors. MIT license.

// Runs other programs so that none outlives us: each is the head of a process
// group, and the whole group is ended on a timeout and when we are ended.

import { spawn, spawnSync } from "node:child_process";

const windows = process.platform === "win32";
const live = new Set();

/**
 * Runs a program to its end and resolves with how it ended; never rejects.
 *
 * Options: `cwd`, `env` (the whole environment; ours when left out), `timeout`
 * in milliseconds, `signal` (an AbortSignal that ends it), `input` (text for
 * standard input), `onStdout` (called with what it writes, as it comes), and
 * `show`: true lets the program write to our own output instead of keeping what
 * it writes.
 */
export function run(file, args = [], options = {}) {
  const started = Date.now();
  const output = { stdout: [], stderr: [], all: [] };
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      detached: !windows,
      stdio: [
        stdinOf(options),
        options.show ? "inherit" : "pipe",
        options.show ? "inherit" : "pipe",
      ],
      windowsHide: true,
    });
    live.add(child);
    let timedOut = false;
    let drain;
    let ended = false;
    const timer = options.timeout && setTimeout(() => {
      timedOut = true;
      killTree(child);
    }, options.timeout);

    const abort = () => killTree(child);
    options.signal?.addEventListener("abort", abort);

    const end = (code, signal, error) => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      clearTimeout(drain);
      options.signal?.removeEventListener("abort", abort);
      live.delete(child);
      const text = (chunks) => Buffer.concat(chunks).toString();
      resolve({
        code,
        signal,
        timedOut,
        error,
        ok: code === 0 && !timedOut,
        seconds: (Date.now() - started) / 1000,
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        output: text(output.all) + (error ? `${error.message}\n` : ""),
      });
    };

    for (const name of ["stdout", "stderr"]) {
      child[name]?.on("data", (chunk) => {
        output[name].push(chunk);
        output.all.push(chunk);
      });
    }
    if (options.onStdout) {
      child.stdout.on("data", (chunk) => options.onStdout(String(chunk)));
    }
    if (options.input !== undefined) child.stdin.end(options.input);
    child.on("error", (error) => end(null, null, error));
    child.on("close", (code, signal) => end(code, signal));
    // A grandchild that was left behind can hold our pipes open for ever, so
    // the output is waited for only a moment once the program itself is gone.
    child.on("exit", (code, signal) => {
      drain = setTimeout(() => {
        killTree(child);
        child.stdout?.destroy();
        child.stderr?.destroy();
        end(code, signal);
      }, 3000);
    });
  });
}

function stdinOf(options) {
  if (options.input !== undefined) return "pipe";
  return options.show ? "inherit" : "ignore";
}

/** As `run`, but throws, with all that the program wrote, when it fails. */
export async function runOrThrow(file, args, options) {
  const result = await run(file, args, options);
  if (result.ok) return result;
  throw new Error(
    `${[file, ...args].join(" ")}\n${result.output}${describeEnd(result)}`,
  );
}

/** How a program ended, in words. */
export function describeEnd(result) {
  if (result.error) return `could not be started: ${result.error.message}`;
  if (result.timedOut) return `timed out after ${result.seconds.toFixed(0)} s`;
  if (result.signal) return `ended by ${result.signal}`;
  return `exit code ${result.code}`;
}

/** Whether a program is there and starts. */
export async function starts(file, args = ["--version"]) {
  return (await run(file, args, { timeout: 60_000 })).ok;
}

function killTree(child) {
  if (!child.pid) return;
  if (windows) {
    spawnSync("taskkill", ["/T", "/F", "/PID", String(child.pid)]);
    return;
  }
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The whole group is gone already.
  }
}

process.on("exit", () => {
  for (const child of live) killTree(child);
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => process.exit(130));
}
