// Copyright the iocp authors. MIT license.
/* The library vscode-jsonrpc, with which language servers talk to editors, over a
 * local socket: both ends of this module, and one of node:net. */

import assert from "node:assert/strict";
import { connect as connectPlain } from "node:net";
import { createRequire } from "node:module";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { listen } from "../mod.ts";
import { within } from "./shared/deadline.ts";
import { isWindows, localPair, newPath } from "./shared/local.ts";

/* What is used of vscode-jsonrpc. Its types need those of a browser. */
interface Rpc {
  createMessageConnection(reader: unknown, writer: unknown): MessageConnection;
  StreamMessageReader: new (stream: Duplex) => unknown;
  StreamMessageWriter: new (stream: Duplex) => unknown;
  CancellationTokenSource: new () => { token: unknown; cancel(): void };
}
interface MessageConnection {
  listen(): void;
  dispose(): void;
  onRequest(
    method: string,
    handler: (value: never, token: Token) => unknown,
  ): void;
  onNotification(method: string, handler: (value: never) => void): void;
  onClose(handler: () => void): void;
  sendRequest(method: string, ...values: unknown[]): Promise<unknown>;
  sendNotification(method: string, value: unknown): Promise<void>;
}
interface Token {
  isCancellationRequested: boolean;
  onCancellationRequested(handler: () => void): void;
}

const rpc = createRequire(import.meta.url)("vscode-jsonrpc/node") as Rpc;

function over(stream: Duplex): MessageConnection {
  return rpc.createMessageConnection(
    new rpc.StreamMessageReader(stream),
    new rpc.StreamMessageWriter(stream),
  );
}

/* A server of a few methods on a stream. */
function serveOver(stream: Duplex): MessageConnection {
  const server = over(stream);
  server.onRequest("echo", (value) => value);
  server.onRequest("fail", () => {
    throw new Error("refused");
  });
  server.onRequest("ask", async (value) => {
    return await server.sendRequest("answer", value);
  });
  server.onRequest("wait", (_, token) => {
    /* Of a request that is cancelled before it begins, there is no event. */
    return token.isCancellationRequested ||
      new Promise((resolve) =>
        token.onCancellationRequested(() => resolve(true))
      );
  });
  server.onNotification("note", (value) => {
    server.sendNotification("noted", value);
  });
  server.listen();
  return server;
}

async function exchange(client: MessageConnection): Promise<void> {
  client.onRequest("answer", (value: number) => value + 1);
  const noted = new Promise((resolve) =>
    client.onNotification("noted", resolve)
  );
  client.listen();
  const call = (method: string, ...values: unknown[]) =>
    within(method, client.sendRequest(method, ...values));
  assert.deepEqual(await call("echo", { text: "größe" }), { text: "größe" });
  const long = "日本".repeat(300_000);
  assert.equal(await call("echo", long), long);
  const numbers = Array.from({ length: 500 }, (_, i) => i);
  const answers = numbers.map((i) => call("ask", i));
  assert.deepEqual(await Promise.all(answers), numbers.map((i) => i + 1));
  await assert.rejects(call("fail"), /refused/);
  await assert.rejects(call("none"), /Unhandled method none/);
  const source = new rpc.CancellationTokenSource();
  const waiting = call("wait", 1, source.token);
  source.cancel();
  assert.equal(await waiting, true);
  await client.sendNotification("note", [1, 2]);
  assert.deepEqual(await within("a notification", noted), [1, 2]);
}

test("vscode-jsonrpc runs over both ends of a connection", async () => {
  using ends = await localPair();
  const server = serveOver(ends.server.duplex());
  const serverClosed = new Promise<void>((resolve) => server.onClose(resolve));
  const client = over(ends.client.duplex());
  await exchange(client);
  client.dispose();
  ends.client.close();
  await within("the close", serverClosed);
});

test("vscode-jsonrpc runs between a duplex and node:net", async () => {
  const path = newPath();
  using listener = listen({ path });
  const accepting = listener.accept();
  const socket = connectPlain(isWindows ? path.replaceAll("\\", "/") : path);
  await within("connecting", once(socket, "connect"));
  const conn = await within("accept", accepting);
  serveOver(conn.duplex());
  const client = over(socket);
  const clientClosed = new Promise<void>((resolve) => client.onClose(resolve));
  await exchange(client);
  conn.close();
  await within("the close", clientClosed);
  socket.destroy();
});
