// Copyright the iocp authors. MIT license.
/* HTTP over local sockets: servers and clients of node:http. */

import assert from "node:assert/strict";
import {
  createServer,
  get,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { test } from "node:test";
import { connect, listen, serveHttp } from "../mod.ts";
import { within } from "./shared/deadline.ts";
import { newPath } from "./shared/local.ts";

async function bodyOf(options: RequestOptions): Promise<string> {
  const request = get(options);
  const response = await within(
    "a response",
    new Promise<IncomingMessage>((resolve, reject) => {
      request.once("response", resolve);
      request.once("error", reject);
    }),
  );
  let body = "";
  for await (const chunk of response) body += chunk;
  return body;
}

test("serveHttp() serves a listener on a path", async () => {
  const path = newPath();
  const server = createServer(({ url }, response) => response.end(`at ${url}`));
  const service = serveHttp(server, listen({ path }));
  assert.equal(service.addr.path, path);
  assert.equal(server.address(), path);
  assert.equal(server.listening, true);
  for (let i = 0; i < 3; i++) {
    const options = { socketPath: path, path: `/${i}`, agent: false as const };
    assert.equal(await bodyOf(options), `at /${i}`);
  }
  await within("the close", service.close());
  assert.equal(server.listening, false);
});

test("node:http makes a request over connect()", async () => {
  const path = newPath();
  const server = createServer((_, response) => response.end("hello"));
  await using _ = serveHttp(server, listen({ path }));
  const conn = await connect({ path });
  const createConnection = () => conn.duplex();
  assert.equal(await bodyOf({ createConnection, path: "/" }), "hello");
  conn.close();
});
