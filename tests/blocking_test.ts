// Copyright the iocp authors. MIT license.
/* The blocking calls: acceptSync(), readSync(), writeSync() and connectSync(). Both
 * ends can be in one thread if the system alone completes the operation of the
 * other end. Otherwise the other end is in a child process or in a Worker. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  CompletionPort,
  type Conn,
  connectSync,
  listen,
  type NetAddr,
} from "../mod.ts";
import { type Child, programPath, run, start } from "./shared/child.ts";
import { delay, eventually, within } from "./shared/deadline.ts";
import { closedAddress, unresponsiveAddress } from "./shared/network.ts";
import { errorFrom, failure, outcome } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";
import { digest, pattern } from "./shared/pattern.ts";
import { receiveByLoop } from "./shared/transfer.ts";

const local = { hostname: "127.0.0.1", port: 0 };
/* Long enough for the loop to park, and for an unexpected event to occur. */
const PAUSE_MS = 300;

function pairSync() {
  const port = new CompletionPort();
  const listener = port.listen(local);
  const client = port.connectSync(listener.addr);
  const server = listener.acceptSync();
  return {
    port,
    listener,
    client,
    server,
    [Symbol.dispose]: () => port.close(),
  };
}

function readAllSync(conn: Conn, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = conn.readSync(bytes.subarray(at));
    if (count === null) throw new Error(`the end after ${at} bytes`);
    at += count;
  }
  return bytes;
}

async function addressOf(child: Child): Promise<NetAddr> {
  const [, port] = await within("start", child.output(/listening (\d+)/));
  return { ...local, transport: "tcp", port: Number(port) };
}

describe("In one thread", () => {
  test("both ends connect, write and read", () => {
    using ends = pairSync();
    const { listener, client, server } = ends;
    assert.deepEqual(client.remoteAddr, listener.addr);
    assert.deepEqual(server.remoteAddr, client.localAddr);
    for (let i = 0; i < 50; i++) {
      assert.equal(client.writeSync(pattern(1000, i)), 1000);
      const bytes = readAllSync(server, 1000);
      assert.equal(digest(bytes), digest(pattern(1000, i)));
    }
    assert.equal(client.readSync(new Uint8Array(0)), 0);
    assert.equal(client.writeSync(new Uint8Array(0)), 0);
  });

  test("timeouts of pending calls pass during a blocking call", async () => {
    using ends = pairSync();
    let code: string | undefined;
    ends.server.read(new Uint8Array(9), { timeout: 20 }).catch((error) => {
      code = error.code;
    });
    const p = new Uint8Array(9);
    const error = failure(() => ends.client.readSync(p, { timeout: PAUSE_MS }));
    assert.equal(error.code, "ETIMEDOUT");
    /* No turn of the event loop since. */
    for (let i = 0; i < 10; i++) await undefined;
    assert.equal(code, "ETIMEDOUT");
  });

  test("the timeout of an idle connection ends a blocking call", () => {
    using ends = pairSync();
    ends.server.setTimeout(20);
    const start = performance.now();
    const p = new Uint8Array(9);
    const error = failure(() => ends.server.readSync(p, { timeout: 60_000 }));
    assert.equal(error.code, "ETIMEDOUT");
    assert.match(error.message, /no byte/);
    assert.ok(performance.now() - start < 50_000, "it was not woken");
  });

  test("readSync() returns null at the end", () => {
    using ends = pairSync();
    ends.server.writeSync(pattern(5));
    ends.server.close();
    assert.equal(ends.client.readSync(new Uint8Array(9)), 5);
    assert.equal(ends.client.readSync(new Uint8Array(9)), null);
    assert.equal(ends.client.readSync(new Uint8Array(9)), null);
  });

  test("readSync() and writeSync() fail after a reset", () => {
    using ends = pairSync();
    ends.server.reset();
    const read = failure(() => ends.client.readSync(new Uint8Array(9)));
    assert.equal(read.code, "ECONNRESET");
    assert.equal(read.name, "ConnectionReset");
    const write = failure(() => {
      for (;;) ends.client.writeSync(pattern(1000));
    });
    assert.equal(write.code, "ECONNRESET");
  });

  test("calls fail with EBADF after a close", async () => {
    using ends = pairSync();
    const { port, listener, client } = ends;
    await client.closeWrite();
    assert.equal(failure(() => client.writeSync(pattern(1))).code, "EPIPE");
    client.close();
    listener.close();
    const calls = [
      () => client.readSync(new Uint8Array(1)),
      () => client.readSync(new Uint8Array(0)),
      () => client.writeSync(pattern(1)),
      () => listener.acceptSync(),
    ];
    for (const call of calls) assert.equal(failure(call).code, "EBADF");
    port.close();
    assert.equal(failure(() => port.connectSync({ port: 1 })).code, "EBADF");
  });

  test("connectSync() without a listener fails with ECONNREFUSED", () => {
    for (const hostname of ["127.0.0.1", "localhost"]) {
      const { port } = closedAddress;
      const error = failure(() => connectSync({ hostname, port }));
      assert.equal(error.code, "ECONNREFUSED");
      assert.equal(error.syscall, "connect");
      assert.equal(error.port, port);
    }
  });

  test("connectSync() resolves host names, and fails for unknown names", () => {
    using listener = listen({ hostname: "localhost", port: 0 });
    const { port } = listener.addr;
    for (const hostname of ["localhost", "LOCALHOST", "localhost."]) {
      using conn = connectSync({ hostname, port });
      assert.deepEqual(conn.remoteAddr, listener.addr);
      listener.acceptSync().close();
    }
    for (const hostname of ["nope.invalid", "a".repeat(70)]) {
      const error = failure(() => connectSync({ hostname, port }));
      assert.equal(error.code, "ENOTFOUND");
      assert.equal(error.address, hostname);
      assert.equal(error.port, port);
    }
  });

  test("connectSync() has the options of connect()", () => {
    using port = new CompletionPort();
    using listener = port.listen(local);
    const { addr } = listener;
    using conn = port.connectSync({
      ...addr,
      localAddress: "127.0.0.1",
      noDelay: true,
      timeout: 60_000,
    });
    assert.equal(conn.localAddr.hostname, "127.0.0.1");
    const other = { ...addr, localAddress: "::1" };
    assert.equal(failure(() => port.connectSync(other)).code, "EAFNOSUPPORT");
    const reason = new RangeError("no");
    const aborted = { ...addr, signal: AbortSignal.abort(reason) };
    assert.throws(() => port.connectSync(aborted), (error) => error === reason);
  });
});

describe("After its timeout", () => {
  for (const timeout of [0, 100]) {
    test(`of ${timeout} ms readSync() leaves the bytes to the next read`, async () => {
      using ends = pairSync();
      const { client, server } = ends;
      const p = new Uint8Array(9);
      const error = failure(() => client.readSync(p, { timeout }));
      assert.equal(error.code, "ETIMEDOUT");
      assert.equal(error.name, "TimedOut");
      assert.equal(error.syscall, "read");
      assert.equal(error.port, client.remoteAddr.port);
      assert.equal(error.errno, 0);
      assert.equal(error.bytesWritten, undefined);
      server.writeSync(pattern(1000));
      client.readSync(new Uint8Array(10));
      assert.deepEqual(p, new Uint8Array(9));
      failure(() => server.readSync(new Uint8Array(1), { timeout }));
      const received = receiveByLoop(client);
      server.writeSync(pattern(1000, 1, 1000));
      server.close();
      const expected = digest(pattern(1990, 1, 10));
      assert.equal(await within("the rest", received), expected);
    });

    test(`of ${timeout} ms acceptSync() leaves the connection to the next call`, async () => {
      using port = new CompletionPort();
      using listener = port.listen(local);
      const error = failure(() => listener.acceptSync({ timeout }));
      assert.equal(error.code, "ETIMEDOUT");
      assert.equal(error.syscall, "accept");
      assert.equal(error.port, listener.addr.port);
      const client = port.connectSync(listener.addr);
      const server = await within("accept", listener.accept());
      assert.deepEqual(server.remoteAddr, client.localAddr);
    });

    test(`of ${timeout} ms the error of writeSync() has the number of bytes written`, async () => {
      using ends = pairSync();
      const { client, server } = ends;
      const bytes = pattern(32 * 1024 * 1024);
      const error = failure(() => client.writeSync(bytes, { timeout }));
      assert.equal(error.code, "ETIMEDOUT");
      assert.equal(error.syscall, "write");
      const { bytesWritten } = error;
      assert.ok(bytesWritten! > 0 && bytesWritten! < bytes.length);
      /* Again, after a write that was sent in part. */
      const rest = bytes.subarray(bytesWritten);
      const other = failure(() => client.writeSync(rest, { timeout: 0 }));
      assert.ok(other.bytesWritten! >= 0);
      const received = receiveByLoop(server);
      await client.write(rest.subarray(other.bytesWritten));
      client.close();
      assert.equal(await within("all", received), digest(bytes));
    });
  }

  test("connectSync() leaves no socket open", async () => {
    using port = new CompletionPort();
    const unresponsive = await unresponsiveAddress(port);
    const { sockets } = port.stats();
    const options = { ...unresponsive, timeout: 100 };
    const error = failure(() => port.connectSync(options));
    assert.equal(error.code, "ETIMEDOUT");
    assert.equal(error.syscall, "connect");
    assert.equal(error.address, unresponsive.hostname);
    await eventually("it is closed", () => port.stats().sockets <= sockets);
  });
});

describe("Pending operations complete first:", () => {
  test("a read() before readSync()", async () => {
    using ends = pairSync();
    const { client, server } = ends;
    const buffers = [2, 3, 4].map((size) => new Uint8Array(size));
    const reads = buffers.slice(0, 2).map((p) => client.read(p));
    server.writeSync(pattern(100));
    assert.equal(client.readSync(buffers[2]!), 4);
    assert.deepEqual(await Promise.all(reads), [2, 3]);
    assert.equal(digest(...buffers), digest(pattern(9)));
  });

  test("a loop before readSync()", async () => {
    using ends = pairSync();
    const { client, server } = ends;
    const chunks = client[Symbol.asyncIterator]();
    const chunk = chunks.next();
    server.writeSync(pattern(100));
    const p = new Uint8Array(200);
    const error = failure(() => client.readSync(p, { timeout: 50 }));
    assert.equal(error.code, "ETIMEDOUT");
    server.writeSync(pattern(100, 1, 100));
    assert.equal(client.readSync(p), 100);
    const { value } = await chunk;
    assert.equal(digest(value!, p.subarray(0, 100)), digest(pattern(200)));
  });

  test("an accept() before acceptSync()", async () => {
    using port = new CompletionPort();
    using listener = port.listen(local);
    const accepted = [listener.accept(), listener.accept()];
    const clients = [1, 2, 3].map(() => port.connectSync(listener.addr));
    const last = listener.acceptSync();
    const servers = [...await Promise.all(accepted), last];
    for (const [i, server] of servers.entries()) {
      assert.deepEqual(server.remoteAddr, clients[i]!.localAddr);
    }
  });

  test("a write() before writeSync()", async () => {
    using child = start(programPath("blocking"), ["slowReader"]);
    using conn = connectSync(await addressOf(child));
    const size = 8 * 1024 * 1024;
    const first = conn.write(pattern(size));
    assert.equal(conn.writeSync(pattern(size, 1, size)), size);
    assert.equal(await within("the first", first), size);
    conn.close();
    const { stdout } = await child.ended;
    assert.ok(stdout.includes(digest(pattern(2 * size))), stdout);
  });
});

describe("With other work on the port", () => {
  test("a blocking call dispatches its completions, but runs no user code", async () => {
    using ends = await pair();
    const { port, client, server, listener } = ends;
    let received = 0;
    const echo = (async () => {
      for await (const chunk of server) {
        received += chunk.length;
        await server.write(chunk);
      }
    })();
    await delay(PAUSE_MS);
    for (let i = 0; i < 20; i++) {
      const before = received;
      client.writeSync(pattern(1000));
      const other = port.connectSync(listener.addr);
      const accepted = listener.acceptSync();
      accepted.writeSync(pattern(10));
      assert.equal(other.readSync(new Uint8Array(20)), 10);
      assert.equal(received, before, "user code has run");
      await eventually("its echo", () => received === before + 1000);
      other.close();
      accepted.close();
    }
    client.close();
    await within("the loop", echo);
    listener.close();
    await eventually(
      "all sockets are closed",
      () => port.stats().sockets === 0,
    );
  });

  for (const isParked of [true, false]) {
    const when = isParked ? "after" : "before";
    test(`a blocking read begun ${when} the loop has parked sleeps until bytes arrive`, async () => {
      using child = start(programPath("blocking"), ["lateWriter", "700"]);
      const address = await addressOf(child);
      using port = new CompletionPort();
      using listener = port.listen(local);
      const accepted = outcome(() => listener.accept());
      if (isParked) await delay(PAUSE_MS);
      const conn = port.connectSync(address);
      const first = readAllSync(conn, 10);
      const { polls } = port.stats();
      const second = readAllSync(conn, 10);
      const turns = port.stats().polls - polls;
      assert.ok(turns < 100, `${turns} turns`);
      assert.equal(digest(first, second), digest(pattern(20)));
      assert.equal(conn.readSync(new Uint8Array(1)), null);
      conn.close();
      /* The loop still works. */
      await delay(PAUSE_MS);
      await port.connect(listener.addr);
      assert.equal(await accepted, "Conn");
      assert.equal((await child.ended).code, 0);
    });
  }

  test("the loop parks again after a call that timed out", async () => {
    using ends = await pair();
    const { port, client, server } = ends;
    const read = client.read(new Uint8Array(20));
    await delay(PAUSE_MS);
    failure(() => server.readSync(new Uint8Array(1), { timeout: 100 }));
    failure(() => server.readSync(new Uint8Array(1), { timeout: 100 }));
    await delay(PAUSE_MS);
    const { polls } = port.stats();
    await delay(PAUSE_MS);
    const turns = port.stats().polls - polls;
    assert.ok(turns < 20, `${turns} turns`);
    server.writeSync(pattern(10));
    assert.equal(await within("the read", read), 10);
  });

  test("timers and microtasks run after a blocking call", async () => {
    using ends = pairSync();
    let ran = 0;
    setTimeout(() => ran++, 0);
    Promise.resolve().then(() => ran++);
    failure(() => ends.client.readSync(new Uint8Array(1), { timeout: 50 }));
    assert.equal(ran, 0);
    await eventually("they ran", () => ran === 2);
  });
});

describe("With a peer in another process or thread", () => {
  test("writeSync() waits for a slow reader", async () => {
    using child = start(programPath("blocking"), ["slowReader"]);
    using conn = connectSync(await addressOf(child));
    const bytes = pattern(32 * 1024 * 1024);
    assert.equal(conn.writeSync(bytes), bytes.length);
    conn.close();
    const { stdout } = await child.ended;
    assert.ok(stdout.includes(digest(bytes)), stdout);
  });

  test("a Worker serves a thread that is blocked", async () => {
    const url = new URL("./programs/worker.ts", import.meta.url);
    const worker = new Worker(url.href, { type: "module" });
    const address = await within(
      "its address",
      new Promise<NetAddr>((resolve) => {
        worker.onmessage = ({ data }) => resolve(data as NetAddr);
        worker.postMessage({ task: "serve" });
      }),
    );
    const conn = connectSync({ ...address, timeout: 60_000 });
    for (let i = 1; i < 20; i++) {
      const bytes = pattern(i * 1000, i);
      conn.writeSync(bytes);
      assert.equal(digest(readAllSync(conn, bytes.length)), digest(bytes));
    }
    conn.close();
    worker.terminate();
  });

  const programs = [["oneThread", "done"], ["leftOpen", "read 10"]] as const;
  for (const [name, expected] of programs) {
    test(`the process exits: ${name}`, async () => {
      const { code, stdout, stderr } = await run("blocking", [name]);
      assert.equal(stdout.trim(), expected, stderr);
      assert.equal(code, 0);
    });
  }
});

describe("Wrong arguments are refused:", () => {
  const TIMEOUTS: [unknown, string][] = [
    ...["1", null, true, {}, 5n].map((one) => [one, "TypeError"] as const),
    ...[-1, 1.5, NaN, Infinity, 2 ** 31].map((one) =>
      [one, "RangeError"] as const
    ),
  ].map(([value, name]) => [value, name]);

  test("those of a blocking call throw", () => {
    using ends = pairSync();
    const { client, listener } = ends;
    const p = new Uint8Array(8);
    const calls: ((options: never) => unknown)[] = [
      (options) => client.readSync(p, options),
      (options) => client.writeSync(p, options),
      (options) => listener.acceptSync(options),
    ];
    for (const call of calls) {
      for (const [timeout, name] of TIMEOUTS) {
        const wrong = { timeout } as never;
        assert.throws(() => call(wrong), { name, message: /"timeout"/ });
      }
      for (const options of [null, 5, "1000"]) {
        const error = { name: "TypeError", message: /"options"/ };
        assert.throws(() => call(options as never), error);
      }
    }
    for (const bytes of [undefined, null, "text", 1, [1], new Uint16Array(1)]) {
      const error = { name: "TypeError", message: /"p"/ };
      assert.throws(() => client.readSync(bytes as never), error);
      assert.throws(() => client.writeSync(bytes as never), error);
    }
  });
});

test("Asynchronous calls reject instead of throwing", async () => {
  using ends = await pair();
  ends.client.close();
  const error = await errorFrom(ends.client.read(new Uint8Array(1)));
  assert.equal(error.code, "EBADF");
});
