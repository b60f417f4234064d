// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { Agent, createServer, type IncomingMessage } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { createRequire } from "node:module";
import { connect as connectTls } from "node:tls";
import type { Library } from "../../shared/library.ts";
import {
  type LocalServer,
  serverOf,
  startLocal,
} from "../../shared/local_server.ts";
import { ca } from "../../shared/tls.ts";

const require = createRequire(import.meta.url);
const host = "127.0.0.1";

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

/** Starts a server with a few answers of Docker's API, each container of which has
 * one archive. */
export async function start(): Promise<LocalServer> {
  const archives = new Map<string, Uint8Array>();
  const answer = async (request: IncomingMessage) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    if (pathname === "/version") return JSON.stringify({ Version: "27.3.1" });
    if (pathname.endsWith("/wait")) return await new Promise<never>(() => {});
    if (request.method !== "PUT") return archives.get(pathname)!;
    archives.set(pathname, await bytesOf(request));
    return "";
  };
  const http = createServer(async (request, response) => {
    response.end(await answer(request));
  });
  http.requestTimeout = 0;
  return await startLocal(serverOf((stream) => {
    stream.on("error", () => {});
    http.emit("connection", stream);
  }));
}

let count = 0;

export const dockerode: Library = {
  name: "dockerode",
  failure: /socket hang up|ECONNRESET/,
  reconnects: true,
  open({ port, securePort }, isSecure) {
    const Docker = require("dockerode");
    const { connect } = require("net");
    const agent = isSecure ? new SecureAgent() : new Agent();
    agent.createConnection = () =>
      isSecure
        ? connectTls({
          socket: connect(securePort, host),
          ca,
          servername: "localhost",
        })
        : connect(port, host);
    const docker = new Docker({
      ...{ host, agent },
      port: isSecure ? securePort : port,
      protocol: isSecure ? "https" : "http",
    });
    const container = docker.getContainer(`container-${count++}`);
    return Promise.resolve({
      async ask() {
        assert.equal((await docker.version()).Version, "27.3.1");
      },
      async echo(bytes) {
        await container.putArchive(Buffer.from(bytes), { path: "/" });
        return await bytesOf(await container.getArchive({ path: "/" }));
      },
      wait: () => container.wait(),
      close: () => agent.destroy(),
    });
  },
};
