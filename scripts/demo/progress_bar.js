// Copyright the iocp authors. MIT license.

const WIDTH = 40;

/** A bar on a terminal; elsewhere it shows nothing. */
export class ProgressBar {
  #name;

  constructor(name) {
    this.#name = name;
  }

  show(done, total) {
    if (!process.stdout.isTTY) return;
    const full = Math.round((done / total) * WIDTH);
    const bar = "#".repeat(full).padEnd(WIDTH, ".");
    const percent = String(Math.floor((done / total) * 100)).padStart(3);
    process.stdout.write(`\r${this.#name} [${bar}] ${percent} %`);
  }

  end() {
    if (process.stdout.isTTY) process.stdout.write("\r\x1b[K");
  }
}
