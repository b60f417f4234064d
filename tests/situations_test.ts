// Copyright the iocp authors. MIT license.
/* One situation, one code: what each call says, the same on every system. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CompletionPort, type Conn } from "../mod.ts";
import { eventually } from "./shared/deadline.ts";
import { closedAddress, noIpv6 } from "./shared/network.ts";
import { errorFrom, outcome } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";
import { bytesOf } from "./shared/pattern.ts";

/* How the client of a pair came to reset its connection. */
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
    throw new Error("not refused");
  },
};

for (const [situation, make] of Object.entries(resets)) {
  for (const [name, call] of Object.entries(calls)) {
    test(`${name}() after ${situation} is ECONNRESET, and again`, async () => {
      using ends = await pair();
      await make(ends.client, ends.server);
      await eventually("the reset is met", async () => {
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

test("A write after closeWrite() is EPIPE, before and after the peer's end", async () => {
  using ends = await pair();
  await ends.server.closeWrite();
  assert.equal(await outcome(() => ends.server.write(bytesOf("x"))), "EPIPE");
  ends.client.close();
  assert.equal(await ends.server.read(new Uint8Array(1)), null);
  assert.equal(await outcome(() => ends.server.write(bytesOf("x"))), "EPIPE");
});

test("A write after a closeWrite() of the former owner is EPIPE", async () => {
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

test("connect() says of each place the same everywhere", async () => {
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

test("Conn.remoteAddr is the peer's, not what was asked for", async () => {
  const asked: [on: string, to: string][] = [["0.0.0.0", "0.0.0.0"]];
  if (!noIpv6) asked.push(["::", "::"], ["::1", "::1%1"]);
  for (const [on, to] of asked) {
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
