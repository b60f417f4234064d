// Copyright the iocp authors. MIT license.
/* Bytes over unix sockets and named pipes, on the transport of the system that runs
 * the test. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { broadcast, type Conn, type PathAddr } from "../mod.ts";
import { isSettled, within } from "./shared/deadline.ts";
import { localPair } from "./shared/local.ts";
import { bytesOf, digest, pattern, textOf } from "./shared/pattern.ts";
import {
  echo,
  readText,
  receiveByChunks,
  receiveByLoop,
} from "./shared/transfer.ts";

const LARGE = 3 << 20;

describe("Bytes", () => {
  const ways = {
    "for await": receiveByLoop,
    "chunks(p)": receiveByChunks(20_000),
  };
  for (const [name, receive] of Object.entries(ways)) {
    test(`arrive by ${name} in order, up to the peer's close`, async () => {
      using ends = await localPair();
      const received = receive(ends.server);
      await ends.client.write(pattern(LARGE, 1));
      ends.client.close();
      assert.equal(
        await within("the end", received),
        digest(pattern(LARGE, 1)),
      );
    });
  }

  for (const mode of ["auto", "zero-byte", "flow", "burst"] as const) {
    test(`come back from an echo in the mode ${mode}`, async () => {
      using ends = await localPair({ receive: { mode } });
      const served = echo(ends.server);
      const p = new Uint8Array(LARGE);
      const reading = (async () => {
        for (let at = 0; at < LARGE;) {
          const count = await ends.client.read(p.subarray(at));
          assert.ok(count !== null);
          at += count;
        }
      })();
      await ends.client.write(pattern(LARGE, 2));
      await within("the echo", reading);
      assert.equal(digest(p), digest(pattern(LARGE, 2)));
      ends.client.close();
      await within("the service", served);
    });
  }

  test("wait for a peer that does not read", async () => {
    using ends = await localPair();
    const writing = ends.client.write(pattern(LARGE, 3));
    assert.equal(await isSettled(writing), false);
    const received = receiveByLoop(ends.server);
    await within("the write", writing);
    ends.client.close();
    assert.equal(await received, digest(pattern(LARGE, 3)));
  });

  test("are delivered after a close that follows at once", async () => {
    using ends = await localPair();
    ends.server.write(pattern(LARGE, 4)).catch(() => {});
    ends.server.close();
    /* The client reads only later. */
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(
      await within("the end", receiveByLoop(ends.client)),
      digest(pattern(LARGE, 4)),
    );
  });

  test("are counted", async () => {
    using ends = await localPair();
    await ends.client.write(pattern(1000, 5));
    assert.equal(ends.client.stats().bytesSent, 1000);
    for (let left = 1000; left > 0;) {
      left -= await ends.server.read(new Uint8Array(left)) ?? left;
    }
    assert.equal(ends.server.stats().bytesReceived, 1000);
    assert.equal(ends.port.stats().sockets, 3);
    assert.equal(ends.listener.stats().accepted, 1);
  });

  test("can be broadcast", async () => {
    using ends = await localPair();
    const { listener, port } = ends;
    const clients: Conn<PathAddr>[] = [ends.client];
    const servers: Conn<PathAddr>[] = [ends.server];
    for (let i = 0; i < 5; i++) {
      clients.push(await port.connect(listener.addr));
      servers.push(await listener.accept());
    }
    const failed = await broadcast(servers, bytesOf("to all"));
    assert.equal(failed.size, 0);
    for (const client of clients) {
      assert.equal(await readText(client), "to all");
    }
  });

  test("go through web streams", async () => {
    using ends = await localPair();
    const reader = ends.server.readable.getReader();
    const writer = ends.client.writable.getWriter();
    await writer.write(bytesOf("by streams"));
    const { value } = await within("a chunk", reader.read());
    assert.equal(textOf(value!), "by streams");
    await writer.close();
    const { done } = await within("the end", reader.read());
    assert.equal(done, true);
  });

  test("go through a duplex, up to its end()", async () => {
    using ends = await localPair();
    const client = ends.client.duplex();
    const server = ends.server.duplex();
    assert.deepEqual(client.address(), {});
    assert.deepEqual(
      [client.remoteAddress, client.remotePort, client.remoteFamily],
      [undefined, undefined, undefined],
    );
    client.setNoDelay(true).setKeepAlive(true);
    const ended = new Promise<string>((resolve) => {
      let text = "";
      server.on("data", (chunk: Uint8Array) => text += textOf(chunk));
      server.on("end", () => resolve(text));
    });
    const closed = new Promise((resolve) => client.on("close", resolve));
    client.resume();
    client.write("by ");
    client.end("a duplex");
    assert.equal(await within("the end", ended), "by a duplex");
    assert.equal(await within("the close", closed), false);
  });
});
