// Copyright the iocp authors. MIT license.

// Counts what passed and failed over all stages, and prints it as it happens.

import { inParallel } from "./parallel.js";

export class Report {
  passed = 0;
  failed = 0;
  #started = Date.now();

  /**
   * Runs a check, which throws, or returns its problems, if any, or counts of
   * tests, `{ passed, failed, skipped }`. Problems count as one test.
   */
  async check(name, check) {
    const [passed] = await this.checks(1, { [name]: check });
    return passed;
  }

  /**
   * Runs checks by their names, which are shown after `prefix`, `jobs` at once,
   * and reports them in order.
   */
  async checks(jobs, checks, prefix = "") {
    const run = async ([, check]) => {
      const started = Date.now();
      const result = await Promise.resolve().then(check)
        .catch((error) => [error.message]) ?? [];
      return { result, seconds: secondsSince(started) };
    };
    const report = ({ result, seconds }, [name]) => {
      const isOne = Array.isArray(result);
      const failed = isOne ? Math.min(result.length, 1) : result.failed;
      const passed = isOne ? 1 - failed : result.passed;
      this.passed += passed;
      this.failed += failed;
      const one = failed === 0 ? "ok" : "FAILED";
      const all =
        `${passed} passed, ${failed} failed, ${result.skipped} skipped`;
      const line = `${prefix}${name}: ${isOne ? one : all} (${seconds} s)`;
      if (isOne && failed > 0) sayFailure(line, result.join("\n"));
      else say(line);
    };
    const list = Object.entries(checks);
    const results = await inParallel(list, jobs, run, { report });
    return results.map(({ result }) => result.length === 0);
  }

  /**
   * Says that something is not run here, and why. On CI under Linux, where all
   * is to be run, that is a failure, unless the system makes it impossible.
   */
  missing(name, reason, { allowed = false } = {}) {
    const isComplete = process.env.CI === "true" &&
      process.platform === "linux" && process.arch === "x64";
    const fails = isComplete && !allowed;
    if (!fails) {
      say(`${name}: NOT RUN: ${reason}`);
      return;
    }
    this.failed += 1;
    sayFailure(`${name}: FAILED, NOT RUN`, reason);
  }

  /** Repeats what failed, and says how it went, in one line that ends the run. */
  end() {
    if (failures.length > 0) say("what failed:");
    for (const { line, text } of failures) {
      say(line);
      const lines = text.trimEnd().split("\n").filter((one) =>
        !passes.test(one)
      );
      detail(lines.slice(-LAST_LINES).join("\n"));
    }
    say(`all of it took ${secondsSince(this.#started)} s`);
    say(`${this.passed} passed, ${this.failed} failed`);
  }
}

// A log may be cut at its beginning, and a long run has its failures there.
const LAST_LINES = 30;
const passes = /^\((pass|skip)\)|\.\.\. (ok|ignored) \(/;
const failures = [];

/** Prints what has failed, and its output, which is repeated at the end of the run. */
export function sayFailure(line, text) {
  failures.push({ line, text });
  say(line);
  detail(text);
}

/** Prints a line about how far the run is. */
export function say(line) {
  console.log(line);
}

/* Prints what goes with the line before, indented. */
function detail(text) {
  console.log(text.trimEnd().replace(/^/gm, "    "));
}

function secondsSince(started) {
  return ((Date.now() - started) / 1000).toFixed(1);
}
