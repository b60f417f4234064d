// Copyright the iocp authors. MIT license.
/* The events of `onEvent`, and when they come. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import {
  adopt,
  CompletionPort,
  type Conn,
  connect,
  connectSync,
  type ConnEvent,
  listen,
  localSocketPath,
  NotSupported,
  SocketError,
} from "../mod.ts";
import { run } from "./shared/child.ts";
import { eventually, within } from "./shared/deadline.ts";
import { pair } from "./shared/pair.ts";
import { pattern } from "./shared/pattern.ts";
import { ca, securePair, server as identity } from "./shared/tls.ts";

type Kind = ConnEvent["type"];
type Of<K extends Kind> = Extract<ConnEvent, { type: K }>;

/** The events that came. */
class Log {
  readonly events: ConnEvent[] = [];
  readonly onEvent = (event: ConnEvent): void => {
    this.events.push(event);
  };

  get kinds(): string {
    return this.events.map(({ type }) => type).join(" ");
  }

  /** Waits for the first event of a kind. */
  async first<K extends Kind>(type: K): Promise<Of<K>> {
    const find = () => this.events.find((event) => event.type === type);
    await eventually(`"${type}"`, () => find() !== undefined);
    return find() as Of<K>;
  }
}

/** A pair of which the server is watched. */
async function watchedPair(log: Log, options: { slowAfter?: number } = {}) {
  const { onEvent } = log;
  return await pair({ listen: { onEvent, ...options } });
}

async function readAll(conn: Conn): Promise<number> {
  let bytes = 0;
  for await (const chunk of conn) bytes += chunk.length;
  return bytes;
}

const isWindows = process.platform === "win32";

describe("onEvent gets events", () => {
  test("of both ends of a connection, and how much they have moved", async () => {
    const [ofServer, ofClient] = [new Log(), new Log()];
    using ends = await pair({
      listen: { onEvent: ofServer.onEvent },
      connect: { onEvent: ofClient.onEvent },
    });
    const { client, server } = ends;
    await client.write(pattern(1000, 1));
    await client.closeWrite();
    const reading = readAll(server);
    const rest = readAll(client);
    assert.equal(await within("the end", reading), 1000);
    assert.equal(await within("the end", rest), 0);
    const accepted = await ofServer.first("closed");
    const connected = await ofClient.first("closed");
    assert.equal(ofServer.kinds, "accepted closed");
    assert.equal(ofClient.kinds, "connected closed");
    assert.equal(ofServer.events[0]!.conn, server);
    assert.equal(accepted.conn, server);
    assert.equal(connected.conn, client);
    const { reason, timeout, error, bytesReceived, bytesSent } = accepted;
    assert.deepEqual(
      { reason, timeout, error, bytesReceived, bytesSent },
      {
        reason: "end",
        timeout: undefined,
        error: undefined,
        bytesReceived: 1000,
        bytesSent: 0,
      },
    );
    assert.equal(connected.bytesSent, 1000);
    assert.equal(connected.bytesReceived, 0);
    assert.ok(accepted.duration >= 0 && accepted.duration < 60_000);
  });

  test("before accept() and connect() return it", async () => {
    const order: string[] = [];
    const onEvent = ({ type }: ConnEvent) => void order.push(type);
    using listener = listen({ hostname: "127.0.0.1", port: 0, onEvent });
    const accepting = listener.accept().then((conn) => {
      order.push("accept()");
      return conn;
    });
    using client = await connect({ ...listener.addr, onEvent }).then((conn) => {
      order.push("connect()");
      return conn;
    });
    using server = await within("accept()", accepting);
    assert.deepEqual(
      order.filter((one) => one === "accepted" || one === "accept()"),
      ["accepted", "accept()"],
    );
    assert.deepEqual(
      order.filter((one) => one === "connected" || one === "connect()"),
      ["connected", "connect()"],
    );
    assert.notEqual(client, server);
  });

  test("right after a call that closes a connection, and not within it", async () => {
    const log = new Log();
    using ends = await watchedPair(log);
    log.events.length = 0;
    ends.server.close();
    assert.equal(log.kinds, "");
    await Promise.resolve();
    assert.equal(log.kinds, "closed");
  });

  test("between the turns of a blocking call", async () => {
    const log = new Log();
    using ends = await watchedPair(log);
    log.events.length = 0;
    ends.client.reset();
    assert.throws(() => ends.server.readSync(new Uint8Array(8)));
    assert.equal(log.kinds, "error");
  });

  test("of connections of local sockets, and of connectSync()", async () => {
    const log = new Log();
    const path = localSocketPath(`iocp-watching-${crypto.randomUUID()}`);
    using listener = listen({ path, onEvent: log.onEvent });
    const accepting = listener.accept();
    using client = connectSync({ path, onEvent: log.onEvent });
    using server = await within("accept()", accepting);
    await log.first("accepted");
    await log.first("connected");
    client.close();
    await readAll(server as unknown as Conn);
    await eventually(
      "both are closed",
      () => log.events.filter(({ type }) => type === "closed").length === 2,
    );
  });

  test("of connections of a part of a shared listener", async () => {
    const log = new Log();
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    using part = listen({ share: listener.share(), onEvent: log.onEvent });
    using client = await connect(listener.addr);
    using server = await within("accept()", part.accept());
    assert.equal((await log.first("accepted")).conn, server);
    server.close();
    assert.equal((await log.first("closed")).reason, "close");
    assert.ok(client);
  });

  test("of a detach, and of the connection that is adopted", async () => {
    const log = new Log();
    using ends = await watchedPair(log);
    await ends.client.write(pattern(100, 1));
    assert.equal(await ends.server.read(new Uint8Array(100)), 100);
    const detached = await ends.server.detach();
    const { reason, bytesReceived } = await log.first("closed");
    assert.deepEqual([reason, bytesReceived], ["detach", 100]);
    using again = adopt(detached, { onEvent: log.onEvent });
    assert.equal((await log.first("adopted")).conn, again);
  });

  test("by the function that setOptions() has set last", async () => {
    const [first, second] = [new Log(), new Log()];
    using ends = await pair();
    ends.server.setOptions({ onEvent: first.onEvent });
    ends.server.setOptions({ onEvent: second.onEvent });
    ends.server.close();
    assert.equal((await second.first("closed")).conn, ends.server);
    assert.equal(first.kinds, "");
  });
});

describe("A closed connection has the reason", () => {
  const reasonOf = async (
    end: (server: Conn, client: Conn) => unknown,
    listenOptions: Parameters<typeof pair>[0] = {},
  ) => {
    const log = new Log();
    using ends = await pair({
      ...listenOptions,
      listen: { ...listenOptions.listen, onEvent: log.onEvent },
    });
    await end(ends.server, ends.client);
    const { reason, timeout, error } = await log.first("closed");
    assert.equal(log.events.at(-1)!.type, "closed");
    return [reason, timeout, error?.code];
  };

  test("close", async () => {
    assert.deepEqual(await reasonOf((server) => server.close()), [
      "close",
      undefined,
      undefined,
    ]);
    const log = new Log();
    const port = new CompletionPort();
    using listener = port.listen({ hostname: "127.0.0.1", port: 0, ...log });
    using client = await connect(listener.addr);
    await within("accept()", listener.accept());
    await client.write(pattern(10, 1));
    port.close();
    assert.equal((await log.first("closed")).reason, "close");
  });

  test("abort", async () => {
    assert.deepEqual(await reasonOf((server) => server.reset()), [
      "abort",
      undefined,
      undefined,
    ]);
    const signal = AbortSignal.abort(new Error("enough"));
    const loop = async (server: Conn) => {
      for await (const chunk of server.chunks({ signal })) chunk.slice();
    };
    assert.deepEqual(
      await reasonOf((server) => assert.rejects(loop(server), /enough/)),
      ["abort", undefined, undefined],
    );
  });

  test("reset", async () => {
    assert.deepEqual(
      await reasonOf(async (server, client) => {
        client.reset();
        await assert.rejects(within("a reset", readAll(server)));
      }),
      ["reset", undefined, "ECONNRESET"],
    );
  });

  test("timeout, with the name of each time", async () => {
    assert.deepEqual(
      await reasonOf((server) => {
        server.setTimeout(20);
        server.read(new Uint8Array(1)).catch(() => {});
      }),
      ["timeout", "setTimeout", "ETIMEDOUT"],
    );
    const loop = async (server: Conn) => {
      for await (const chunk of server.chunks({ timeout: 20 })) chunk.slice();
    };
    assert.deepEqual(
      await reasonOf((server) => assert.rejects(loop(server))),
      ["timeout", "timeout", undefined],
    );
    assert.deepEqual(
      await reasonOf(() => {}, { listen: { firstByteTimeout: 50 } }),
      ["timeout", "firstByteTimeout", "ETIMEDOUT"],
    );
    const fill = (server: Conn) => {
      server.write(new Uint8Array(50_000_000)).catch(() => {});
    };
    assert.deepEqual(
      await reasonOf((server) => {
        fill(server);
        server.close({ deadline: 50 }).catch(() => {});
      }),
      ["timeout", "deadline", "ETIMEDOUT"],
    );
    assert.deepEqual(
      await reasonOf((server) => {
        fill(server);
        server.close();
      }, { closeTimeout: 100 }),
      ["timeout", "closeTimeout", undefined],
    );
  });
});

describe("onEvent gets an error", () => {
  test("of a connection, once", async () => {
    const log = new Log();
    using ends = await watchedPair(log);
    ends.client.reset();
    await assert.rejects(within("a reset", readAll(ends.server)));
    await assert.rejects(ends.server.write(pattern(10, 1)));
    await log.first("closed");
    assert.equal(log.kinds, "accepted error closed");
    const { conn, error } = await log.first("error");
    assert.equal(conn, ends.server);
    assert.equal(error.code, "ECONNRESET");
  });

  test("of connect() and connectSync(), without a connection", async () => {
    const listener = listen({ hostname: "127.0.0.1", port: 0 });
    const { addr } = listener;
    listener.close();
    for (const sync of [false, true]) {
      const log = new Log();
      const options = { ...addr, onEvent: log.onEvent };
      let thrown: unknown;
      try {
        if (sync) connectSync(options);
        else await connect(options);
      } catch (error) {
        thrown = error;
      }
      const { conn, error } = await log.first("error");
      assert.equal(log.kinds, "error");
      assert.equal(conn, undefined);
      assert.equal(error, thrown);
      assert.ok(error instanceof SocketError);
    }
  });

  test("of a handshake of TLS that has failed", async () => {
    const log = new Log();
    using listener = listen({
      hostname: "127.0.0.1",
      port: 0,
      tls: identity,
      onEvent: log.onEvent,
    });
    listener.accept().catch(() => {});
    using client = await connect(listener.addr);
    await client.write(new TextEncoder().encode("this is no TLS at all\r\n"));
    const { conn, error } = await log.first("error");
    assert.equal(conn, undefined);
    assert.equal(listener.lastError, error);
    assert.equal(log.kinds, "error");
  });
});

describe("Over TLS onEvent gets events", () => {
  test("of the connection with TLS alone, and of its own bytes", async () => {
    const log = new Log();
    using ends = await securePair({ onEvent: log.onEvent });
    await ends.client.write(pattern(5000, 1));
    await ends.client.closeWrite();
    let bytes = 0;
    for await (const chunk of ends.server) {
      bytes += chunk.length;
      if (bytes === 5000) break;
    }
    ends.client.close();
    await eventually(
      "both are closed",
      () => log.events.filter(({ type }) => type === "closed").length === 2,
    );
    const of = (conn: unknown) =>
      log.events.filter((event) => event.conn === conn);
    const [accepted, closed] = of(ends.server);
    assert.equal(accepted!.type, "accepted");
    assert.equal((closed as Of<"closed">).bytesReceived, 5000);
    assert.equal((of(ends.client).at(-1) as Of<"closed">).bytesSent, 5000);
  });

  test("of the connection that startTls() makes", async () => {
    const log = new Log();
    using ends = await pair({ connect: { onEvent: log.onEvent } });
    const serving = ends.server.startTls({ isServer: true, ...identity });
    const client = await ends.client.startTls({ ca, serverName: "localhost" });
    const server = await within("the handshake", serving);
    client.close();
    const { conn, reason } = await log.first("closed");
    assert.equal(conn, client);
    assert.equal(reason, "close");
    assert.equal(log.kinds, "connected closed");
    server.close();
  });
});

describe("A slow peer", () => {
  test("is reported once when writes pile up, and when they are sent", async () => {
    const log = new Log();
    using ends = await watchedPair(log);
    const { client, server } = ends;
    const writes: Promise<number>[] = [];
    for (let i = 0; i < 200; i++) writes.push(server.write(pattern(65_536, i)));
    const slow = await log.first("slow");
    assert.equal(slow.cause, "backlog");
    assert.equal(slow.conn, server);
    assert.ok(slow.writableLength >= 65_536);
    const reading = readAll(client);
    await within("the writes", Promise.all(writes));
    await log.first("drained");
    server.close();
    assert.equal(await within("the bytes", reading), 200 * 65_536);
    await log.first("closed");
    assert.equal(log.kinds, "accepted slow drained closed");
  });

  test("is reported when it takes nothing for slowAfter", async () => {
    const [log, patient] = [new Log(), new Log()];
    /* It waits longer, and would be the first otherwise. */
    using other = await watchedPair(patient, { slowAfter: 2_000_000_000 });
    using ends = await watchedPair(log, { slowAfter: 50 });
    const bytes = new Uint8Array(50_000_000);
    const rejected = assert.rejects(other.server.write(bytes));
    const writing = ends.server.write(bytes);
    const slow = await log.first("slow");
    assert.equal(slow.cause, "stalled");
    assert.ok(slow.duration >= 45, `${slow.duration} ms`);
    assert.ok(slow.writableLength > 0 && slow.writableLength <= bytes.length);
    assert.equal(patient.kinds, "accepted");
    const reading = readAll(ends.client);
    await within("the write", writing);
    await log.first("drained");
    ends.server.close();
    await reading;
    other.server.reset();
    await rejected;
  });

  test("of writes that wait at once is reported with how much waits", async () => {
    const log = new Log();
    const options = { sendConcurrency: 4, writableHighWaterMark: 1 << 17 };
    using ends = await pair({ listen: { onEvent: log.onEvent, ...options } });
    const { server, client } = ends;
    let written = 0;
    while (!server.writableNeedDrain) {
      server.write(pattern(65_536, 1)).catch(() => {});
      written += 65_536;
      assert.ok(written < 2 ** 28, "the system takes everything");
      await Promise.resolve();
      if (!server.writableNeedDrain) assert.equal(log.kinds, "accepted");
    }
    const { writableLength } = await log.first("slow");
    assert.equal(writableLength, server.writableLength);
    assert.equal(log.kinds, "accepted slow");
    client.reset();
  });

  test("is not reported for writes that are awaited and taken", async () => {
    const log = new Log();
    using ends = await watchedPair(log);
    const reading = readAll(ends.client);
    for (let i = 0; i < 20; i++) await ends.server.write(pattern(1_000_000, i));
    ends.server.close();
    assert.equal(await within("the bytes", reading), 20_000_000);
    await log.first("closed");
    assert.equal(log.kinds, "accepted closed");
  });
});

test("An error that onEvent throws is uncaught, and breaks no connection", async () => {
  const { code, stdout, stderr } = await run("throwing_event", []);
  assert.deepEqual([code, stdout.trim()], [
    0,
    "uncaught: accepted\nuncaught: closed\n5 bytes",
  ], stderr);
});

test("onEvent is a function", async () => {
  const onEvent = "log" as unknown as () => void;
  const expected = { name: "TypeError", message: /"onEvent"/ };
  assert.throws(() => listen({ port: 0, onEvent }), expected);
  await assert.rejects(connect({ port: 1, onEvent }), expected);
  using ends = await pair();
  assert.throws(() => ends.client.setOptions({ onEvent }), expected);
});

describe("conn.tcpInfo()", () => {
  /* Wine has no SIO_TCP_INFO; the model of Windows has. */
  const unlessLinux = isWindows ? false : "Linux has TCP_INFO";
  const unlessWine = isWindows ? "Wine has no SIO_TCP_INFO" : false;

  for (const isSecure of [false, true]) {
    const where = isSecure ? " below TLS" : "";
    test(
      `says what the system knows${where}`,
      { skip: unlessWine },
      async () => {
        using ends = await (isSecure ? securePair() : pair());
        const { client, server } = ends;
        await client.write(pattern(1000, 1));
        assert.ok(await server.read(new Uint8Array(1000)));
        const info = client.tcpInfo();
        for (const [name, value] of Object.entries(info)) {
          assert.ok(Number.isFinite(value) && value >= 0, `${name}: ${value}`);
        }
        /* Milliseconds on the loopback interface. */
        assert.ok(info.smoothedRtt > 0 && info.smoothedRtt < 10_000);
        assert.ok(info.minRtt! > 0 && info.minRtt! < 10_000);
        assert.ok(info.maxSegmentSize >= 500);
        assert.ok(info.congestionWindow >= info.maxSegmentSize);
        assert.ok(info.deliveryRate! > 0);
      },
    );
  }

  test(
    "is NotSupported where the system has none",
    { skip: unlessLinux },
    async () => {
      for (const ends of [await pair(), await securePair()]) {
        assert.throws(
          () => ends.client.tcpInfo(),
          (error: Error) =>
            error instanceof NotSupported && /SIO_TCP_INFO/.test(error.message),
        );
        ends.port.close();
      }
    },
  );

  test("is NotSupported for a local socket", async () => {
    const path = localSocketPath(`iocp-watching-${crypto.randomUUID()}`);
    using listener = listen({ path });
    const accepting = listener.accept();
    using client = await connect({ path });
    using server = await within("accept()", accepting);
    const kind = isWindows ? /named pipe/ : /unix socket/;
    for (const conn of [client, server]) {
      assert.throws(
        () => conn.tcpInfo(),
        (error: Error) =>
          error instanceof NotSupported && kind.test(error.message),
      );
    }
  });

  test("fails after the close", async () => {
    using ends = await pair();
    ends.client.close();
    assert.throws(() => ends.client.tcpInfo(), { code: "EBADF" });
  });
});
