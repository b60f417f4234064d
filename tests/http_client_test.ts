// Copyright the iocp authors. MIT license.
/* The clients of iocp/http: agents, connectTls() and undiciConnect(). */

import assert from "node:assert/strict";
import { once } from "node:events";
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type RequestOptions,
} from "node:http";
import {
  connect as connectHttp2,
  createSecureServer,
  createServer as createHttp2Server,
  type ServerHttp2Stream,
} from "node:http2";
import {
  Agent as SecureAgent,
  createServer as createHttpsServer,
  request as requestSecure,
} from "node:https";
import { describe, test } from "node:test";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { listen } from "../mod.ts";
import { connectTls, httpAgent, httpsAgent, serveHttp } from "../http.ts";
import * as net from "../net.ts";
import { run } from "./shared/child.ts";
import { eventually, within } from "./shared/deadline.ts";
import { body, bodyDigest, echo, Site } from "./shared/http.ts";
import { newPath } from "./shared/local.ts";
import { Digest } from "./shared/pattern.ts";
import { ca, server as identity } from "./shared/tls.ts";

const isDeno = "Deno" in globalThis;

const KINDS = [
  {
    name: "httpAgent()",
    Class: Agent,
    makeServer: () => createServer(echo),
    makeAgent: httpAgent as typeof httpsAgent,
    request: request as typeof requestSecure,
  },
  {
    name: "httpsAgent()",
    Class: SecureAgent,
    makeServer: () => createHttpsServer(identity, echo),
    makeAgent:
      ((options) => httpsAgent({ ca, ...options })) as typeof httpsAgent,
    request: requestSecure,
  },
];

interface Answer {
  readonly response: IncomingMessage;
  readonly digest: string;
  readonly isReused: boolean;
  /** Of the connection at the server. */
  readonly port: number;
}

/* Sends a request and receives the whole answer. */
async function exchange(
  send: typeof request,
  options: RequestOptions,
  sent: Uint8Array = new Uint8Array(),
): Promise<Answer> {
  const client = send({ host: "localhost", ...options });
  client.end(sent);
  const [response] = await within("a response", once(client, "response")) as [
    IncomingMessage,
  ];
  const result = new Digest();
  for await (const chunk of response) result.add(chunk);
  return {
    response,
    digest: result.text(),
    isReused: client.reusedSocket,
    port: Number(response.headers["x-port"]),
  };
}

async function failure(
  send: typeof request,
  options: RequestOptions,
): Promise<NodeJS.ErrnoException> {
  const client = send(options);
  client.end();
  const failed = new Promise<NodeJS.ErrnoException>((resolve, reject) => {
    client.on("error", resolve);
    client.on("response", () => reject(new Error("it was answered")));
  });
  return await within("an error", failed);
}

for (const { name, Class, makeServer, makeAgent, request } of KINDS) {
  describe(`${name}:`, () => {
    test("it is an agent of Node whose sockets are those of iocp/net", async () => {
      await using site = new Site(makeServer());
      const agent = makeAgent({ keepAlive: true });
      assert.ok(agent instanceof Class);
      const client = request({ host: "localhost", port: site.port, agent });
      client.end();
      const [socket] = await within("a socket", once(client, "socket"));
      const below = socket instanceof TLSSocket ? belowOf(socket) : socket;
      assert.ok(below instanceof net.Socket);
      await within("a response", once(client, "response"));
      assert.equal(socket.remotePort, site.port);
      assert.equal(socket.remoteAddress, "127.0.0.1");
      client.destroy();
      agent.destroy();
    });

    test("keepAlive: 5 MB go both ways over one connection, three times", async () => {
      await using site = new Site(makeServer());
      const agent = makeAgent({ keepAlive: true, maxSockets: 1 });
      const options = { port: site.port, agent, method: "POST" };
      const answers: Answer[] = [];
      for (let i = 0; i < 3; i++) {
        answers.push(await exchange(request, options, body));
        assert.equal(answers[i]!.digest, bodyDigest);
        assert.equal(answers[i]!.isReused, i > 0);
      }
      assert.equal(new Set(answers.map(({ port }) => port)).size, 1);
      agent.destroy();
      await eventually("the end", () => site.connections === 0);
    });

    test("without keepAlive each request has a connection of its own", async () => {
      await using site = new Site(makeServer());
      const agent = makeAgent({ keepAlive: false });
      const options = { port: site.port, agent };
      const one = await exchange(request, options);
      const two = await exchange(request, options);
      assert.notEqual(one.port, two.port);
      await eventually("the end", () => site.connections === 0);
    });

    test("maxSockets: further requests wait", async () => {
      await using site = new Site(makeServer());
      const agent = makeAgent({ keepAlive: true, maxSockets: 2 });
      const options = { port: site.port, agent };
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => exchange(request, options)),
      );
      assert.equal(new Set(answers.map(({ port }) => port)).size, 2);
      agent.destroy();
    });

    test("timeout: a request without an answer gets the event", async () => {
      await using site = new Site(makeServer());
      const agent = makeAgent({ timeout: 200 });
      const options = { host: "localhost", port: site.port, agent };
      const client = request({ ...options, path: "/never" });
      client.on("error", () => {});
      client.end();
      await within("timeout", once(client, "timeout"));
      client.destroy();
    });

    test("a refused connection is an error of the request", async () => {
      using listener = listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr;
      listener.close();
      const options = { host: "127.0.0.1", port, agent: makeAgent() };
      const error = await failure(request, options);
      assert.equal(error.code, "ECONNREFUSED");
      assert.equal(error.syscall, "connect");
      assert.equal((error as unknown as { port: number }).port, port);
    });

    test("a kept connection that the server closes is not used again", async () => {
      await using site = new Site(makeServer());
      const agent = makeAgent({ keepAlive: true });
      const options = { port: site.port, agent };
      await exchange(request, options);
      site.server.closeAllConnections();
      await eventually(
        "no free socket",
        () => Object.keys(agent.freeSockets).length === 0,
      );
      const { isReused } = await exchange(request, options);
      assert.equal(isReused, false);
      agent.destroy();
    });

    test("socketPath: it connects to a local socket", async () => {
      const path = newPath();
      const server = makeServer();
      await using _ = serveHttp(server, listen({ path }));
      const agent = makeAgent({ keepAlive: true });
      for (let i = 0; i < 2; i++) {
        const options = { socketPath: path, agent, method: "POST" };
        const answer = await exchange(request, options, body);
        assert.equal(answer.digest, bodyDigest);
        assert.equal(answer.isReused, i > 0);
      }
      agent.destroy();
    });

    test("an upgrade hands over the socket", async () => {
      await using site = new Site(makeServer());
      site.server.on("upgrade", (_, socket) => {
        socket.write(
          "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        );
        socket.pipe(socket);
      });
      const client = request({
        host: "localhost",
        port: site.port,
        agent: makeAgent(),
        headers: { Connection: "Upgrade", Upgrade: "x" },
      });
      client.end();
      const [, socket] = await within("upgrade", once(client, "upgrade"));
      const echoed = within("data", once(socket, "data"));
      socket.write("through");
      assert.equal(String((await echoed)[0]), "through");
      socket.destroy();
    });
  });
}

/* The stream that a TLSSocket is over. */
function belowOf(socket: TLSSocket): unknown {
  const { _handle } = socket as unknown as {
    _handle?: { _parentWrap?: { stream?: unknown } };
  };
  if (isDeno) return _handle?._parentWrap?.stream;
  const symbol = Object.getOwnPropertySymbols(socket)
    .find(({ description }) => description === "kupgraded");
  return (socket as unknown as Record<symbol, unknown>)[symbol!];
}

test("httpsAgent() refuses a certificate that is not trusted, or is for another name", async () => {
  await using site = new Site(createHttpsServer(identity, echo));
  const to = { host: "localhost", port: site.port };
  const agent = httpsAgent();
  const untrusted = await failure(requestSecure, { ...to, agent });
  assert.match(untrusted.code!, /UNABLE_TO_VERIFY|SELF_SIGNED|ISSUER/);
  const other = { ...to, servername: "other.example" };
  const wrong = await failure(requestSecure, {
    ...other,
    agent: httpsAgent({ ca }),
  });
  assert.equal(wrong.code, "ERR_TLS_CERT_ALTNAME_INVALID");
});

describe("connectTls():", () => {
  async function makeEcho() {
    const server = createTlsServer({ ...identity }, (socket) => {
      socket.on("error", () => {});
      socket.pipe(socket);
    });
    return new Site(server);
  }

  test("it has the signatures of tls.connect()", async () => {
    await using site = await makeEcho();
    const { port } = site;
    const options = { ca, servername: "localhost" };
    for (
      const connect of [
        (done: () => void) =>
          connectTls({ ...options, port, host: "localhost" }, done),
        (done: () => void) => connectTls(port, "127.0.0.1", options, done),
        (done: () => void) => connectTls(port, options, done),
        (done: () => void) =>
          connectTls({ ...options, socket: net.connect(port) }, done),
      ]
    ) {
      let socket!: TLSSocket;
      await within(
        "secureConnect",
        new Promise<void>((resolve, reject) => {
          socket = connect(resolve);
          socket.on("error", reject);
        }),
      );
      assert.ok(socket instanceof TLSSocket);
      assert.ok(belowOf(socket) instanceof net.Socket);
      assert.equal(socket.authorized, true);
      assert.equal(socket.remotePort, port);
      assert.equal(socket.localAddress, "127.0.0.1");
      assert.equal(socket.remoteFamily, "IPv4");
      assert.equal(socket.setNoDelay(true), socket);
      assert.equal(socket.setKeepAlive(true, 1000), socket);
      assert.equal(socket.unref().ref(), socket);
      const echoed = within("data", once(socket, "data"));
      socket.write("hello");
      assert.equal(String((await echoed)[0]), "hello");
      socket.destroy();
    }
  });

  test("everything that was written arrives when it is destroyed at 'finish'", async () => {
    const received = new Digest();
    const server = createTlsServer(identity, (socket) => {
      /* It reads late, so that the bytes wait at the client. */
      socket.pause();
      setTimeout(() => socket.resume(), 500);
      socket.on("data", (chunk: Uint8Array) => {
        received.add(chunk);
        if (received.length >= 4 * body.length) socket.destroy();
      });
      socket.on("error", () => {});
    });
    await using site = new Site(server);
    const socket = connectTls({ port: site.port, host: "localhost", ca });
    await within("secureConnect", once(socket, "secureConnect"));
    const parts = [body, body, body, body];
    for (const part of parts) socket.write(part);
    socket.end(() => socket.destroy());
    await within("close", once(socket, "close"));
    await eventually("all bytes", () => received.length >= 4 * body.length);
    const sent = new Digest();
    for (const part of parts) sent.add(part);
    assert.equal(received.text(), sent.text());
  });

  test("setTimeout() and the option timeout", async () => {
    await using site = await makeEcho();
    const to = { port: site.port, host: "localhost", ca };
    const one = connectTls(to);
    await within("secureConnect", once(one, "secureConnect"));
    one.setTimeout(50);
    await within("timeout", once(one, "timeout"));
    one.destroy();
    const two = connectTls({ ...to, timeout: 50 });
    await within("timeout", once(two, "timeout"));
    two.destroy();
  });

  test("failures are those of tls.connect()", async () => {
    await using site = await makeEcho();
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const refused = connectTls({ port, host: "127.0.0.1" });
    const fail = async (socket: TLSSocket) => {
      const [error] = await within("error", once(socket, "error"));
      return error.code;
    };
    assert.equal(await fail(refused), "ECONNREFUSED");
    const to = { port: site.port, host: "localhost" };
    assert.match(await fail(connectTls(to)), /VERIFY|SELF_SIGNED|ISSUER/);
    const name = connectTls({ ...to, ca, servername: "other.example" });
    assert.equal(await fail(name), "ERR_TLS_CERT_ALTNAME_INVALID");
  });

  test("unref() lets the process end", async () => {
    const { code, signal, stderr } = await run("net_life", ["unrefTls"]);
    assert.deepEqual([code, signal], [0, null], stderr);
  });
});

for (const secure of [false, true]) {
  test(`http2 ${secure ? "with" : "without"} TLS works both ways`, async () => {
    const server = secure ? createSecureServer(identity) : createHttp2Server();
    server.on("stream", (stream: ServerHttp2Stream) => {
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    });
    await using site = new Site(server as ReturnType<typeof createHttp2Server>);
    const { port } = site;
    const session = connectHttp2(
      `${secure ? "https" : "http"}://localhost:${port}`,
      {
        createConnection: () =>
          secure
            ? connectTls({ port, host: "localhost", ca, ALPNProtocols: ["h2"] })
            : net.connect(port, "localhost"),
      },
    );
    session.on("error", () => {});
    const exchange = async (bytes: Uint8Array) => {
      const stream = session.request({ ":path": "/", ":method": "POST" });
      const result = new Digest();
      stream.on("data", (chunk: Uint8Array) => result.add(chunk));
      stream.write(bytes.subarray(0, 1));
      stream.end(bytes.subarray(1));
      await within("end", once(stream, "end"));
      return result.text();
    };
    assert.equal(await exchange(body), bodyDigest);
    /* Each would take 40 ms and more, if small writes waited for acknowledgements. */
    const start = performance.now();
    for (let i = 0; i < 100; i++) await exchange(new Uint8Array([1, 2]));
    const ms = performance.now() - start;
    assert.ok(ms < 3_500, `100 requests have taken ${ms} ms`);
    session.close();
    await within("close", once(session, "close"));
  });
}
