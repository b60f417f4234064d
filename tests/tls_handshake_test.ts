// Copyright the iocp authors. MIT license.
/* Handshakes of TLS: their options, their limits, and what is wrong with one that
 * fails. */

import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import {
  CompletionPort,
  type Conn,
  type Listener,
  NotSupported,
  SocketError,
  type TlsIdentity,
  type TlsOptions,
  type TlsServerOptions,
} from "../mod.ts";
import { ownRuntime } from "./shared/child.ts";
import { delay, eventually, within } from "./shared/deadline.ts";
import { pair, readUntilReset } from "./shared/pair.ts";
import { bytesOf } from "./shared/pattern.ts";
import {
  ca,
  identityOf,
  securePair,
  selfSigned,
  server,
} from "./shared/tls.ts";
import { readText } from "./shared/transfer.ts";

const isDeno = ownRuntime.name === "deno";
const HOST = { hostname: "127.0.0.1" };

async function failure(promise: Promise<unknown>): Promise<SocketError> {
  try {
    await within("a failure", promise);
  } catch (error) {
    assert.ok(error instanceof SocketError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "it has not failed" });
}

function isNotSupported(error: unknown): boolean {
  return error instanceof NotSupported;
}

/** A listener that accepts all, and what it takes to connect to it. */
class Site implements Disposable {
  readonly port = new CompletionPort();
  readonly listener: Listener;
  readonly accepted: Conn[] = [];

  constructor(tls: Partial<TlsServerOptions> = {}) {
    this.listener = this.port.listen({ ...HOST, tls: { ...server, ...tls } });
    this.#accept().catch(() => {});
  }

  async #accept(): Promise<void> {
    for await (const conn of this.listener) this.accepted.push(conn);
  }

  connect(tls: TlsOptions = {}): Promise<Conn> {
    const connecting = this.port.connect({
      ...this.listener.addr,
      timeout: 60_000,
      tls: { ca, ...tls },
    });
    return within("a connection", connecting);
  }

  /** Resolves with the error of the listener, once it has one. */
  async lastError(): Promise<Error> {
    const { listener } = this;
    await eventually("an error", () => listener.stats().handshakeFailures > 0);
    return listener.lastError!;
  }

  [Symbol.dispose](): void {
    this.port.close();
  }
}

describe("An error says what is wrong with the certificate of a server:", () => {
  async function wrong(
    tls: Partial<TlsServerOptions>,
    options: TlsOptions,
    code: string,
    message: RegExp,
  ): Promise<void> {
    using site = new Site(tls);
    const error = await failure(site.connect(options));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.match(
      error.message,
      /^Cannot make the TLS handshake with 127\.0\.0\.1:\d+: /,
    );
    assert.equal(error.port, site.listener.addr.port);
    await eventually(
      "only the listener is open",
      () => site.port.stats().sockets <= 1,
    );
    /* The same is allowed, and is said in conn.tls. */
    using conn = await site.connect({ ...options, rejectUnauthorized: false });
    assert.equal(conn.tls?.isAuthorized, false);
    assert.equal(conn.tls?.authorizationError, code);
    assert.ok(conn.tls?.peerCertificate !== undefined);
  }

  test("it has expired", () =>
    wrong(
      identityOf("expired"),
      {},
      "CERT_HAS_EXPIRED",
      /the certificate for DNS:localhost.* has expired on Jan +1 00:00:00 2021/,
    ));
  test("it is not valid yet", () =>
    wrong(
      identityOf("future"),
      {},
      "CERT_NOT_YET_VALID",
      /is not valid before Jan +1 00:00:00 2100/,
    ));
  test("it is for another name", () =>
    wrong(
      {},
      { serverName: "other.test" },
      "ERR_TLS_CERT_ALTNAME_INVALID",
      /the certificate for DNS:localhost.* is not for other\.test/,
    ));
  test("it is not for the IP address", () =>
    wrong(
      identityOf("one"),
      {},
      "ERR_TLS_CERT_ALTNAME_INVALID",
      /the certificate for DNS:one\.test is not for 127\.0\.0\.1/,
    ));
  test("it is self-signed", () =>
    wrong(
      selfSigned,
      {},
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      /is self-signed and not among the trusted ones/,
    ));
  test("its issuer is not known", () =>
    wrong(
      {},
      { ca: selfSigned.cert },
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      /has an issuer that is not known; its issuer is iocp test CA/,
    ));
});

test("A self-signed certificate may be the trusted one", async () => {
  using site = new Site(selfSigned);
  using conn = await site.connect({
    ca: [selfSigned.cert, ca],
    serverName: "localhost",
  });
  assert.equal(conn.tls?.isAuthorized, true);
});

test("Without options the certificates of the runtime are trusted", async () => {
  using site = new Site();
  const { addr } = site.listener;
  const error = await failure(site.port.connect({ ...addr, tls: true }));
  assert.equal(error.code, "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
});

describe("alpnProtocols:", () => {
  test("the server's preference decides", async () => {
    using ends = await securePair({
      listen: { alpnProtocols: ["a", "b"] },
      connect: { alpnProtocols: ["b", "a"] },
    });
    assert.equal(ends.client.tls?.alpnProtocol, "a");
  });
  test("a client may have none", async () => {
    using ends = await securePair({ listen: { alpnProtocols: ["a"] } });
    assert.equal(ends.client.tls?.alpnProtocol, undefined);
  });
  test("no common one is a failure at both ends", async () => {
    using site = new Site({ alpnProtocols: ["a"] });
    await failure(site.connect({ alpnProtocols: ["b"] }));
    const error = await site.lastError();
    assert.equal(
      (error as SocketError).code,
      "ERR_SSL_NO_APPLICATION_PROTOCOL",
    );
  });
});

describe("minVersion and maxVersion:", () => {
  test("the highest that both have is used", async () => {
    for (
      const options of [
        { listen: { maxVersion: "TLSv1.2" } },
        { connect: { maxVersion: "TLSv1.2" } },
      ] as const
    ) {
      using ends = await securePair(options);
      assert.equal(ends.client.tls?.protocol, "TLSv1.2");
      assert.equal(ends.server.tls?.protocol, "TLSv1.2");
      await ends.client.write(bytesOf("1.2"));
      assert.equal(await readText(ends.server), "1.2");
      ends.server.close();
      assert.equal(await ends.client.read(new Uint8Array(1)), null);
    }
  });
  test("none in common is a failure", async () => {
    using high = new Site({ minVersion: "TLSv1.3" });
    await failure(high.connect({ maxVersion: "TLSv1.2" }));
    await high.lastError();
    using low = new Site({ maxVersion: "TLSv1.2" });
    await failure(low.connect({ minVersion: "TLSv1.3" }));
    await low.lastError();
  });
});

describe("sni:", () => {
  const one = identityOf("one");
  const ways: Record<string, TlsServerOptions["sni"]> = {
    "a map": new Map([["one.test", one]]),
    "a function": (name) => name === "one.test" ? one : undefined,
    "a promise": async (name) => {
      await delay(10);
      return name === "one.test" ? one : undefined;
    },
  };
  for (const [name, sni] of Object.entries(ways)) {
    test(`${name} chooses the certificate`, async () => {
      using site = new Site({ sni });
      const conns = await Promise.all([
        site.connect({ serverName: "one.test" }),
        site.connect({ serverName: "localhost" }),
        site.connect({ serverName: "ONE.test" }),
        /* No name is sent for an address. */
        site.connect(),
      ]);
      assert.deepEqual(
        conns.map(({ tls }) => tls?.peerCertificate?.subject["CN"]),
        ["one.test", "localhost", "one.test", "localhost"],
      );
      await eventually("all are accepted", () => site.accepted.length === 4);
      assert.deepEqual(
        site.accepted.map(({ tls }) => tls?.serverName?.toLowerCase()).sort(),
        ["localhost", "one.test", "one.test", undefined],
      );
    });
  }
  test("an error of the function is that of the handshake", async () => {
    using site = new Site({
      sni: () => {
        throw new Error("no such site");
      },
    });
    await failure(site.connect({ serverName: "one.test" }));
    assert.match((await site.lastError()).message, /no such site/);
    /* Others are served. */
    using _ = await site.connect();
  });
  test("a wrong identity is a failure that names it", async () => {
    const identity = { cert: "none", key: "none" } as TlsIdentity;
    using site = new Site({ sni: () => identity });
    await failure(site.connect({ serverName: "one.test" }));
    assert.match((await site.lastError()).message, /for one\.test\.cert/);
  });
  test("a ClientHello in single bytes is read", async () => {
    using site = new Site({ sni: new Map([["one.test", one]]) });
    using proxy = site.port.listen(HOST);
    async function slow(): Promise<void> {
      const client = await proxy.accept();
      const upstream = await site.port.connect({ ...site.listener.addr });
      upstream.pipeTo(client).catch(() => {});
      const p = new Uint8Array(1);
      while (await client.read(p) !== null) {
        await upstream.write(p);
      }
    }
    slow().catch(() => {});
    using conn = await site.port.connect({
      ...proxy.addr,
      tls: { ca, serverName: "one.test" },
    });
    assert.equal(conn.tls?.peerCertificate?.subject["CN"], "one.test");
  });
});

describe("requestCert:", () => {
  const client = identityOf("client");
  test("the certificate of the client is shown to the server", async () => {
    using site = new Site({ requestCert: true, ca });
    using conn = await site.connect(client);
    await eventually("it is accepted", () => site.accepted.length === 1);
    const { tls } = site.accepted[0]!;
    assert.equal(tls?.peerCertificate?.subject["CN"], "client");
    assert.equal(tls?.isAuthorized, true);
    await conn.write(bytesOf("x"));
    assert.equal(await readText(site.accepted[0]!), "x");
  });
  test("without requestCert it is not", async () => {
    using ends = await securePair({ listen: { ca }, connect: client });
    assert.equal(ends.server.tls?.peerCertificate, undefined);
  });
  const wrong: Record<string, [TlsOptions, string, RegExp]> = {
    "none": [
      {},
      "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE",
      /the peer has shown no certificate/,
    ],
    "one that is not trusted": [
      selfSigned,
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      /is self-signed/,
    ],
  };
  for (const [name, [options, code, message]] of Object.entries(wrong)) {
    test(`${name} is a failure`, async () => {
      using site = new Site({ requestCert: true, ca });
      /* In TLS 1.3 the client is done before its certificate is checked. */
      const ended = failure(
        site.connect(options).then(async (conn) => {
          const p = new Uint8Array(1);
          if (await conn.read(p) === null) {
            throw new SocketError("END", { syscall: "read" });
          }
        }),
      );
      const error = await site.lastError();
      assert.equal((error as SocketError).code, code);
      assert.match(error.message, message);
      await ended;
      assert.equal(site.accepted.length, 0);
    });
    test(`${name} is accepted without rejectUnauthorized`, async () => {
      using site = new Site({
        requestCert: true,
        rejectUnauthorized: false,
        ca,
      });
      using _ = await site.connect(options);
      await eventually("it is accepted", () => site.accepted.length === 1);
      const { tls } = site.accepted[0]!;
      assert.equal(tls?.isAuthorized, false);
      assert.equal(tls?.authorizationError, code);
    });
  }
});

describe("session:", () => {
  test("the node:tls of Deno resumes none", {
    skip: !isDeno && "it is so in Deno",
  }, async () => {
    using site = new Site();
    const session = new Uint8Array(1);
    await assert.rejects(site.connect({ session }), isNotSupported);
  });
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`a client resumes a session of ${maxVersion}`, {
      skip: isDeno && "NotSupported",
    }, async () => {
      using site = new Site({ maxVersion });
      using first = await site.connect({ serverName: "localhost" });
      await eventually("accepted", () => site.accepted.length === 1);
      await site.accepted[0]!.write(bytesOf("x"));
      await readText(first);
      await eventually("a session", () => first.tls?.session !== undefined);
      assert.equal(first.tls?.isResumed, false);
      const session = first.tls!.session!;
      using second = await site.connect({ serverName: "localhost", session });
      assert.equal(second.tls?.isResumed, true);
      assert.equal(second.tls?.isAuthorized, true);
      await eventually("accepted", () => site.accepted.length === 2);
      assert.equal(site.accepted[1]!.tls?.isResumed, true);
      await second.write(bytesOf("again"));
      assert.equal(await readText(site.accepted[1]!), "again");
      /* A resumed session is no way around the name. */
      const error = await failure(
        site.connect({ serverName: "other.test", session }),
      );
      assert.equal(error.code, "ERR_TLS_CERT_ALTNAME_INVALID");
    });
  }
});

describe("Limits:", () => {
  test("a client that says nothing does not stop the others", async () => {
    using site = new Site({ handshakeTimeout: 400 });
    const silent = await Promise.all(
      Array.from({ length: 80 }, () => site.port.connect(site.listener.addr)),
    );
    using _ = await site.connect();
    await eventually("it is accepted", () => site.accepted.length === 1);
    /* The silent ones are reset in the end. */
    for (const conn of silent) {
      const error = await failure(conn.read(new Uint8Array(1)));
      assert.equal(error.code, "ECONNRESET");
    }
    assert.equal(site.listener.stats().handshakeFailures, 80);
    assert.equal((site.listener.lastError as SocketError).code, "ETIMEDOUT");
  });
  test("timeout of connect() includes the handshake", async () => {
    using port = new CompletionPort();
    const listener = port.listen(HOST);
    const accepting = listener.accept();
    const options = { ...listener.addr, timeout: 300, tls: true } as const;
    const error = await failure(port.connect(options));
    assert.equal(error.code, "ETIMEDOUT");
    const reset = await readUntilReset(await within("a peer", accepting));
    assert.equal((reset as SocketError).code, "ECONNRESET");
  });
  test("signal of connect() ends the handshake", async () => {
    using port = new CompletionPort();
    const listener = port.listen(HOST);
    const controller = new AbortController();
    const { signal } = controller;
    const attempt = port.connect({ ...listener.addr, signal, tls: true });
    await within("a peer", listener.accept());
    controller.abort(new Error("enough"));
    await assert.rejects(within("the end", attempt), { message: "enough" });
    await eventually("two sockets", () => port.stats().sockets <= 2);
  });
  test("timeout and signal of startTls()", async () => {
    using ends = await pair();
    const late = ends.client.startTls({ ca, timeout: 50 });
    assert.equal((await failure(late)).code, "ETIMEDOUT");
    using others = await pair();
    const signal = AbortSignal.abort(new Error("before"));
    const options = { isServer: true, ...server, signal } as const;
    await assert.rejects(others.server.startTls(options), {
      message: "before",
    });
    const error = await failure(others.client.read(new Uint8Array(1)));
    assert.equal(error.code, "ECONNRESET");
  });
  test("handshakeTimeout of startTls()", async () => {
    using ends = await pair();
    const late = ends.server.startTls({
      isServer: true,
      ...server,
      handshakeTimeout: 50,
    });
    assert.equal((await failure(late)).code, "ETIMEDOUT");
  });
  test("listener.close() resets handshakes that are not done", async () => {
    using site = new Site();
    const conn = await site.port.connect(site.listener.addr);
    await eventually(
      "it has come",
      () => site.listener.stats().acceptsReady === 1,
    );
    site.listener.close();
    const error = await failure(conn.read(new Uint8Array(1)));
    assert.equal(error.code, "ECONNRESET");
  });
  test("maxConnections counts connections with TLS", async () => {
    using port = new CompletionPort();
    const listener = port.listen({ ...HOST, tls: server, maxConnections: 1 });
    const connect = () => port.connect({ ...listener.addr, tls: { ca } });
    const first = await within(
      "one",
      Promise.all([connect(), listener.accept()]),
    );
    const second = connect();
    const accepted = listener.accept();
    await delay(100);
    assert.equal(listener.stats().accepted >= 1, true);
    first[0].close();
    first[1].close();
    (await within("the second", second)).close();
    (await within("the second", accepted)).close();
  });
});

describe("What is no handshake fails:", () => {
  test("a client of something else", async () => {
    using site = new Site();
    using conn = await site.port.connect(site.listener.addr);
    await conn.write(bytesOf("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    const error = await site.lastError();
    assert.match((error as SocketError).code, /^ERR_SSL_|^EPROTO$/);
    using _ = await site.connect();
  });
  test("a client of something else, with sni", async () => {
    using site = new Site({ sni: new Map() });
    using conn = await site.port.connect(site.listener.addr);
    await conn.write(bytesOf("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    const error = await site.lastError();
    assert.match((error as SocketError).code, /^ERR_SSL_|^EPROTO$/);
  });
  test("a server of something else", async () => {
    using ends = await pair();
    ends.server.write(bytesOf("220 mail.example ESMTP\r\n"));
    const error = await failure(ends.client.startTls({ ca }));
    assert.match(error.code, /^ERR_SSL_|^EPROTO$/);
  });
  for (const bytes of [0, 1, 3, 50]) {
    test(`a client that ends after ${bytes} bytes`, async () => {
      for (const sni of [undefined, new Map()]) {
        using site = new Site({ sni });
        using conn = await site.port.connect(site.listener.addr);
        const hello = new Uint8Array([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]);
        const start = new Uint8Array(bytes);
        start.set(hello.subarray(0, bytes));
        await conn.write(start);
        await conn.closeWrite();
        const error = await site.lastError();
        assert.equal((error as SocketError).code, "ECONNRESET");
      }
    });
    test(`a server that resets after ${bytes} bytes`, async () => {
      using ends = await pair();
      const started = failure(ends.client.startTls({ ca }));
      await readText(ends.server);
      if (bytes > 0) {
        await ends.server.write(
          new Uint8Array([22, 3, 3, 0, 122, 2, 0]).subarray(0, bytes),
        );
      }
      await delay(20);
      ends.server.reset();
      assert.equal((await started).code, "ECONNRESET");
    });
  }
});

/* The runtimes keep a TLSSocket until it has ended. */
describe("A handshake that fails leaves no TLSSocket behind:", () => {
  let left = 0;
  const count = (socket: EventEmitter) => {
    left++;
    socket.once("close", () => left--);
  };
  const { connect, createServer } = tls;
  before(() => {
    tls.connect = ((options: tls.ConnectionOptions) => {
      const socket = connect(options);
      count(socket);
      return socket;
    }) as typeof connect;
    tls.createServer = ((options: tls.TlsOptions) => {
      const made = createServer(options);
      const emit = made.emit.bind(made) as (...args: unknown[]) => boolean;
      made.emit = ((event: string, ...values: unknown[]) => {
        if (event === "connection") left++;
        if (event === "tlsClientError") left--;
        return emit(event, ...values);
      }) as typeof made.emit;
      return made;
    }) as typeof createServer;
  });
  after(() => Object.assign(tls, { connect, createServer }));

  const gone = (what: string) => eventually(what, () => left === 0);
  const peers: Record<string, (peer: Conn) => unknown> = {
    "ends": (peer) => peer.close(),
    "resets": (peer) => peer.reset(),
    "is silent": () => {},
    "says something else": (peer) =>
      peer.write(bytesOf("HTTP/1.1 400\r\n\r\n")),
  };
  for (const [what, act] of Object.entries(peers)) {
    test(`of a client whose server ${what}`, async () => {
      using port = new CompletionPort();
      const listener = port.listen(HOST);
      listener.accept().then(act);
      await failure(
        port.connect({ ...listener.addr, timeout: 200, tls: { ca } }),
      );
      await gone("the end");
    });
    test(`of a server whose client ${what}`, async () => {
      using site = new Site({ handshakeTimeout: 200 });
      const peer = await site.port.connect(site.listener.addr);
      await eventually("it has come", () => left === 1);
      act(peer);
      await site.lastError();
      await gone("the end");
    });
  }
  test("of a client that does not trust its server", async () => {
    using site = new Site();
    await failure(site.connect({ ca: selfSigned.cert }));
    await gone("the end");
  });
  test("of a listener that is closed", async () => {
    using site = new Site();
    await site.port.connect(site.listener.addr);
    await eventually("it has come", () => left > 0);
    site.listener.close();
    await gone("the end");
  });
});

describe("A wrong argument is refused before a socket is touched:", () => {
  const port = new CompletionPort();
  const wrongServer: Record<string, [object, RegExp]> = {
    "no certificate": [{ key: server.key }, /"tls\.cert"/],
    "no key": [{ cert: server.cert }, /"tls\.key"/],
    "text that is not PEM": [{ ...server, cert: "x" }, /"tls\.cert".*PEM/],
    "an empty list": [{ ...server, ca: [] }, /"tls\.ca"/],
    "a key of another certificate": [
      { cert: server.cert, key: identityOf("one").key },
      /"tls\.cert" and "tls\.key"/,
    ],
    "a version": [{ ...server, minVersion: "SSLv3" }, /"tls\.minVersion"/],
    "a protocol": [{ ...server, alpnProtocols: [""] }, /alpnProtocols\[0\]/],
    "protocols": [{ ...server, alpnProtocols: "h2" }, /alpnProtocols/],
    "sni": [{ ...server, sni: "x" }, /"tls\.sni"/],
    "requestCert": [{ ...server, requestCert: 1 }, /"tls\.requestCert"/],
    "a passphrase": [{ ...server, passphrase: 1 }, /"tls\.passphrase"/],
  };
  for (const [name, [tls, message]] of Object.entries(wrongServer)) {
    test(`${name}, of listen()`, () => {
      assert.throws(
        () => port.listen({ ...HOST, tls: tls as TlsServerOptions }),
        (error) => error instanceof TypeError && message.test(error.message),
      );
      assert.equal(port.stats().sockets, 0);
    });
  }
  test("handshakeTimeout, and versions in the wrong order", () => {
    for (
      const tls of [{ handshakeTimeout: 0 }, {
        minVersion: "TLSv1.3" as const,
        maxVersion: "TLSv1.2" as const,
      }]
    ) {
      assert.throws(
        () => port.listen({ ...HOST, tls: { ...server, ...tls } }),
        RangeError,
      );
    }
  });
  const wrongClient: Record<string, [unknown, RegExp]> = {
    "false": [false, /"tls" argument must be an object/],
    "a name": [{ serverName: "" }, /"tls\.serverName"/],
    "a key without a certificate": [{ key: server.key }, /"tls\.cert"/],
    "a key of another certificate": [
      { cert: server.cert, key: identityOf("one").key },
      /"tls\.cert" and "tls\.key"/,
    ],
    "rejectUnauthorized": [
      { rejectUnauthorized: 0 },
      /"tls\.rejectUnauthorized"/,
    ],
    "session": [{ session: "x" }, /"tls\.session"/],
  };
  for (const [name, [tls, message]] of Object.entries(wrongClient)) {
    test(`${name}, of connect()`, async () => {
      const options = { ...HOST, port: 1, tls: tls as TlsOptions };
      await assert.rejects(
        port.connect(options),
        (error) => error instanceof TypeError && message.test(error.message),
      );
    });
  }
  test("passphrase decrypts the key", async () => {
    assert.throws(
      () =>
        port.listen({
          ...HOST,
          tls: { ...identityOf("encrypted"), passphrase: "wrong" },
        }),
      TypeError,
    );
    using ends = await securePair({
      listen: { ...identityOf("encrypted"), passphrase: "secret" },
    });
    assert.equal(ends.client.tls?.isAuthorized, true);
  });
});
