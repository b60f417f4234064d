// Copyright the iocp authors. MIT license.
/* A program for Deno.listen and Deno.connect. With the argument "stock" it uses
 * those of Deno, with "iocp" those of this module. It prints the results of its
 * calls, which tests/drop_in_test.ts compares. */

import { createHash } from "node:crypto";
import { connect as connectPlain } from "node:net";
import process from "node:process";

/* The part of lib.deno_net.d.ts that is used here. */
interface NetAddr {
  transport: "tcp";
  hostname: string;
  port: number;
}
interface Conn extends Disposable {
  readonly localAddr: NetAddr;
  readonly remoteAddr: NetAddr;
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  read(p: Uint8Array): Promise<number | null>;
  write(p: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  ref(): void;
  unref(): void;
  setNoDelay(noDelay?: boolean): void;
  setKeepAlive(keepAlive?: boolean): void;
}
interface Listener extends AsyncIterable<Conn>, Disposable {
  readonly addr: NetAddr;
  accept(): Promise<Conn>;
  close(): void;
  ref(): void;
  unref(): void;
  [Symbol.asyncIterator](): AsyncIterableIterator<Conn>;
}
interface Net {
  listen(options: {
    port?: number;
    hostname?: string;
    transport?: "tcp";
    tcpBacklog?: number;
  }): Listener;
  connect(options: {
    port: number;
    hostname?: string;
    transport?: "tcp";
    signal?: AbortSignal;
    autoSelectFamily?: boolean;
    autoSelectFamilyAttemptDelay?: number;
  }): Promise<Conn>;
}
interface Stock extends Net {
  errors: Record<string, new (message?: string) => Error>;
}

const { Deno: stock } = globalThis as unknown as { Deno?: Stock };
const [, , source, only = ""] = process.argv;
const net: Net = source === "stock" ? stock! : await import("../../mod.ts");

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/* The properties of an error that a program can see. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${error}`;
  const classes = Object.entries(stock?.errors ?? {})
    .filter(([, Class]) => error instanceof Class)
    .map(([name]) => name);
  if (error instanceof TypeError) classes.push("TypeError");
  if (error instanceof RangeError) classes.push("RangeError");
  const { name, code } = error as Error & { code?: unknown };
  return `${name}, code ${code}, instance of ${classes.join() || "Error"}`;
}

async function outcome(call: () => unknown): Promise<string> {
  try {
    const value = await call();
    /* Calls without a result may return either. */
    if (value === undefined || value === null) return "done";
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  } catch (error) {
    return describe(error);
  }
}

let scenario = "";

function print(what: string, text: string): void {
  console.log(`${scenario}: ${what}: ${text}`);
}

async function check(what: string, call: () => unknown): Promise<void> {
  print(what, await outcome(call));
}

/* ---- helpers as such programs have them */

const local = { hostname: "127.0.0.1" };

async function connected() {
  const listener = net.listen({ ...local, port: 0 });
  const accepted = listener.accept();
  const client = await net.connect(listener.addr);
  return { listener, client, server: await accepted };
}

/* Like writeAll() of @std/io. */
async function writeAll(conn: Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

async function readAll(conn: Conn): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) break;
    parts.push(buffer.slice(0, count));
  }
  return Buffer.concat(parts);
}

async function readExactly(conn: Conn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await conn.read(bytes.subarray(at));
    if (count === null) throw new Error("the stream has ended early");
    at += count;
  }
  return bytes;
}

function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = Math.imul(i, 0x9e3779b1) >> 24;
  return bytes;
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function readText(conn: Conn): Promise<string> {
  const buffer = new Uint8Array(1024);
  const count = await conn.read(buffer);
  return count === null ? "the end" : decoder.decode(buffer.subarray(0, count));
}

function write(conn: Conn, text: string): Promise<void> {
  return writeAll(conn, encoder.encode(text));
}

/* In Deno, reading `readable` to its end has closed the connection. */
function close(conn: Conn): void {
  try {
    conn.close();
  } catch (error) {
    if ((error as Error).name !== "BadResource") throw error;
  }
}

/* The lines of a connection, like TextLineStream of @std/streams. */
async function* linesOf(conn: Conn): AsyncGenerator<string, void> {
  const reader = conn.readable
    .pipeThrough(new TextDecoderStream() as never)
    .getReader() as ReadableStreamDefaultReader<string>;
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const lines = rest.split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

/* The peer is a socket of node:net, because Deno has no call for a reset. */
async function withResettingPeer() {
  const listener = net.listen({ ...local, port: 0 });
  const accepted = listener.accept();
  const peer = connectPlain(listener.addr.port, listener.addr.hostname);
  peer.on("error", () => {});
  peer.pause();
  const conn = await accepted;
  listener.close();
  if (peer.connecting) {
    await new Promise((resolve) => peer.once("connect", resolve));
  }
  return {
    conn,
    async reset() {
      peer.resetAndDestroy();
      await delay(150);
    },
  };
}

async function repeatUntilError(call: () => Promise<unknown>): Promise<never> {
  for (;;) await call();
}

/* ---- the scenarios */

const scenarios: Record<string, () => Promise<unknown>> = {
  /* The first example of Deno's manual. */
  async "echo server"() {
    const listener = net.listen({ ...local, port: 0 });
    const serving = (async () => {
      for await (const conn of listener) {
        conn.readable.pipeTo(conn.writable).catch(() => {});
      }
      print("server", "its loop has ended");
    })();
    for (const text of ["hello", "x".repeat(300_000)]) {
      const conn = await net.connect(listener.addr);
      const answer = readAll(conn);
      await write(conn, text);
      await conn.closeWrite();
      const echo = decoder.decode(await answer);
      print("client", `${echo.length} ${echo === text}`);
      conn.close();
    }
    listener.close();
    await serving;
  },

  async "echo by read and write"() {
    const { listener, client, server } = await connected();
    const serving = (async () => {
      const buffer = new Uint8Array(1000);
      for (;;) {
        const count = await server.read(buffer);
        if (count === null) break;
        await writeAll(server, buffer.subarray(0, count));
      }
      server.close();
    })();
    for (const text of ["one", "two", "three"]) {
      await write(client, text);
      print(text, await readText(client));
    }
    await client.closeWrite();
    await serving;
    print("end", await readText(client));
    client.close();
    listener.close();
  },

  async "chat"() {
    const listener = net.listen({ ...local, port: 0 });
    const members = new Map<Conn, string>();
    const broadcast = async (text: string) => {
      for (const conn of members.keys()) await write(conn, text);
    };
    const serve = async (conn: Conn) => {
      for await (const line of linesOf(conn)) {
        if (!members.has(conn)) {
          members.set(conn, line);
          await broadcast(`* ${line} has joined\n`);
        } else await broadcast(`${members.get(conn)}: ${line}\n`);
      }
      const name = members.get(conn);
      members.delete(conn);
      await broadcast(`* ${name} has left\n`);
    };
    (async () => {
      for await (const conn of listener) {
        serve(conn).catch((error) => print("server", describe(error)));
      }
    })();
    const names = ["ada", "brian", "claude"];
    const conns: Conn[] = [];
    const lines: AsyncGenerator<string>[] = [];
    const next = async (index: number) => {
      const { value } = await lines[index]!.next();
      print(names[index]!, `${value}`);
    };
    for (const [index, name] of names.entries()) {
      const conn = await net.connect(listener.addr);
      conns.push(conn);
      lines.push(linesOf(conn));
      await write(conn, `${name}\n`);
      for (let i = 0; i <= index; i++) await next(i);
    }
    await write(conns[1]!, "hel");
    await delay(30);
    await write(conns[1]!, "lo\nagain\n");
    for (let i = 0; i < 6; i++) await next(i % 3);
    conns[2]!.close();
    for (let i = 0; i < 2; i++) await next(i);
    conns[0]!.close();
    await next(1);
    conns[1]!.close();
    listener.close();
  },

  async "proxy"() {
    const origin = net.listen({ ...local, port: 0 });
    const proxy = net.listen({ ...local, port: 0 });
    const size = 2_000_000;
    (async () => {
      for await (const conn of origin) {
        const request = await readExactly(conn, size);
        await write(conn, `${digest(request)}\n`);
        await writeAll(conn, request);
        conn.close();
      }
    })();
    (async () => {
      for await (const near of proxy) {
        const far = await net.connect(origin.addr);
        near.readable.pipeTo(far.writable).catch(() => {});
        far.readable.pipeTo(near.writable).catch(() => {});
      }
    })();
    const bytes = noise(size);
    const client = await net.connect(proxy.addr);
    await writeAll(client, bytes);
    const answer = await readAll(client);
    const end = answer.indexOf(10);
    print(
      "request",
      `${decoder.decode(answer.subarray(0, end)) === digest(bytes)}`,
    );
    print("answer", `${digest(answer.subarray(end + 1)) === digest(bytes)}`);
    client.close();
    origin.close();
    proxy.close();
  },

  /* A client of a protocol of lines, such as SMTP. */
  async "line client"() {
    const listener = net.listen({ ...local, port: 0 });
    (async () => {
      const conn = await listener.accept();
      await write(conn, "220 ready\n");
      for await (const line of linesOf(conn)) {
        if (line === "QUIT") {
          await write(conn, "221 bye\n");
          break;
        }
        await write(conn, line.startsWith("NOOP") ? "250 ok\n" : "502 what?\n");
      }
      conn.close();
    })();
    const conn = await net.connect({ ...listener.addr, transport: "tcp" });
    const lines = linesOf(conn);
    const writer = conn.writable.getWriter();
    const ask = async (command: string) => {
      await writer.write(encoder.encode(`${command}\n`));
      print(command, (await lines.next()).value ?? "the end");
    };
    print("greeting", (await lines.next()).value!);
    await ask("NOOP");
    await ask("HELO");
    await ask("QUIT");
    print("last", `${(await lines.next()).done}`);
    close(conn);
    listener.close();
  },

  async "addresses"() {
    const listener = net.listen({ port: 0 });
    const shown = ({ addr, ports }: { addr: NetAddr; ports: number[] }) => {
      const known = ports.includes(addr.port) ? "known" : "other";
      return JSON.stringify({ ...addr, port: known });
    };
    const accepted = listener.accept();
    const client = await net.connect({ port: listener.addr.port });
    const server = await accepted;
    const ports = [listener.addr.port];
    print("listener", shown({ addr: listener.addr, ports }));
    print("client's peer", shown({ addr: client.remoteAddr, ports }));
    print("server's own", shown({ addr: server.localAddr, ports }));
    ports.push(client.localAddr.port);
    print("server's peer", shown({ addr: server.remoteAddr, ports }));
    for (const one of [client, server, listener]) one.close();
    print("after close", shown({ addr: client.localAddr, ports }));
    print("after close", shown({ addr: listener.addr, ports }));
    using byDefault = net.listen({ tcpBacklog: 5, transport: "tcp" });
    print("without a port", `${byDefault.addr.port > 0}`);
    using byName = net.listen({ hostname: "localhost", port: 0 });
    using named = await net.connect({
      hostname: "localhost",
      port: byName.addr.port,
      autoSelectFamily: false,
      autoSelectFamilyAttemptDelay: 100,
    });
    print("by name", `${named.remoteAddr.port === byName.addr.port}`);
  },

  async "listener"() {
    const listener = net.listen({ ...local, port: 0 });
    const { addr } = listener;
    const clients = [await net.connect(addr), await net.connect(addr)];
    const served: Conn[] = [];
    for await (const conn of listener) {
      served.push(conn);
      if (served.length === 2) break;
    }
    print("break", `${served.length}`);
    await check("accept() after break", () => listener.accept());
    await check(
      "next() after break",
      () => listener[Symbol.asyncIterator]().next(),
    );
    await write(served[1]!, "still open");
    print("its connections", await readText(clients[1]!));
    for (const conn of [...clients, ...served]) conn.close();

    const pending = net.listen({ ...local, port: 0 });
    const accept = outcome(() => pending.accept());
    await delay(50);
    pending.close();
    print("accept() at close", await accept);
    await check("accept() after close", () => pending.accept());
    const looped = net.listen({ ...local, port: 0 });
    const loop = (async () => {
      for await (const conn of looped) conn.close();
      return "ended";
    })();
    await delay(50);
    looped.close();
    print("loop at close", await loop);
    await check(
      "ref() and unref()",
      () => [looped.ref(), looped.unref()].length,
    );
    await check("dispose", () => looped[Symbol.dispose]());

    const twice = net.listen({ ...local, port: 0 });
    const accepts = [1, 2].map(() =>
      outcome(async () => (await twice.accept()).close())
    );
    for (let i = 0; i < 2; i++) (await net.connect(twice.addr)).close();
    print("accept()", await accepts[0]!);
    print("second pending accept()", await accepts[1]!);
    twice.close();
    await check("close() twice", () => twice.close());

    const again = net.listen(addr);
    print("listen() again after close()", `${again.addr.port === addr.port}`);
    await check("listen() again while in use", () => net.listen(addr));
    again.close();
    const { length } = await (async () => {
      using one = net.listen({ ...local, port: 0 });
      return [one];
    })();
    print("using", `${length}`);
  },

  async "read and write"() {
    const { listener, client, server } = await connected();
    await check("read(empty)", () => client.read(new Uint8Array(0)));
    await check("write(empty)", () => client.write(new Uint8Array(0)));
    const reads = [1, 2, 3].map((size) => client.read(new Uint8Array(size)));
    await write(server, "abcdef");
    print("three reads", JSON.stringify(await Promise.all(reads)));
    await check("setNoDelay()", () => client.setNoDelay());
    await check("setKeepAlive()", () => client.setKeepAlive(true));
    await check("ref()", () => client.ref());
    await check("unref()", () => client.unref());
    await client.closeWrite();
    await check("closeWrite() twice", () => client.closeWrite());
    await check(
      "write() after closeWrite()",
      () => client.write(new Uint8Array(1)),
    );
    print("peer", await readText(server));
    await write(server, "half open");
    print("half open", await readText(client));
    server.close();
    print("end", await readText(client));
    print("end again", await readText(client));
    client.close();
    await check("read() after close", () => client.read(new Uint8Array(1)));
    await check("write() after close", () => client.write(new Uint8Array(1)));
    await check("closeWrite() after close", () => client.closeWrite());
    await check("setNoDelay() after close", () => client.setNoDelay());
    await check("setKeepAlive() after close", () => client.setKeepAlive());
    await check("ref() after close", () => client.ref());
    await check("dispose after close", () => client[Symbol.dispose]());
    listener.close();
  },

  async "close with pending calls"() {
    for (const way of ["close()", "using"]) {
      const { listener, client, server } = await connected();
      const read = outcome(() => client.read(new Uint8Array(1)));
      const other = outcome(() => client.read(new Uint8Array(1)));
      await delay(50);
      if (way === "using") {
        using _ = client;
      } else client.close();
      print(`read() at ${way}`, await read);
      print(`the second read() at ${way}`, await other);
      print("peer", await readText(server));
      server.close();
      listener.close();
    }
    const writing = await connected();
    const size = 32_000_000;
    const writes = outcome(() =>
      repeatUntilError(() => writing.client.write(new Uint8Array(size)))
    );
    await delay(50);
    writing.client.close();
    await check("close() twice", () => writing.client.close());
    await readAll(writing.server);
    print("write() at close()", await writes);
    writing.server.close();
    writing.listener.close();

    const written = await connected();
    const received = readAll(written.server);
    const part = await written.client.write(new Uint8Array(size));
    print("large write()", part === size ? "all bytes" : "a part");
    written.client.close();
    print("bytes at the peer", `${(await received).length === part}`);
    written.server.close();
    written.listener.close();

    const { listener, client, server } = await connected();
    const reader = client.readable.getReader();
    const read = outcome(() => reader.read());
    await delay(50);
    client.close();
    print("readable at close", await read);
    server.close();
    listener.close();
  },

  async "closed by the peer"() {
    const { listener, client, server } = await connected();
    server.close();
    await delay(50);
    const failure = repeatUntilError(async () => {
      await client.write(new Uint8Array(1000));
      await delay(20);
    });
    const text = await outcome(() => failure);
    /* Which error it is depends on timing. */
    print(
      "write",
      text.replace(/ECONNRESET|ECONNABORTED|EPIPE/, "broken")
        .replaceAll(/Connection(Reset|Aborted)|BrokenPipe/g, "broken"),
    );
    client.close();
    listener.close();
  },

  async "reset"() {
    for (const isPending of [true, false]) {
      const { conn, reset } = await withResettingPeer();
      const pending = isPending
        ? outcome(() => conn.read(new Uint8Array(1)))
        : undefined;
      if (isPending) await delay(50);
      await reset();
      const read = pending ?? outcome(() => conn.read(new Uint8Array(1)));
      print(isPending ? "pending read()" : "read()", await read);
      await check("write() after it", () => conn.write(new Uint8Array(1)));
      await check("closeWrite() after it", () => conn.closeWrite());
      await check("setNoDelay() after it", () => conn.setNoDelay());
      conn.close();
    }
    const written = await withResettingPeer();
    const failure = outcome(() =>
      repeatUntilError(() => written.conn.write(new Uint8Array(1_000_000)))
    );
    await delay(100);
    await written.reset();
    print("pending write()", await failure);
    written.conn.close();

    const late = await withResettingPeer();
    await late.reset();
    await check(
      "write() first",
      () => repeatUntilError(() => late.conn.write(new Uint8Array(1))),
    );
    late.conn.close();

    const streamed = await withResettingPeer();
    const chunk = outcome(() => streamed.conn.readable.getReader().read());
    await streamed.reset();
    print("readable", await chunk);
    await check("close()", () => streamed.conn.close());
  },

  async "failures"() {
    await check("refused", () => net.connect({ ...local, port: 1 }));
    await check("default host", () => net.connect({ port: 1 }));
    await check(
      "by name",
      () => net.connect({ hostname: "localhost", port: 1 }),
    );
    await check(
      "no such address",
      () => net.listen({ hostname: "192.0.2.1", port: 0 }),
    );
    using used = net.listen({ ...local, port: 0 });
    await check("in use", () => net.listen(used.addr));
    using used6 = net.listen({ hostname: "0.0.0.0", port: 0 });
    await check(
      "in use by any address",
      () => net.listen({ ...local, port: used6.addr.port }),
    );
    /* Permitted or not, and in use or not, the result is the same for both. */
    await check("port 1", () => net.listen({ ...local, port: 1 }).close());
    for (const hostname of ["nope.invalid", "a".repeat(70)]) {
      await check(
        "connect to a name",
        () => net.connect({ hostname, port: 80 }),
      );
      await check("listen on a name", () => net.listen({ hostname, port: 0 }));
    }
  },

  /* The flags of the process decide which of these are allowed. */
  async "permissions"() {
    await check("listen", () => net.listen({ ...local, port: 0 }).close());
    await check("connect", () => net.connect({ ...local, port: 1 }));
    await check(
      "by name",
      () => net.connect({ hostname: "localhost", port: 1 }),
    );
  },

  async "wrong arguments"() {
    const ports = [-1, 65536, 1.5, NaN, {}, "x"] as number[];
    for (const port of ports) {
      await check(`listen port ${port}`, () => net.listen({ port }));
      await check(`connect port ${port}`, () => net.connect({ port }));
    }
    await check("connect port 0", () => net.connect({ port: 0 }));
    await check("no port", () => net.connect({} as never));
    await check("listen()", () => net.listen(undefined as never));
    await check("connect()", () => net.connect(undefined as never));
    await check(
      "a signal",
      () => net.connect({ port: 1, signal: {} as AbortSignal }),
    );
    const { listener, client, server } = await connected();
    await check("write(text)", () => client.write("text" as never));
    await check("read()", () => client.read(undefined as never));
    for (const one of [client, server, listener]) one.close();
  },

  async "signals"() {
    using listener = net.listen({ ...local, port: 0 });
    const { addr } = listener;
    await check(
      "aborted",
      () => net.connect({ ...addr, signal: AbortSignal.abort() }),
    );
    await check(
      "with a reason",
      () => net.connect({ ...addr, signal: AbortSignal.abort("my reason") }),
    );
    const controller = new AbortController();
    const connecting = outcome(() =>
      net.connect({ ...addr, signal: controller.signal })
    );
    controller.abort(new RangeError("changed my mind"));
    print("at once", await connecting);
    /* Its backlog is full, so it does not answer. */
    using unresponsive = net.listen({ ...local, port: 0, tcpBacklog: 1 });
    const filling = new AbortController();
    const fill = Array.from(
      { length: 8 },
      () =>
        net.connect({ ...unresponsive.addr, signal: filling.signal })
          .then((conn) => conn.close(), () => {}),
    );
    await delay(200);
    await check(
      "after a time",
      () =>
        net.connect({ ...unresponsive.addr, signal: AbortSignal.timeout(100) }),
    );
    const later = new AbortController();
    setTimeout(() => later.abort(new URIError("too slow")), 50);
    await check(
      "meanwhile",
      () => net.connect({ ...unresponsive.addr, signal: later.signal }),
    );
    filling.abort();
    await Promise.all(fill);
    const done = new AbortController();
    using conn = await net.connect({ ...addr, signal: done.signal });
    done.abort();
    await check("afterwards", () => conn.write(new Uint8Array(3)));
  },

  async "large"() {
    const { listener, client, server } = await connected();
    const bytes = noise(8_000_000);
    const received = readAll(server);
    await writeAll(client, bytes);
    client.close();
    print("digest", `${digest(await received) === digest(bytes)}`);
    server.close();
    listener.close();
  },

  /* The last scenario: the process must exit although sockets are open. */
  async "unref"() {
    const { listener, client, server } = await connected();
    for (const one of [listener, client, server]) one.unref();
    listener.accept().catch(() => {});
    client.read(new Uint8Array(1)).catch(() => {});
    print("left open", "3");
  },
};

for (const [name, run] of Object.entries(scenarios)) {
  if (!name.includes(only)) continue;
  scenario = name;
  await run();
}
