// Copyright the iocp authors. MIT license.

import process from "node:process";

const WIDTH = 24;
const EVERY_MS = 1000;

/**
 * How far it is: a bar on the terminal, with the time that is left and what is
 * being done; elsewhere nothing. Work is counted in seconds that it is expected
 * to take.
 */
export class Progress {
  #done = 0;
  #total;
  #started = Date.now();
  #what = "";
  #timer;

  constructor(total) {
    this.#total = total;
  }

  /** Says what is being done now. */
  begin(what) {
    this.#what = what;
    if (!process.stderr.isTTY) return;
    this.#timer ??= setInterval(() => this.#show(), EVERY_MS).unref();
    this.#show();
  }

  /** So much more is done. */
  advance(amount) {
    this.#done += amount;
  }

  /** Seconds since the beginning. */
  get seconds() {
    return (Date.now() - this.#started) / 1000;
  }

  /** Seconds that so much work will take, after what the work so far took. */
  secondsFor(amount) {
    return this.#done === 0 ? amount : this.seconds / this.#done * amount;
  }

  /** Removes the bar, so that something else can be printed. */
  clear() {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  }

  #show() {
    const share = Math.min(this.#done / this.#total, 1);
    const bar = "#".repeat(Math.round(share * WIDTH)).padEnd(WIDTH, ".");
    const percent = `${Math.floor(share * 100)} %`.padStart(5);
    const left = describeTime(this.secondsFor(this.#total - this.#done));
    const line = `[${bar}] ${percent}, ${left} left: ${this.#what}`;
    const { columns = 80 } = process.stderr;
    process.stderr.write(`\r\x1b[K${line.slice(0, columns - 1)}`);
  }
}

function describeTime(seconds) {
  return seconds < 100
    ? `${Math.round(seconds)} s`
    : `${Math.round(seconds / 60)} min`;
}
