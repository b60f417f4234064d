// Copyright the iocp authors. MIT license.
/* Every number that is passed to the library fits its C type, whatever a user
 * passes: the FFI does not check numbers in optimized code, but wraps them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  broadcast,
  CompletionPort,
  type ConnectOptions,
  type DetachedSocket,
  dropSocket,
  inboxAddress,
  passSocket,
} from "../mod.ts";
import { currentLoop } from "../src/loop/group.ts";
import { loadLibrary } from "../src/native/library.ts";
import { type NativeType, SYMBOLS } from "../src/native/symbols.ts";
import { within } from "./shared/deadline.ts";
import { TemporaryFolder } from "./shared/files.ts";
import { newPath } from "./shared/local.ts";
import { outcome } from "./shared/outcome.ts";

const RANGES: Partial<Record<NativeType, [number, number]>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  f64: [0, Number.MAX_SAFE_INTEGER],
};

/* Checks the arguments of every call of the library. */
function guard(misfits: string[], called: Set<string>): () => void {
  const library = loadLibrary() as { native: object };
  const { native } = library;
  type Call = (...args: unknown[]) => unknown;
  const guarded: Record<string, unknown> = { ...native };
  for (const [name, { parameters }] of Object.entries(SYMBOLS)) {
    const call = (native as Record<string, Call>)[name]!;
    guarded[name] = (...args: unknown[]) => {
      called.add(name);
      for (const [index, type] of parameters.entries()) {
        const range = RANGES[type];
        const value = args[index];
        if (range === undefined) continue;
        const fits = Number.isInteger(value) && !Object.is(value, -0) &&
          (value as number) >= range[0] && (value as number) <= range[1];
        if (!fits) misfits.push(`${name}, argument ${index}: ${value}`);
      }
      return call(...args);
    };
  }
  library.native = guarded;
  return () => library.native = native;
}

const EXTREMES = [
  -1,
  -0,
  0,
  0.5,
  1,
  2 ** 30,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 53 - 1,
  2 ** 53,
  NaN,
  Infinity,
  -Infinity,
];

/* The calls for sockets that are passed between processes. */
async function callForOthers(port: CompletionPort): Promise<void> {
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  for (const n of EXTREMES) {
    /* A number that another socket of this process could have is taken from it. */
    const number = n >= 0 && n < 2 ** 31 ? n + 0.25 : n;
    const calls: (() => unknown)[] = [
      () => port.listen({ fd: number }),
      () => port.listen({ handle: number }),
      () => passSocket({ handle: number } as DetachedSocket, inboxAddress()),
      () => dropSocket({ handle: number } as DetachedSocket),
    ];
    for (const call of calls) await outcome(call);
  }
  const ticket = await listener.pass(inboxAddress());
  await listener.stop();
  port.listen({ ticket }).close();
}

/* The calls for datagrams. */
async function callForDatagrams(port: CompletionPort): Promise<void> {
  const left = port.bind({ hostname: "127.0.0.1", port: 0 });
  const right = port.bind({ hostname: "127.0.0.1", port: 0 });
  const { addr } = right;
  const { hostname } = addr;
  const data = new Uint8Array(8);
  for (const n of EXTREMES) {
    /* A port that another program could have would get a datagram. */
    const number = n >= 1 && n < 65_536 ? n + 0.25 : n;
    const calls: (() => unknown)[] = [
      () => port.bind({ hostname, port: number + 0.25 }),
      () => port.bind({ path: "/none/none", mode: n }),
      () => left.send(data, { hostname, port: number }),
      () => left.sendMany([{ data, addr: { hostname, port: number } }]),
      () => left.connect({ hostname, port: number }),
      () => left.receive(data, { timeout: n <= 1 ? n : n + 0.25 }),
      () => left.joinMulticast("239.1.2.3", { interface: n }),
      () => left.setOptions({ ttl: n }),
      () => left.setOptions({ multicastTtl: n }),
      () => left.setOptions({ multicastInterface: n }),
      () => left.setOptions({ systemReceiveBuffer: n }),
      () => left.setOptions({ systemSendBuffer: n }),
    ];
    for (const call of calls) await outcome(call);
  }
  const received = right.receive(data);
  await left.send(data, addr);
  await within("a datagram", received);
  const next = right[Symbol.asyncIterator]().next();
  await left.sendMany([{ data, addr }]);
  await within("a datagram", next);
  await left.connect(addr);
  left.disconnect();
  await outcome(() => left.joinMulticast("239.1.2.3", { interface: hostname }));
  left.stats();
  left.close();
}

test("Numbers that are passed to the library fit their C types", async () => {
  const misfits: string[] = [];
  const called = new Set<string>();
  const restore = guard(misfits, called);
  /* The import may have made a group already, with the unchecked functions. */
  currentLoop().close();
  const port = new CompletionPort();
  using folder = new TemporaryFolder();
  const file = folder.write("a", "a file");
  try {
    const local = { hostname: "127.0.0.1", port: 0 };
    const named = { path: newPath() };
    const listener = port.listen(local);
    const { pid } = port.listen(local).share();
    const [client, server] = await within(
      "a pair",
      Promise.all([port.connect(listener.addr), listener.accept()]),
    );
    const p = new Uint8Array(8);
    for (const n of EXTREMES) {
      const calls: (() => unknown)[] = [
        () => port.listen({ ...local, port: n === 0 ? 0 : n + 0.25 }),
        () => port.listen({ ...local, backlog: n }).close(),
        () => port.listen({ ...local, acceptPool: n }).close(),
        () => port.listen({ ...local, firstByteTimeout: n }).close(),
        () => port.listen({ ...local, closeTimeout: n }).close(),
        () => port.listen({ ...local, sendConcurrency: n }).close(),
        () => port.listen({ share: { id: n, pid } }).close(),
        () => port.listen({ share: { id: 0, pid: n } }).close(),
        () => port.listen({ ...named, mode: n }).close(),
        () => port.listen({ ...named, backlog: n }).close(),
        () => port.listen({ ...named, acceptPool: n }).close(),
        () => port.connectSync({ ...named, timeout: n }),
        () => listener.setOptions({ backlog: n }),
        () => listener.setOptions({ acceptPool: n }),
        () => port.adopt({ handle: n < 2 ** 31 ? n + 0.25 : n }),
        () => port.addSocket(n < 2 ** 31 ? n + 0.25 : n),
        () => client.setOptions({ sendConcurrency: n }),
        () => client.setKeepAlive({ idle: n, interval: n, count: n }),
        () => client.setOptions({ receive: { mode: "flow", bufferSize: n } }),
        () =>
          client.setOptions({
            receive: {
              mode: "burst",
              bufferSize: n,
              depth: 2,
              limit: n,
            },
          }),
        () => client.setOptions({ receive: { mode: "burst", depth: n } }),
        () => client.setOptions({ receive: { mode: "burst", limit: n } }),
        () => port.connectSync({ port: n + 0.25, timeout: n }),
        () => client.sendFile(file, { offset: n, length: 1 }),
        () => client.sendFile(file, { offset: 1, length: n }),
        () => client.sendFile(file, { length: 1, timeout: n }),
        () => client.readSync(p, { timeout: n <= 1 ? n : n + 0.25 }),
        () => client.writeSync(p, { timeout: n }),
        () => listener.acceptSync({ timeout: n <= 1 ? n : n + 0.25 }),
      ];
      for (const call of calls) await outcome(call);
      for (
        const options of [
          { closeTimeout: n },
          { timeout: n },
          { autoSelectFamilyAttemptDelay: n },
          { receive: { mode: "burst", limit: n } },
        ] as Partial<ConnectOptions>[]
      ) {
        const attempt = port.connect({ ...listener.addr, ...options });
        const conn = await within("an attempt", attempt).catch(() => {});
        conn?.close();
        if (conn !== undefined) (await listener.accept()).reset();
      }
    }
    client.setOptions({ receive: {} });
    await within("a chunk", server[Symbol.asyncIterator]().next());
    await broadcast([client, server], p);
    server.stats();
    await outcome(() => server.tcpInfo());
    assert.equal(server.peer.pid, undefined);
    port.stats();
    assert.equal(client.options.sendConcurrency, 1);
    client.closeWrite();
    await within("a read", client.read(p));
    const adopted = port.adopt(await within("detach", server.detach()));
    const detached = await within("detach", adopted.detach());
    passSocket(detached, inboxAddress());
    dropSocket(detached);
    /* A close that waits for a peer that reads nothing. */
    const [full] = await within(
      "a pair",
      Promise.all([port.connect(listener.addr), listener.accept()]),
    );
    full.write(new Uint8Array(1 << 26)).catch(() => {});
    full.close();
    await callForDatagrams(port);
    await callForOthers(port);
    await outcome(() => port.listen({ path: "/none/none" }));
    await outcome(() => client.peer);
  } finally {
    port.close();
    /* The inbox keeps the loop of the thread open. */
    currentLoop().close();
    restore();
  }
  assert.deepEqual(misfits, []);
  const rare = ["iocp_abi", "iocp_resolve", "iocp_wait", "iocp_wait_here"];
  for (const name of Object.keys(SYMBOLS)) {
    if (rare.includes(name) || name === "iocp_wake") continue;
    if (name === "iocp_stats") continue;
    assert.ok(called.has(name), `${name} was not called`);
  }
});
