// Copyright the iocp authors. MIT license.
/* Libraries of HTTP, unchanged: servers with serveHttp(), and clients with the agents
 * and the undici connect of iocp/http. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import { listen } from "../mod.ts";
import { httpAgent, httpsAgent, undiciConnect } from "../http.ts";
import * as net from "../net.ts";
import { eventually, within } from "./shared/deadline.ts";
import { body, bodyDigest, echo, Site } from "./shared/http.ts";
import { digest } from "./shared/pattern.ts";
import { ca, server as identity } from "./shared/tls.ts";

/* Their types need those of a browser, or are packages of their own. */
// deno-lint-ignore no-explicit-any
type Any = any;

const require = createRequire(import.meta.url);
const load = async (name: string): Promise<Any> => (await import(name)).default;
/* Bun has modules of its own in the place of these two. */
const ws = require("../node_modules/ws/index.js") as Any;
const undici = require("../node_modules/undici/index.js") as Any;

const isDeno = "Deno" in globalThis;

/** A port that refuses connections. */
function refusingPort(): number {
  const listener = listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

/** GET, 5 MB both ways, and several requests over one connection. */
async function checkServer(site: Site<Any>): Promise<void> {
  const url = `http://127.0.0.1:${site.port}/`;
  const agent = new undici.Agent({ connect: undiciConnect(), connections: 1 });
  const send = (options: object) =>
    within(
      "a response",
      undici.request(url, { dispatcher: agent, ...options }),
    );
  for (let i = 0; i < 3; i++) {
    const answer = await send({}) as Any;
    assert.equal(await answer.body.text(), "hello");
  }
  const headers = { "content-type": "application/octet-stream" };
  const answer = await send({ method: "POST", body, headers }) as Any;
  assert.equal(digest(await answer.body.bytes()), bodyDigest);
  assert.equal(site.connections, 1);
  await agent.close();
}

describe("Servers:", () => {
  test("express", async () => {
    const express = await load("express");
    const app = express();
    app.get("/", (_: Any, response: Any) => response.send("hello"));
    app.post("/", (request: Any, response: Any) => request.pipe(response));
    const site = new Site(createServer(app));
    await checkServer(site);
    await site.close();
  });

  test("fastify", async () => {
    const fastify = await load("fastify");
    let server: Any;
    let site: Site<Any>;
    const app = fastify({
      bodyLimit: body.length,
      serverFactory: (handler: Any) => server = createServer(handler),
    });
    app.addContentTypeParser(
      "application/octet-stream",
      (_: Any, payload: Any, done: Any) => done(null, payload),
    );
    app.get("/", () => "hello");
    app.post("/", (request: Any, reply: Any) => reply.send(request.body));
    /* It closes only what it listens with. */
    app.addHook("onClose", () => site.close());
    await app.ready();
    site = new Site(server);
    await checkServer(site);
    await within("close", app.close());
    assert.equal(server.listening, false);
  });

  test("ws, its server and its client, with and without TLS", async () => {
    for (const secure of [false, true]) {
      const server = secure ? createHttpsServer(identity) : createServer();
      const site = new Site<Any>(server);
      const sockets = new ws.WebSocketServer({ server });
      sockets.on(
        "connection",
        (socket: Any) =>
          socket.on("message", (bytes: Any) => socket.send(bytes)),
      );
      const client = new ws.WebSocket(
        `${secure ? "wss" : "ws"}://localhost:${site.port}/`,
        { agent: secure ? httpsAgent({ ca }) : httpAgent() },
      );
      await within("open", once(client, "open"));
      if (!secure) assert.ok(client._socket instanceof net.Socket);
      const answered = within("a message", once(client, "message"));
      client.send(body);
      assert.equal(digest((await answered)[0]), bodyDigest);
      client.close(4000, "over");
      const [code] = await within("close", once(client, "close"));
      assert.equal(code, 4000);
      sockets.close();
      await site.close();
    }
  });

  test("ws of the runtime", async () => {
    const { WebSocketServer } = require("ws");
    const server = createServer();
    const site = new Site<Any>(server);
    new WebSocketServer({ server }).on(
      "connection",
      (socket: Any) =>
        socket.on("message", (text: Any) => socket.send(`${text}`)),
    );
    const client = new WebSocket(`ws://127.0.0.1:${site.port}/`);
    const answer = within(
      "a message",
      new Promise<MessageEvent>((resolve) => client.onmessage = resolve),
    );
    client.onopen = () => client.send("hello");
    assert.equal((await answer).data, "hello");
    client.close();
    await eventually("the end", () => site.connections === 0);
    await site.close();
  });

  for (
    const transports of [["polling"], ["websocket"], ["polling", "websocket"]]
  ) {
    test(`socket.io, ${transports.join(" then ")}`, async () => {
      const { Server } = require("socket.io") as Any;
      const { io } = require("socket.io-client") as Any;
      const server = createServer();
      const site = new Site<Any>(server);
      const sockets = new Server(server, { maxHttpBufferSize: 1e8 });
      sockets.on(
        "connection",
        (socket: Any) =>
          socket.on("echo", (bytes: Any, done: Any) => done(bytes)),
      );
      const client = io(`http://127.0.0.1:${site.port}/`, {
        transports,
        reconnection: false,
        agent: httpAgent({ keepAlive: true }),
      });
      await within(
        "connect",
        new Promise<void>((resolve, reject) => {
          client.on("connect", resolve);
          client.on("connect_error", reject);
        }),
      );
      await eventually(
        "the transport",
        () => client.io.engine.transport.name === transports.at(-1),
      );
      const answer = await within("echo", client.emitWithAck("echo", body));
      assert.equal(digest(new Uint8Array(answer as Any)), bodyDigest);
      client.close();
      const closed = new Promise<void>((resolve) =>
        sockets.close(() => resolve())
      );
      await within("the callback of close()", closed);
      assert.equal(server.listening, false);
      await site[Symbol.asyncDispose]();
    });
  }
});

/* A client sends requests to a URL: it resolves to the body and the server's header
 * x-port, or rejects. */
type Send = (
  url: string,
  options: { body?: Uint8Array; timeout?: number },
) => Promise<{ bytes: Uint8Array; port: string }>;

async function checkClient(
  scheme: "http" | "https",
  send: Send,
  { timeoutCode }: { timeoutCode: string | undefined },
): Promise<void> {
  const server = scheme === "http"
    ? createServer(echo)
    : createHttpsServer(identity, echo);
  await using site = new Site<Any>(server);
  const url = `${scheme}://localhost:${site.port}`;
  const ports = new Set<string>();
  const get = await within("a response", send(url, {}));
  assert.equal(get.bytes.length, 0);
  ports.add(get.port);
  for (let i = 0; i < 3; i++) {
    const { bytes, port } = await within("a response", send(url, { body }));
    assert.equal(digest(bytes), bodyDigest);
    ports.add(port);
  }
  assert.equal(ports.size, 1, "it uses one connection");
  const refused = send(`${scheme}://127.0.0.1:${refusingPort()}`, {});
  await assert.rejects(within("refused", refused), { code: "ECONNREFUSED" });
  if (timeoutCode !== undefined) {
    const late = send(`${url}/never`, { timeout: 300 });
    await assert.rejects(within("late", late), { code: timeoutCode });
  }
  server.closeAllConnections();
}

for (const scheme of ["http", "https"] as const) {
  const makeAgent = () =>
    scheme === "http"
      ? httpAgent({ keepAlive: true })
      : httpsAgent({ keepAlive: true, ca });

  describe(`Clients, ${scheme}:`, () => {
    test("axios", async () => {
      const axios = await load("axios");
      const agent = makeAgent();
      await checkClient(scheme, async (url, { body, timeout }) => {
        const { data, headers } = await axios({
          url,
          adapter: "http",
          method: body ? "POST" : "GET",
          [`${scheme}Agent`]: agent,
          data: body,
          responseType: "arraybuffer",
          timeout,
        });
        return { bytes: data, port: headers["x-port"] };
      }, { timeoutCode: "ECONNABORTED" });
      agent.destroy();
    });

    test("got", async () => {
      const got = await load("got");
      const agent = makeAgent();
      await checkClient(scheme, async (url, { body, timeout }) => {
        const { rawBody, headers } = await got(url, {
          method: body ? "POST" : "GET",
          agent: { [scheme]: agent },
          https: { certificateAuthority: ca },
          ...body ? { body } : {},
          responseType: "buffer",
          retry: { limit: 0 },
          ...timeout ? { timeout: { request: timeout } } : {},
        });
        return { bytes: rawBody, port: headers["x-port"] };
        /* In Deno its time limits do nothing, also over Deno's own sockets. */
      }, { timeoutCode: isDeno ? undefined : "ETIMEDOUT" });
      agent.destroy();
    });

    test("undici", async () => {
      const agent = new undici.Agent({
        connect: undiciConnect({ ca }),
        connections: 1,
        pipelining: 1,
      });
      await checkClient(scheme, async (url, { body, timeout }) => {
        const answer = await undici.request(url, {
          method: body ? "POST" : "GET",
          body,
          dispatcher: agent,
          headersTimeout: timeout,
        });
        const bytes = await answer.body.bytes();
        return { bytes, port: answer.headers["x-port"] };
      }, { timeoutCode: "UND_ERR_HEADERS_TIMEOUT" });
      await agent.destroy();
    });
  });
}

describe("undiciConnect():", () => {
  test("allowH2: 5 MB and 100 requests go over one connection of HTTP/2", async () => {
    const versions = new Set<string>();
    const server = createSecureServer(
      { ...identity, allowHTTP1: true },
      (request, response) => {
        versions.add(request.httpVersion);
        response.setHeader("x-port", `${request.socket.remotePort}`);
        request.pipe(response as Any);
      },
    );
    await using site = new Site<Any>(server);
    const connect = undiciConnect({ ca, allowH2: true });
    const agent = new undici.Agent({ connect, allowH2: true, connections: 1 });
    const ports = new Set<unknown>();
    const send = async (bytes: Uint8Array) => {
      const answer = await within(
        "a response",
        undici.request(`https://localhost:${site.port}/`, {
          method: "POST",
          body: bytes,
          dispatcher: agent,
        }),
      ) as Any;
      ports.add(answer.headers["x-port"]);
      return digest(await answer.body.bytes());
    };
    assert.equal(await send(body), bodyDigest);
    const small = new Uint8Array([1, 2, 3]);
    for (let i = 0; i < 100; i++) {
      assert.equal(await send(small), digest(small));
    }
    assert.deepEqual([...versions], ["2.0"]);
    assert.equal(ports.size, 1);
    await agent.destroy();
  });

  test("without allowH2 the protocol is HTTP/1.1", async () => {
    const versions = new Set<string>();
    const server = createSecureServer(
      { ...identity, allowHTTP1: true },
      (request, response) => {
        versions.add(request.httpVersion);
        response.end();
      },
    );
    await using site = new Site<Any>(server);
    const agent = new undici.Agent({ connect: undiciConnect({ ca }) });
    const url = `https://localhost:${site.port}/`;
    const answer = await undici.request(url, { dispatcher: agent });
    await answer.body.dump();
    assert.deepEqual([...versions], ["1.1"]);
    await agent.destroy();
  });

  test("timeout: a handshake that takes too long", async () => {
    /* It accepts, and says nothing. */
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    const connect = undiciConnect({ timeout: 200 });
    const agent = new undici.Agent({ connect });
    const url = `https://127.0.0.1:${listener.addr.port}/`;
    await assert.rejects(
      within("late", undici.request(url, { dispatcher: agent })),
      { name: "ConnectTimeoutError", code: "UND_ERR_CONNECT_TIMEOUT" },
    );
    await agent.destroy();
  });

  test("a wrong timeout is a TypeError", () => {
    assert.throws(() => undiciConnect({ timeout: "1" as never }), {
      name: "TypeError",
      code: "ERR_INVALID_ARG_TYPE",
    });
  });
});
