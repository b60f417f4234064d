// Copyright the iocp authors. MIT license.
/* What the calls of a datagram socket wait for before they send: room in the network,
 * earlier sends, and the look-up of a host name. Each wait ends by the limits of its
 * call, whose error says what was sent. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { OperationOptions, SocketError } from "../mod.ts";
import { asDatagramConn } from "../src/datagram/datagram_conn.ts";
import { boundSocketOf } from "../src/datagram/datagram_socket.ts";
import { receiveText, UdpPair } from "./shared/datagrams.ts";
import { isSettled, within } from "./shared/deadline.ts";
import { FullNetwork } from "./shared/full_network.ts";
import { errorFrom } from "./shared/outcome.ts";
import { bytesOf, pattern } from "./shared/pattern.ts";

type Addr = { hostname: string; port: number };
type Call = (
  it: UdpPair,
  addr: Addr,
  options?: OperationOptions,
) => Promise<unknown>;

const data = bytesOf("no");
const sends: Record<string, Call> = {
  "send()": ({ left }, addr, options) => left.send(data, addr, options),
  "sendMany()": ({ left }, addr, options) =>
    left.sendMany([{ data, addr }], options),
  "DatagramConn.send()": ({ left }, addr, options) =>
    asDatagramConn(left).send(data, addr, options),
};
const connect: Call = ({ left }, addr, options) => left.connect(addr, options);

interface Waiting extends Disposable {
  /** Where a call that waits sends to. */
  readonly addr: Addr;
  end(): void;
}

/* What a call waits for; each is pending until it is ended. */
const waits: Record<string, (it: UdpPair) => Waiting> = {
  "earlier sends": ({ left, right }) => {
    const network = new FullNetwork(left);
    const first = left.send(bytesOf("first"), right.addr);
    return {
      addr: right.addr,
      end: () => network.makeRoom(),
      [Symbol.dispose]() {
        network[Symbol.dispose]();
        first.catch(() => {});
      },
    };
  },
  "a look-up": ({ left, right }) => {
    const { destinations } = boundSocketOf(left);
    const find = destinations.find.bind(destinations);
    const addr = { hostname: "slow.example", port: right.addr.port };
    destinations.find = (name, given) =>
      given === addr ? new Promise(() => {}) : find(name, given);
    left.send(bytesOf("first"), right.addr);
    return {
      addr,
      end() {},
      [Symbol.dispose]() {},
    };
  },
};

async function abortedBy(
  start: (options: OperationOptions) => Promise<unknown>,
): Promise<unknown> {
  const controller = new AbortController();
  const call = start({ signal: controller.signal });
  assert.equal(await isSettled(call), false);
  controller.abort("why");
  return await within("the call", call.catch((error) => error));
}

for (const [what, wait] of Object.entries(waits)) {
  describe(`While it waits for ${what}`, () => {
    for (const [name, send] of Object.entries(sends)) {
      test(`${name} ends by its limits, and is not sent`, async () => {
        using it = new UdpPair();
        using waiting = wait(it);
        const { addr } = waiting;
        const late = await errorFrom(send(it, addr, { timeout: 20 }));
        assert.deepEqual([late.code, late.syscall], ["ETIMEDOUT", "sendto"]);
        const aborted = await abortedBy((options) => send(it, addr, options));
        const { code, cause } = aborted as SocketError;
        assert.deepEqual([code, cause], ["ECANCELED", "why"]);
        for (const error of [late, aborted]) {
          assert.equal((error as SocketError).datagramsSent, 0);
        }
        waiting.end();
        await within("it", it.left.send(bytesOf("last"), it.right.addr));
        assert.equal(await receiveText(it.right), "first");
        assert.equal(await receiveText(it.right), "last");
      });
    }

    test("connect() ends by its limits, and the socket has no peer", async () => {
      using it = new UdpPair();
      using waiting = wait(it);
      const { addr } = waiting;
      const late = await errorFrom(connect(it, addr, { timeout: 20 }));
      assert.deepEqual([late.code, late.syscall], ["ETIMEDOUT", "connect"]);
      assert.deepEqual([late.address, late.port], [addr.hostname, addr.port]);
      const aborted = abortedBy((options) => connect(it, addr, options));
      assert.equal(await aborted, "why");
      waiting.end();
      assert.equal(await receiveText(it.right), "first");
      assert.equal(it.left.remoteAddr, undefined);
    });
  });
}

describe("A datagram that the network has no room for", () => {
  for (const [name, send] of Object.entries(sends)) {
    test(`ends ${name} by its limits, and is sent all the same`, async () => {
      for (const isAborted of [false, true]) {
        using it = new UdpPair();
        using network = new FullNetwork(it.left);
        const start = (options: OperationOptions) =>
          send(it, it.right.addr, options);
        const error = isAborted
          ? await abortedBy(start) as SocketError
          : await errorFrom(start({ timeout: 20 }));
        assert.equal(error.code, isAborted ? "ECANCELED" : "ETIMEDOUT");
        assert.equal(error.datagramsSent, 1);
        network.makeRoom();
        assert.equal(await receiveText(it.right), "no");
      }
    });
  }

  test("says how many of sendMany() are sent", async () => {
    using it = new UdpPair();
    using network = new FullNetwork(it.left);
    const { addr } = it.right;
    const datagrams = ["1", "2", "3", "4", "5"].map((text) => ({
      data: bytesOf(text),
      addr,
    }));
    const error = await errorFrom(
      it.left.sendMany(datagrams, { timeout: 20 }),
    );
    assert.deepEqual([error.code, error.datagramsSent], ["ETIMEDOUT", 2]);
    network.makeRoom();
    await it.left.send(bytesOf("last"), addr);
    for (const text of ["1", "2", "last"]) {
      assert.equal(await receiveText(it.right), text);
    }
  });

  test("makes later sends wait, and those that are aborted are not sent", async () => {
    using it = new UdpPair({ systemReceiveBuffer: 3_000_000 });
    const room = 10;
    using network = new FullNetwork(it.left, room);
    const { addr } = it.right;
    const controller = new AbortController();
    const { signal } = controller;
    const calls = Array.from(
      { length: 30 },
      (_, i) => it.left.send(pattern(2_000, i), addr, { signal }),
    );
    const later = it.left.send(pattern(2_000, 99), addr);
    controller.abort("why");
    for (const [i, result] of (await Promise.allSettled(calls)).entries()) {
      if (i < room) {
        assert.deepEqual(result, { status: "fulfilled", value: 2_000 });
        continue;
      }
      assert.equal(result.status, "rejected");
      const { code, cause, bytesWritten } = result.reason;
      assert.deepEqual([code, cause], ["ECANCELED", "why"]);
      assert.equal(bytesWritten, i === room ? 2_000 : 0);
    }
    network.makeRoom();
    assert.equal(await within("the last", later), 2_000);
    for (const i of [...Array(room + 1).keys(), 99]) {
      const p = new Uint8Array(3_000);
      const { data } = await within("it", it.right.receive(p));
      assert.deepEqual(data, pattern(2_000, i), `datagram ${i}`);
    }
  });
});
