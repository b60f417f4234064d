// Copyright the iocp authors. MIT license.
// A client of Redis. Each argument is a command, and all of them are sent before the
// first reply has come:
//   bun examples/redis_client.ts "SET greeting hello" "GET greeting" "INCR count"
//   deno run --allow-ffi --allow-net examples/redis_client.ts --port 6379 "KEYS *"
// The protocol: https://redis.io/docs/latest/develop/reference/protocol-spec/

import process from "node:process";
import { parseArgs } from "node:util";
import { type ByteReader, type Conn, connect } from "iocp";

const BULK_LENGTH_MAX = 512 * 1024 * 1024;
const TIMEOUT_MS = 10_000;

/** Text, a number, nothing, an error, or an array of them. */
type Reply = string | number | null | Error | Reply[];

/** A connection to a server. */
class Redis implements Disposable {
  readonly #conn: Conn;
  readonly #reader: ByteReader;
  #last: Promise<unknown> = Promise.resolve();

  constructor(conn: Conn) {
    this.#conn = conn;
    this.#reader = conn.reader();
  }

  /** Sends a command, without waiting for the replies of those before it. */
  async command(...words: string[]): Promise<Reply> {
    const parts = words.map((word) =>
      `$${new TextEncoder().encode(word).length}\r\n${word}\r\n`
    );
    const text = `*${words.length}\r\n${parts.join("")}`;
    const sent = this.#conn.write(new TextEncoder().encode(text));
    /* Replies come in the order of the commands. */
    const received = this.#last.then(() => this.#reply());
    this.#last = received.catch(() => this.#conn.reset());
    const [reply] = await Promise.all([received, sent]);
    if (reply instanceof Error) throw reply;
    return reply;
  }

  async #reply(): Promise<Reply> {
    const timeout = TIMEOUT_MS;
    const options = { timeout, requireNewline: true };
    const line = await this.#reader.readLine(options);
    if (line === null) throw new Error("The server has closed the connection");
    const rest = line.slice(1);
    switch (line[0]) {
      case "+":
        return rest;
      case "-":
        return new Error(rest);
      case ":":
        return Number(rest);
      case "$": {
        if (rest === "-1") return null;
        const length = Number(rest);
        const maxLength = BULK_LENGTH_MAX;
        const limits = { timeout, maxLength };
        const bytes = await this.#reader.readExactly(length, limits);
        await this.#reader.skip("\r\n".length, { timeout });
        return new TextDecoder().decode(bytes);
      }
      case "*": {
        if (rest === "-1") return null;
        const replies: Reply[] = [];
        while (replies.length < Number(rest)) replies.push(await this.#reply());
        return replies;
      }
    }
    throw new Error(`The reply is not one of Redis: ${line}`);
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "6379" },
  },
});
using redis = new Redis(await connect({ ...values, timeout: TIMEOUT_MS }));
const commands = positionals.map((text) => redis.command(...text.split(" ")));
for (const { status, ...rest } of await Promise.allSettled(commands)) {
  const { value, reason } = rest as { value?: Reply; reason?: unknown };
  console.log(status === "rejected" ? String(reason) : JSON.stringify(value));
}
