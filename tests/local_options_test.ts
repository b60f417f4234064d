// Copyright the iocp authors. MIT license.
/* Options of unix sockets and named pipes, on the transport of the system that runs the
 * test. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { listen, NotSupported, type SocketError } from "../mod.ts";
import { OPTIONS } from "../src/options/table.ts";
import { eventually } from "./shared/deadline.ts";
import { localPair, newPath } from "./shared/local.ts";

describe("Options of TCP", () => {
  const tcp = Object.entries(OPTIONS).filter(([, option]) =>
    "tcpOnly" in option && option.scope !== "datagram"
  );
  const value = { boolean: true, keepAlive: true, integer: 1, milliseconds: 1 };
  for (const [key, option] of tcp) {
    const options = { [key]: value[option.kind as keyof typeof value] };
    const reason = (option as { tcpOnly: string }).tcpOnly;
    const isExpected = (error: unknown) =>
      error instanceof NotSupported && error.message.includes(reason) &&
      error.message.startsWith(`Cannot set ${key}: `);
    if (option.scope !== "connect") {
      test(`${key} is NotSupported in listen()`, () => {
        const path = newPath();
        assert.throws(() => listen({ path, ...options }), isExpected);
      });
    }
    if (option.scope === "listen") continue;
    test(`${key} is NotSupported in connect()`, async () => {
      using ends = await localPair();
      const { port, listener, client } = ends;
      const all = { ...listener.addr, ...options };
      await assert.rejects(port.connect(all), isExpected);
      assert.throws(() => port.connectSync(all), isExpected);
      if (option.scope !== "conn") return;
      assert.throws(() => client.setOptions(options), isExpected);
      const socket = await client.detach();
      assert.throws(() => port.adopt(socket, options), isExpected);
      /* The handle is still ours, once the port has let it go. */
      await eventually("it can be adopted", () => {
        try {
          port.adopt(socket).close();
          return true;
        } catch (error) {
          assert.equal((error as SocketError).code, "EEXIST");
          return false;
        }
      });
    });
  }

  test("are undefined when they are read", async () => {
    using ends = await localPair();
    const { client, listener, server } = ends;
    for (const [key] of tcp) {
      for (const { options } of [client, listener, server]) {
        const values = options as unknown as Record<string, unknown>;
        assert.equal(values[key], undefined, key);
      }
    }
    const isNotSupported = { name: "NotSupported" };
    assert.throws(() => client.setNoDelay(true), isNotSupported);
    assert.throws(() => client.setKeepAlive(true), isNotSupported);
  });

  test("leave the others", async () => {
    using ends = await localPair({
      closeTimeout: 77,
      sendConcurrency: 3,
      receive: { mode: "flow", bufferSize: 5000 },
      listen: { acceptPool: 5 },
    });
    const { client, listener, server } = ends;
    for (const { options } of [client, listener, server]) {
      assert.equal(options.closeTimeout, 77);
      assert.equal(options.sendConcurrency, 3);
      assert.equal(options.receive.bufferSize, 5000);
      assert.equal("transport" in options, false);
    }
    assert.equal(listener.options.acceptPool, 5);
    client.setOptions({ sendConcurrency: 2 });
    assert.equal(client.options.sendConcurrency, 2);
  });
});
