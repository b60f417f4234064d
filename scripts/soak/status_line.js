// Copyright the iocp authors. MIT license.

import process from "node:process";

/** Without a terminal one line in so many seconds is enough. */
const QUIET_SECONDS = 10;

/** How far a soak is: a line that is written over on a terminal, and one that
 * comes now and then elsewhere. */
export class StatusLine {
  #name;
  #next = 0;
  #isTty = process.stdout.isTTY;

  constructor(name) {
    this.#name = name;
  }

  show(counters) {
    if (this.#isTty) {
      process.stdout.write(`\r\x1b[K${this.#text(counters)}`);
      return;
    }
    if (counters.elapsed < this.#next) return;
    this.#next = counters.elapsed + QUIET_SECONDS - 0.5;
    console.log(this.#text(counters));
  }

  /** Something that stays. */
  note(text) {
    this.#clear();
    console.log(`${this.#name}: ${text}`);
  }

  end() {
    this.#clear();
  }

  #clear() {
    if (this.#isTty) process.stdout.write("\r\x1b[K");
  }

  #text({ elapsed, made, open, bytes, resets, workers, errors, ...rest }) {
    const codes = Object.entries(errors).map(([code, n]) => `${code} ${n}`);
    return [
      `${this.#name} ${clock(elapsed)}`,
      `${made} connections, ${open} open`,
      `${Math.round(bytes / 1e6)} MB`,
      `${resets} resets`,
      `${workers} Workers`,
      codes.join(" ") || "no errors",
      `${mib(rest.kept)} MiB kept, rss ${mib(rest.rss)} MiB`,
      `${rest.handles} handles`,
    ].join(" | ");
  }
}

function mib(bytes) {
  return Math.round(bytes / 2 ** 20);
}

function clock(seconds) {
  const part = (value) => String(Math.floor(value)).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  return `${part(minutes / 60)}:${part(minutes % 60)}:${part(seconds % 60)}`;
}
