// Copyright the iocp authors. MIT license.

import process from "node:process";

/** A line on the terminal that is written over; elsewhere nothing. */
export class Progress {
  #done = 0;
  #total;
  #started = Date.now();

  constructor(total) {
    this.#total = total;
  }

  /** Says what is being done now. */
  begin(what) {
    const { isTTY, columns = 80 } = process.stderr;
    if (!isTTY) return;
    const left = this.#done === 0
      ? ""
      : `, ${this.#secondsLeft().toFixed(0)} s left`;
    const line = `${this.#done}/${this.#total}${left}: ${what}`;
    process.stderr.write(`\r\x1b[K${line.slice(0, columns - 1)}`);
  }

  /** One more is done. */
  advance() {
    this.#done++;
  }

  /** Removes the line, so that something else can be printed. */
  clear() {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  }

  #secondsLeft() {
    const spent = (Date.now() - this.#started) / 1000;
    return spent / this.#done * (this.#total - this.#done);
  }
}
