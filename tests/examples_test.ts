// Copyright the iocp authors. MIT license.
/* The programs of examples/, started as their comments say. */

import assert from "node:assert/strict";
import { test } from "node:test";
import process from "node:process";
import {
  bind,
  type Conn,
  connect,
  type DatagramSocket,
  lines,
} from "../mod.ts";
import { type Child, start } from "./shared/child.ts";
import { eventually, within } from "./shared/deadline.ts";
import { repositoryPath, TemporaryFolder } from "./shared/files.ts";
import { bytesOf } from "./shared/pattern.ts";
import { ca } from "./shared/tls.ts";
import { readText } from "./shared/transfer.ts";

function startExample(name: string, args: string[]): Child {
  return start(repositoryPath(`examples/${name}.ts`), args);
}

async function portOf(server: Child): Promise<number> {
  return Number((await server.output(/^listening on .*:(\d+)$/m))[1]);
}

/** A client that compares the received text, however it is chunked. */
class TextClient implements Disposable {
  readonly #conn: Conn;
  #received = "";

  constructor(conn: Conn) {
    this.#conn = conn;
  }

  static async connect(port: number): Promise<TextClient> {
    return new TextClient(await connect({ port, timeout: 30_000 }));
  }

  async send(text: string): Promise<void> {
    await this.#conn.write(new TextEncoder().encode(text));
  }

  /** Waits for the text, and discards everything up to its end. */
  async expect(text: string): Promise<void> {
    const p = new Uint8Array(1024);
    while (!this.#received.includes(text)) {
      const count = await this.#conn.read(p);
      assert.ok(count !== null, `ended before ${text}: ${this.#received}`);
      this.#received += new TextDecoder().decode(p.subarray(0, count));
    }
    const end = this.#received.indexOf(text) + text.length;
    this.#received = this.#received.slice(end);
  }

  async expectEnd(): Promise<void> {
    assert.equal(await this.#conn.read(new Uint8Array(1)), null);
  }

  reset(): void {
    this.#conn.reset();
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

test("echo.ts sends back what client.ts sends", async () => {
  using server = startExample("echo", []);
  const port = await portOf(server);
  using client = startExample("client", ["--port", `${port}`, "hello", "you"]);
  const { code, stdout, stderr } = await client.ended;
  assert.deepEqual([code, stdout], [0, "hello you\n"], stderr);
});

test("echo.ts serves other clients after a reset", async () => {
  using server = startExample("echo", []);
  const port = await portOf(server);
  for (let count = 0; count < 8; count++) {
    using client = await TextClient.connect(port);
    await client.send("ping");
    await client.expect("ping");
    client.reset();
  }
  using client = await TextClient.connect(port);
  await client.send("pong");
  await client.expect("pong");
});

test("tls_echo.ts sends back what it receives over TLS", async () => {
  const file = (name: string) =>
    repositoryPath(`tests/shared/certificates/${name}`);
  const args = ["--key", file("server.key"), "--cert", file("server.pem")];
  using server = startExample("tls_echo", args);
  const port = await portOf(server);
  using conn = await connect({ port, tls: { ca } });
  await conn.write(bytesOf("hello"));
  assert.equal(await readText(conn), "hello");
  const hasTls = () => /TLSv1\.3, TLS_AES_/.test(server.stdout);
  await eventually("what the server prints", hasTls);
});

test("chat.ts relays lines until /quit", async () => {
  using server = startExample("chat", []);
  const port = await portOf(server);
  using ann = await TextClient.connect(port);
  await ann.expect("Your nickname?\n");
  await ann.send("ann\r\n");
  await ann.expect("* ann has joined\n");

  using bob = await TextClient.connect(port);
  await bob.send("a b\nann\n");
  await bob.expect("Use 1 to 20 letters and digits\n");
  await bob.expect("This nickname is in use\n");
  await bob.send("bob\n");
  await ann.expect("* bob has joined\n");

  await ann.send("hel");
  await ann.send("lo\nagain\n");
  await bob.expect("ann: hello\nann: again\n");
  await bob.send("/quit\n");
  await ann.expect("* bob has left\n");
  await bob.expectEnd();
});

test("chat.ts serves other clients after a reset and after a line that is too long", async () => {
  using server = startExample("chat", []);
  const port = await portOf(server);
  using ann = await TextClient.connect(port);
  await ann.send("ann\n");
  await ann.expect("* ann has joined\n");
  using bob = await TextClient.connect(port);
  await bob.send("bob\n");
  await ann.expect("* bob has joined\n");
  bob.reset();
  await ann.expect("* bob has left\n");
  using eve = await TextClient.connect(port);
  await eve.send(`eve\n${"x".repeat(2_000)}`);
  await ann.expect("* eve has left\n");
});

test("http.ts serves the files of a folder", async () => {
  using folder = new TemporaryFolder();
  folder.write("index.html", "<p>hello</p>\n");
  using server = startExample("http", ["--port", "0", "--root", folder.path]);
  const port = await portOf(server);
  const response = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal(
    response.headers.get("content-type"),
    "text/html; charset=utf-8",
  );
  assert.equal(await response.text(), "<p>hello</p>\n");
  const missing = await fetch(`http://127.0.0.1:${port}/none`);
  assert.equal(missing.status, 404);
  await missing.body?.cancel();
});

test("dashboard.ts serves a page and the events of its echo server", async () => {
  const args = ["--port", "0", "--clients", "2"];
  using server = startExample("dashboard", args);
  const port = await portOf(server);
  const page = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  const [, echo] = await server.output(/^echo on .*:(\d+)$/m);
  const html = await page.text();
  assert.ok(html.includes(`An echo server on port ${echo}<`), html);
  assert.match(html, /new EventSource\("events"\)/);
  using client = await TextClient.connect(Number(echo));
  await client.send("hello");
  await client.expect("hello");
  const abort = new AbortController();
  const { signal } = abort;
  const stream = await fetch(`http://127.0.0.1:${port}/events`, { signal });
  assert.equal(stream.headers.get("content-type"), "text/event-stream");
  const samples = samplesOf(stream.body!);
  for (;;) {
    const { value, done } = await within("a sample", samples.next());
    assert.ok(!done, "the stream has ended");
    const { connections, bytes, roundTrip, events } = value;
    /* The clients of the example come and go. */
    if (connections < 2 || bytes === 0 || events.length === 0) continue;
    assert.ok(
      events.some((event) => /^accepted \d+$/.test(event)),
      `${events}`,
    );
    /* Wine does not say it. */
    if (process.platform === "win32") assert.equal(roundTrip, null);
    else assert.ok(roundTrip! > 0, `${roundTrip}`);
    break;
  }
  abort.abort();
});

interface Sample {
  connections: number;
  bytes: number;
  roundTrip: number | null;
  events: string[];
}

async function* samplesOf(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Sample, undefined> {
  for await (const line of lines(body)) {
    if (line.startsWith("data: ")) yield JSON.parse(line.slice(6));
  }
}

test("file_server.ts sends files with their progress, and parts of them", async () => {
  using folder = new TemporaryFolder();
  const text = "0123456789".repeat(500_000);
  folder.write("big", text);
  const args = ["--port", "0", "--root", folder.path];
  using server = startExample("file_server", args);
  const port = await portOf(server);
  const fetchFile = async (request: string) => {
    const conn = await connect({ port, timeout: 30_000 });
    await conn.write(new TextEncoder().encode(request));
    let received = "";
    for await (const chunk of conn) received += new TextDecoder().decode(chunk);
    return received;
  };
  assert.equal(await fetchFile("big\n"), text);
  await server.output(/^\[#{40}\] 100 % of big$/m);
  assert.equal(await fetchFile(`big ${text.length - 3}\n`), "789");
  assert.equal(await fetchFile(`big ${text.length + 3}\n`), "");
  await assert.rejects(fetchFile("none\n"), { code: "ECONNRESET" });
  await assert.rejects(fetchFile("../none\n"), { code: "ECONNRESET" });
  const own = fetchFile("big\n");
  assert.equal((await own).length, text.length);
});

/* A DNS message with that id. The answer of the server below has one more byte. */
function dnsMessage(id: number, text: string): Uint8Array {
  const name = new TextEncoder().encode(text);
  const message = new Uint8Array(12 + name.length);
  message.set([id >> 8, id & 255]);
  message.set(name, 12);
  return message;
}

/* Answers queries in pairs, the later one first. */
async function answerQueries(server: DatagramSocket): Promise<void> {
  let first: { data: Uint8Array; addr: DatagramSocket["addr"] } | undefined;
  for await (const { data, addr } of server) {
    if (first === undefined) {
      first = { data, addr };
      continue;
    }
    for (const query of [{ data, addr }, first]) {
      const answer = new Uint8Array(query.data.length + 1);
      answer.set(query.data);
      await server.send(answer, query.addr);
    }
    first = undefined;
  }
}

test("dns_forwarder.ts gives each client the answer to its own query", async () => {
  using server = bind({ hostname: "127.0.0.1", port: 0 });
  const answering = answerQueries(server);
  using forwarder = startExample("dns_forwarder", [
    ...["--server", "127.0.0.1", "--server-port", `${server.addr.port}`],
  ]);
  const addr = { hostname: "127.0.0.1", port: await portOf(forwarder) };
  using ann = bind({ hostname: "127.0.0.1", port: 0 });
  using bob = bind({ hostname: "127.0.0.1", port: 0 });
  for (let id = 0xfffe; id <= 0x10000; id++) {
    /* Both clients use the same id. Too short a message is dropped. */
    await bob.send(new Uint8Array(11), addr);
    const clients = { "ann.example": ann, "bob.example": bob };
    for (const [name, client] of Object.entries(clients)) {
      await client.send(dnsMessage(id & 0xffff, name), addr);
    }
    for (const [name, client] of Object.entries(clients)) {
      const { data } = await within("it", client.receive(new Uint8Array(600)));
      const query = dnsMessage(id & 0xffff, name);
      assert.deepEqual([...data], [...query, 0]);
    }
  }
  server.close();
  await answering;
});

test("all_cores.ts answers, also after a Worker has failed", async () => {
  using server = startExample("all_cores", ["--workers", "2"]);
  const port = await portOf(server);
  using client = await TextClient.connect(port);
  await client.send("a\n");
  await client.expect("\n");
  await client.send("fail\n");
  await client.expectEnd();
  for (let count = 0; count < 4; count++) {
    using other = await TextClient.connect(port);
    await other.send("a\n");
    await other.expect("\n");
  }
});

test("all_cores.ts measures itself", async () => {
  using server = startExample("all_cores", [
    "--workers",
    "1",
    "--seconds",
    "1",
  ]);
  const { code, stdout, stderr } = await server.ended;
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /1 Workers: [1-9]\d* answers a second, [1-9]\d* us of CPU each/,
  );
});
