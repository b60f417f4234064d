// Copyright the iocp authors. MIT license.
/* Unix sockets of datagrams, which only Linux has. */

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import process from "node:process";
import { describe, test } from "node:test";
import { CompletionPort } from "../mod.ts";
import { receiveText, sendTexts, take } from "./shared/datagrams.ts";
import { isSettled, within } from "./shared/deadline.ts";
import { TemporaryFolder } from "./shared/files.ts";
import { errorFrom, failure } from "./shared/outcome.ts";
import { pattern, textOf } from "./shared/pattern.ts";

const isWindows = process.platform === "win32";
const notSupported = { name: "NotSupported" };

test("On Windows a path throws NotSupported", { skip: !isWindows }, () => {
  using port = new CompletionPort();
  for (const path of ["C:\\a.sock", "\\\\.\\pipe\\a", ""]) {
    assert.throws(() => port.bind({ path }), notSupported);
  }
});

class Folder extends TemporaryFolder {
  readonly port: CompletionPort = new CompletionPort();

  bind(name: string, options: object = {}) {
    return this.port.bind({ path: this.join(name), ...options });
  }

  override [Symbol.dispose](): void {
    this.port.close();
    super[Symbol.dispose]();
  }
}

describe("Unix datagrams", { skip: isWindows }, () => {
  test("arrive with the path of their sender", async () => {
    using folder = new Folder();
    const [left, right] = [folder.bind("left"), folder.bind("right")];
    assert.deepEqual(left.addr, {
      transport: "unixpacket",
      path: folder.join("left"),
    });
    await sendTexts(left, right.addr, "hello", "again");
    const [first, second] = await take(right, 2);
    assert.equal(textOf(first!.data), "hello");
    assert.deepEqual({ ...first!.addr }, left.addr);
    assert.equal(second!.addr, first!.addr);
    await sendTexts(right, first!.addr, "answer");
    const p = new Uint8Array(100);
    const { data, addr, size } = await within("it", left.receive(p));
    assert.equal(textOf(data), "answer");
    assert.deepEqual({ ...addr }, right.addr);
    assert.equal(size, 6);
  });

  test('from a socket without an address have the path ""', async () => {
    using folder = new Folder();
    const sender = folder.port.bind({ path: "" });
    assert.deepEqual(sender.addr, { transport: "unixpacket", path: "" });
    const receiver = folder.bind("receiver");
    await sendTexts(sender, receiver.addr, "hello");
    const [datagram] = await take(receiver, 1);
    assert.equal(textOf(datagram!.data), "hello");
    assert.deepEqual({ ...datagram!.addr }, sender.addr);
    const error = await errorFrom(
      receiver.send(pattern(1), datagram!.addr)
        .catch((error) => {
          assert.ok(error instanceof TypeError, `${error}`);
          return receiver.send(pattern(1));
        }),
    );
    assert.ok(["ENOTCONN", "EDESTADDRREQ"].includes(error.code), error.code);
  });

  test("go to the path that an address has when they are sent", async () => {
    using folder = new Folder();
    const [sender, ...receivers] = ["a", "b", "c"].map((n) => folder.bind(n));
    const addr = { path: "" };
    const texts = ["one", "two", "three"];
    for (const text of texts) {
      for (const receiver of receivers) {
        addr.path = receiver.addr.path;
        await sendTexts(sender!, addr, text);
      }
    }
    for (const receiver of receivers) {
      const received = await take(receiver, 3);
      assert.deepEqual(received.map(({ data }) => textOf(data)), texts);
    }
  });

  test("go to abstract names", async () => {
    using port = new CompletionPort();
    /* It may have a NUL inside, which ends nothing. */
    const name = `\0iocp-test-${process.pid}\0datagrams`;
    const receiver = port.bind({ path: name });
    assert.equal(receiver.addr.path, name);
    const sender = port.bind({ path: "" });
    await sender.connect({ path: name });
    assert.deepEqual(sender.remoteAddr, receiver.addr);
    await sendTexts(sender, undefined, "hello");
    assert.equal(await receiveText(receiver), "hello");
  });

  test("are truncated with the size that was sent", async () => {
    using folder = new Folder();
    const [left, right] = [folder.bind("left"), folder.bind("right")];
    await left.send(pattern(1_000), right.addr);
    const { data, isTruncated, size } = await within(
      "it",
      right.receive(new Uint8Array(10)),
    );
    assert.deepEqual([data.length, isTruncated, size], [10, true, 1_000]);
    await left.send(pattern(100_000), right.addr);
    const [long] = await take(right, 1);
    assert.deepEqual([long!.isTruncated, long!.size], [true, 100_000]);
    assert.equal(long!.data.length, 65_536);
  });

  test("wait when the receiver is slow, and none is lost", async () => {
    using folder = new Folder();
    const [left, right] = [folder.bind("left"), folder.bind("right")];
    const count = 500;
    const sends = Array.from(
      { length: count },
      (_, i) => left.send(pattern(1_000, i), right.addr),
    );
    assert.equal(await isSettled(sends.at(-1)!), false);
    const received = await take(right, count);
    for (const [i, { data }] of received.entries()) {
      assert.deepEqual([...data], [...pattern(1_000, i)], `datagram ${i}`);
    }
    await within("all sends", Promise.all(sends));
  });

  test("leave before a connect() that follows, and keep their destination", async () => {
    using folder = new Folder();
    const sender = folder.bind("sender");
    const [full, other] = [folder.bind("full"), folder.bind("other")];
    const count = 500;
    await sender.connect(full.addr);
    const sends = Array.from(
      { length: count },
      (_, i) => sender.send(pattern(100, i)),
    );
    const connected = sender.connect(other.addr);
    assert.equal(await isSettled(connected), false);
    assert.deepEqual(sender.remoteAddr, full.addr);
    const error = failure(() => sender.disconnect());
    assert.deepEqual([error.code, error.syscall], ["EBUSY", "connect"]);
    assert.equal((await take(full, count)).length, count);
    await within("all sends", Promise.all(sends));
    await within("the connect", connected);
    assert.deepEqual(sender.remoteAddr, other.addr);
    await sendTexts(sender, undefined, "to the other");
    assert.equal(await receiveText(other), "to the other");
    assert.equal(full.stats().datagramsReceived, count);
    sender.disconnect();
    assert.equal(sender.remoteAddr, undefined);
  });

  test("fail with a connect() that waits for them when the socket is closed", async () => {
    using folder = new Folder();
    const sender = folder.bind("sender");
    const [full, other] = [folder.bind("full"), folder.bind("other")];
    const sends = Array.from(
      { length: 500 },
      (_, i) => sender.send(pattern(100, i), full.addr),
    );
    const settled = Promise.allSettled(sends);
    const connected = errorFrom(sender.connect(other.addr));
    sender.close();
    const { code, syscall } = await connected;
    assert.deepEqual([code, syscall], ["EINTR", "connect"]);
    await within("the sends", settled);
  });

  test("are sent by sendMany(), to several paths", async () => {
    using folder = new Folder();
    const sender = folder.bind("sender");
    const receivers = ["a", "bb", "ccc"].map((name) => folder.bind(name));
    const sent = receivers.flatMap(({ addr }, i) =>
      [0, 1, 7, 8, 9, 1_000].map((length) => ({
        data: pattern(length, i),
        addr,
      }))
    );
    const sending = sender.sendMany(sent);
    for (const [i, receiver] of receivers.entries()) {
      const received = await take(receiver, 6);
      assert.deepEqual(
        received.map(({ data }) => data),
        sent.slice(6 * i, 6 * i + 6).map(({ data }) => data),
      );
    }
    assert.equal(await sending, 18);
  });

  test("need a socket file that is removed at the close", () => {
    using folder = new Folder();
    const socket = folder.bind("socket", { mode: 0o600 });
    assert.equal(statSync(socket.addr.path).mode & 0o777, 0o600);
    assert.equal(failure(() => folder.bind("socket")).code, "EADDRINUSE");
    assert.equal(
      failure(() => folder.bind("socket", { replaceStale: true })).code,
      "EADDRINUSE",
    );
    socket.close();
    assert.equal(existsSync(socket.addr.path), false);
    folder.bind("socket").close();
  });

  test("to a path without a socket fail", async () => {
    using folder = new Folder();
    const socket = folder.bind("socket");
    const path = folder.join("none");
    const error = await errorFrom(socket.send(pattern(1), { path }));
    assert.equal(error.code, "ENOENT");
    assert.equal(error.address, path);
    const gone = folder.bind("gone");
    const { addr } = gone;
    gone.close();
    assert.equal(
      (await errorFrom(socket.send(pattern(1), addr))).code,
      "ENOENT",
    );
    mkdirSync(folder.join("folder"));
    const folderError = await errorFrom(
      socket.send(pattern(1), { path: folder.join("folder") }),
    );
    assert.equal(folderError.code, "ECONNREFUSED");
    chmodSync(folder.join("folder"), 0o700);
  });

  test("refuse paths that are too long", async () => {
    using folder = new Folder();
    const socket = folder.bind("socket");
    for (const length of [108, 200, 5_000]) {
      const path = `/tmp/${"x".repeat(length - 5)}`;
      assert.equal(
        failure(() => folder.port.bind({ path })).code,
        "ENAMETOOLONG",
      );
      const error = await errorFrom(socket.send(pattern(1), { path }));
      assert.equal(error.code, "ENAMETOOLONG");
    }
  });

  test("have the options of the system's buffers alone", () => {
    using folder = new Folder();
    const socket = folder.bind("socket", { systemReceiveBuffer: 50_000 });
    const { systemReceiveBuffer, ttl, broadcast } = socket.options;
    assert.deepEqual(
      [systemReceiveBuffer, ttl, broadcast],
      [50_000, undefined, undefined],
    );
    for (
      const options of [{ ttl: 3 }, { broadcast: true }, { offload: false }, {
        multicastLoop: true,
      }]
    ) {
      assert.throws(() => folder.bind("other", options), notSupported);
      assert.throws(() => socket.setOptions(options), notSupported);
    }
    for (
      const options of [{ port: 1 }, { hostname: "::1" }, { reusePort: false }]
    ) {
      assert.throws(() => folder.bind("other", options), notSupported);
    }
    assert.throws(() => socket.joinMulticast("239.1.2.3"), notSupported);
  });
});
