// Copyright the iocp authors. MIT license.
/* What library_speed.ts measures: clients with their servers, and servers. */

import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import { createRequire } from "node:module";
import { type AddressInfo, connect, type Server } from "node:net";
import process from "node:process";
import type { Library, LibraryServer, Session } from "../shared/library.ts";
import { connection } from "../libraries/clients/mariadb.ts";
import * as mqtt from "../libraries/clients/mqtt.ts";
import * as nodemailer from "../libraries/clients/nodemailer.ts";
import { pg, postgres } from "../libraries/clients/postgres.ts";
import { amqplib } from "../libraries/clients/rabbitmq.ts";
import { ioredis, nodeRedis } from "../libraries/clients/redis.ts";
import * as ssh2 from "../libraries/clients/ssh2.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

const require = createRequire(import.meta.url);
/* Bun has modules of its own in the place of these two. */
const ws = () => require("../../node_modules/ws/index.js") as Any;
const undici = () => require("../../node_modules/undici/index.js") as Any;
const host = "127.0.0.1";
const isOurs = process.env["IOCP_IS_OURS"] === "1";
const http = () => import("../../http.ts") as Promise<Any>;

/** A client library. */
interface Client {
  /** Its server: of the Debian, in the process of the client, or another process of
   * this program with the runtime's own sockets. */
  readonly peer:
    | "postgres"
    | "redis"
    | "mariadb"
    | "rabbitmq"
    | "own"
    | "partner";
  open(port: number): Promise<Session>;
  /** Starts its server. Returns the port. */
  partner?(): Promise<number>;
}

function over(peer: Client["peer"], library: Library): Client {
  const open = (port: number) => library.open({ port } as LibraryServer, false);
  return { peer, open };
}

/* The server is of JavaScript too, so both ends are compared. */
function withOwn(
  { start }: { start(): Promise<LibraryServer> },
  library: Library,
): Client {
  const open = async () => await library.open(await start(), false);
  return { peer: "own", open };
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/* A site that answers with the body of the request, or with a few bytes. */
function site(): Promise<number> {
  return portOf(createServer((request, response) => {
    if (request.method === "POST") request.pipe(response);
    else response.end("Hello, World!");
  }));
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

async function openUndici(port: number): Promise<Session> {
  const connect = isOurs ? (await http()).undiciConnect() : undefined;
  const dispatcher = new (undici().Agent)({ connections: 1, connect });
  const send = async (method: string, body?: Uint8Array) => {
    const options = { dispatcher, method, body };
    const answer = await undici().request(`http://${host}:${port}/`, options);
    return new Uint8Array(await answer.body.arrayBuffer());
  };
  return {
    ask: () => send("GET") as Promise<Any>,
    echo: (bytes) => send("POST", bytes),
    wait: () => new Promise(() => {}),
    close: () => dispatcher.destroy(),
  };
}

async function openAgent(port: number): Promise<Session> {
  const options = { keepAlive: true, maxSockets: 1 };
  const agent: Agent = isOurs
    ? (await http()).httpAgent(options)
    : new Agent(options);
  const send = async (method: string, body?: Uint8Array) => {
    const sent = request({ host, port, agent, method });
    sent.end(body);
    const [response] = await once(sent, "response");
    return await bytesOf(response);
  };
  return {
    ask: () => send("GET") as Promise<Any>,
    echo: (bytes) => send("POST", bytes),
    wait: () => new Promise(() => {}),
    close: () => agent.destroy(),
  };
}

function echoes(server: Any): void {
  const sockets = new (ws().WebSocketServer)({ server });
  sockets.on(
    "connection",
    (socket: Any) => socket.on("message", (bytes: Any) => socket.send(bytes)),
  );
}

async function openWs(port: number): Promise<Session> {
  const agent = isOurs ? (await http()).httpAgent() : undefined;
  const client = new (ws().WebSocket)(`ws://${host}:${port}/`, { agent });
  await once(client, "open");
  const echo = async (bytes: Uint8Array) => {
    client.send(bytes);
    return (await once(client, "message"))[0];
  };
  const text = Buffer.from("Hello, World!");
  return {
    ask: () => echo(text),
    echo,
    wait: () => new Promise(() => {}),
    close: () => client.close(),
  };
}

/** The client libraries. */
export const clients: Record<string, Client> = {
  pg: over("postgres", pg),
  "postgres.js": over("postgres", postgres),
  ioredis: over("redis", ioredis),
  "node-redis": over("redis", nodeRedis),
  mysql2: over("mariadb", connection),
  amqplib: over("rabbitmq", amqplib),
  mqtt: withOwn(mqtt, mqtt.mqtt),
  nodemailer: withOwn(nodemailer, nodemailer.nodemailer),
  ssh2: withOwn(ssh2, ssh2.ssh2),
  undici: { peer: "partner", open: openUndici, partner: site },
  "http agent": { peer: "partner", open: openAgent, partner: site },
  ws: {
    peer: "partner",
    open: openWs,
    async partner() {
      const server = createServer();
      echoes(server);
      return await portOf(server);
    },
  },
};

/* Makes the server listen, in one way or the other. */
async function listening(server: Server): Promise<number> {
  if (!isOurs) return await portOf(server);
  const { listen } = await import("../../mod.ts");
  const { serveHttp } = await http();
  return serveHttp(server, listen({ hostname: host, port: 0 })).addr.port;
}

type Count = () => void;

/** Starts the server libraries. They call `count` for each question. */
export const servers: Record<string, (count: Count) => Promise<number>> = {
  "node:http": (count) =>
    listening(createServer((_, response) => {
      count();
      response.end("Hello, World!");
    })),
  express(count) {
    const app = require("express")();
    app.get("/", (_: Any, response: Any) => {
      count();
      response.send("Hello, World!");
    });
    return listening(createServer(app));
  },
  async fastify(count) {
    let server!: Server;
    const app = require("fastify")({
      serverFactory: (handler: Any) => server = createServer(handler),
    });
    app.get("/", () => {
      count();
      return "Hello, World!";
    });
    await app.ready();
    return await listening(server);
  },
  "ws server"(count) {
    const server = createServer();
    const sockets = new (ws().WebSocketServer)({ server });
    sockets.on(
      "connection",
      (socket: Any) =>
        socket.on("message", (bytes: Any) => {
          count();
          socket.send(bytes);
        }),
    );
    return listening(server);
  },
  "socket.io"(count) {
    const server = createServer();
    const sockets = new (require("socket.io").Server)(server);
    sockets.on("connection", (socket: Any) =>
      socket.on("m", (value: Any) => {
        count();
        socket.emit("m", value);
      }));
    return listening(server);
  },
};

/* It gets the connections of a net.Server, as docs/net.md has it: without what the runtime
 * does for its own HTTP connections alone. Deno keeps none of them for a second
 * request. */
if (!("Deno" in globalThis)) {
  servers["http on net"] = (count) => {
    const server = createServer((_, response) => {
      count();
      response.end("Hello, World!");
    });
    const net = require("net");
    return portOf(
      net.createServer((socket: Any) => server.emit("connection", socket)),
    );
  };
}

const CONNECTIONS = 50;
const get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** Asks a server on several connections until it ends. */
export function load(name: string, port: number): void {
  for (let i = 0; i < CONNECTIONS; i++) {
    if (name === "ws server") loadWs(`ws://${host}:${port}/`);
    else if (name === "socket.io") loadSocketIo(port);
    else loadHttp(port);
  }
}

function loadHttp(port: number): void {
  const socket = connect(port, host, () => socket.write(get));
  let text = "";
  socket.setEncoding("latin1");
  socket.on("error", () => process.exit());
  socket.on("data", (part) => {
    text += part;
    if (!text.includes("Hello, World!")) return;
    text = "";
    socket.write(get);
  });
}

function loadWs(url: string): void {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => socket.send(Buffer.from("Hello, World!"));
  socket.onmessage = ({ data }) => socket.send(data);
  socket.onclose = () => process.exit();
}

/* The protocols of socket.io and of engine.io below it, as far as it takes. */
function loadSocketIo(port: number): void {
  const query = "socket.io/?EIO=4&transport=websocket";
  const socket = new WebSocket(`ws://${host}:${port}/${query}`);
  const message = '42["m","Hello, World!"]';
  socket.onmessage = ({ data }) => {
    const text = String(data);
    if (text.startsWith("0")) socket.send("40");
    else if (text === "2") socket.send("3");
    else if (text.startsWith("4")) socket.send(message);
  };
  socket.onclose = () => process.exit();
}
