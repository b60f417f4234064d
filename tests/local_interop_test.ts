// Copyright the iocp authors. MIT license.
/* Local sockets of this module and of others as the two ends of a connection: node:net
 * everywhere; Deno.listen, Deno.connect, Bun.listen and Bun.connect on Linux; a C
 * program with the plain calls of named pipes on Windows. `npm test` sets the path of
 * that program. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectPlain, createServer, type Socket } from "node:net";
import process from "node:process";
import { describe, test } from "node:test";
import { type Addr, type Conn, connect, listen } from "../mod.ts";
import { Child } from "./shared/child.ts";
import { delay, within } from "./shared/deadline.ts";
import { isWindows, newPath } from "./shared/local.ts";
import { outcome } from "./shared/outcome.ts";
import { bytesOf, Digest, digest, pattern, textOf } from "./shared/pattern.ts";
import { echo, receiveByLoop } from "./shared/transfer.ts";

const { IOCP_TEST_PEER } = process.env;
const SIZES = [1, 65_537, 3 << 20];
const BOTH_FORMS = isWindows
  ? [(path: string) => path, (path: string) => path.replaceAll("\\", "/")]
  : [(path: string) => path];

/* In Deno 2.9 on Windows the end() of a net.Socket over a pipe never reaches the
 * other end, not even that of Deno's own server. */
const hasNoEnd = isWindows && "Deno" in globalThis;

/* Reads `length` bytes. */
async function readBytes(
  conn: Conn<Addr>,
  length: number,
): Promise<Uint8Array> {
  const p = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await within("a read", conn.read(p.subarray(at)));
    assert.ok(count !== null, `the end after ${at} bytes`);
    at += count;
  }
  return p;
}

async function receive(conn: Conn<Addr>, length: number): Promise<string> {
  return digest(await readBytes(conn, length));
}

/* A server of node:net that sends everything back. */
async function plainEcho(path: string) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  server.listen(path);
  await within("listening", once(server, "listening"));
  return {
    sockets,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/* Sends through a socket of node:net and compares what comes back. */
async function exchangePlain(path: string, size: number): Promise<void> {
  const socket = connectPlain(path);
  await within("connecting", once(socket, "connect"));
  const result = new Digest();
  let received = 0;
  const done = new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("data", (chunk: Uint8Array) => {
      result.add(chunk);
      received += chunk.length;
      if (received === size) resolve();
    });
  });
  socket.write(pattern(size, size));
  await within("the echo", done);
  assert.equal(result.text(), digest(pattern(size, size)));
  const closed = once(socket, "close");
  if (hasNoEnd) socket.destroy();
  else socket.end();
  await within("the close", closed);
}

describe("With node:net", () => {
  test("its server echoes to connect()", async () => {
    for (const form of BOTH_FORMS) {
      const path = newPath();
      using _ = await plainEcho(path);
      for (const size of SIZES) {
        const conn = await connect({ path: form(path), timeout: 30_000 });
        const received = receive(conn, size);
        await conn.write(pattern(size, size));
        assert.equal(await received, digest(pattern(size, size)));
        conn.close();
      }
    }
  });

  test("its socket talks to listen()", async () => {
    for (const form of BOTH_FORMS) {
      const path = newPath();
      const listener = listen({ path: form(path) });
      const serving = (async () => {
        for await (const conn of listener) echo(conn).catch(() => {});
      })();
      for (const size of SIZES) await exchangePlain(path, size);
      await Promise.all(SIZES.map((size) => exchangePlain(path, size)));
      listener.close();
      await serving;
    }
  });

  test("its socket reads everything that was written before close()", async () => {
    const path = newPath();
    using listener = listen({ path });
    const accepting = listener.accept();
    const socket = connectPlain(path);
    const conn = await within("accept", accepting);
    conn.write(pattern(1 << 20, 7)).catch(() => {});
    conn.close();
    const result = new Digest();
    socket.on("data", (chunk: Uint8Array) => result.add(chunk));
    await within("the end", once(socket, "end"));
    assert.equal(result.text(), digest(pattern(1 << 20, 7)));
    socket.destroy();
  });

  test("the end() of its socket is the end of a loop", {
    skip: hasNoEnd && "Deno's own end() does not end a pipe",
  }, async () => {
    const path = newPath();
    using listener = listen({ path });
    const accepting = listener.accept();
    const socket = connectPlain(path);
    socket.end(pattern(300_000, 8));
    socket.resume();
    const conn = await within("accept", accepting);
    const received = await within("the end", receiveByLoop(conn));
    assert.equal(received, digest(pattern(300_000, 8)));
    socket.destroy();
  });

  test("its server sees the end of connect()", async () => {
    const path = newPath();
    using server = await plainEcho(path);
    const conn = await connect({ path });
    await conn.write(bytesOf("x"));
    assert.equal(await receive(conn, 1), digest(bytesOf("x")));
    const closed = once(server.sockets[0]!, "close");
    conn.close();
    await within("the close", closed);
  });

  test("conn.peer is its process", async () => {
    const path = newPath();
    using _ = await plainEcho(path);
    using conn = await connect({ path });
    assert.equal(conn.peer.pid, process.pid);
  });
});

interface StockConn {
  read(p: Uint8Array): Promise<number | null>;
  write(p: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}
interface Stock {
  listen(options: { transport: "unix"; path: string }): {
    accept(): Promise<StockConn>;
    close(): void;
  };
  connect(options: { transport: "unix"; path: string }): Promise<StockConn>;
}
const { Deno: deno } = globalThis as unknown as { Deno?: Stock };

/* Reads a connection of Deno to its end. */
async function readStock(conn: StockConn): Promise<string> {
  const p = new Uint8Array(1000);
  let text = "";
  for (;;) {
    const count = await within("a read", conn.read(p));
    if (count === null) return text;
    text += textOf(p.subarray(0, count));
  }
}

describe("With Deno's own", {
  skip: deno === undefined && "another runtime" ||
    isWindows && "Deno has none on Windows",
}, () => {
  const transport = "unix" as const;

  test("Deno.listen() accepts connect()", async () => {
    const path = newPath();
    const listener = deno!.listen({ transport, path });
    const accepting = listener.accept();
    using conn = await connect({ transport, path });
    const accepted = await within("accept", accepting);
    await conn.write(bytesOf("to Deno"));
    await conn.closeWrite();
    assert.equal(await readStock(accepted), "to Deno");
    await accepted.write(bytesOf("from Deno"));
    accepted.close();
    assert.equal(await receiveByLoop(conn), digest(bytesOf("from Deno")));
    listener.close();
  });

  test("Deno.connect() reaches listen()", async () => {
    const path = newPath();
    using listener = listen({ transport, path });
    const accepting = listener.accept();
    const stock = await deno!.connect({ transport, path });
    using conn = await within("accept", accepting);
    await stock.write(bytesOf("to us"));
    await stock.closeWrite();
    let text = "";
    const p = new Uint8Array(100);
    for (let count; (count = await conn.read(p)) !== null;) {
      text += textOf(p.subarray(0, count));
    }
    assert.equal(text, "to us");
    await conn.write(bytesOf("from us"));
    conn.close();
    assert.equal(await readStock(stock), "from us");
    stock.close();
  });
});

interface BunSocket {
  write(bytes: Uint8Array): number;
  end(): void;
}
interface BunHandlers {
  data(socket: BunSocket, chunk: Uint8Array): void;
  open?(socket: BunSocket): void;
  close?(socket: BunSocket): void;
}
interface BunOptions {
  unix: string;
  socket: BunHandlers;
}
const { Bun: bun } = globalThis as unknown as {
  Bun?: {
    listen(options: BunOptions): { stop(closeAll?: boolean): void };
    connect(options: BunOptions): Promise<BunSocket>;
  };
};

describe("With Bun's own", {
  skip: bun === undefined && "another runtime" ||
    isWindows && "tested on Linux",
}, () => {
  test("Bun.listen() accepts connect()", async () => {
    const unix = newPath();
    const server = bun!.listen({
      unix,
      socket: { data: (socket, chunk) => void socket.write(chunk) },
    });
    using conn = await connect({ path: unix });
    await conn.write(bytesOf("to Bun"));
    assert.equal(await receive(conn, 6), digest(bytesOf("to Bun")));
    server.stop(true);
  });

  test("Bun.connect() reaches listen()", async () => {
    const unix = newPath();
    using listener = listen({ path: unix });
    const accepting = listener.accept();
    let text = "";
    const closed = new Promise<void>((resolve) => {
      bun!.connect({
        unix,
        socket: {
          open: (socket) => void socket.write(bytesOf("to us")),
          data: (_, chunk) => void (text += textOf(chunk)),
          close: () => resolve(),
        },
      });
    });
    const conn = await within("accept", accepting);
    assert.equal(await receive(conn, 5), digest(bytesOf("to us")));
    await conn.write(bytesOf("from us"));
    conn.close();
    await within("the close", closed);
    assert.equal(text, "from us");
  });
});

describe("With CreateFile(), ReadFile() and WriteFile() in C", {
  skip: !isWindows && "named pipes of Windows" ||
    IOCP_TEST_PEER === undefined && "npm test sets the path of the program",
}, () => {
  /* What the program does: see ffi/tests/shared/pipe_peer.h. */
  const size = 5_000_000;

  async function endOf(child: Child): Promise<void> {
    const { code, stdout, stderr } = await within("its end", child.ended);
    assert.deepEqual(
      [code, stdout.trim().split("\n").pop()],
      [0, "done"],
      stderr,
    );
  }

  test("its client gets its bytes back, and all before close()", async () => {
    const path = newPath();
    using listener = listen({ path });
    const args = ["pipe-client", path, `${size}`, "7"];
    using child = new Child(IOCP_TEST_PEER!, args, {});
    const conn = await within("accept", listener.accept());
    const p = new Uint8Array(20_011);
    for (let left = size; left > 0;) {
      const room = p.subarray(0, left);
      const count = await within("a read", conn.read(room));
      assert.ok(count !== null, `the end, with ${left} bytes left`);
      await conn.write(room.subarray(0, count));
      left -= count;
    }
    conn.write(await readBytes(conn, size)).catch(() => {});
    conn.close();
    await endOf(child);
  });

  /* A client cannot tell DisconnectNamedPipe() from a reset. */
  const ends = { close: /^5000000 /, disconnect: /^ECONNRESET$/ };
  for (const [way, expected] of Object.entries(ends)) {
    test(`its server echoes, and its ${way} loses no byte`, async () => {
      const path = newPath();
      const args = ["pipe-server", path, `${size}`, way];
      using child = new Child(IOCP_TEST_PEER!, args, {});
      await within("start", child.output(/listening/));
      using conn = await connect({ path });
      const echoed = receive(conn, size);
      await conn.write(pattern(size, 5));
      assert.equal(await echoed, digest(pattern(size, 5)));
      await within("a write", conn.write(pattern(size, 6)));
      /* The program is far ahead of the reads. */
      await delay(100);
      const result = new Digest();
      const end = await outcome(() => receiveByLoop(conn, result));
      assert.equal(result.text(), digest(pattern(size, 6)));
      assert.match(end, expected);
      await endOf(child);
    });
  }
});
