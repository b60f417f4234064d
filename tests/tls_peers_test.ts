// Copyright the iocp authors. MIT license.
/* TLS with other implementations at the other end: the runtime's own, and on Linux
 * openssl and curl. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { describe, test } from "node:test";
import {
  CompletionPort,
  type Conn,
  type Listener,
  serveHttp,
  SocketError,
  type TlsOptions,
  type TlsServerOptions,
} from "../mod.ts";
import { Child, ownRuntime } from "./shared/child.ts";
import { eventually, within } from "./shared/deadline.ts";
import { debianRoot, noDebian, startDebian } from "./shared/debian.ts";
import { repositoryPath, TemporaryFolder } from "./shared/files.ts";
import { bytesOf, digest, pattern } from "./shared/pattern.ts";
import { ca, identityOf, server } from "./shared/tls.ts";
import { readText, receiveByLoop } from "./shared/transfer.ts";

const LARGE = 50_000_000;
const LONG_MS = 300_000;
const HOST = { hostname: "127.0.0.1" };
const isDeno = ownRuntime.name === "deno";
const onLinux = { skip: noDebian };

const files = (name: string) =>
  repositoryPath(`tests/shared/certificates/${name}`);

/* Reads exactly so many bytes. */
async function take(conn: Conn, length: number): Promise<string> {
  const hash = createHash("sha256");
  const p = new Uint8Array(128 * 1024);
  for (let left = length; left > 0;) {
    const count = await within("a read", conn.read(p.subarray(0, left)));
    assert.ok(count !== null, `the end ${left} bytes too early`);
    hash.update(p.subarray(0, count));
    left -= count;
  }
  return `${length} ${hash.digest("hex")}`;
}

/* ---- openssl */

/** Runs openssl with the file as its input; its output goes to another one. */
function openssl(input: string, output: string, ...args: string[]): Child {
  const libraries = `${debianRoot}/usr/lib/x86_64-linux-gnu`;
  return new Child(
    "/bin/sh",
    [
      "-c",
      'output=$1; shift; exec "$@" < "$0" > "$output"',
      input,
      output,
      `${libraries}/ld-linux-x86-64.so.2`,
      "--library-path",
      libraries,
      `${debianRoot}/usr/bin/openssl`,
      ...args,
    ],
    { env: { OPENSSL_CONF: "/dev/null" } },
  );
}

/** Starts s_client. */
function sClient(
  listener: Listener,
  input: string,
  output: string,
  ...args: string[]
): Child {
  const { port } = listener.addr;
  return openssl(
    input,
    output,
    "s_client",
    "-connect",
    `127.0.0.1:${port}`,
    "-CAfile",
    files("ca.pem"),
    "-verify_return_error",
    ...args,
  );
}

/** A running s_server and its port. */
async function sServer(
  cwd: string,
  ...args: string[]
): Promise<{ child: Child; port: number }> {
  const identity = ["-cert", files("server.pem"), "-key", files("server.key")];
  const child = startDebian(
    "openssl",
    ["s_server", "-accept", "127.0.0.1:0", ...identity, ...args],
    { cwd, env: { OPENSSL_CONF: "/dev/null" } },
  );
  const [, port] = await child.output(/ACCEPT [^\n]*:(\d+)\n/);
  return { child, port: Number(port) };
}

function listen(port: CompletionPort, tls: Partial<TlsServerOptions> = {}) {
  return port.listen({ ...HOST, tls: { ...server, ...tls } });
}

describe("openssl s_client", () => {
  test("50 MB in both directions", onLinux, async () => {
    using port = new CompletionPort();
    using folder = new TemporaryFolder();
    const [question, answer] = [pattern(LARGE, 1), pattern(LARGE, 2)];
    const input = folder.join("input");
    const output = folder.join("output");
    writeFileSync(input, question);
    const listener = listen(port);
    using child = sClient(listener, input, output, "-quiet");
    const conn = await within("a connection", listener.accept());
    const received = take(conn, LARGE);
    await within("the write", conn.write(answer), LONG_MS);
    assert.equal(await received, digest(question));
    await conn.close({ deadline: LONG_MS });
    const { code, stderr } = await child.ended;
    assert.equal(code, 0, stderr);
    assert.equal(digest(readFileSync(output)), digest(answer));
  });

  test("ALPN, SNI, and the versions", onLinux, async () => {
    using port = new CompletionPort();
    using folder = new TemporaryFolder();
    const output = folder.join("output");
    const listener = listen(port, {
      alpnProtocols: ["http/1.1"],
      sni: new Map([["one.test", identityOf("one")]]),
    });
    for (
      const [flag, protocol] of [["-tls1_2", "TLSv1.2"], ["-tls1_3", "TLSv1.3"]]
    ) {
      using child = sClient(
        listener,
        "/dev/null",
        output,
        "-ign_eof",
        flag!,
        "-alpn",
        "h2,http/1.1",
        "-servername",
        "one.test",
      );
      const conn = await within("a connection", listener.accept());
      assert.equal(conn.tls?.protocol, protocol);
      assert.equal(conn.tls?.alpnProtocol, "http/1.1");
      assert.equal(conn.tls?.serverName, "one.test");
      await conn.write(bytesOf("HELLO"));
      conn.close();
      const { code, stderr } = await child.ended;
      assert.equal(code, 0, stderr);
      const text = readFileSync(output, "utf8");
      assert.match(text, /subject=CN ?= ?one\.test/);
      assert.match(text, /ALPN protocol: http\/1\.1/);
      assert.match(text, /Verify return code: 0 \(ok\)/);
      assert.match(text, /HELLO/);
    }
  });

  test("the certificate of the client", onLinux, async () => {
    using port = new CompletionPort();
    using folder = new TemporaryFolder();
    const listener = listen(port, { requestCert: true, ca });
    const output = folder.join("output");
    const identity = [
      "-cert",
      files("client.pem"),
      "-key",
      files("client.key"),
    ];
    using child = sClient(listener, "/dev/null", output, "-quiet", ...identity);
    const conn = await within("a connection", listener.accept());
    assert.equal(conn.tls?.peerCertificate?.subject["CN"], "client");
    assert.equal(conn.tls?.isAuthorized, true);
    conn.close();
    assert.equal((await child.ended).code, 0);
    /* Without it the client is refused. */
    using other = sClient(listener, "/dev/null", output, "-quiet");
    assert.notEqual((await other.ended).code, 0);
    assert.equal(listener.stats().handshakeFailures, 1);
  });

  test("a client that trusts another certificate", onLinux, async () => {
    using port = new CompletionPort();
    using folder = new TemporaryFolder();
    const listener = listen(port, identityOf("expired"));
    const accepting = listener.accept().catch(() => {});
    using child = sClient(listener, "/dev/null", folder.join("output"));
    const { code, stderr } = await child.ended;
    assert.notEqual(code, 0);
    assert.match(stderr, /certificate has expired/);
    await eventually(
      "a failure",
      () => listener.stats().handshakeFailures === 1,
    );
    assert.match(
      (listener.lastError as SocketError).code,
      /^ERR_SSL_|ECONNRESET/,
    );
    listener.close();
    await accepting;
  });

  test("a session that is resumed", onLinux, async () => {
    using port = new CompletionPort();
    using folder = new TemporaryFolder();
    const listener = listen(port);
    const session = folder.join("session");
    const output = folder.join("output");
    const isResumed: (boolean | undefined)[] = [];
    for (const flag of ["-sess_out", "-sess_in"]) {
      using child = sClient(
        listener,
        "/dev/null",
        output,
        "-ign_eof",
        flag,
        session,
      );
      const conn = await within("a connection", listener.accept());
      isResumed.push(conn.tls?.isResumed);
      await conn.write(bytesOf("x"));
      conn.close();
      await child.ended;
    }
    assert.deepEqual(isResumed, [false, true]);
    assert.match(readFileSync(output, "utf8"), /Reused, TLSv1\.3/);
  });

  test("a client that is killed is an error, not an end", onLinux, async () => {
    using port = new CompletionPort();
    using folder = new TemporaryFolder();
    const listener = listen(port);
    using child = sClient(listener, "/dev/null", folder.join("o"), "-quiet");
    const conn = await within("a connection", listener.accept());
    const loop = receiveByLoop(conn);
    child.process.kill("SIGKILL");
    await assert.rejects(
      within("the loop", loop),
      (error) =>
        error instanceof SocketError &&
        /EUNEXPECTEDEND|ECONNRESET/.test(error.code),
    );
  });
});

describe("openssl s_server", () => {
  async function get(
    port: CompletionPort,
    number: number,
    path: string,
    tls: TlsOptions = {},
  ): Promise<{ conn: Conn; body: Promise<string> }> {
    const conn = await within(
      "a connection",
      port.connect({ ...HOST, port: number, tls: { ca, ...tls } }),
    );
    await conn.write(bytesOf(`GET /${path} HTTP/1.0\r\n\r\n`));
    return { conn, body: bodyOf(conn) };
  }

  async function bodyOf(conn: Conn): Promise<string> {
    const reader = conn.reader();
    while (await reader.readLine() !== "");
    return await receiveByLoop(conn);
  }

  test("50 MB", onLinux, async () => {
    using port = new CompletionPort();
    using folder = new TemporaryFolder();
    const bytes = pattern(LARGE, 3);
    folder.write("blob.txt", bytes);
    const { child, port: number } = await sServer(folder.path, "-WWW");
    using _ = child;
    const { body } = await get(port, number, "blob.txt");
    assert.equal(await within("the body", body, LONG_MS), digest(bytes));
  });

  test("its second certificate, ALPN and versions", onLinux, async () => {
    using port = new CompletionPort();
    using folder = new TemporaryFolder();
    folder.write("page.txt", bytesOf("a page"));
    const { child, port: number } = await sServer(
      folder.path,
      "-WWW",
      "-alpn",
      "b,c",
      "-servername",
      "one.test",
      "-cert2",
      files("one.pem"),
      "-key2",
      files("one.key"),
    );
    using _ = child;
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      for (const serverName of ["one.test", "localhost"]) {
        const { conn, body } = await get(port, number, "page.txt", {
          serverName,
          maxVersion,
          alpnProtocols: ["a", "b"],
        });
        const { tls } = conn;
        assert.equal(tls?.peerCertificate?.subject["CN"], serverName);
        /* It has the protocols for its first certificate only. */
        const protocol = serverName === "localhost" ? "b" : undefined;
        assert.equal(tls?.alpnProtocol, protocol);
        assert.equal(tls?.protocol, maxVersion);
        assert.equal(await within("the body", body), digest(bytesOf("a page")));
      }
    }
  });

  test("it asks for a certificate", onLinux, async () => {
    using port = new CompletionPort();
    using folder = new TemporaryFolder();
    folder.write("page.txt", bytesOf("a page"));
    const { child, port: number } = await sServer(
      folder.path,
      "-WWW",
      "-Verify",
      "2",
      "-verify_return_error",
      "-CAfile",
      files("ca.pem"),
    );
    using _ = child;
    const client = identityOf("client");
    const { body } = await get(port, number, "page.txt", client);
    assert.equal(await within("the body", body), digest(bytesOf("a page")));
    /* Without one, the failure comes with the first read in TLS 1.3. */
    await assert.rejects(
      get(port, number, "page.txt").then(({ body }) => body),
      SocketError,
    );
  });

  test("a session that is resumed", {
    skip: noDebian || isDeno && "see docs/tls.md",
  }, async () => {
    using port = new CompletionPort();
    using folder = new TemporaryFolder();
    folder.write("page.txt", bytesOf("a page"));
    const { child, port: number } = await sServer(folder.path, "-WWW");
    using _ = child;
    const first = await get(port, number, "page.txt");
    await first.body;
    const { session } = first.conn.tls!;
    assert.ok(session !== undefined);
    const second = await get(port, number, "page.txt", { session });
    assert.equal(second.conn.tls?.isResumed, true);
    assert.equal(await second.body, digest(bytesOf("a page")));
  });
});

/* ---- curl */

describe("curl", () => {
  const blob = pattern(LARGE, 4);
  const site = createServer((request, response) => {
    const hash = createHash("sha256");
    let length = 0;
    request.on("data", (chunk: Uint8Array) => {
      hash.update(chunk);
      length += chunk.length;
    });
    request.on("end", () => {
      if (request.method === "GET") response.end(blob);
      else response.end(`${length} ${hash.digest("hex")}`);
    });
  });

  function curl(...args: string[]): Child {
    return startDebian("curl", ["--silent", "--show-error", ...args]);
  }

  test("it gets and sends 50 MB", onLinux, async () => {
    using port = new CompletionPort();
    using folder = new TemporaryFolder();
    const listener = listen(port, { alpnProtocols: ["http/1.1"] });
    await using _ = serveHttp(site, listener);
    const url = `https://localhost:${listener.addr.port}/`;
    const output = folder.join("output");
    const trust = ["--cacert", files("ca.pem")];
    for (const version of ["--http1.1", "--http1.0"]) {
      using get = curl(...trust, version, "--output", output, url);
      const { code, stderr } = await get.ended;
      assert.equal(code, 0, stderr);
      assert.equal(digest(readFileSync(output)), digest(blob));
    }
    folder.write("input", blob);
    const input = `@${folder.join("input")}`;
    using post = curl(...trust, "--data-binary", input, url);
    const { code, stdout, stderr } = await post.ended;
    assert.equal(code, 0, stderr);
    assert.equal(stdout, digest(blob));
  });

  test("it refuses a certificate that it does not trust", onLinux, async () => {
    using port = new CompletionPort();
    const listener = listen(port);
    const accepting = listener.accept().catch(() => {});
    using child = curl(`https://localhost:${listener.addr.port}/`);
    /* 60: the certificate cannot be checked. */
    assert.equal((await child.ended).code, 60);
    await eventually(
      "a failure",
      () => listener.stats().handshakeFailures === 1,
    );
    listener.close();
    await accepting;
  });
});

/* ---- the runtime's own TLS */

interface OwnConn {
  read(p: Uint8Array): Promise<number | null>;
  write(p: Uint8Array): Promise<number>;
  close(): void;
}
interface OwnListener {
  readonly addr: { readonly port: number };
  accept(): Promise<OwnConn>;
  close(): void;
}
interface DenoTls {
  connectTls(options: object): Promise<OwnConn>;
  listenTls(options: object): OwnListener;
}
interface BunSocket {
  write(bytes: Uint8Array): number;
  end(): void;
}
interface BunTls {
  connect(options: object): Promise<BunSocket>;
  listen(
    options: object,
  ): { readonly port: number; stop(force: boolean): void };
}
const { Deno: deno, Bun: bun } = globalThis as unknown as {
  Deno: DenoTls;
  Bun: BunTls;
};

/** Writes back what arrives, with backpressure. */
function bunEcho(): object {
  const waiting: Uint8Array[] = [];
  const flush = (socket: BunSocket) => {
    while (waiting.length > 0) {
      const first = waiting[0]!;
      const count = Math.max(0, socket.write(first));
      if (count < first.length) {
        waiting[0] = first.subarray(count);
        return;
      }
      waiting.shift();
    }
  };
  return {
    data(socket: BunSocket, bytes: Uint8Array) {
      waiting.push(new Uint8Array(bytes));
      flush(socket);
    },
    drain: flush,
    error() {},
  };
}

async function denoEcho(conn: OwnConn): Promise<void> {
  const p = new Uint8Array(64 * 1024);
  for (let count; (count = await conn.read(p)) !== null;) {
    for (let at = 0; at < count;) at += await conn.write(p.subarray(at, count));
  }
  conn.close();
}

/** Sends 50 MB to an echo and checks what comes back. */
async function exchange(conn: Conn): Promise<void> {
  const bytes = pattern(LARGE, 5);
  const received = take(conn, LARGE);
  await within("the write", conn.write(bytes), LONG_MS);
  assert.equal(await received, digest(bytes));
}

describe("The runtime's own TLS", () => {
  test("its server echoes 50 MB", async () => {
    using port = new CompletionPort();
    let number: number;
    let stop: () => void;
    if (isDeno) {
      const own = deno.listenTls({ port: 0, ...HOST, ...server });
      own.accept().then(denoEcho).catch(() => {});
      number = own.addr.port;
      stop = () => own.close();
    } else {
      const own = bun.listen({
        port: 0,
        ...HOST,
        tls: server,
        socket: bunEcho(),
      });
      number = own.port;
      stop = () => own.stop(true);
    }
    const conn = await within(
      "a connection",
      port.connect({ ...HOST, port: number, tls: { ca } }),
    );
    assert.equal(conn.tls?.isAuthorized, true);
    await exchange(conn);
    await conn.close({ deadline: LONG_MS });
    stop();
  });

  test("its client echoes 50 MB", async () => {
    using port = new CompletionPort();
    const listener = listen(port);
    const { addr } = listener;
    const own = isDeno
      ? deno.connectTls({
        hostname: "localhost",
        port: addr.port,
        caCerts: [ca],
      })
      : bun.connect({
        ...addr,
        tls: { ca, serverName: "localhost" },
        socket: bunEcho(),
      });
    const [conn, peer] = await within(
      "a connection",
      Promise.all([listener.accept(), own]),
    );
    if (isDeno) denoEcho(peer as OwnConn).catch(() => {});
    assert.equal(conn.tls?.serverName, "localhost");
    await exchange(conn);
    await conn.close({ deadline: LONG_MS });
  });

  test("its client sees the end", { skip: !isDeno && "of Deno" }, async () => {
    using port = new CompletionPort();
    const listener = listen(port);
    const own = deno.connectTls({
      hostname: "localhost",
      port: listener.addr.port,
      caCerts: [ca],
    });
    const [conn, peer] = await Promise.all([listener.accept(), own]);
    await conn.write(bytesOf("last"));
    conn.close();
    const p = new Uint8Array(10);
    assert.equal(await within("bytes", peer.read(p)), 4);
    /* It fails without the end of TLS. */
    assert.equal(await within("the end", peer.read(p)), null);
    peer.close();
  });

  test("the end of its server", { skip: !isDeno && "of Deno" }, async () => {
    using port = new CompletionPort();
    const own = deno.listenTls({ port: 0, ...HOST, ...server });
    const connecting = port.connect({
      ...HOST,
      port: own.addr.port,
      tls: { ca },
    });
    const [peer, conn] = await Promise.all([own.accept(), connecting]);
    await peer.write(bytesOf("last"));
    assert.equal(await readText(conn), "last");
    peer.close();
    const end = conn.read(new Uint8Array(1));
    assert.equal(await within("the end", end), null);
    own.close();
  });
});
