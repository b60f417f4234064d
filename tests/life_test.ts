// Copyright the iocp authors. MIT license.
/* When a process exits, and with which code: as with the runtime's own sockets.
 * Each case is one of tests/programs/life.ts. */

import assert from "node:assert/strict";
import { connect as connectPlain } from "node:net";
import { describe, test } from "node:test";
import { listen } from "../mod.ts";
import { type Ended, programPath, run, start } from "./shared/child.ts";
import { delay, within } from "./shared/deadline.ts";
import { digest } from "./shared/pattern.ts";
import { receiveByLoop } from "./shared/transfer.ts";

function check(ended: Ended, code: number, stdout: string): void {
  assert.deepEqual(
    { code: ended.code, stdout: ended.stdout.trim() },
    { code, stdout },
    ended.stderr,
  );
}

describe("The process exits", () => {
  const cases: [name: string, why: string, stdout: string][] = [
    ["nothing", "when the module is only imported", "done"],
    ["portOnly", "when a port has no sockets", "done"],
    ["unrefListener", "with an unref'd listener", "done"],
    ["unrefListenerAccepting", "with an unref'd listener that accepts", "done"],
    ["unrefListenerParked", "when a listener is unref'd while parked", "done"],
    ["unrefConn", "when connections are unref'd while parked", "done"],
    ["closeParked", "when everything is closed while parked", "done"],
    ["closePortParked", "when the port is closed while parked", "done"],
    ["closePortAtOnce", "when the port is closed in the same turn", "done"],
    ["manyPorts", "with many ports, open and closed", "done"],
    ["connectTimeout", "before the timeout of a finished connect", "done"],
    ["connectRefused", "after a refused connection", "ECONNREFUSED"],
    ["unrefUnaccepted", "with unref'd connections, not all accepted", "done"],
    ["unrefDeadlines", "before the timeouts of unref'd sockets", "done"],
    ["refDeadlines", "after the timeout of a read, not before", "ETIMEDOUT"],
    ["abandonedReads", "with pending reads of unref'd connections", "done"],
  ];
  for (const [name, why, stdout] of cases) {
    test(why, async () => check(await run("life", [name]), 0, stdout));
  }

  test("with the code of process.exit(), while parked", async () => {
    check(await run("life", ["exitParked"]), 7, "");
  });

  test("with an uncaught error, while parked", async () => {
    const ended = await run("life", ["throwParked"]);
    check(ended, 1, "");
    assert.match(ended.stderr, /thrown on purpose/);
  });

  test("after sending bytes that were written before close()", async () => {
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    const { hostname, port } = listener.addr;
    const child = run("life", ["pendingWrites", hostname, `${port}`]);
    const conn = await within("accept", listener.accept());
    await delay(200);
    const received = await within("the bytes", receiveByLoop(conn));
    const parts = Array.from(
      { length: 64 },
      (_, i) => new Uint8Array(256 * 1024).fill(i),
    );
    assert.equal(received, digest(...parts));
    check(await child, 0, "done");
  });

  test("after sending bytes that are written while it exits", async () => {
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    const { hostname, port } = listener.addr;
    const child = run("life", ["writesAtExit", hostname, `${port}`]);
    const conn = await within("accept", listener.accept());
    const received = await within("the bytes", receiveByLoop(conn));
    assert.equal(received, digest(new TextEncoder().encode("goodbye")));
    check(await child, 0, "");
  });
});

describe("A pending write keeps the process alive in spite of unref(), by", () => {
  const ways = {
    write: "write()",
    unrefLate: "write() before the unref()",
    parts: "one write() after the other",
    closeWrite: "write() and closeWrite()",
    close: "write() and close()",
    writable: "a stream",
    broadcast: "broadcast()",
    duplex: "a duplex",
  };
  for (const [how, title] of Object.entries(ways)) {
    test(title, async () => {
      using listener = listen({ hostname: "127.0.0.1", port: 0 });
      const { hostname, port } = listener.addr;
      const child = run("life", ["unrefWriting", hostname, `${port}`, how]);
      const conn = await within("accept", listener.accept());
      /* By then a process without pending work has exited. */
      await delay(500);
      const received = await within("the bytes", receiveByLoop(conn));
      assert.equal(received, digest(new Uint8Array(16 << 20).fill(7)));
      check(await child, 0, "done");
    });
  }

  test("write() and detach()", async () => {
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    const { hostname, port } = listener.addr;
    const child = run("life", ["unrefWriting", hostname, `${port}`, "detach"]);
    const conn = await within("accept", listener.accept());
    await delay(500);
    await within("the bytes", receiveByLoop(conn));
    check(await child, 0, "done\ndetached");
  });
});

/* Connects and waits for the end of the connection. */
function runClient(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectPlain(port, "127.0.0.1");
    socket.on("error", reject);
    socket.on("close", () => resolve());
    socket.on("connect", () => socket.end());
    socket.resume();
  });
}

/* Longer than a process without pending work takes to exit. */
const ALIVE_MS = 1_500;

describe("The process keeps running", () => {
  const cases: [name: string, why: string, pattern: RegExp][] = [
    ["refListener", "while a listener is open", /listening (\d+)/],
    ["refListenerAccepting", "while a listener accepts", /listening (\d+)/],
    ["refAgain", "when a listener is ref'd again", /listening (\d+)/],
    ["refConn", "while a connection is open", /open/],
  ];
  for (const [name, why, pattern] of cases) {
    test(why, async () => {
      using child = start(programPath("life"), [name]);
      await within("its start", child.output(pattern));
      const ended = await Promise.race([child.ended, delay(ALIVE_MS)]);
      assert.equal(ended, undefined, "the process has exited");
    });
  }

  test("for a timer, and meanwhile an unref'd listener accepts", async () => {
    using child = start(programPath("life"), ["unrefListenerServes"]);
    const [, port] = await within("start", child.output(/listening (\d+)/));
    await delay(500);
    await within("the client", runClient(Number(port)));
    await within("the service", child.output(/served/));
    assert.equal((await child.ended).code, 0);
  });
});
