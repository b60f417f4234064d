// Copyright the iocp authors. MIT license.

// Judges mutants by a list of test files, in one process of Bun for many of them. It is
// another one after a test that did not end, and where a mutant acts once for a process.
//
// A mutant may leave something behind that makes later tests fail. So those that kill
// are run without a mutant from time to time; if one fails, what was judged since then
// is judged again, each in a process of its own.

import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { bunPath } from "../../setup.js";

/* How long a test may take: much longer than without a mutant, on a busy machine. */
const LIMIT_MS = 2000;
const LIMIT_TIMES = 2;
const CONTROLLED = 12;

export class Judge {
  #folder;
  #paths;
  #child;
  /* For each test its name, how long it takes and what it uses. */
  #tests;
  /* Mutants that act when a file is loaded, or once for a process. */
  #once;
  /* Mutants with the tests that killed them, which are not certain yet. */
  #killed = [];

  constructor(folder, names) {
    this.#folder = folder;
    this.#paths = names.map((name) => join(folder, "tests", `${name}_test.ts`));
  }

  /** Runs the tests without a mutant. Returns those that cannot be used. */
  async measure() {
    this.#child = new Child(this.#folder);
    const load = { call: "load", paths: this.#paths };
    const { once, error } = await this.#child.ask(load);
    if (error) throw new Error(error);
    const limit = 60_000;
    const { tests } = await this.#child.ask({ call: "measure", limit });
    this.#once = new Set(Object.keys(once));
    const again = new Set(tests.flatMap((test) => Object.keys(test.again)));
    for (const id of tests.flatMap((test) => Object.keys(test.first))) {
      if (!again.has(id)) this.#once.add(id);
    }
    this.#tests = tests;
    await this.#start();
    return tests.filter(({ fails }) => fails);
  }

  /**
   * Judges mutants, and calls `report(id, end, test)` with each when it is certain: the
   * end is "killed", "times out", "survives" or "not reached".
   */
  async judge(ids, report) {
    for (const id of ids) {
      const { end, index } = await this.#judge(id);
      if (end !== "killed") report(id, end, this.#tests[index]?.name);
      else {
        this.#killed.push({ id, index });
        if (this.#killed.length >= CONTROLLED) await this.#control(report);
      }
    }
    await this.#control(report);
  }

  close() {
    this.#child?.end();
  }

  async #judge(id) {
    const usual = this.#testsOf(id, "again");
    if (usual.length > 0) {
      const result = await this.#ask(id, usual);
      if (result.end !== "survives") return result;
    }
    if (!this.#once.has(id)) {
      return { end: usual.length > 0 ? "survives" : "not reached" };
    }
    /* Every test may see what has happened before all of them. */
    const first = this.#testsOf(id, "first");
    const all = this.#usable().map((index) => this.#chosen(id, index));
    return await this.#alone(id, first.length > 0 ? first : all);
  }

  async #control(report) {
    const killed = this.#killed.splice(0);
    const tests = [...new Set(killed.map(({ index }) => index))];
    const chosen = tests.map((index) => this.#chosen(undefined, index));
    const { end } = await this.#ask(undefined, chosen);
    const isClean = end === "survives";
    if (!isClean) await this.#start();
    for (const { id, index } of killed) {
      let result = { end: "killed", index };
      if (!isClean) {
        const tests = this.#testsOf(id, "first");
        result = tests.length > 0 ? await this.#alone(id, tests) : result;
      }
      report(id, result.end, this.#tests[result.index]?.name);
    }
  }

  /* In a process that uses the mutant from the start. */
  async #alone(id, chosen) {
    await this.#start(id);
    const result = await this.#ask(id, chosen, id);
    await this.#start();
    return result;
  }

  async #ask(mutant, chosen, active) {
    const once = async (factor) => {
      const slow = chosen.map((one) => ({ ...one, limit: factor * one.limit }));
      const limit = slow.reduce((sum, one) => sum + one.limit, 10_000);
      const request = { call: "judge", mutant, chosen: slow };
      const result = await this.#child.ask(request, limit);
      if (result.end === "late" || result.end === "ended") {
        await this.#start(active);
      }
      return result;
    };
    let result = await once(1);
    if (result.end === "late" || result.end === "ended") {
      /* The machine may have been stopped. */
      const index = result.index;
      if (index !== undefined) {
        chosen = chosen.filter((one) => one.index === index);
      }
      result = await once(2);
    }
    if (result.end === "failed") return { ...result, end: "killed" };
    if (result.end === "late") return { ...result, end: "times out" };
    /* A process that a mutant has ended. */
    if (result.end === "ended") return { ...result, end: "times out" };
    return result;
  }

  async #start(mutant) {
    this.#child?.end();
    this.#child = new Child(this.#folder, mutant);
    const request = { call: "load", paths: this.#paths };
    const { error } = await this.#child.ask(request, 60_000);
    /* A mutant that no file can be loaded with is seen by every test. */
    if (error && mutant === undefined) throw new Error(error);
  }

  #usable() {
    return [...this.#tests.keys()].filter((index) => !this.#tests[index].fails);
  }

  #testsOf(id, round) {
    return this.#usable().filter((index) => this.#tests[index][round][id])
      .map((index) => this.#chosen(id, index));
  }

  #chosen(id, index) {
    const { ms, first, again } = this.#tests[index];
    const count = Math.max(first[id] ?? 0, again[id] ?? 0);
    const hitLimit = 10_000 + 100 * count;
    return { index, limit: LIMIT_MS + LIMIT_TIMES * ms, hitLimit };
  }
}

/* The process, which ends with this one. */
class Child {
  #process;
  #answer = () => {};

  constructor(folder, mutant) {
    const env = { ...process.env, NO_COLOR: "1" };
    if (mutant !== undefined) env.__STRYKER_ACTIVE_MUTANT__ = mutant;
    const worker = join(folder, "scripts/mutation/typescript/worker.js");
    const stdio = ["ignore", "ignore", "ignore", "ipc"];
    const options = { cwd: folder, env, stdio };
    this.#process = spawn(bunPath(), [worker], options);
    this.#process.on("message", (reply) => this.#answer(reply));
    this.#process.on("exit", () => this.#answer({ end: "ended" }));
    live.add(this.#process);
  }

  async ask(request, limit = 600_000) {
    if (this.#process.exitCode !== null || !this.#process.connected) {
      return { end: "ended" };
    }
    let timer;
    const reply = await new Promise((resolve) => {
      this.#answer = resolve;
      this.#process.send(request, () => {});
      timer = setTimeout(() => resolve({ end: "ended" }), limit);
    });
    clearTimeout(timer);
    return reply;
  }

  end() {
    live.delete(this.#process);
    this.#answer = () => {};
    this.#process.kill("SIGKILL");
  }
}

const live = new Set();
process.on("exit", () => live.forEach((child) => child.kill("SIGKILL")));
