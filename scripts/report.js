// Copyright the iocp authors. MIT license.

// Counts what passed and failed over all stages, and prints it as it happens.

import { inParallel } from "./parallel.js";

export class Report {
  passed = 0;
  failed = 0;
  #started = Date.now();

  /** Runs a check, which returns its problems or throws; counts as one. */
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
      const problems = await Promise.resolve().then(check)
        .catch((error) => [error.message]);
      return { problems, seconds: secondsSince(started) };
    };
    const report = ({ problems, seconds }, [name]) => {
      const passed = problems.length === 0;
      if (passed) this.passed += 1;
      else this.failed += 1;
      say(`${prefix}${name}: ${passed ? "ok" : "FAILED"} (${seconds} s)`);
      for (const problem of problems) detail(problem);
    };
    const list = Object.entries(checks);
    const results = await inParallel(list, jobs, run, { report });
    return results.map(({ problems }) => problems.length === 0);
  }

  /**
   * Runs a group of tests: `tests()` returns `{ passed, failed, skipped }`, and
   * `seconds` if those of its own count, or throws.
   */
  async group(name, tests) {
    const started = Date.now();
    let counts;
    try {
      counts = await tests();
    } catch (error) {
      counts = { passed: 0, failed: 1, skipped: 0 };
      say(`${name}: FAILED`);
      detail(error.message);
    }
    const { passed, failed, skipped, seconds } = counts;
    this.passed += passed;
    this.failed += failed;
    say(
      `${name}: ${passed} passed, ${failed} failed, ${skipped} skipped ` +
        `(${seconds?.toFixed(1) ?? secondsSince(started)} s)`,
    );
  }

  /**
   * Says that something is not run here, and why. On CI under Linux, where all
   * is to be run, that is a failure, unless the system makes it impossible.
   */
  missing(name, reason, { allowed = false } = {}) {
    const isComplete = process.env.CI === "true" &&
      process.platform === "linux" && process.arch === "x64";
    const fails = isComplete && !allowed;
    if (fails) this.failed += 1;
    say(`${name}: ${fails ? "FAILED, " : ""}NOT RUN: ${reason}`);
  }

  /** Says how it went, in one line that ends the run. */
  end() {
    say(`all of it took ${secondsSince(this.#started)} s`);
    say(`${this.passed} passed, ${this.failed} failed`);
  }
}

/** Prints a line about how far the run is. */
export function say(line) {
  console.log(line);
}

/** Prints what goes with the line before, indented. */
export function detail(text) {
  console.log(text.trimEnd().replace(/^/gm, "    "));
}

function secondsSince(started) {
  return ((Date.now() - started) / 1000).toFixed(1);
}
