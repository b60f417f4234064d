// Copyright the iocp authors. MIT license.
/* Datagrams from and to the runtimes' own sockets. */

import assert from "node:assert/strict";
import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { describe, test } from "node:test";
import { bind, CompletionPort } from "../mod.ts";
import { ownRuntime, programPath, start } from "./shared/child.ts";
import { receiveText, take } from "./shared/datagrams.ts";
import { within } from "./shared/deadline.ts";
import { noIpv6 } from "./shared/network.ts";
import { bytesOf, pattern } from "./shared/pattern.ts";

const lengths = [0, 1, 64, 1_200, 9_000, 65_507];

for (const hostname of ["127.0.0.1", "::1"]) {
  const isV6 = hostname === "::1";
  test(`node:dgram and bind() exchange datagrams on ${hostname}`, {
    skip: isV6 && noIpv6,
  }, async () => {
    using socket = bind({ hostname, port: 0 });
    const theirs = createSocket(isV6 ? "udp6" : "udp4");
    try {
      theirs.bind(0, hostname);
      await once(theirs, "listening");
      const { port } = theirs.address();
      for (const length of lengths) {
        const message = once(theirs, "message");
        await socket.send(pattern(length, 1), { hostname, port });
        const [data, from] = await within("their message", message) as [
          Uint8Array,
          RemoteInfo,
        ];
        assert.deepEqual(new Uint8Array(data), pattern(length, 1));
        assert.deepEqual(
          [from.address, from.port],
          [hostname, socket.addr.port],
        );
        theirs.send(pattern(length, 2), socket.addr.port, hostname);
        const [datagram] = await take(socket, 1);
        assert.deepEqual(datagram!.data, pattern(length, 2));
        assert.deepEqual({ ...datagram!.addr }, {
          transport: "udp",
          hostname,
          port,
        });
      }
    } finally {
      theirs.close();
    }
  });
}

describe("The runtime's own socket and bind() exchange datagrams", () => {
  const { name } = ownRuntime;
  const flags = ["-A", "--unstable-net"];
  test(name, async () => {
    using port = new CompletionPort();
    const socket = port.bind({ hostname: "127.0.0.1", port: 0 });
    using child = start(programPath("datagram_echo"), [name], { flags });
    const theirs = Number((await child.output(/^bound to (\d+)$/m))[1]);
    const addr = { hostname: "127.0.0.1", port: theirs };
    for (const length of [0, 1, 64, 1_000]) {
      await socket.send(pattern(length), addr);
      const [datagram] = await take(socket, 1);
      assert.deepEqual(datagram!.data, pattern(length));
      assert.equal(datagram!.addr.port, theirs);
    }
    await socket.send(bytesOf("quit"), addr);
    assert.equal(await receiveText(socket), "quit");
    const { code, stderr } = await child.ended;
    assert.equal(code, 0, stderr);
  });
});
