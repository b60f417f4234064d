// Copyright the iocp authors. MIT license.
/* node:tls and node:http over sockets of iocp/net. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import { test } from "node:test";
import { connect as connectTls, TLSSocket } from "node:tls";
import * as net from "../net.ts";
import { within } from "./shared/deadline.ts";
import { identity } from "./shared/duplex.ts";
import { listening } from "./shared/net.ts";

test("TLS works over sockets of iocp/net at both ends", async () => {
  await using served = await listening((socket) => {
    const server = new TLSSocket(socket, { isServer: true, ...identity });
    server.on("error", () => {});
    server.pipe(server);
  });
  /* The socket may still connect. */
  for (const waits of [true, false]) {
    const socket = net.connect(served.port, "127.0.0.1");
    if (waits) await within("connect", once(socket, "connect"));
    const client = connectTls({
      socket,
      ca: identity.cert,
      servername: "localhost",
    });
    await within("the handshake", once(client, "secureConnect"));
    assert.equal(client.authorized, true);
    assert.equal(client.remoteAddress, "127.0.0.1");
    assert.equal(client.remotePort, served.port);
    const answer = within("data", once(client, "data"));
    client.write("over TLS");
    assert.equal(String((await answer)[0]), "over TLS");
    client.destroy();
  }
});

test("http works over sockets of iocp/net at both ends", async () => {
  const http = createServer((request, response) =>
    response.end(`path ${request.url}`)
  );
  await using served = await listening((socket) => {
    http.emit("connection", socket);
  });
  const request = get({
    path: "/one",
    createConnection: () => net.connect(served.port, "127.0.0.1"),
  });
  const [response] = await within("a response", once(request, "response")) as [
    IncomingMessage,
  ];
  let text = "";
  response.on("data", (part) => text += part);
  await within("end", once(response, "end"));
  assert.equal(text, "path /one");
  request.destroy();
});
