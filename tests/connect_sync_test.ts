// Copyright the iocp authors. MIT license.
/* connectSync() with several addresses, which the tests supply, and its arguments.
 * Other tests of it are in blocking_test.ts. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  CompletionPort,
  type Conn,
  type ConnectOptions,
  connectSync,
  type NetAddr,
} from "../mod.ts";
import { makeConn } from "../src/conn.ts";
import { Acceptor } from "../src/socket/acceptor.ts";
import { parseIp } from "../src/native/address.ts";
import { makeConnectionSync } from "../src/views/blocking.ts";
import { Group } from "../src/loop/group.ts";
import { connectSettings } from "../src/options/connect.ts";
import { listenSettings } from "../src/options/listen.ts";
import { closedAddress, unresponsiveAddress } from "./shared/network.ts";
import { failure } from "./shared/outcome.ts";

describe("connectSync() of several addresses", () => {
  function race(
    loop: Group,
    port: number,
    texts: string[],
    options: Partial<ConnectOptions> = {},
  ): Conn {
    const settings = connectSettings({
      hostname: "several.example",
      port,
      ...options,
    });
    const addresses = texts.map((text) => parseIp(text)!);
    return makeConn(makeConnectionSync(loop, settings, () => addresses));
  }

  function acceptor(loop: Group, hostname: string, port = 0): Acceptor {
    return new Acceptor(loop, listenSettings({ hostname, port, backlog: 1 }));
  }

  test("tries the next address after a refusal", () => {
    const loop = new Group();
    const { port } = acceptor(loop, "127.0.0.3").address as NetAddr;
    const texts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
    assert.equal(race(loop, port, texts).remoteAddr.hostname, "127.0.0.3");
    const error = failure(() =>
      race(loop, port, texts, { autoSelectFamily: false })
    );
    assert.equal(error.code, "ECONNREFUSED");
    assert.equal(error.address, "127.0.0.1");
    loop.close();
  });

  test("reports the first failure when all fail", () => {
    const loop = new Group();
    const { port } = closedAddress;
    const error = failure(() => race(loop, port, ["127.0.0.2", "127.0.0.3"]));
    assert.equal(error.code, "ECONNREFUSED");
    assert.equal(error.address, "127.0.0.2");
    assert.equal((error.cause as AggregateError).errors.length, 2);
    loop.close();
  });

  test("does not wait for an address that does not answer", async () => {
    const port = new CompletionPort();
    const unresponsive = await unresponsiveAddress(port);
    const loop = new Group();
    acceptor(loop, "127.0.0.2", unresponsive.port);
    const texts = [unresponsive.hostname, "127.0.0.2"];
    const conn = race(loop, unresponsive.port, texts);
    assert.equal(conn.remoteAddr.hostname, "127.0.0.2");
    const error = failure(() =>
      race(loop, unresponsive.port, texts, {
        autoSelectFamilyAttemptDelay: 2 ** 31 - 1,
        timeout: 300,
      })
    );
    assert.equal(error.code, "ETIMEDOUT");
    assert.equal(error.address, "several.example");
    loop.close();
    port.close();
  });
});

test("Wrong arguments of connectSync() are refused", () => {
  const wrongs: [object, RegExp][] = [
    [{ port: 0 }, /"port"/],
    [{ port: 1, timeout: 0 }, /"timeout"/],
    [{ port: 1, hostname: "a b" }, /"hostname"/],
    [{ port: 1, transport: "udp" }, /"transport"/],
  ];
  for (const [options, message] of wrongs) {
    assert.throws(() => connectSync(options as never), { message });
  }
  assert.throws(() => connectSync(undefined as never), /"options"/);
});
