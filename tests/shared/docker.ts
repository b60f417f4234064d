// Copyright the iocp authors. MIT license.
/* A small server that speaks the protocol of the Docker Engine, on a local socket. */

import assert from "node:assert/strict";
import { type Conn, listen, type PathAddr } from "../../mod.ts";
import { isWindows, newPath } from "./local.ts";
import { bytesOf, textOf } from "./pattern.ts";

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

async function readBody(conn: Conn<PathAddr>, head: string): Promise<string> {
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
  const body = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await conn.read(body.subarray(at));
    assert.ok(count !== null, "the end inside a body");
    at += count;
  }
  return textOf(body);
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
  await conn.write(bytesOf(
    "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
  ));
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

/** The log of every container. */
export const LOG: string = Array.from(
  { length: 2_000 },
  (_, i) => `line ${i}\n`,
).join("");

async function sendLog(conn: Conn<PathAddr>): Promise<void> {
  await conn.write(bytesOf(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" +
      "Connection: close\r\n\r\n",
  ));
  for (const line of LOG.match(/.*\n/g)!) {
    const part = frame(1, line);
    await conn.write(bytesOf(`${part.length.toString(16)}\r\n`));
    await conn.write(part);
    await conn.write(bytesOf("\r\n"));
  }
  await conn.write(bytesOf("0\r\n\r\n"));
}

async function serve(conn: Conn<PathAddr>): Promise<void> {
  const head = await readHead(conn);
  const [method, url] = head.split(" ");
  const body = await readBody(conn, head);
  if (url!.includes("/attach?")) {
    assert.match(head, /^POST \/containers\/web\/attach\?/);
    assert.match(head, /^Upgrade: tcp\r$/im);
    await runContainer(conn);
  } else if (url!.includes("/logs?")) {
    await sendLog(conn);
  } else {
    const value = method === "POST"
      ? { Id: "created", Warnings: [body] }
      : ANSWERS[url!];
    const text = JSON.stringify(value ?? { message: "page not found" });
    const status = value === undefined ? "404 Not Found" : "200 OK";
    await conn.write(bytesOf(
      `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${bytesOf(text).length}\r\n` +
        `Connection: close\r\n\r\n${text}`,
    ));
  }
  conn.close();
}

/** Runs a server while it is used; fails if a connection to it does. */
export async function withDocker(
  use: (path: string) => Promise<void>,
): Promise<void> {
  const path = newPath();
  const listener = listen({ path, allowHalfOpen: true });
  const failures: unknown[] = [];
  const serving = (async () => {
    for await (const conn of listener) {
      serve(conn).catch((error) => failures.push(error));
    }
  })();
  try {
    await use(path);
  } finally {
    listener.close();
    await serving;
  }
  assert.deepEqual(failures, []);
}
