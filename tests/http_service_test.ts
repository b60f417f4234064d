// Copyright the iocp authors. MIT license.
/* Servers of Node's modules on listeners of this module work as after their own
 * listen(). */

import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import {
  connect as connectHttp2,
  createSecureServer,
  createServer as createHttp2Server,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { ServerOptions } from "node:https";
import {
  type AddressInfo,
  connect as connectPlain,
  createServer as createNetServer,
  type Socket,
} from "node:net";
import { describe, test } from "node:test";
import {
  connect as connectTls,
  createServer as createTlsServer,
  type TLSSocket,
} from "node:tls";
import {
  CompletionPort,
  type Conn,
  type HttpService,
  type Listener,
  type ListenOptions,
  type NodeServer,
  serveHttp,
} from "../mod.ts";
import { delay, eventually, isSettled, within } from "./shared/deadline.ts";
import { closed, event, identity } from "./shared/duplex.ts";
import { pair } from "./shared/pair.ts";
import { Digest, digest, pattern } from "./shared/pattern.ts";
import { sendsOf } from "./shared/sends.ts";

const ca = identity.cert;
const servername = "localhost";

/** A server on a port of its own. */
class Site<T extends NodeServer> implements Disposable {
  readonly port = new CompletionPort();
  readonly listener: Listener;
  readonly server: T;
  readonly service: HttpService;

  constructor(server: T, options: Partial<ListenOptions> = {}) {
    this.listener = this.port.listen({
      hostname: "127.0.0.1",
      port: 0,
      ...options,
    });
    this.server = server;
    this.service = serveHttp(server, this.listener);
  }

  connect(): Socket {
    return connectPlain(this.service.addr.port, "127.0.0.1");
  }

  connectTls(options: { ALPNProtocols?: string[] } = {}): TLSSocket {
    return connectTls({
      host: "127.0.0.1",
      port: this.service.addr.port,
      ca,
      servername,
      ...options,
    });
  }

  async empty(): Promise<void> {
    await eventually("only the listener is open", () => {
      return this.port.stats().sockets === 1;
    });
  }

  [Symbol.dispose](): void {
    this.port.close();
  }
}

/** Sends text and resolves to everything that is received until the end. */
async function exchange(socket: Socket, text: string): Promise<string> {
  let answer = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk) => answer += chunk);
  const closing = closed(socket);
  if (text !== "") socket.write(text);
  await closing;
  return answer;
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/* The kinds of server, each with a client. */
const KINDS: {
  name: string;
  make(options: ServerOptions, handler?: RequestListener): Server;
  connect(site: Site<Server>): Socket;
}[] = [
  {
    name: "http",
    make: (options, handler) => createServer(options, handler),
    connect: (site) => site.connect(),
  },
  {
    name: "https",
    make: (options, handler) =>
      createHttpsServer({ ...identity, ...options }, handler),
    connect: (site) => site.connectTls(),
  },
];

for (const { name, make, connect } of KINDS) {
  describe(`serveHttp(), ${name}:`, () => {
    test("the server listens", async () => {
      const server = make({}, (_, response) => response.end("hello"));
      assert.equal(server.listening, false);
      assert.equal(server.address(), null);
      const listening = within(
        `"listening"`,
        new Promise<void>((resolve) => server.once("listening", resolve)),
      );
      using site = new Site(server);
      await listening;
      assert.equal(server.listening, true);
      assert.deepEqual({ ...server.address() as AddressInfo }, {
        address: "127.0.0.1",
        family: "IPv4",
        port: site.service.addr.port,
      });
      assert.throws(() => server.listen(0), {
        code: "ERR_SERVER_ALREADY_LISTEN",
      });
      assert.throws(() => serveHttp(server, site.listener), {
        code: "ERR_SERVER_ALREADY_LISTEN",
      });
      assert.match(
        await exchange(connect(site), LAST),
        /^HTTP.1.1 200 [^]*hello$/,
      );
      await site.empty();
    });

    test("requests have the peer's address", async () => {
      using site = new Site(make({}, ({ socket }, response) => {
        response.end(`of ${socket.remoteAddress} ${socket.remotePort}`);
      }));
      const client = connect(site);
      const answer = exchange(client, LAST);
      await event(client, "data");
      const { localPort } = client;
      assert.match(await answer, new RegExp(`of 127.0.0.1 ${localPort}$`));
    });

    test("several requests on one connection are answered", async () => {
      let count = 0;
      using site = new Site(
        make({}, (_, response) => response.end(`#${++count};`)),
      );
      const client = connect(site);
      let text = "";
      client.setEncoding("utf8");
      client.on("data", (chunk) => text += chunk);
      for (let i = 1; i <= 5; i++) {
        client.write(GET);
        await eventually("an answer", () => text.endsWith(`#${i};`));
      }
      client.destroy();
      await site.empty();
    });

    test("an incomplete request fails after headersTimeout", async () => {
      using site = new Site(make({
        headersTimeout: 300,
        requestTimeout: 60_000,
        connectionsCheckingInterval: 100,
      }));
      for (const half of ["GET / HTTP/1.1\r\nHo", ""]) {
        const answer = await exchange(connect(site), half);
        if (name === "http") assert.match(answer, /^HTTP\/1.1 408 /);
      }
      await site.empty();
    });

    test("an incomplete body fails after requestTimeout", async () => {
      using site = new Site(make({
        headersTimeout: 300,
        requestTimeout: 600,
        connectionsCheckingInterval: 100,
        keepAliveTimeout: 60_000,
      }, (request) => {
        request.on("error", () => {});
        request.resume();
      }));
      const text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc";
      await exchange(connect(site), text);
      await site.empty();
    });

    test("a slow response does not exceed requestTimeout", async () => {
      using site = new Site(make({
        headersTimeout: 100,
        requestTimeout: 200,
        connectionsCheckingInterval: 50,
      }, (_, response) => void delay(800).then(() => response.end("late"))));
      assert.match(await exchange(connect(site), LAST), /late$/);
    });

    test("a clientError listener may answer a request that has timed out", async () => {
      using site = new Site(make({
        headersTimeout: 200,
        connectionsCheckingInterval: 50,
      }));
      /* Deno's node:http reports it at each check until the connection has
       * closed, which a busy machine delays. */
      const codes = new Set<unknown>();
      site.server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
        codes.add(error.code);
        socket.end("HTTP/1.1 418 Mine\r\n\r\n");
      });
      assert.match(await exchange(connect(site), "GET"), /^HTTP\/1.1 418 /);
      assert.deepEqual([...codes], ["ERR_HTTP_REQUEST_TIMEOUT"]);
    });

    test("an idle connection ends after keepAliveTimeout", async () => {
      using site = new Site(
        make({ keepAliveTimeout: 100 }, (_, response) => response.end("x")),
      );
      const answer = await exchange(connect(site), GET);
      assert.match(answer, /^HTTP\/1.1 200 [^]*x$/);
      await site.empty();
    });

    test("close() calls back after pending requests are answered", async () => {
      const pending: (() => void)[] = [];
      using site = new Site(make({}, (request, response) => {
        if (request.url === "/") response.end("x");
        else pending.push(() => response.end("late"));
      }));
      const { server, service } = site;
      const idle = connect(site);
      const idleAnswer = exchange(idle, GET);
      await event(idle, "data");
      const busyAnswer = exchange(connect(site), GET.replace("/", "/busy"));
      await eventually("the request", () => pending.length === 1);
      let closes = 0;
      server.on("close", () => closes++);
      const called = new Promise((resolve) => server.close(resolve));
      assert.equal(server.listening, false);
      assert.match(await idleAnswer, /x$/);
      assert.equal(await isSettled(called), false);
      pending[0]!();
      assert.match(await busyAnswer, /late$/);
      assert.equal(await within("the callback", called), undefined);
      await within("finished", service.finished);
      assert.equal(closes, 1);
      const again = new Promise((resolve) => server.close(resolve));
      const error = await within("the callback", again);
      assert.equal((error as { code: string }).code, "ERR_SERVER_NOT_RUNNING");
      await within("close", service.close());
    });

    test("closeAllConnections() ends pending requests", async () => {
      let requests = 0;
      using site = new Site(make({}, () => requests++));
      const answer = exchange(connect(site), GET);
      await eventually("the request", () => requests === 1);
      const finished = site.service.close();
      site.server.closeAllConnections();
      await within("the end", finished);
      assert.equal(await answer, "");
    });

    test("the server can listen by itself after it is closed", async () => {
      const server = make({}, (_, response) => response.end("again"));
      using site = new Site(server);
      await site.service.close();
      await within(
        "listening",
        new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)),
      );
      assert.equal(server.listening, true);
      await new Promise((resolve) => server.close(resolve));
    });

    test("closing the listener closes the server", async () => {
      using site = new Site(make({}));
      site.listener.close();
      await within("finished", site.service.finished);
      assert.equal(site.server.listening, false);
    });

    test("connections beyond maxConnections are dropped", async () => {
      using site = new Site(make({}, (_, response) => response.end("x")));
      const { server } = site;
      server.maxConnections = 1;
      const first = connect(site);
      first.write(GET);
      await event(first, "data");
      const dropped = event(server as never, "drop");
      const second = connect(site);
      await closed(second);
      const { remoteAddress } = await dropped as { remoteAddress: string };
      assert.equal(remoteAddress, "127.0.0.1");
      first.destroy();
      await site.empty();
      assert.match(await exchange(connect(site), LAST), /x$/);
    });

    test("getConnections() returns the number of connections", async () => {
      using site = new Site(make({}, (_, response) => response.end("x")));
      const client = connect(site);
      client.write(GET);
      await event(client, "data");
      const count = new Promise((resolve) => {
        site.server.getConnections((_, count) => resolve(count));
      });
      assert.equal(await within("the count", count), 1);
      client.destroy();
    });

    test("the server survives clients that reset", async () => {
      using site = new Site(
        make({}, (_, response) => response.end(pattern(1_000_000))),
      );
      for (let i = 0; i < 20; i++) {
        const client = connect(site);
        client.on("error", () => {});
        client.write(GET);
        await event(client, "data");
        client.resetAndDestroy();
      }
      assert.match(await exchange(connect(site), LAST), /^HTTP\/1.1 200 /);
      await site.empty();
    });

    test("a large answer is sent completely before the connection closes", async () => {
      const bytes = pattern(20_000_000);
      using site = new Site(make({}, (_, response) => response.end(bytes)));
      const client = connect(site);
      const result = new Digest();
      let head: Uint8Array | undefined = new Uint8Array();
      client.on("data", (chunk: Uint8Array) => {
        if (head === undefined) return void result.add(chunk);
        head = Buffer.concat([head, chunk]);
        const end = Buffer.from(head).indexOf("\r\n\r\n");
        if (end < 0) return;
        result.add(head.subarray(end + 4));
        head = undefined;
      });
      const end = event(client, "end");
      client.write(LAST);
      await end;
      assert.equal(result.text(), digest(bytes));
      await site.empty();
    });

    test("an upgrade ends the timeouts", async () => {
      using site = new Site(make({
        headersTimeout: 100,
        requestTimeout: 200,
        connectionsCheckingInterval: 50,
        keepAliveTimeout: 50,
      }));
      site.server.on("upgrade", (_, socket) => {
        socket.write("HTTP/1.1 101 Switching\r\n\r\n");
        socket.pipe(socket);
      });
      const client = connect(site);
      let text = "";
      client.setEncoding("utf8");
      client.on("data", (chunk) => text += chunk);
      const upgrade = "Connection: Upgrade\r\nUpgrade: echo\r\n\r\n";
      client.write(`GET / HTTP/1.1\r\nHost: a\r\n${upgrade}`);
      await eventually("the upgrade", () => text.includes("101"));
      await delay(1_500);
      client.write("still there");
      await eventually("the echo", () => text.endsWith("still there"));
      client.destroy();
      await site.empty();
    });
  });
}

test("A malformed request is answered, and then the connection ends", async () => {
  using site = new Site(createServer());
  const answer = await exchange(site.connect(), "wrong\r\n\r\n");
  assert.match(answer, /^HTTP\/1.1 400 /);
  await site.empty();
});

test("The server survives a reset of an upgraded connection without an error listener", async () => {
  using site = new Site(createServer());
  site.server.on(
    "upgrade",
    (_, socket) => socket.write("HTTP/1.1 101 X\r\n\r\n"),
  );
  const client = site.connect();
  client.on("error", () => {});
  client.write(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\n",
  );
  await event(client, "data");
  client.resetAndDestroy();
  await site.empty();
});

test("serveHttp() sets noDelay to the option of the server, not of the listener", async () => {
  for (const noDelay of [true, false]) {
    for (const ofListener of [true, false]) {
      using port = new CompletionPort();
      const listener = port.listen({
        hostname: "127.0.0.1",
        port: 0,
        noDelay: ofListener,
      });
      /* The connections behind the duplexes. */
      const conns: Conn[] = [];
      const iterate = listener[Symbol.asyncIterator];
      listener[Symbol.asyncIterator] = () => {
        const connections = iterate.call(listener);
        const next = connections.next.bind(connections);
        connections.next = async () => {
          const result = await next();
          if (!result.done) conns.push(result.value);
          return result;
        };
        return connections;
      };
      const server = createServer({ noDelay }, (_, response) => {
        response.end(`${conns[0]!.options.noDelay}`);
      });
      serveHttp(server, listener);
      const client = connectPlain(listener.addr.port, "127.0.0.1");
      const answer = await exchange(client, LAST);
      assert.ok(answer.endsWith(`\r\n${noDelay}`), `${ofListener} ${answer}`);
    }
  }
});

const LARGE = "x".repeat(20_000);

/* Answers, and how the last of their bytes look. */
const ANSWERS: Readonly<Record<string, [RequestListener, string]>> = {
  "end() with a body": [(_, response) => response.end("hello"), "hello"],
  "end() with 20 KB": [(_, response) => response.end(LARGE), "x".repeat(20)],
  "end() later": [(_, response) => {
    setTimeout(() => response.end("hello"), 1);
  }, "hello"],
  "writeHead() and end()": [(_, response) => {
    response.writeHead(200, { "Content-Length": 5 }).end("hello");
  }, "hello"],
  "write() and end()": [(_, response) => {
    response.write("hello");
    response.end();
  }, "0\r\n\r\n"],
  "write() of 20 KB and end()": [(_, response) => {
    response.write(LARGE);
    response.end("hello");
  }, "hello\r\n0\r\n\r\n"],
  "a status alone": [
    (_, response) => response.writeHead(204).end(),
    "\r\n\r\n",
  ],
};

/** Reads until the text ends so. */
async function readUntil(conn: Conn, last: string): Promise<void> {
  const p = new Uint8Array(65_536);
  let text = "";
  while (!text.endsWith(last)) {
    const count = await within("the answer", conn.read(p));
    assert.ok(count !== null, `the end after ${text}`);
    text += new TextDecoder().decode(p.subarray(0, count));
  }
}

function receiveUntil(client: TLSSocket, last: string): Promise<void> {
  let text = "";
  return new Promise((resolve) => {
    client.on("data", function onData(part: Uint8Array) {
      text += new TextDecoder().decode(part);
      if (!text.endsWith(last)) return;
      client.off("data", onData);
      resolve();
    });
  });
}

for (const [what, [answer, last]] of Object.entries(ANSWERS)) {
  test(`A response of ${what} leaves in one send`, async () => {
    using site = new Site(createServer(answer));
    const conn = await site.port.connect(site.service.addr);
    const request = new TextEncoder().encode(GET);
    /* The first one includes what is done once for a connection. */
    for (let i = 0; i < 2; i++) {
      const sends = await sendsOf(conn, async () => {
        await conn.write(request);
        await readUntil(conn, last);
      });
      assert.equal(sends.length, 2, `request and response: ${sends}`);
    }
  });

  test(`A response of ${what} leaves in one send of a duplex`, async () => {
    using ends = await pair();
    const server = createServer(answer);
    server.emit("connection", ends.server.duplex());
    const sends = await sendsOf(ends.client, async () => {
      await ends.client.write(new TextEncoder().encode(GET));
      await readUntil(ends.client, last);
    });
    assert.equal(sends.length, 2, `request and response: ${sends}`);
  });

  test(`A response of ${what} leaves in one send over TLS`, async () => {
    using site = new Site(createHttpsServer(identity, answer));
    const client = site.connectTls();
    await event(client, "secureConnect");
    /* The client has a socket of the runtime, and this one only the same loop. */
    using other = await pair();
    for (let i = 0; i < 2; i++) {
      const sends = await sendsOf(other.client, async () => {
        client.write(GET);
        await within("the answer", receiveUntil(client, last));
      });
      assert.equal(sends.length, 1, `the response: ${sends}`);
    }
    client.destroy();
  });
}

test("serveHttp() uses the ALPN protocols and the certificates of an https server", async () => {
  using site = new Site(
    createHttpsServer(identity, (_, response) => response.end("x")),
  );
  const client = site.connectTls({ ALPNProtocols: ["h2", "http/1.1"] });
  await event(client, "secureConnect");
  assert.equal(client.alpnProtocol, "http/1.1");
  assert.equal(client.authorized, true);
  assert.match(await exchange(client, LAST), /x$/);
});

test("serveHttp() calls the SNICallback of an https server", async () => {
  const names: string[] = [];
  const { createSecureContext } = await import("node:tls");
  const context = createSecureContext(identity);
  using site = new Site(createHttpsServer({
    SNICallback: (name, callback) => {
      names.push(name);
      callback(null, context);
    },
    ...identity,
  }, (_, response) => response.end("x")));
  assert.match(await exchange(site.connectTls(), LAST), /x$/);
  /* Bun does not call it for TLS over a stream, nor for any https server. */
  assert.deepEqual(names, "Deno" in globalThis ? ["localhost"] : []);
});

test("An https server survives a client that does not speak TLS", async () => {
  using site = new Site(
    createHttpsServer(identity, (_, response) => response.end("x")),
  );
  await exchange(site.connect(), "GET / HTTP/1.0\r\n\r\n");
  assert.match(await exchange(site.connectTls(), LAST), /x$/);
  await site.empty();
});

for (
  const [name, make] of [
    ["https", () => createHttpsServer(identity)],
    ["http2", () => createSecureServer(identity)],
    ["tls", () => createTlsServer(identity)],
  ] as const
) {
  test(`A server of ${name} has no connections of clients that left the handshake`, async () => {
    using site = new Site<NodeServer>(make());
    const errors: Error[] = [];
    site.server.on("tlsClientError", (error) => errors.push(error));
    const { port } = site.service.addr;
    const hello = new Uint8Array([22, 3, 1, 2, 0, 1, 0]);
    const leave: (() => Socket)[] = [
      /* Refuses the certificate. */
      () => connectTls({ port, host: "127.0.0.1", servername }),
      () => site.connect().end(),
      () => site.connect().end(hello),
      () => {
        const socket = site.connect();
        socket.write(hello);
        socket.once("connect", () => socket.resetAndDestroy());
        return socket;
      },
    ];
    for (const client of leave) {
      const socket = client().resume();
      await closed(socket);
      await site.empty();
    }
    assert.ok(errors.length >= 3, `${errors}`);
    await within("the end", site.service.close());
  });
}

for (
  const [name, make] of [
    ["http2", () => createHttp2Server()],
    ["http2 over TLS", () => createSecureServer(identity)],
  ] as const
) {
  test(`serveHttp() serves ${name}`, async () => {
    const server = make();
    const bytes = pattern(1_000_000);
    server.on("stream", (stream: ServerHttp2Stream) => {
      stream.respond({ ":status": 200 });
      stream.end(bytes);
    });
    using site = new Site(server);
    const { port } = site.service.addr;
    const scheme = name === "http2" ? "http" : "https";
    const session = connectHttp2(`${scheme}://localhost:${port}`, {
      ca,
      createConnection: name === "http2"
        ? () => site.connect()
        : () => site.connectTls({ ALPNProtocols: ["h2"] }),
    });
    session.on("error", () => {});
    const stream = session.request({ ":path": "/" });
    const result = new Digest();
    stream.on("data", (chunk: Uint8Array) => result.add(chunk));
    await event(stream, "end");
    assert.equal(result.text(), digest(bytes));
    session.close();
    await within("the end", site.service.close());
  });
}

test("serveHttp() passes connections to a server of node:net", async () => {
  const server = createNetServer((socket) => socket.pipe(socket));
  using site = new Site(server);
  const client = site.connect();
  client.end("hello");
  assert.equal(await exchange(client, ""), "hello");
  await within("the end", site.service.close());
});

test("serveHttp() refuses other values than a server and a listener", () => {
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  for (const wrong of [undefined, null, 1, {}, { emit() {}, close() {} }]) {
    assert.throws(() => serveHttp(wrong as never, listener), {
      name: "TypeError",
      message: /"server" argument/,
    });
  }
  for (const wrong of [undefined, {}, port]) {
    assert.throws(() => serveHttp(createServer(), wrong as never), {
      name: "TypeError",
      message: /"listener" argument/,
    });
  }
  listener.close();
  const server = createServer();
  assert.throws(() => serveHttp(server, listener), { code: "EBADF" });
  assert.equal(server.listening, false);
});
