// Copyright the iocp authors. MIT license.
/* The addresses of a listener: families, host names, and errors. */

import assert from "node:assert/strict";
import { createServer } from "node:net";
import process from "node:process";
import { test } from "node:test";
import { CompletionPort, type NetAddr } from "../mod.ts";
import { eventually, within } from "./shared/deadline.ts";
import { noIpv6, withSamePort } from "./shared/network.ts";
import { errorFrom, outcome } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";

const isWindows = process.platform === "win32";

test("listen() has a default address", () => {
  using port = new CompletionPort();
  using listener = port.listen({ port: 0 });
  assert.equal(listener.addr.hostname, "0.0.0.0");
});

test("listen() fails when the address is in use", async () => {
  using port = new CompletionPort();
  using first = port.listen({ hostname: "127.0.0.1", port: 0 });
  const error = await errorFrom(() => port.listen(first.addr));
  assert.equal(error.code, "EADDRINUSE");
  assert.equal(error.syscall, "listen");
  assert.equal(error.address, "127.0.0.1");
  assert.equal(error.port, first.addr.port);
  assert.notEqual(error.errno, 0);
  assert.equal(
    error.message,
    `Cannot listen on 127.0.0.1:${first.addr.port}: address already in use`,
  );
  assert.equal(port.stats().sockets, 1);
});

test("listen() fails when a listener of node:net uses the address", async () => {
  using port = new CompletionPort();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: number } = server.address() as { port: number };
  const options = { hostname: "127.0.0.1", port: number };
  const error = await errorFrom(() => port.listen(options));
  assert.equal(error.code, "EADDRINUSE");
  await new Promise((resolve) => server.close(resolve));
});

test("listen() fails on an address of another machine", async () => {
  using port = new CompletionPort();
  const options = { hostname: "192.0.2.1", port: 0 };
  const error = await errorFrom(() => port.listen(options));
  assert.equal(error.code, "EADDRNOTAVAIL");
  assert.equal(error.address, "192.0.2.1");
  assert.equal(error.port, 0);
});

test("listen() fails on an unknown name", async () => {
  using port = new CompletionPort();
  for (const hostname of ["nope.invalid", "bücher.invalid", "a".repeat(70)]) {
    const error = await errorFrom(() => port.listen({ hostname, port: 0 }));
    assert.equal(error.code, "ENOTFOUND", hostname);
    assert.equal(error.syscall, "getaddrinfo");
  }
});

const BOTH = ["127.0.0.1", "::1"];

test("listen() on localhost accepts connections of both families at one port", {
  skip: noIpv6,
}, async () => {
  using port = new CompletionPort();
  for (const hostname of ["localhost", "LOCALHOST", "localhost."]) {
    using listener = port.listen({ hostname, port: 0 });
    assert.ok(BOTH.includes(listener.addr.hostname));
    for (const at of [...BOTH, "localhost"]) {
      const [client, server] = await within(
        `connecting to ${at}`,
        Promise.all([
          port.connect({ hostname: at, port: listener.addr.port }),
          listener.accept(),
        ]),
      );
      if (at !== "localhost") assert.equal(client.remoteAddr.hostname, at);
      assert.deepEqual(client.remoteAddr, server.localAddr);
      client.close();
      server.close();
    }
  }
});

test(
  "Options, counters and close() of a listener on localhost apply to both families",
  {
    skip: noIpv6,
  },
  async () => {
    using port = new CompletionPort();
    const listener = port.listen({
      hostname: "localhost",
      port: 0,
      backlog: 7,
    });
    const { port: number } = listener.addr;
    listener.setOptions({ backlog: 9 });
    listener.setOptions({ acceptPool: 3 });
    assert.equal(listener.options.backlog, 9);
    listener.unref();
    listener.ref();
    const accepting = BOTH.map(() => listener.accept());
    const clients = BOTH.map((hostname) =>
      port.connect({ hostname, port: number })
    );
    await within("both", Promise.all([...accepting, ...clients]));
    assert.equal(listener.stats().accepted, 2);
    const waiting = errorFrom(listener.accept());
    listener.close();
    assert.equal((await waiting).code, "EBADF");
    for (const hostname of BOTH) {
      const error = await errorFrom(port.connect({ hostname, port: number }));
      assert.equal(error.code, "ECONNREFUSED", hostname);
      using again = port.listen({ hostname, port: number });
      assert.equal(again.addr.port, number);
    }
  },
);

test("The loop of a listener on localhost ends when its port is closed", async () => {
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "localhost", port: 0 });
  const waiting = errorFrom(listener.accept());
  port.close();
  assert.equal((await waiting).code, "EBADF");
});

test("listen() on localhost fails when the port is in use in one family", {
  skip: noIpv6,
}, async () => {
  using port = new CompletionPort();
  for (const hostname of BOTH) {
    using other = port.listen({ hostname, port: 0 });
    const options = { hostname: "localhost", port: other.addr.port };
    const error = await errorFrom(() => port.listen(options));
    assert.equal(error.code, "EADDRINUSE");
    await eventually("it is closed", () => port.stats().sockets === 1);
  }
});

test("listen() and connect() accept a port number as text", async () => {
  using port = new CompletionPort();
  using listener = port.listen({ hostname: "127.0.0.1", port: "0" });
  const { port: number } = listener.addr;
  const texts = [`${number}`, ` ${number} `, `0x${number.toString(16)}`];
  for (const text of texts) {
    using _ = await port.connect({ hostname: "127.0.0.1", port: text });
    using _sync = port.connectSync({ hostname: "127.0.0.1", port: text });
    using other = port.listen({ hostname: "127.0.0.2", port: text });
    assert.equal(other.addr.port, number);
  }
});

test("listen() fails on a closed completion port", async () => {
  using port = new CompletionPort();
  port.close();
  const error = await errorFrom(() => port.listen({ port: 0 }));
  assert.equal(error.code, "EBADF");
});

test("listen() on a privileged port fails with EACCES", {
  skip: isWindows
    ? "Windows has no privileged ports"
    : process.getuid!() === 0 && "root may listen on any port",
}, async () => {
  using port = new CompletionPort();
  const options = { hostname: "127.0.0.1", port: 1 };
  assert.equal(await outcome(() => port.listen(options)), "EACCES");
});

test("listen() supports IPv6 addresses", { skip: noIpv6 }, async () => {
  for (const hostname of ["::1", "[::1]", "0:0:0:0:0:0:0:1"]) {
    using ends = await pair({ hostname });
    assert.equal(ends.listener.addr.hostname, "::1");
    assert.equal(ends.client.remoteAddr.hostname, "::1");
    assert.equal(ends.server.remoteAddr.hostname, "::1");
    assert.deepEqual(ends.server.remoteAddr, ends.client.localAddr);
  }
});

/* The result of connecting to this address. */
async function connectTo(
  port: CompletionPort,
  { port: number }: NetAddr,
  hostname: string,
): Promise<string> {
  return await outcome(() => port.connect({ hostname, port: number }));
}

test(
  "listen() on :: accepts IPv4 connections as well",
  { skip: noIpv6 },
  async () => {
    using ends = await pair({
      listen: { hostname: "::" },
      connect: { hostname: "127.0.0.1" },
    });
    assert.equal(ends.listener.addr.hostname, "::");
    assert.equal(ends.server.remoteAddr.hostname, "::ffff:127.0.0.1");
    assert.equal(ends.server.localAddr.hostname, "::ffff:127.0.0.1");
    assert.equal(ends.client.remoteAddr.hostname, "127.0.0.1");
    assert.equal(await connectTo(ends.port, ends.listener.addr, "::1"), "Conn");
  },
);

test(
  "listen() with ipv6Only accepts no IPv4 connections",
  { skip: noIpv6 },
  async () => {
    using port = new CompletionPort();
    /* Another program may use the IPv4 port of that number. */
    const [six, four] = withSamePort(() => {
      const six = port.listen({ hostname: "::", port: 0, ipv6Only: true });
      try {
        return [six, port.listen({ hostname: "0.0.0.0", port: six.addr.port })];
      } catch (error) {
        six.close();
        throw error;
      }
    });
    assert.equal(await connectTo(port, six.addr, "::1"), "Conn");
    assert.equal((await six.accept()).remoteAddr.hostname, "::1");
    assert.equal(await connectTo(port, six.addr, "127.0.0.1"), "Conn");
    assert.equal((await four.accept()).remoteAddr.hostname, "127.0.0.1");
    four.close();
    assert.equal(await connectTo(port, six.addr, "127.0.0.1"), "ECONNREFUSED");
  },
);

test("connect() accepts an IPv4-mapped IPv6 address", {
  skip: noIpv6,
}, async () => {
  using ends = await pair({
    listen: { hostname: "::" },
    connect: { hostname: "::ffff:127.0.0.1" },
  });
  await ends.client.write(new Uint8Array(3));
  const count = await within("read", ends.server.read(new Uint8Array(4)));
  assert.equal(count, 3);
});
