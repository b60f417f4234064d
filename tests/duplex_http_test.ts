// Copyright the iocp authors. MIT license.
/* node:http over duplexes: as a server, as a client, and as both. */

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, request } from "node:http";
import type { RequestOptions, Server, ServerResponse } from "node:http";
import { test } from "node:test";
import { CompletionPort, type Conn, type Listener, serveHttp } from "../mod.ts";
import { eventually, within } from "./shared/deadline.ts";
import { closed, receiveByDuplex } from "./shared/duplex.ts";
import { bytesOf, Digest, digest, pattern, textOf } from "./shared/pattern.ts";
import { receiveByLoop } from "./shared/transfer.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A node:http server with the connections of a listener. */
class Site implements Disposable {
  readonly port = new CompletionPort();
  readonly server: Server;
  readonly #listener: Listener;

  constructor(handler: Handler) {
    this.server = createServer(handler);
    this.#listener = this.port.listen({ hostname: "127.0.0.1", port: 0 });
    serveHttp(this.server, this.#listener);
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  connect(): Promise<Conn> {
    return this.port.connect(this.#listener.addr);
  }

  /** Waits until only the listener and `open` other sockets remain. */
  async empty(open = 0): Promise<void> {
    await eventually(
      `${open} connections are open`,
      () => this.port.stats().sockets === 1 + open,
    );
  }

  [Symbol.dispose](): void {
    this.port.close();
  }
}

/** Sends a request over a duplex of the connection. */
async function sendRequest(
  conn: Conn,
  options: RequestOptions,
  ...body: Uint8Array[]
): Promise<{ response: IncomingMessage; body: string }> {
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request({ ...options, createConnection: () => conn.duplex() });
    sent.on("response", resolve);
    sent.on("error", reject);
    for (const part of body) sent.write(part);
    sent.end();
  });
  const response = await within("the answer", answer);
  const result = new Digest();
  for await (const chunk of response) result.add(chunk);
  return { response, body: result.text() };
}

/** Answers with the target and the digest of the body. */
async function digestBody(
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const result = new Digest();
  for await (const chunk of message) result.add(chunk);
  response.end(`${message.url} ${result.text()}\n`);
}

test("http serves large bodies over a duplex", async () => {
  const bytes = pattern(8 * 1024 * 1024);
  using site = new Site((_, response) => {
    response.setHeader("Content-Length", bytes.length);
    response.end(bytes);
  });
  const answer = await fetch(site.origin);
  const body = new Uint8Array(await answer.arrayBuffer());
  assert.equal(digest(body), digest(bytes));
});

test("http receives large bodies over a duplex", async () => {
  using site = new Site(digestBody);
  const bytes = pattern(8 * 1024 * 1024);
  const answer = await fetch(`${site.origin}/up`, {
    method: "POST",
    body: bytes,
  });
  assert.equal(await answer.text(), `/up ${digest(bytes)}\n`);
});

test("http reuses a duplex for several requests", async () => {
  using site = new Site((message, response) => {
    response.end(`${message.url} of ${message.socket.remotePort};`);
  });
  const conn = await site.connect();
  const buffer = new Uint8Array(10_000);
  for (let i = 1; i <= 20; i++) {
    await conn.write(bytesOf(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`));
    let text = "";
    while (!text.endsWith(";")) {
      const count = await within("an answer", conn.read(buffer));
      assert.notEqual(count, null, `it has ended after ${i} requests: ${text}`);
      text += textOf(buffer.subarray(0, count!));
    }
    const [head, body] = text.split("\r\n\r\n");
    assert.match(head!, /^HTTP\/1\.1 200 /);
    assert.equal(body, `/${i} of ${conn.localAddr.port};`);
  }
  conn.close();
  await site.empty();
});

test("http answers pipelined requests over a duplex in order", async () => {
  using site = new Site(digestBody);
  const conn = await site.connect();
  const requests = Array.from({ length: 50 }, (_, i) => {
    const body = "x".repeat(i);
    const last = i === 49 ? "Connection: close\r\n" : "";
    return `POST /${i} HTTP/1.1\r\nHost: a\r\n${last}` +
      `Content-Length: ${i}\r\n\r\n${body}`;
  });
  await conn.write(bytesOf(requests.join("")));
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of conn) text += decoder.decode(chunk);
  assert.deepEqual(
    [...text.matchAll(/^\/(\d+) (\d+) /gm)].map(([, i, n]) => `${i} ${n}`),
    Array.from({ length: 50 }, (_, i) => `${i} ${i}`),
  );
  await site.empty();
});

test("http sends chunks over a duplex as they are written", async () => {
  const next: (() => void)[] = [];
  using site = new Site((_, response) => {
    response.write("first");
    next.push(() => response.end("second"));
  });
  const answer = await fetch(site.origin);
  const reader = answer.body!.getReader();
  const first = await within("a chunk", reader.read());
  assert.equal(textOf(first.value!), "first");
  next[0]!();
  const second = await within("a chunk", reader.read());
  assert.equal(textOf(second.value!), "second");
  assert.equal((await reader.read()).done, true);
  assert.equal(answer.headers.get("transfer-encoding"), "chunked");
});

test("http.request() works over a duplex", async () => {
  using site = new Site(digestBody);
  const conn = await site.connect();
  const parts = [1, 2, 3].map((seed) => pattern(700_001, seed));
  const options = { path: "/chunked", method: "POST" };
  const { response, body } = await sendRequest(conn, options, ...parts);
  assert.equal(response.statusCode, 200);
  assert.equal(body, digest(bytesOf(`/chunked ${digest(...parts)}\n`)));
});

test("http.request() fails when its duplex is reset", async () => {
  using site = new Site((message) => {
    message.on("error", () => {});
    (message.socket as unknown as ReturnType<Conn["duplex"]>)
      .resetAndDestroy();
  });
  const conn = await site.connect();
  await assert.rejects(sendRequest(conn, { path: "/" }), {
    code: "ECONNRESET",
  });
  await site.empty();
});

test("http stops reading a file while the client reads nothing", async () => {
  const piece = pattern(64 * 1024);
  let pieces = 0;
  let hasStopped = false;
  using site = new Site(async (_, response) => {
    /* Larger than the buffers of any system. */
    for (pieces = 0; pieces < 1_000; pieces++) {
      if (response.write(piece)) continue;
      hasStopped = true;
      await new Promise((resolve) => response.once("drain", resolve));
    }
    response.end();
  });
  const conn = await site.connect();
  await conn.write(bytesOf("GET / HTTP/1.0\r\n\r\n"));
  let before = -1;
  await eventually("the server has stopped", async () => {
    const isSame = hasStopped && before === pieces;
    before = pieces;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return isSame;
  });
  assert.ok(pieces < 1_000, `${pieces} pieces were written`);
  const received = await within("the rest", receiveByLoop(conn));
  assert.ok(Number(received.split(" ")[0]) > 1_000 * piece.length);
});

test("http answers a client that has half-closed its connection", async () => {
  using site = new Site(digestBody);
  const conn = await site.connect();
  await conn.write(
    bytesOf("POST /half HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody"),
  );
  await conn.closeWrite();
  const duplex = conn.duplex();
  const text: Uint8Array[] = [];
  duplex.on("data", (chunk: Uint8Array) => text.push(chunk));
  await receiveByDuplex(duplex);
  assert.match(textOf(...text), /\/half 4 /);
});

test("http hands over a duplex after an upgrade", async () => {
  using site = new Site(() => assert.fail("no request"));
  site.server.on("upgrade", (_, socket, head: Uint8Array) => {
    socket.write("HTTP/1.1 101 Switching\r\nUpgrade: echo\r\n");
    socket.write("Connection: Upgrade\r\n\r\n");
    socket.write(head);
    socket.pipe(socket);
  });
  const conn = await site.connect();
  await conn.write(bytesOf(
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhead",
  ));
  await conn.write(bytesOf(" and more"));
  await conn.closeWrite();
  let text = "";
  for await (const chunk of conn) text += textOf(chunk);
  assert.match(text, /^HTTP\/1\.1 101 [^]*\r\n\r\nhead and more$/);
  await site.empty();
});

test("http destroys an idle duplex after its timeout", async () => {
  using site = new Site((message, response) => {
    message.socket.setTimeout(50, () => message.socket.destroy());
    response.end("x");
  });
  const conn = await site.connect();
  await conn.write(bytesOf("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  const closing = closed(conn.duplex());
  conn.duplex().resume();
  assert.equal(await closing, false);
  await site.empty();
});

test("http serves many clients over duplexes and closes all of them", async () => {
  using site = new Site(digestBody);
  async function runClient(seed: number): Promise<void> {
    await using conn = await site.connect();
    const bytes = pattern(20_000 + seed, seed);
    const options = { path: `/${seed}`, method: "PUT" };
    const { body } = await sendRequest(conn, options, bytes);
    assert.equal(body, digest(bytesOf(`/${seed} ${digest(bytes)}\n`)));
  }
  const clients = Array.from({ length: 100 }, (_, seed) => runClient(seed));
  await within("the clients", Promise.all(clients));
  await site.empty();
});
