// Copyright the iocp authors. MIT license.
/* The output of console.log() and similar functions for objects of the API. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { CompletionPort, Conn, Listener } from "../mod.ts";
import { run } from "./shared/child.ts";
import { within } from "./shared/deadline.ts";
import { pair } from "./shared/pair.ts";

/* The inspection functions of this runtime. */
const ways: Record<string, (value: unknown) => string> = {
  "util.inspect()": (value) => inspect(value),
};
const { Bun, Deno } = globalThis as unknown as Record<
  string,
  { inspect(value: unknown): string } | undefined
>;
if (Bun !== undefined) ways["Bun.inspect()"] = (value) => Bun.inspect(value);
if (Deno !== undefined) ways["Deno.inspect()"] = (value) => Deno.inspect(value);

/* The output on one line and without quotes, independent of the width. */
function shown(way: (value: unknown) => string, value: unknown): string {
  return way(value).replace(/\s+/g, " ").replace(/,? }$/, " }")
    .replaceAll(/["']/g, "");
}

for (const [name, way] of Object.entries(ways)) {
  test(`${name} shows the addresses and the state of a connection`, async () => {
    using ends = await pair();
    const { client, server, listener } = ends;
    const { port } = client.localAddr;
    const far = `127.0.0.1:${listener.addr.port}`;
    const text = (state: string) =>
      `Conn { localAddr: 127.0.0.1:${port}, remoteAddr: ${far}, state: ${state} }`;
    assert.equal(shown(way, client), text("open"));
    await client.closeWrite();
    assert.equal(shown(way, client), text("half-closed"));
    assert.equal(await within("the end", server.read(new Uint8Array(1))), null);
    assert.match(shown(way, server), /half-closed/);
    client.close();
    assert.equal(shown(way, client), text("closed"));
    assert.match(way({ a: { b: { c: { d: client } } } }), /Conn|Object/);
  });

  test(`${name} shows a listener and a completion port`, () => {
    const port = new CompletionPort();
    const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
    const { engine } = port;
    const addr = `127.0.0.1:${listener.addr.port}`;
    assert.equal(
      shown(way, listener),
      `Listener { addr: ${addr}, state: open }`,
    );
    assert.equal(
      shown(way, port),
      `CompletionPort { engine: ${engine}, sockets: 1, state: open }`,
    );
    listener.close();
    assert.equal(
      shown(way, listener),
      `Listener { addr: ${addr}, state: closed }`,
    );
    port.close();
    assert.equal(
      shown(way, port),
      `CompletionPort { engine: ${engine}, state: closed }`,
    );
  });

  test(`${name} never throws`, async () => {
    for (const { prototype } of [Conn, Listener, CompletionPort]) {
      assert.equal(typeof way(prototype), "string");
    }
    using ends = await pair();
    const { client, server } = ends;
    server.reset();
    client.read(new Uint8Array(1)).catch(() => {});
    for (let i = 0; i < 20; i++) {
      assert.match(way(client), /^Conn /);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    ends.port.close();
    assert.match(way(client), /^Conn /);
    assert.match(way(server), /^Conn /);
  });
}

test("console.log() prints a connection", async () => {
  const { code, stdout, stderr } = await run("print", []);
  assert.equal(code, 0, stderr);
  const conn =
    /Conn \{\s+localAddr: .[\d.:]+.,\s+remoteAddr: .[\d.:]+.,\s+state: .open.,?\s+\}/;
  assert.match(stdout, conn);
});
