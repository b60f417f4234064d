// Copyright the iocp authors. MIT license.
/* Libraries that use node:net, unchanged: run with net_register.ts preloaded. The
 * argument is the name of one. */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import net, { Server } from "node:net";
import process from "node:process";
import { promisify } from "node:util";
import * as ours from "../../net.ts";
import { identity } from "../shared/duplex.ts";
import { sshHostKey } from "../shared/ssh_host_key.ts";

const require = createRequire(import.meta.url);
const [name, ...rest] = process.argv.slice(2);

/* A session over ssh2 on both sides, which sends `size` bytes there and back. */
async function ssh(): Promise<string> {
  const { Client, Server, utils } = require("ssh2");
  const key = sshHostKey(utils);
  const accepted: unknown[] = [];
  const server = new Server({ hostKeys: [key] }, (client: Any) => {
    accepted.push(client._sock);
    client.on("authentication", (attempt: Any) => attempt.accept());
    client.on("session", (accept: Any) =>
      accept().on("exec", (accept: Any) => {
        const channel = accept();
        channel.pipe(channel);
        channel.on("finish", () => channel.exit(0));
      }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  const client = new Client();
  client.connect({ host: "127.0.0.1", port, username: "u", password: "p" });
  await once(client, "ready");
  assert.ok(client._sock instanceof ours.Socket, "the client's socket");
  assert.ok(accepted[0] instanceof ours.Socket, "the server's socket");
  const channel = await promisify(client.exec.bind(client))("cat") as Any;
  const bytes = new Uint8Array(1_000_000).map((_, index) => index * 7);
  const hash = createHash("sha256");
  channel.on("data", (part: Uint8Array) => hash.update(part));
  channel.end(bytes);
  await once(channel, "close");
  const closed = once(client, "close");
  client.end();
  server.close();
  await closed;
  const wanted = createHash("sha256").update(bytes).digest("hex");
  assert.equal(hash.digest("hex"), wanted);
  return "ssh2 works";
}

/* A server and a client of vscode-jsonrpc on a path, by its own transports. */
async function jsonrpc(path: string): Promise<string> {
  const rpc = require("vscode-jsonrpc/node");
  const transport = await rpc.createClientPipeTransport(path);
  const [reader, writer] = rpc.createServerPipeTransport(path);
  const client = rpc.createMessageConnection(reader, writer);
  const server = rpc.createMessageConnection(...await transport.onConnected());
  server.onRequest("add", (a: number, b: number) => a + b);
  server.listen();
  client.listen();
  assert.ok(writer.socket instanceof ours.Socket, "the socket");
  const sum = await client.sendRequest("add", 2, 3);
  client.dispose();
  server.dispose();
  writer.socket.destroy();
  return `the sum is ${sum}`;
}

/* node:tls over sockets of the module that require() returns, which connect or are
 * connected. */
async function tls(): Promise<string> {
  const { connect, TLSSocket } = require("tls");
  const { createServer, connect: connectPlain } = require("net");
  const server = createServer((socket: Any) => {
    const stream = new TLSSocket(socket, { isServer: true, ...identity });
    stream.pipe(stream);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  let text = "";
  for (const waits of [true, false]) {
    const socket = connectPlain(server.address().port, "127.0.0.1");
    assert.ok(socket instanceof ours.Socket, "the socket");
    if (waits) await once(socket, "connect");
    const options = { ca: identity.cert, servername: "localhost" };
    const client = connect({ socket, ...options });
    await once(client, "secureConnect");
    client.write("over TLS");
    [text] = await once(client, "data");
    client.destroy();
  }
  server.close();
  return String(text);
}

/* Other modules of the runtime work as before. */
async function others(): Promise<string> {
  const { createServer, get } = await import("node:http");
  const server = createServer((_, response) => response.end("http"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const text = await new Promise<string>((resolve) =>
    get(`http://127.0.0.1:${port}/`, (response) => {
      let text = "";
      response.on("data", (part) => text += part);
      response.on("end", () => resolve(text));
    })
  );
  server.close();
  server.closeAllConnections();
  const { stdout } = await promisify(execFile)(process.execPath, ["--version"]);
  assert.ok(stdout.length > 0);
  /* Of which the standard ones and one more are pipes of the runtime. */
  const child = spawn(process.execPath, ["--version"], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  await once(child, "close");
  assert.equal(child.exitCode, 0);
  return `${text} and child processes work`;
}

/* What the names lead to. */
function names(): string {
  const own = net.Socket === ours.Socket && Server === ours.Server;
  const required = require("net").Socket === ours.Socket;
  const withPrefix = require("node:net").Server === ours.Server;
  return `imported ${own}, required ${required} ${withPrefix}`;
}

// deno-lint-ignore no-explicit-any
type Any = any;

const programs: Record<string, (...args: string[]) => unknown> = {
  ssh,
  tls,
  jsonrpc: jsonrpc as (...args: string[]) => unknown,
  others,
  names,
};
console.log(await programs[name!]!(...rest));
