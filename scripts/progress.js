// Copyright the iocp authors. MIT license.

import process from "node:process";

/** Without a terminal there is a line this often. */
const QUIET_MS = 10_000;

/**
 * How far a long run is: a line that is overwritten on a terminal, and one now
 * and then elsewhere.
 */
export class Progress {
  #shown = Date.now();

  show(text) {
    if (process.stdout.isTTY) {
      process.stdout.write(`\r\x1b[K${text}`);
    } else if (Date.now() - this.#shown >= QUIET_MS) {
      this.#shown = Date.now();
      console.log(text);
    }
  }

  /** Prints a line that stays. */
  note(text) {
    this.end();
    console.log(text);
  }

  end() {
    if (process.stdout.isTTY) process.stdout.write("\r\x1b[K");
  }
}

/** A function to be called with text in pieces, which calls `onLine`. */
export function byLine(onLine) {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) onLine(line);
  };
}

/** The same for lines of JSON; others are ignored. */
export function byJson(onObject) {
  return byLine((line) => {
    if (line.startsWith("{")) onObject(JSON.parse(line));
  });
}
