// Copyright the iocp authors. MIT license.
/* Connections with TLS are connections: what a Conn has works over TLS too. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Addr,
  broadcast,
  CompletionPort,
  type Conn,
  connectSync,
  NotSupported,
  SocketError,
} from "../mod.ts";
import { ownRuntime } from "./shared/child.ts";
import { delay, eventually, isSettled, within } from "./shared/deadline.ts";
import { receiveByDuplex } from "./shared/duplex.ts";
import { outcome } from "./shared/outcome.ts";
import { type Pair, pair, readUntilReset } from "./shared/pair.ts";
import { isWindows, localPair, type LocalPairOptions } from "./shared/local.ts";
import { bytesOf, Digest, digest, pattern } from "./shared/pattern.ts";
import { ca, securePair, server } from "./shared/tls.ts";
import {
  readText,
  receiveByLease,
  receiveByLoop,
  receiveByReader,
} from "./shared/transfer.ts";

const LARGE = 50_000_000;
const isBun = ownRuntime.name === "bun";

async function receiveByRead(conn: Conn): Promise<string> {
  const parts: Uint8Array[] = [];
  const p = new Uint8Array(70_001);
  for (let count; (count = await conn.read(p)) !== null;) {
    parts.push(p.slice(0, count));
  }
  return digest(...parts);
}

async function receiveByChunks(conn: Conn): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of conn.chunks(new Uint8Array(999))) {
    parts.push(chunk.slice());
  }
  return digest(...parts);
}

async function receiveByStream(conn: Conn): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of conn.readable) parts.push(chunk);
  return digest(...parts);
}

/** The digest of the next `length` bytes. */
async function readDigest(conn: Conn, length: number): Promise<string> {
  const result = new Digest();
  const p = new Uint8Array(100_000);
  while (result.length < length) {
    const room = p.subarray(0, length - result.length);
    const count = await within("a read", conn.read(room));
    assert.ok(count !== null, `the end after ${result.length} bytes`);
    result.add(p.subarray(0, count));
  }
  return result.text();
}

function isNotSupported(error: unknown): boolean {
  return error instanceof NotSupported;
}

function rejection(promise: Promise<unknown>): Promise<Error> {
  return within(
    "a rejection",
    promise.then(
      () => assert.fail("it has not been rejected"),
      (error) => error,
    ),
  );
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await rejection(promise);
  assert.ok(error instanceof SocketError, String(error));
  return error.code;
}

test("A handshake agrees on what conn.tls says, at both ends", async () => {
  using ends = await securePair({
    listen: { alpnProtocols: ["echo", "other"] },
    connect: { alpnProtocols: ["other", "echo"], serverName: "localhost" },
  });
  for (const conn of [ends.client, ends.server]) {
    assert.equal(conn.tls?.protocol, "TLSv1.3");
    assert.match(conn.tls!.cipher, /^TLS_AES_/);
    assert.equal(conn.tls?.alpnProtocol, "echo");
    assert.equal(conn.tls?.serverName, "localhost");
    assert.equal(conn.tls?.isResumed, false);
  }
  const { tls } = ends.client;
  assert.equal(tls?.isAuthorized, true);
  assert.equal(tls?.authorizationError, undefined);
  const certificate = tls!.peerCertificate!;
  assert.equal(certificate.subject["CN"], "localhost");
  assert.equal(certificate.issuer["CN"], "iocp test CA");
  assert.match(certificate.subjectAltName!, /DNS:localhost/);
  assert.equal(certificate.validTo.getUTCFullYear(), 2120);
  assert.equal(certificate.validFrom.getUTCFullYear(), 2020);
  assert.equal(certificate.raw[0], 0x30);
  assert.match(certificate.fingerprint256, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  assert.match(certificate.serialNumber, /^[0-9A-F]+$/i);
  assert.equal(ends.server.tls?.peerCertificate, undefined);
  assert.equal(ends.server.tls?.isAuthorized, false);
});

test("A connection without TLS has no conn.tls", async () => {
  using ends = await pair();
  assert.equal(ends.client.tls, undefined);
});

describe("Over TLS all bytes arrive in order, to the end", () => {
  const ways: Record<string, (conn: Conn) => Promise<string>> = {
    "a loop": receiveByLoop as (conn: Conn) => Promise<string>,
    "leased()": receiveByLease as (conn: Conn) => Promise<string>,
    "a reader": receiveByReader as (conn: Conn) => Promise<string>,
    "read()": receiveByRead,
    "chunks(p)": receiveByChunks,
    "readable": receiveByStream,
    "duplex()": (conn) => receiveByDuplex(conn.duplex() as never),
  };
  for (const [name, receive] of Object.entries(ways)) {
    for (const mode of ["flow", "zero-byte"] as const) {
      test(`${name}, ${mode}`, async () => {
        using ends = await securePair({ receive: { mode } });
        const bytes = pattern(3_000_001);
        const received = receive(ends.client);
        await ends.server.write(bytes);
        ends.server.close();
        assert.equal(await within(name, received), digest(bytes));
      });
    }
  }
});

test("50 MB arrive while 50 MB are sent", async () => {
  using ends = await securePair();
  const all = [pattern(LARGE, 1), pattern(LARGE, 2)];
  const received = Promise.all([
    readDigest(ends.client, LARGE),
    readDigest(ends.server, LARGE),
  ]);
  const written = Promise.all([
    ends.server.write(all[0]!),
    ends.client.write(all[1]!),
  ]);
  await within("the bytes", Promise.all([received, written]), 300_000);
  assert.deepEqual(await received, all.map((bytes) => digest(bytes)));
});

test("Writes over TLS that are not awaited arrive in order", async () => {
  using ends = await securePair();
  /* Some leave at once, and others wait behind them. */
  const parts = Array.from(
    { length: 300 },
    (_, i) => pattern(i % 50 === 49 ? 300_000 : 1 + 97 * (i % 50), i),
  );
  const all = new Digest();
  for (const part of parts) all.add(part);
  const received = readDigest(ends.server, all.length);
  const written: Promise<number>[] = [];
  for (const [i, part] of parts.entries()) {
    written.push(ends.client.write(part));
    if (i % 7 === 0) await written.at(-1);
  }
  assert.equal(await received, all.text());
  const counts = await within("the writes", Promise.all(written));
  assert.deepEqual(counts, parts.map(({ length }) => length));
  assert.equal(ends.client.stats().bytesSent, all.length);
  assert.equal(ends.client.stats().bytesUnsent, 0);
});

test("Chunks over TLS are kept while the memory below is used again", async () => {
  using ends = await securePair();
  /* In the same slabs there are chunks without TLS, which are kept too. */
  using plain = await pair();
  const bytes = pattern(4_000_000);
  const written = Promise.all(
    [ends.client, plain.client].map(async (conn) => {
      await conn.write(bytes);
      conn.close();
    }),
  );
  const keep = async (conn: Conn) => {
    const parts: Uint8Array[] = [];
    for await (const chunk of conn) parts.push(chunk);
    await delay(50);
    return digest(...parts);
  };
  const kept = Promise.all([keep(ends.server), keep(plain.server)]);
  const expected = digest(bytes);
  assert.deepEqual(await within("the bytes", kept), [expected, expected]);
  await written;
});

test("A write over TLS waits for a peer that does not read", async () => {
  using ends = await securePair();
  const bytes = pattern(30_000_000);
  const error = await rejection(ends.client.write(bytes, { timeout: 300 }));
  assert.ok(error instanceof SocketError);
  assert.equal(error.code, "ETIMEDOUT");
  const { bytesWritten } = error;
  assert.ok(bytesWritten! < bytes.length, `${bytesWritten}`);
  /* What was accepted arrives, and the connection goes on. */
  const parts = [
    bytes.subarray(0, bytesWritten!),
    bytes.subarray(bytesWritten!),
  ] as const;
  const rest = ends.client.write(parts[1]);
  for (const part of parts) {
    assert.equal(await readDigest(ends.server, part.length), digest(part));
  }
  await rest;
});

test("A peer that is not read from costs no more memory over TLS", async () => {
  using ends = await securePair();
  const written = ends.client.write(new Uint8Array(LARGE));
  written.catch(() => {});
  await delay(500);
  assert.equal(await isSettled(written), false);
  assert.ok(ends.client.writableNeedDrain);
  assert.ok(ends.client.writableLength > 10_000_000);
  const { bytesAhead, bytesReadable } = ends.server.stats();
  assert.ok(bytesAhead + bytesReadable < 2_000_000, `${bytesReadable}`);
});

test("close() over TLS delivers everything to a slow peer", async () => {
  using ends = await securePair();
  const bytes = pattern(5_000_000);
  ends.server.write(bytes);
  const closed = ends.server.close({ deadline: 60_000 });
  await delay(100);
  assert.equal(await receiveByRead(ends.client), digest(bytes));
  ends.client.close();
  await within("the close", closed);
  await eventually(
    "only the listener is open",
    () => ends.port.stats().sockets === 1,
  );
});

describe("Over TLS a reset of the peer ends", () => {
  /* A pair whose server has received a part of what its client has sent. */
  async function halfRead(): Promise<Pair> {
    const ends = await securePair({ closeTimeout: 600_000 });
    ends.client.write(pattern(300_000)).catch(() => {});
    await within("bytes", ends.server.read(new Uint8Array(1000)));
    return ends;
  }

  for (const when of ["before it", "meanwhile"]) {
    test(`a close, ${when}`, async () => {
      using ends = await halfRead();
      const { client, server, port } = ends;
      if (when === "before it") {
        client.reset();
        await delay(20);
        server.close();
      } else {
        server.close();
        client.reset();
      }
      await within("the close", server.close({ deadline: 500_000 }));
      await eventually(
        "only the listener is open",
        () => port.stats().sockets === 1,
      );
    });

    test(`closeWrite(), ${when}`, async () => {
      using ends = await halfRead();
      const { client, server } = ends;
      if (when === "before it") {
        client.reset();
        await delay(20);
        assert.equal(await codeOf(server.closeWrite()), "ECONNRESET");
      } else {
        const ending = codeOf(server.closeWrite());
        client.reset();
        assert.equal(await ending, "ECONNRESET");
      }
    });
  }
});

/* A pair whose client has ended its direction. */
async function halfClosed(): Promise<Pair> {
  const ends = await securePair({ allowHalfOpen: true });
  const { client, server } = ends;
  await client.write(bytesOf("question"));
  await client.closeWrite();
  assert.equal(await codeOf(client.write(bytesOf("more"))), "EPIPE");
  assert.equal(await readText(server), "question");
  assert.equal(await server.read(new Uint8Array(1)), null);
  return ends;
}

/* Makes TLS of both ends of a connection. */
function startBoth(ends: { client: Conn<Addr>; server: Conn<Addr> }) {
  return Promise.all([
    ends.client.startTls({ ca, serverName: "localhost" }),
    ends.server.startTls({ isServer: true, ...server }),
  ]);
}

/* Only unix sockets retain what was received before a reset. The client's own end of TLS,
 * which answers that of the server, then fails. */
test("A reset after the end of TLS takes neither bytes nor the end", {
  skip: isWindows && "its pipes and TCP discard what was received",
}, async () => {
  using ends = await localPair();
  const [client, secure] = await startBoth(ends);
  const bytes = pattern(10_000);
  await secure.write(bytes);
  await secure.closeWrite();
  ends.server.reset();
  const parts: Uint8Array[] = [];
  const p = new Uint8Array(99);
  for (let count; (count = await client.read(p)) !== null;) {
    parts.push(p.slice(0, count));
    await delay(0);
  }
  assert.equal(digest(...parts), digest(bytes));
});

for (
  const [name, read] of Object.entries({
    "read()": (conn: Conn<Addr>) => conn.read(new Uint8Array(100)),
    "a web stream": async (conn: Conn<Addr>) => {
      const { value } = await conn.readable.getReader().read();
      return value?.length ?? null;
    },
    "a loop": async (conn: Conn<Addr>) => {
      for await (const chunk of conn) return chunk.length;
      return null;
    },
  })
) {
  test(`A reset before ${name} gets the end of TLS takes it not away`, {
    skip: isWindows && "its pipes and TCP discard what was received",
  }, async () => {
    using ends = await localPair();
    const [client, secure] = await startBoth(ends);
    await secure.write(pattern(10));
    await secure.closeWrite();
    ends.server.reset();
    assert.equal(await client.read(new Uint8Array(100)), 10);
    await eventually(
      "the reset was noticed",
      async () =>
        await outcome(() => client.write(pattern(1), { timeout: 100 })) !== "1",
    );
    await delay(20);
    assert.equal(await within("the end", read(client)), null);
    client.close();
  });
}

test("closeWrite() over TLS ends one direction", {
  skip: isBun && "its node:tls then ends both",
}, async () => {
  using ends = await halfClosed();
  const { client, server } = ends;
  await server.write(bytesOf("answer"));
  assert.equal(await readText(client), "answer");
  await server.closeWrite();
  assert.equal(await client.read(new Uint8Array(1)), null);
});

test("A closeWrite() of the peer ends both directions in Bun", {
  skip: !isBun && "it is so in Bun",
}, async () => {
  using ends = await halfClosed();
  const error = await rejection(ends.server.write(bytesOf("answer")));
  assert.match(error.message, /node:tls of this runtime then ends both/);
  assert.equal((error as SocketError).code, "EPIPE");
  assert.equal(await ends.client.read(new Uint8Array(1)), null);
});

test("An end of the connection without the end of TLS is an error", async () => {
  using ends = await pair({ allowHalfOpen: true });
  const [client, secure] = await Promise.all([
    ends.client.startTls({ ca }),
    ends.server.startTls({ isServer: true, ...server }),
  ]);
  await secure.write(bytesOf("half of it"));
  assert.equal(await readText(client), "half of it");
  const loop = receiveByLoop(client);
  /* FIN, of the connection below. */
  ends.server.close();
  const error = await rejection(loop);
  assert.equal((error as SocketError).code, "EUNEXPECTEDEND");
  assert.match(error.message, /close_notify/);
});

test("The end of TLS is no error when bytes before it were not read", async () => {
  for (let round = 0; round < 20; round++) {
    using ends = await securePair();
    const bytes = pattern(100_000, round);
    ends.server.write(bytes);
    ends.server.close();
    await delay(round);
    assert.equal(await receiveByRead(ends.client), digest(bytes));
  }
});

test("A reset is an error at the peer, not an end", async () => {
  using ends = await securePair();
  ends.server.reset();
  const error = await readUntilReset(ends.client);
  assert.equal((error as SocketError).code, "ECONNRESET");
  assert.equal(await codeOf(ends.client.write(bytesOf("x"))), "ECONNRESET");
});

test("A reset fails writes that are pending", async () => {
  using ends = await securePair();
  const written = codeOf(ends.client.write(new Uint8Array(LARGE)));
  await delay(50);
  ends.server.reset();
  assert.match(await within("the failure", written), /ECONNRESET|EPIPE/);
});

test("A loop over TLS that the peer ends sends the end of TLS", async () => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    using ends = await securePair({ listen: { maxVersion } });
    const { client, server } = ends;
    const looped = (async () => {
      for await (const _ of server);
    })();
    /* Without it, this would reject. */
    const received = client.read(new Uint8Array(1));
    await client.write(bytesOf("all"));
    await client.closeWrite();
    await within("the end of the loop", looped);
    assert.equal(await within("the end", received), null);
  }
});

test("close() over TLS ends at once when the peer has reset the connection", async () => {
  for (const isWriting of [false, true]) {
    using ends = await securePair();
    const { client, server } = ends;
    /* The reset is found only when the end of TLS is sent. */
    if (isWriting) client.write(new Uint8Array(3_000_000)).catch(() => {});
    server.reset();
    const closing = within("the close", client.close({ deadline: 50_000 }));
    /* As without TLS: nothing that was written is missing. */
    if (!isWriting) await closing;
    else {
      await assert.rejects(
        closing,
        (error) =>
          error instanceof SocketError && /^(ECONN|EPIPE)/.test(error.code),
      );
    }
  }
});

test("close() over TLS interrupts a read, and ends a loop", async () => {
  using ends = await securePair();
  const read = codeOf(ends.client.read(new Uint8Array(1)));
  ends.client.close();
  assert.equal(await read, "EINTR");
  assert.equal(await receiveByLoop(ends.server), digest());
  await eventually(
    "only the listener is open",
    () => ends.port.stats().sockets === 1,
  );
});

test("timeout and signal end a read over TLS, and lose nothing", async () => {
  using ends = await securePair();
  const p = new Uint8Array(10);
  assert.equal(await codeOf(ends.client.read(p, { timeout: 20 })), "ETIMEDOUT");
  const controller = new AbortController();
  const read = rejection(ends.client.read(p, { signal: controller.signal }));
  controller.abort(new Error("enough"));
  assert.equal((await read).message, "enough");
  await ends.server.write(bytesOf("later"));
  assert.equal(await readText(ends.client), "later");
});

test("setTimeout() ends an idle connection with TLS", async () => {
  using ends = await securePair();
  ends.server.setTimeout(50);
  assert.equal(await codeOf(receiveByLoop(ends.server)), "ETIMEDOUT");
  assert.equal(await receiveByLoop(ends.client), digest());
});

test("lines(), frames() and a reader work over TLS", async () => {
  using ends = await securePair();
  await ends.server.write(bytesOf("one\r\ntwo\n"));
  const lines: string[] = [];
  for await (const line of ends.client.lines()) {
    lines.push(line);
    if (lines.length === 2) break;
  }
  assert.deepEqual(lines, ["one", "two"]);
  await ends.server.write(new Uint8Array([0, 2, 7, 8, 0, 1, 9]));
  for await (const frame of ends.client.frames({ lengthBytes: 2 })) {
    assert.deepEqual([...frame], [7, 8]);
    break;
  }
  const frame = await ends.client.reader().readExactly(3);
  assert.deepEqual([...frame], [0, 1, 9]);
});

test("pipeTo() passes bytes on between connections with TLS", async () => {
  using left = await securePair();
  using right = await securePair();
  const bytes = pattern(1_000_000);
  const piped = left.server.pipeTo(right.client);
  const received = receiveByRead(right.server);
  await left.client.write(bytes);
  await left.client.closeWrite();
  assert.equal(await within("the bytes", received), digest(bytes));
  await within("the pipe", piped);
});

test("broadcast() sends to connections with and without TLS", async () => {
  using secure = await securePair();
  using plain = await pair();
  for (
    const conns of [
      [secure.client, plain.client],
      [plain.client, secure.client],
    ]
  ) {
    const failed = await broadcast(conns, bytesOf("to all"));
    assert.equal(failed.size, 0);
    assert.equal(await readText(secure.server), "to all");
    assert.equal(await readText(plain.server), "to all");
  }
});

test("tryWrite(), drained() and several parts work over TLS", async () => {
  using ends = await securePair();
  assert.equal(ends.client.tryWrite(bytesOf("first ")), 6);
  /* Nothing is accepted behind a write that has not left. */
  let expected = "first ";
  for (const letter of "abcdefgh") {
    const bytes = bytesOf(letter);
    if (ends.client.tryWrite(bytes) === 0) break;
    /* What was accepted is not of the caller's memory any more. */
    bytes.fill(0);
    expected += letter;
  }
  await ends.client.drained();
  assert.equal(ends.client.writableLength, 0);
  await ends.client.write([bytesOf("sec"), bytesOf("ond")]);
  expected += "second";
  const reader = ends.server.reader();
  const received = await reader.readExactly(expected.length);
  assert.deepEqual(received, bytesOf(expected));
});

test("Addresses, options and counters of a connection with TLS", async () => {
  using ends = await securePair({ noDelay: true });
  const { client, server } = ends;
  assert.deepEqual(client.localAddr, server.remoteAddr);
  assert.deepEqual(client.remoteAddr, ends.listener.addr);
  assert.equal(client.options.noDelay, true);
  client.setNoDelay(false);
  assert.equal(client.options.noDelay, false);
  await client.write(bytesOf("12345"));
  assert.equal(await readText(server), "12345");
  assert.equal(client.stats().bytesSent, 5);
  assert.equal(server.stats().bytesReceived, 5);
  client.close();
  assert.deepEqual(client.remoteAddr, ends.listener.addr);
  assert.equal(await codeOf(client.read(new Uint8Array(1))), "EBADF");
});

test("What TLS does not have is NotSupported", async () => {
  using ends = await securePair();
  const { client } = ends;
  assert.ok(await rejection(client.detach()) instanceof NotSupported);
  assert.throws(() => client.readSync(new Uint8Array(1)), isNotSupported);
  assert.throws(() => client.writeSync(new Uint8Array(1)), isNotSupported);
  assert.throws(() => ends.listener.acceptSync(), isNotSupported);
  const options = { ...ends.listener.addr, tls: true } as const;
  assert.throws(() => connectSync(options), isNotSupported);
  /* The connection goes on. */
  await client.write(bytesOf("on"));
  assert.equal(await readText(ends.server), "on");
});

test("port.close() ends connections with TLS, and handshakes", async () => {
  const ends: Pair = await securePair();
  const read = rejection(ends.client.read(new Uint8Array(1)));
  using silent = new CompletionPort();
  const listener = silent.listen({ hostname: "127.0.0.1" });
  const attempt = rejection(
    ends.port.connect({ ...listener.addr, tls: { ca } }),
  );
  await within("the connection", listener.accept());
  ends.port.close();
  assert.equal((await read as SocketError).code, "EINTR");
  assert.equal((await attempt as SocketError).code, "EINTR");
});

const secureLocalPair = (options: LocalPairOptions = {}) =>
  localPair({ ...options, listen: { tls: server }, connect: { tls: { ca } } });

test("TLS works over a local socket", async () => {
  using ends = await secureLocalPair();
  const { client } = ends;
  assert.equal(client.tls?.serverName, "localhost");
  const bytes = pattern(1_000_000);
  const received = receiveByLoop(ends.server);
  await client.write(bytes);
  client.close();
  assert.equal(await within("the bytes", received), digest(bytes));
});

test("startTls() works over a local socket", async () => {
  using ends = await localPair();
  const [client, accepted] = await within(
    "TLS",
    Promise.all([
      ends.client.startTls({ ca }),
      ends.server.startTls({ isServer: true, ...server }),
    ]),
  );
  await client.write(bytesOf("secret"));
  assert.equal(await readText(accepted), "secret");
  await accepted.write(bytesOf("answer"));
  assert.equal(await readText(client), "answer");
  assert.equal(client.tls?.protocol, "TLSv1.3");
});

test("closeWrite() over TLS ends the direction of a unix socket", {
  skip: isWindows && "its named pipes have no half-close",
}, async () => {
  using ends = await secureLocalPair({ allowHalfOpen: true });
  const received = receiveByLoop(ends.server);
  const bytes = pattern(1_000_000);
  await ends.client.write(bytes);
  await ends.client.closeWrite();
  assert.equal(await within("the end", received), digest(bytes));
  assert.equal(await codeOf(ends.client.write(bytes)), "EPIPE");
});

test("closeWrite() over TLS is NotSupported over a named pipe", {
  skip: !isWindows && "Linux has none",
}, async () => {
  using ends = await secureLocalPair();
  const { client, server } = ends;
  for (const conn of [client, server]) {
    const error = await rejection(conn.closeWrite());
    assert.ok(error instanceof NotSupported);
    assert.match(error.message, /named pipe/);
  }
  /* The connection goes on. */
  await client.write(bytesOf("still"));
  assert.equal(await readText(server), "still");
  await server.write(bytesOf("open"));
  assert.equal(await readText(client), "open");
});

test("startTls() begins TLS in the middle of a connection", async () => {
  using ends = await pair();
  await ends.client.write(bytesOf("STARTTLS\n"));
  const reader = ends.server.reader();
  assert.equal(await reader.readLine(), "STARTTLS");
  /* The first bytes of TLS arrive before this side begins. */
  const started = ends.client.startTls({ ca });
  await delay(50);
  const secure = ends.server.startTls({ isServer: true, ...server });
  const [client, accepted] = await within(
    "TLS",
    Promise.all([started, secure]),
  );
  await client.write(bytesOf("secret"));
  assert.equal(await readText(accepted), "secret");
  /* TLS over TLS. */
  const inner = await within(
    "TLS over TLS",
    Promise.all([
      client.startTls({ ca }),
      accepted.startTls({ isServer: true, ...server }),
    ]),
  );
  await inner[0].write(bytesOf("more secret"));
  assert.equal(await readText(inner[1]), "more secret");
});

test("A second startTls() is refused, and the first goes on", async () => {
  using ends = await pair();
  /* Wrong options begin nothing. */
  const wrong = { ca: "no certificate" };
  assert.ok(await rejection(ends.client.startTls(wrong)) instanceof TypeError);
  const secured = ends.client.startTls({ ca });
  const error = await rejection(ends.client.startTls({ ca })) as SocketError;
  assert.equal(error.code, "EBUSY");
  assert.match(error.message, /startTls\(\) was called before/);
  const options = { isServer: true, ...server } as const;
  const accepted = ends.server.startTls(options);
  assert.equal(await codeOf(ends.server.startTls(options)), "EBUSY");
  const [client, other] = await within(
    "the handshake",
    Promise.all([secured, accepted]),
  );
  /* It is refused when TLS has begun, too. */
  assert.equal(await codeOf(ends.client.startTls({ ca })), "EBUSY");
  await client.write(bytesOf("goes on"));
  assert.equal(await readText(other), "goes on");
});

test("startTls() is refused for a connection whose bytes go elsewhere", async () => {
  using ends = await pair();
  ends.client.duplex();
  const error = await rejection(ends.client.startTls({ ca }));
  assert.ok(error instanceof NotSupported);
  ends.server.close();
  assert.equal(await codeOf(ends.server.startTls({ ca })), "EBADF");
});

test("listener.shutdown() counts and resets connections with TLS", async () => {
  using ends = await securePair();
  const result = ends.listener.shutdown({ deadline: 100 });
  assert.deepEqual(await within("the shutdown", result), {
    closed: 0,
    reset: 1,
  });
  const error = await readUntilReset(ends.client);
  assert.equal((error as SocketError).code, "ECONNRESET");
});
