// Copyright the iocp authors. MIT license.
/* Messages between processes: lines of JSON over a connection. */

import type { Addr, Conn } from "../../mod.ts";

/** A message. */
export type Line = Record<string, string>;

/** Reads lines. */
export class LineReader {
  readonly #conn: Conn<Addr>;
  #text = "";

  constructor(conn: Conn<Addr>) {
    this.#conn = conn;
  }

  /** The next line. */
  async line(): Promise<Line> {
    const p = new Uint8Array(4096);
    let end: number;
    while ((end = this.#text.indexOf("\n")) < 0) {
      const count = await this.#conn.read(p);
      if (count === null) throw new Error("the channel has ended");
      this.#text += new TextDecoder().decode(p.subarray(0, count));
    }
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return JSON.parse(line) as Line;
  }
}

/** Writes one. */
export async function writeLine(conn: Conn<Addr>, line: Line): Promise<void> {
  await conn.write(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
}
