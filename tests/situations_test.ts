// Copyright the iocp authors. MIT license.
/* In one situation, each call fails with the same code on every system. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CompletionPort, type Conn } from "../mod.ts";
import { eventually } from "./shared/deadline.ts";
import { closedAddress, noIpv6 } from "./shared/network.ts";
import { errorFrom, outcome } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";
import { bytesOf } from "./shared/pattern.ts";

/* How the client resets the connection. */
const resets: Record<string, (client: Conn, server: Conn) => unknown> = {
  "a reset": (client) => client.reset(),
  "a reset after the peer's end": async (client, server) => {
    await client.closeWrite();
    assert.equal(await server.read(new Uint8Array(1)), null);
    client.reset();
  },
};

const calls: Record<string, (server: Conn) => Promise<unknown>> = {
  async write(server) {
    for (;;) await server.write(bytesOf("answer"));
  },
  async writeSync(server) {
    for (;;) server.writeSync(bytesOf("answer"));
  },
  async closeWrite(server) {
    await server.write(bytesOf("x")).catch(() => {});
    await server.closeWrite();
    throw new Error("no error");
  },
};

for (const [situation, make] of Object.entries(resets)) {
  for (const [name, call] of Object.entries(calls)) {
    test(`${name}() after ${situation} fails with ECONNRESET each time`, async () => {
      using ends = await pair();
      await make(ends.client, ends.server);
      await eventually("the reset", async () => {
        const code = await outcome(() => ends.server.write(bytesOf("x")));
        assert.match(code, /^(1|ECONNRESET)$/);
        return code !== "1";
      });
      for (let i = 0; i < 2; i++) {
        const { code } = await errorFrom(call(ends.server));
        assert.equal(code, "ECONNRESET");
      }
    });
  }
}

test("write() after closeWrite() fails with EPIPE, before and after the peer's end", async () => {
  using ends = await pair();
  await ends.server.closeWrite();
  assert.equal(await outcome(() => ends.server.write(bytesOf("x"))), "EPIPE");
  ends.client.close();
  assert.equal(await ends.server.read(new Uint8Array(1)), null);
  assert.equal(await outcome(() => ends.server.write(bytesOf("x"))), "EPIPE");
});

test("write() to an adopted connection fails with EPIPE after closeWrite() by its former owner", async () => {
  using ends = await pair();
  await ends.server.closeWrite();
  const again = ends.port.adopt(await ends.server.detach());
  assert.equal(await outcome(() => again.write(bytesOf("x"))), "EPIPE");
});

const places: [hostname: string, port: number, code: string][] = [
  ["127.0.0.1", closedAddress.port, "ECONNREFUSED"],
  ["255.255.255.255", 9, "ENETUNREACH"],
  ["224.0.0.1", 9, "ENETUNREACH"],
];

test("connect() and connectSync() fail with the same code on every system", async () => {
  using port = new CompletionPort();
  for (const [hostname, number, code] of places) {
    const options = { hostname, port: number };
    assert.equal(await outcome(() => port.connect(options)), code, hostname);
    assert.equal(
      await outcome(() => port.connectSync(options)),
      code,
      hostname,
    );
  }
});

test("Conn.remoteAddr is the peer's address, not the argument of connect()", async () => {
  const hostnames: [on: string, to: string][] = [["0.0.0.0", "0.0.0.0"]];
  if (!noIpv6) hostnames.push(["::", "::"], ["::1", "::1%1"]);
  for (const [on, to] of hostnames) {
    using ends = await pair({
      listen: { hostname: on },
      connect: { hostname: to },
    });
    assert.deepEqual(ends.client.remoteAddr, ends.server.localAddr);
    using sync = ends.port.connectSync({
      hostname: to,
      port: ends.listener.addr.port,
    });
    assert.deepEqual(sync.remoteAddr, ends.client.remoteAddr);
  }
});
