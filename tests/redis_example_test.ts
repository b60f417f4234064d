// Copyright the iocp authors. MIT license.
/* examples/redis_client.ts, with a small server that speaks the protocol of Redis.
 * With IOCP_TEST_REDIS, its port, a server of Redis is used in addition. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { type Conn, listen } from "../mod.ts";
import { ownRuntime, start } from "./shared/child.ts";
import { within } from "./shared/deadline.ts";
import { repositoryPath } from "./shared/files.ts";
import { bytesOf, textOf } from "./shared/pattern.ts";
import { Random } from "./shared/random.ts";

/* The output of the program, and how it has ended. */
async function runClient(port: number, commands: string[]) {
  const path = repositoryPath("examples/redis_client.ts");
  using client = start(path, ["--port", `${port}`, ...commands]);
  const { code, stdout, stderr } = await within("the client", client.ended);
  return { code, lines: stdout.split("\n").slice(0, -1), stderr };
}

/* The commands of a client, each of which is an array of strings. */
async function* commandsOf(conn: Conn): AsyncGenerator<string[], void> {
  const reader = conn.reader();
  for (let line; (line = await reader.readLine()) !== null;) {
    assert.match(line, /^\*\d+$/);
    const words: string[] = [];
    while (words.length < Number(line.slice(1))) {
      const length = (await reader.readLine())!;
      assert.match(length, /^\$\d+$/);
      words.push(textOf(await reader.readExactly(Number(length.slice(1)))));
      assert.equal(await reader.readLine(), "");
    }
    yield words;
  }
}

const bulk = (text: string) => `$${bytesOf(text).length}\r\n${text}\r\n`;

function answer(store: Map<string, string>, [name, key, value]: string[]) {
  switch (name) {
    case "SET":
      store.set(key!, value!);
      return "+OK\r\n";
    case "GET":
      return store.has(key!) ? bulk(store.get(key!)!) : "$-1\r\n";
    case "INCR": {
      const number = Number(store.get(key!) ?? 0) + 1;
      if (Number.isNaN(number)) {
        return "-ERR value is not an integer or out of range\r\n";
      }
      store.set(key!, `${number}`);
      return `:${number}\r\n`;
    }
    case "MGET":
      return `*2\r\n${bulk(store.get(key!)!)}*2\r\n$-1\r\n*0\r\n`;
    default:
      return `-ERR unknown command '${name}'\r\n`;
  }
}

/* Answers when all of the commands have come, in pieces. */
async function serve(conn: Conn, count: number, pieces: number) {
  const random = new Random(1);
  const store = new Map<string, string>();
  let answers = "";
  for await (const command of commandsOf(conn)) {
    answers += answer(store, command);
    if (--count > 0) continue;
    const bytes = bytesOf(answers);
    for (let at = 0; at < bytes.length;) {
      const size = random.size(pieces);
      await conn.write(bytes.subarray(at, at += size));
    }
  }
  conn.close();
}

const COMMANDS = [
  "SET größe 漢字\r\n",
  "GET größe",
  "GET none",
  "INCR count",
  "INCR größe",
  "INCR count",
  "MGET count x",
  "NONE",
];
const REPLIES = [
  `"OK"`,
  `"漢字\\r\\n"`,
  "null",
  "1",
  "Error: ERR value is not an integer or out of range",
  "2",
  `["2",[null,[]]]`,
  "Error: ERR unknown command 'NONE'",
];

for (const pieces of [1, 1000]) {
  test(`It sends all commands before the first reply, in pieces of up to ${pieces}`, async () => {
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    const served = listener.accept().then((conn) =>
      serve(conn, COMMANDS.length, pieces)
    );
    const { code, lines, stderr } = await runClient(
      listener.addr.port,
      COMMANDS,
    );
    assert.deepEqual([code, lines], [0, REPLIES], stderr);
    await served;
  });
}

test("An end inside of a reply is an error, for this and the other commands", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  const served = listener.accept().then(async (conn) => {
    for await (const _ of commandsOf(conn)) break;
    await conn.write(bytesOf("+OK\r\n$5\r\nhel"));
    conn.close();
  });
  const commands = ["SET a b", "GET a", "GET b"];
  const { lines } = await runClient(listener.addr.port, commands);
  assert.equal(lines[0], `"OK"`);
  assert.match(lines[1]!, /^UnexpectedEof: .*the end came after 3 bytes of 5$/);
  assert.match(lines[2]!, /^BadResource: /);
  await served;
});

const redis = process.env["IOCP_TEST_REDIS"];
const skip = redis === undefined ? "IOCP_TEST_REDIS is not set" : false;
test("A server of Redis answers it", { skip }, async () => {
  const key = `iocp-test-${ownRuntime.name}-${process.pid}`;
  const { code, lines, stderr } = await runClient(Number(redis), [
    `DEL ${key}`,
    `SET ${key} größe`,
    `GET ${key}`,
    `STRLEN ${key}`,
    `INCR ${key}`,
    `MGET ${key} ${key}-none`,
    `DEL ${key}`,
  ]);
  assert.deepEqual([code, lines], [0, [
    "0",
    `"OK"`,
    `"größe"`,
    "7",
    "Error: ERR value is not an integer or out of range",
    `["größe",null]`,
    "1",
  ]], stderr);
});
