// Copyright the iocp authors. MIT license.
// A chat room. The first line is the nickname; "/quit" disconnects. Try it with
// nc, telnet or PuTTY (raw):
//   deno run --allow-ffi --allow-net examples/chat.ts --port 8080
//   bun examples/chat.ts --port 8080

import process from "node:process";
import { parseArgs } from "node:util";
import { type Conn, listen } from "iocp";

const LINE_BYTES_MAX = 1_000;
const PENDING_MAX = 1_000;

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
  },
});

const encoder = new TextEncoder();

/** A client in the room. */
class Member {
  readonly #conn: Conn;
  #pending = 0;
  nickname = "";

  constructor(conn: Conn) {
    this.#conn = conn;
  }

  /** Sends a line without waiting. A member that reads too slowly is reset. */
  send(line: string): void {
    if (this.#pending === PENDING_MAX) return this.#conn.reset();
    this.#pending++;
    this.#conn.write(encoder.encode(`${line}\n`))
      .catch(() => {}) // The loop over the connection reports it.
      .finally(() => this.#pending--);
  }
}

const members = new Set<Member>();

function sendToAll(line: string): void {
  for (const member of members) member.send(line);
}

/** Why a nickname cannot be used; undefined if it can. */
function problemOf(nickname: string): string | undefined {
  if (!/^[\p{L}\p{N}_-]{1,20}$/u.test(nickname)) {
    return "Use 1 to 20 letters and digits";
  }
  const isUsed = [...members].some((other) => other.nickname === nickname);
  return isUsed ? "This nickname is in use" : undefined;
}

async function serve(conn: Conn): Promise<void> {
  using _ = conn; // Leaving the loop does not close the connection.
  const member = new Member(conn);
  member.send("Your nickname?");
  try {
    const maxLength = LINE_BYTES_MAX;
    for await (const line of conn.lines({ maxLength, fatal: false })) {
      if (line === "/quit") break;
      if (members.has(member)) {
        sendToAll(`${member.nickname}: ${line}`);
        continue;
      }
      const nickname = line.trim();
      const problem = problemOf(nickname);
      if (problem !== undefined) {
        member.send(problem);
        continue;
      }
      member.nickname = nickname;
      members.add(member);
      sendToAll(`* ${nickname} has joined`);
    }
  } catch (error) {
    console.error(String(error));
  } finally {
    if (members.delete(member)) sendToAll(`* ${member.nickname} has left`);
  }
}

const { hostname, port } = values;
const listener = listen({ hostname, port: Number(port) });
console.log(`listening on ${listener.addr.hostname}:${listener.addr.port}`);
for await (const conn of listener) serve(conn);
