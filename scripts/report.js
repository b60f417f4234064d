// Copyright the iocp authors. MIT license.

// Counts what passed and failed over all stages, and says it as it happens.

export class Report {
  passed = 0;
  failed = 0;
  #started = Date.now();

  /** Runs a check, which returns its problems or throws; counts as one. */
  async check(name, check) {
    const started = Date.now();
    let problems;
    try {
      problems = await check();
    } catch (error) {
      problems = [error.message];
    }
    const seconds = secondsSince(started);
    if (problems.length === 0) {
      this.passed += 1;
      say(`${name}: ok (${seconds} s)`);
      return true;
    }
    this.failed += 1;
    say(`${name}: FAILED (${seconds} s)`);
    for (const problem of problems) detail(problem);
    return false;
  }

  /** Counts a group of tests, with its summary line. */
  group(name, { passed, failed, skipped }, started) {
    this.passed += passed;
    this.failed += failed;
    say(
      `${name}: ${passed} passed, ${failed} failed, ${skipped} skipped ` +
        `(${secondsSince(started)} s)`,
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
