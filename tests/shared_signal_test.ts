// Copyright the iocp authors. MIT license.
/* One signal for 10,000 calls, or turns of a loop: it has one listener while some of
 * them are pending and none afterwards, and no runtime warns of a leak. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { CompletionPort, type OperationOptions } from "../mod.ts";
import { socketOf } from "../src/conn.ts";
import { UdpPair } from "./shared/datagrams.ts";
import { eventually, within } from "./shared/deadline.ts";
import { newPath } from "./shared/local.ts";
import { bytesOf } from "./shared/pattern.ts";
import { SpiedSignal } from "./shared/spied_signal.ts";
import { type Ends, transports } from "./shared/transports.ts";

const COUNT = 10_000;
/* So many calls of connect() are pending at a time. */
const TOGETHER = 50;
const hour = 3_600_000;

/** Passes one signal to all that `use` does. */
async function shareSignal(
  use: (options: Required<OperationOptions>) => Promise<void>,
): Promise<void> {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  const spied = new SpiedSignal();
  process.on("warning", onWarning);
  try {
    await use({ signal: spied.signal, timeout: hour });
    await eventually("no listener", () => spied.count === 0);
  } finally {
    process.off("warning", onWarning);
  }
  assert.equal(spied.most, 1);
  assert.deepEqual(warnings, []);
}

describe("10,000 connections share a signal", () => {
  const places: Record<string, { hostname: string; port: number }> = {
    "127.0.0.1": { hostname: "127.0.0.1", port: 0 },
    "a local socket": { path: newPath() } as never,
  };
  for (const [name, place] of Object.entries(places)) {
    test(`that are made to ${name}`, () =>
      shareSignal(async (options) => {
        using port = new CompletionPort();
        const listener = port.listen(place);
        const addr = { ...listener.addr, ...options };
        const turn = async () => {
          const [client, server] = await Promise.all([
            port.connect(addr),
            listener.accept(options),
          ]);
          client.reset();
          server.reset();
        };
        for (let made = 0; made < COUNT; made += TOGETHER) {
          const turns = Array.from({ length: TOGETHER }, turn);
          await within("the connections", Promise.all(turns));
        }
      }));
  }

  test("that are refused", () =>
    shareSignal(async (options) => {
      using port = new CompletionPort();
      const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
      const addr = { ...listener.addr, ...options };
      listener.close();
      for (let made = 0; made < COUNT; made += TOGETHER) {
        const calls = Array.from({ length: TOGETHER }, () => {
          return port.connect(addr);
        });
        const results = await within("the calls", Promise.allSettled(calls));
        assert.ok(results.every(({ status }) => status === "rejected"));
      }
    }));
});

type Loop = AsyncIterableIterator<unknown, undefined>;
const loops: Record<
  string,
  (conn: Ends["server"], options: OperationOptions) => Loop
> = {
  "chunks()": (conn, options) => conn.chunks(options),
  "chunks(p)": (conn, options) => conn.chunks(new Uint8Array(16), options),
  "leased()": (conn, options) => conn.leased(options),
  "lines()": (conn, options) => conn.lines(options),
  "frames()": (conn, options) => conn.frames({ lengthBytes: 1, ...options }),
};
/* A chunk, a line, and a frame of 9 bytes, which is the code of a tab. */
const message = bytesOf("\t12345678\n");

for (const { name, open } of transports) {
  describe(`10,000 turns over ${name} share a signal`, () => {
    for (const [call, start] of Object.entries(loops)) {
      test(call, () =>
        shareSignal(async (options) => {
          using ends = await open();
          const { client, server } = ends;
          const loop = start(server, options);
          for (let turns = 0; turns < COUNT; turns++) {
            const next = loop.next();
            await client.write(message);
            assert.equal((await within("it", next)).done, false);
          }
          assert.equal(socketOf(server)!.loop.deadlines.length, 0);
        }));
    }
  });
}

test("Sockets that a signal closes share it", () =>
  shareSignal(async ({ signal }) => {
    using port = new CompletionPort();
    for (let i = 0; i < TOGETHER; i++) {
      port.bind({ hostname: "127.0.0.1", port: 0, signal });
    }
  }));

describe("10,000 turns over UDP share a signal", () => {
  for (const call of ["datagrams", "batches", "leased"] as const) {
    test(`${call}()`, () =>
      shareSignal(async (options) => {
        using it = new UdpPair();
        const loop: Loop = it.right[call](options);
        for (let turns = 0; turns < COUNT; turns++) {
          const next = loop.next();
          await it.left.send(message, it.right.addr);
          assert.equal((await within("it", next)).done, false);
        }
      }));
  }
});
