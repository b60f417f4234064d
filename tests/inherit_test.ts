// Copyright the iocp authors. MIT license.
/* Programs that a process starts inherit none of its sockets: when it is gone, its
 * addresses are free and its connections are over, although they still run. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { type Addr, CompletionPort, type Conn } from "../mod.ts";
import { programPath, start } from "./shared/child.ts";
import { within } from "./shared/deadline.ts";
import { isWindows } from "./shared/local.ts";
import { outcome } from "./shared/outcome.ts";

interface Ready {
  children: number[];
  addrs: (Addr & { hostname: string; port: number })[];
  datagrams: { hostname: string; port: number }[];
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("A program that was started meanwhile inherits no socket", async () => {
  using port = new CompletionPort();
  using listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  using parent = start(programPath("parent"), [String(listener.addr.port)]);
  const conns: Conn[] = [];
  while (conns.length < 3) {
    conns.push(await within("a connection", listener.accept()));
  }
  const [, text] = await within("start", parent.output(/ready (.*)\n/));
  const { children, addrs, datagrams } = JSON.parse(text!) as Ready;
  try {
    assert.equal(children.length, 2);
    for (const addr of addrs) (await port.connect(addr)).close();
    assert.equal(datagrams.length, isWindows ? 1 : 2);
    for (const addr of datagrams) {
      assert.equal(await outcome(() => port.bind(addr)), "EADDRINUSE");
    }
    parent.process.kill("SIGKILL");
    await within("the end", parent.ended);
    for (const pid of children) assert.ok(isRunning(pid), `no process ${pid}`);
    for (const conn of conns) {
      const read = outcome(() => conn.read(new Uint8Array(1)));
      assert.match(await read, /null|ECONNRESET/);
    }
    for (const addr of addrs) {
      const code = await outcome(() => port.connect(addr));
      assert.match(code, /ECONNREFUSED|ENOENT/, JSON.stringify(addr));
      if (addr.transport === "tcp") port.listen(addr).close();
    }
    for (const addr of datagrams) port.bind(addr).close();
    for (const pid of children) assert.ok(isRunning(pid), `no process ${pid}`);
  } finally {
    for (const pid of children) {
      if (isRunning(pid)) process.kill(pid, "SIGKILL");
    }
  }
});
