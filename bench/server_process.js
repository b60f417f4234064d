// Copyright the iocp authors. MIT license.

import { spawn } from "node:child_process";
import process from "node:process";

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

  /** What it has written so far, to find out what went wrong. */
  get output() {
    return this.#output;
  }

  /** Waits for the line that names its port. */
  async port() {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, START_MS);
    });
    const said = new Promise((resolve) => {
      const look = () => {
        const match = /^listening on 127\.0\.0\.1:(\d+)\s/m.exec(this.#output);
        if (match) resolve(Number(match[1]));
      };
      this.#child.stdout.on("data", look);
    });
    const port = await Promise.race([said, this.#ended, late]);
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
