// Copyright the iocp authors. MIT license.
/* The programs of examples/ that use local sockets. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { type Conn, listen, type PathAddr } from "../mod.ts";
import {
  type ChildOptions,
  type Ended,
  ownRuntime,
  start,
} from "./shared/child.ts";
import { within } from "./shared/deadline.ts";
import { repositoryPath } from "./shared/files.ts";
import { isWindows, newPath } from "./shared/local.ts";
import { bytesOf, textOf } from "./shared/pattern.ts";

function startExample(name: string, args: string[], options: ChildOptions) {
  return start(repositoryPath(`examples/${name}.ts`), args, options);
}

async function runExample(
  name: string,
  args: string[],
  options: ChildOptions,
): Promise<Ended> {
  using child = startExample(name, args, options);
  return await child.ended;
}

/* Both ends of ipc.ts, the client in another runtime if there is one. */
test("ipc.ts answers its client", async () => {
  const { IOCP_TEST_DENO, IOCP_TEST_BUN } = process.env;
  const path = ownRuntime.name === "deno" ? IOCP_TEST_BUN : IOCP_TEST_DENO;
  const name = ownRuntime.name === "deno" ? "bun" : "deno";
  const other = path === undefined ? ownRuntime : { name, path } as const;
  const env = { IPC_NAME: `iocp-test-ipc-${process.pid}` };
  using server = startExample("ipc", ["server"], { env });
  const [, shown] = await within(
    "its start",
    server.output(/^listening on (.*)$/m),
  );
  assert.ok(shown!.trim().endsWith(env.IPC_NAME));
  for (const runtime of [ownRuntime, other, other]) {
    const words = ["client", "four", "words are these"];
    const ended = await runExample("ipc", words, { env, runtime });
    assert.equal(ended.code, 0, ended.stderr);
    const answer = JSON.parse(ended.stdout) as Record<string, number>;
    assert.equal(answer["count"], 4);
    assert.ok(answer["pid"]! > 0 && answer["yourPid"]! > 0);
    assert.notEqual(answer["pid"], answer["yourPid"]);
  }
});

/* ---- a small server that speaks Docker's protocol */

/* Reads up to the empty line behind the headers. */
async function readHead(conn: Conn<PathAddr>): Promise<string> {
  const p = new Uint8Array(1);
  let head = "";
  while (!head.endsWith("\r\n\r\n")) {
    if (await conn.read(p) === null) return head;
    head += textOf(p);
  }
  return head;
}

function frame(stream: number, text: string): Uint8Array {
  const bytes = bytesOf(`01234567${text}`);
  bytes.set([stream, 0, 0, 0]);
  new DataView(bytes.buffer).setUint32(4, bytes.length - 8);
  return bytes;
}

/* The container writes its input in upper case, in frames that are sent in
 * pieces. On a pipe, where the input has no end, it is one line. */
async function runContainer(conn: Conn<PathAddr>): Promise<void> {
  await conn.write(bytesOf("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n"));
  let input = "";
  const p = new Uint8Array(100);
  while (!(isWindows && input.endsWith("\n"))) {
    const count = await conn.read(p);
    if (count === null) break;
    input += textOf(p.subarray(0, count));
  }
  const output = frame(1, input.toUpperCase());
  await conn.write(output.subarray(0, 5));
  await conn.write(output.subarray(5, 10));
  await conn.write(output.subarray(10));
  await conn.write(frame(2, "warned\n"));
}

const ANSWERS: Record<string, unknown> = {
  "/version": { Version: "27.3.1" },
  "/containers/json?all=1": [
    { Id: "0123456789abcdef", Names: ["/web"], State: "running" },
    { Id: "fedcba9876543210", Names: ["/db"], State: "exited" },
  ],
};

async function serveDocker(conn: Conn<PathAddr>): Promise<void> {
  const head = await readHead(conn);
  const [method, url] = head.split(" ");
  if (method === "POST") {
    assert.match(head, /^POST \/containers\/web\/attach\?stream=1&stdin=1/);
    await runContainer(conn);
  } else {
    const answer = ANSWERS[url!];
    const body = JSON.stringify(answer ?? { message: "page not found" });
    const status = answer === undefined ? "404 Not Found" : "200 OK";
    await conn.write(bytesOf(
      `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    ));
  }
  conn.close();
}

async function withDocker(
  use: (options: ChildOptions) => Promise<void>,
): Promise<void> {
  const path = newPath();
  const listener = listen({ path, allowHalfOpen: true });
  const failures: unknown[] = [];
  const serving = (async () => {
    for await (const conn of listener) {
      serveDocker(conn).catch((error) => failures.push(error));
    }
  })();
  await use({ env: { DOCKER_SOCKET: path } });
  listener.close();
  await serving;
  assert.deepEqual(failures, []);
}

test("docker.ts prints the version and the containers", async () => {
  await withDocker(async (options) => {
    const { code, stdout, stderr } = await runExample("docker", [], options);
    assert.equal(code, 0, stderr);
    assert.equal(
      stdout,
      "Docker 27.3.1\n0123456789ab running /web\nfedcba987654 exited /db\n",
    );
  });
});

test("docker.ts attaches to a container", async () => {
  await withDocker(async (options) => {
    const args = ["attach", "web", "hello there"];
    const { code, stdout, stderr } = await runExample("docker", args, options);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "HELLO THERE\n");
    assert.ok(stderr.includes("warned\n"), stderr);
  });
});
