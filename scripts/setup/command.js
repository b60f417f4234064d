// Copyright the iocp authors. MIT license.

// Runs other programs so that none outlives this process: each is the leader of
// a process group, and the whole group is killed on a timeout and when this
// process ends. Libraries for this kill only the program itself.

import { spawn, spawnSync } from "node:child_process";

const windows = process.platform === "win32";
const live = new Set();

/**
 * The arguments in a template: words are separated by white space, and what is
 * inserted is never split. An array is as many arguments as it has elements.
 */
export function argv({ raw }, ...values) {
  const words = [""];
  for (const [i, text] of raw.entries()) {
    const [first, ...rest] = text.split(/\s+/);
    words.push(words.pop() + first, ...rest);
    if (Array.isArray(values[i])) words.push(...values[i], "");
    else if (i < values.length) words.push(words.pop() + values[i]);
  }
  return words.filter((word) => word !== "");
}

/**
 * Runs a program to its end and resolves with how it ended; never rejects.
 *
 * Options: `cwd`, `env` (the whole environment; by default that of this
 * process), `timeout` in milliseconds, `signal` (an AbortSignal that kills it),
 * `within` (a command line that runs the program, such as that of unshare),
 * `onStdout` (called with what it writes, as it comes), and `show`: true shows
 * its output instead of collecting it.
 */
export function run(file, args = [], options = {}) {
  const started = Date.now();
  const output = { stdout: [], stderr: [], all: [] };
  const [first, ...rest] = [...options.within ?? [], file, ...args];
  const stream = options.show ? "inherit" : "pipe";
  return new Promise((resolve) => {
    const child = spawn(first, rest, {
      ...{ cwd: options.cwd, env: options.env ?? process.env },
      ...{ detached: !windows, windowsHide: true },
      stdio: [options.show ? "inherit" : "ignore", stream, stream],
    });
    live.add(child);
    let timedOut = false;
    let drain;
    const kill = () => killTree(child);
    const timer = options.timeout && setTimeout(() => {
      timedOut = true;
      kill();
    }, options.timeout);
    options.signal?.addEventListener("abort", kill);

    const end = (code, signal, error) => {
      clearTimeout(timer);
      clearTimeout(drain);
      options.signal?.removeEventListener("abort", kill);
      live.delete(child);
      const text = (chunks) => Buffer.concat(chunks).toString();
      resolve({
        ...{ code, signal, timedOut, error },
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
    child.on("error", (error) => end(null, null, error));
    child.on("close", (code, signal) => end(code, signal));
    // A grandchild may hold our pipes open forever, so there is a limit to the
    // wait for output once the program itself has exited.
    child.on("exit", (code, signal) => {
      drain = setTimeout(() => {
        kill();
        child.stdout?.destroy();
        child.stderr?.destroy();
        end(code, signal);
      }, 3000);
    });
  });
}

/** As `run`, but throws, with all that the program wrote, when it fails. */
export async function runOrThrow(file, args, options) {
  const result = await run(file, args, options);
  if (result.ok) return result;
  throw new Error(
    [[file, ...args].join(" "), ...problemsOf(result)].join("\n"),
  );
}

/** The problems of a run, as a check reports them: its output, if it failed. */
export function problemsOf(result) {
  return result.ok ? [] : [`${result.output}${describeEnd(result)}`];
}

/** How a program ended, in words. */
export function describeEnd(result) {
  if (result.error) return `could not be started: ${result.error.message}`;
  if (result.timedOut) return `timed out after ${result.seconds.toFixed(0)} s`;
  if (result.signal) return `killed by ${result.signal}`;
  return `exit code ${result.code}`;
}

function killTree(child) {
  if (!child.pid) return;
  try {
    if (!windows) process.kill(-child.pid, "SIGKILL");
    else spawnSync("taskkill", argv`/T /F /PID ${child.pid}`);
  } catch { /* The whole group has ended already. */ }
}

process.on("exit", () => live.forEach(killTree));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => process.exit(130));
}
