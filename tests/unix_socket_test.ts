// Copyright the iocp authors. MIT license.
/* Unix sockets on Linux: socket files, abstract names, and what only they have. On
 * Windows (Wine 10 has no AF_UNIX) they are NotSupported. */

import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import { describe, test } from "node:test";
import {
  CompletionPort,
  connect,
  connectSync,
  dropSocket,
  inboxAddress,
  listen,
  passSocket,
  type PathListenOptions,
} from "../mod.ts";
import { programPath, run, start } from "./shared/child.ts";
import { eventually, isSettled, within } from "./shared/deadline.ts";
import { TemporaryFolder } from "./shared/files.ts";
import { isWindows, localPair, newPath } from "./shared/local.ts";
import { errorFrom, failure, outcome } from "./shared/outcome.ts";
import { bytesOf, digest, pattern, textOf } from "./shared/pattern.ts";
import { receiveByLoop } from "./shared/transfer.ts";

const onLinux = { skip: isWindows && "unix sockets of Linux" };
const notSupported = { name: "NotSupported" };
const isRoot = process.getuid?.() === 0;

/* The permission bits of a file. */
function modeOf(path: string): number {
  return lstatSync(path).mode & 0o777;
}

/* Leaves the file of a listener whose process was killed. */
async function leaveStale(path: string): Promise<void> {
  using child = start(programPath("local_listener"), [path]);
  await within("start", child.output(/listening/));
  child.process.kill("SIGKILL");
  await child.ended.catch(() => {});
  assert.ok(existsSync(path));
}

describe("A socket file", onLinux, () => {
  test("is created by listen() and removed by close()", () => {
    using folder = new TemporaryFolder();
    const path = folder.join("a.sock");
    const listener = listen({ path });
    assert.ok(lstatSync(path).isSocket());
    listener.close();
    assert.equal(existsSync(path), false);
  });

  test("has the mode that is asked for, whatever the umask", () => {
    using folder = new TemporaryFolder();
    const old = process.umask(0o027);
    try {
      const modes: [Partial<PathListenOptions>, number][] = [
        [{}, 0o750],
        [{ mode: 0o600 }, 0o600],
        [{ mode: 0o777 }, 0o777],
        [{ mode: 0 }, 0],
        [{ access: "user" }, 0o600],
        [{ access: "everyone" }, 0o666],
      ];
      for (const [options, mode] of modes) {
        const path = folder.join("b.sock");
        using _ = listen({ path, ...options });
        assert.equal(modeOf(path), mode, JSON.stringify(options));
      }
    } finally {
      process.umask(old);
    }
  });

  test("of another socket, a file or a folder is in use", () => {
    using folder = new TemporaryFolder();
    const file = folder.write("file", "text");
    mkdirSync(folder.join("folder"));
    for (const path of [file, folder.join("folder")]) {
      for (const replaceStale of [false, true]) {
        const error = failure(() => listen({ path, replaceStale }));
        assert.equal(error.code, "EADDRINUSE", path);
      }
      assert.ok(existsSync(path));
    }
  });

  test("that another file has replaced is not removed by close()", () => {
    using folder = new TemporaryFolder();
    const path = folder.join("c.sock");
    const listener = listen({ path });
    renameSync(path, folder.join("moved.sock"));
    writeFileSync(path, "mine");
    listener.close();
    assert.ok(existsSync(path));
  });

  test("whose owner is gone is replaced only with replaceStale", async () => {
    using folder = new TemporaryFolder();
    const path = folder.join("d.sock");
    await leaveStale(path);
    assert.equal((await errorFrom(connect({ path }))).code, "ECONNREFUSED");
    assert.equal(failure(() => listen({ path })).code, "EADDRINUSE");
    using listener = listen({ path, replaceStale: true });
    using client = await connect({ path });
    using server = await within("accept", listener.accept());
    await client.write(bytesOf("again"));
    const p = new Uint8Array(10);
    const count = await within("a read", server.read(p));
    assert.equal(textOf(p.subarray(0, count!)), "again");
  });

  test("of a live listener is not replaced", async () => {
    using folder = new TemporaryFolder();
    const path = folder.join("e.sock");
    using child = start(programPath("local_listener"), [path]);
    await within("start", child.output(/listening/));
    const error = failure(() => listen({ path, replaceStale: true }));
    assert.equal(error.code, "EADDRINUSE");
    (await connect({ path })).close();
  });

  test("has a path of at most 107 bytes", async () => {
    using folder = new TemporaryFolder();
    const rest = 107 - folder.join("x").length + 1;
    const longest = folder.join("x".repeat(rest));
    assert.equal(longest.length, 107);
    using listener = listen({ path: longest });
    assert.equal(listener.addr.path, longest);
    using conn = await connect({ path: longest });
    assert.equal(conn.remoteAddr.path, longest);
    for (
      const path of [`${longest}x`, `/${"ü".repeat(60)}`, "x".repeat(3000)]
    ) {
      assert.equal(failure(() => listen({ path })).code, "ENAMETOOLONG");
      const error = await errorFrom(connect({ path }));
      assert.equal(error.code, "ENAMETOOLONG");
      assert.match(
        error.message,
        /^Cannot connect to .*: the name is too long$/,
      );
    }
  });

  test("may have a path in any script", async () => {
    using folder = new TemporaryFolder();
    const path = folder.join("größe-日本.sock");
    using listener = listen({ path });
    using conn = await connect({ path });
    assert.equal(listener.addr.path, path);
    assert.equal(conn.remoteAddr.path, path);
    assert.ok(existsSync(path));
  });

  test("can be found by a relative path and through a link", async () => {
    using folder = new TemporaryFolder();
    using child = start(programPath("local_listener"), ["f.sock"], {
      cwd: folder.path,
    });
    await within("start", child.output(/listening/));
    symlinkSync(folder.join("f.sock"), folder.join("link.sock"));
    for (const name of ["f.sock", "link.sock"]) {
      (await connect({ path: folder.join(name) })).close();
    }
  });

  const failures: [name: string, code: string, error: string][] = [
    ["none/a.sock", "ENOENT", "NotFound"],
    ["file/a.sock", "ENOTDIR", "NotADirectory"],
    ["loop", "ELOOP", "FilesystemLoop"],
    ["file", "ECONNREFUSED", "ConnectionRefused"],
    [".", "ECONNREFUSED", "ConnectionRefused"],
  ];
  for (const [name, code, error] of failures) {
    test(`cannot be ${name}: ${code}`, async () => {
      using folder = new TemporaryFolder();
      folder.write("file", "");
      symlinkSync("loop", folder.join("loop"));
      const path = folder.join(name);
      const failed = await errorFrom(connect({ path }));
      assert.deepEqual([failed.code, failed.name], [code, error]);
      assert.equal(failed.address, path);
      assert.equal(failure(() => connectSync({ path })).code, code);
      const listening = failure(() => listen({ path }));
      const isOther = code === "ECONNREFUSED" || code === "ELOOP";
      assert.equal(listening.code, isOther ? "EADDRINUSE" : code);
    });
  }

  test("lets in whom its mode allows, and conn.peer is that user", {
    skip: !isRoot && "only root can become another user",
  }, async () => {
    using folder = new TemporaryFolder();
    chmodSync(folder.path, 0o755);
    const modes: Partial<PathListenOptions>[] = [
      {},
      { mode: 0o600 },
      { access: "user" },
      /* The group is still that of root. */
      { mode: 0o620 },
      { access: "everyone" },
    ];
    const paths = modes.map((_, i) => folder.join(`${i}.sock`));
    const uids: unknown[] = [];
    const listeners = modes.map((options, i) =>
      listen({ path: paths[i]!, ...options })
    );
    for (const listener of listeners) {
      listener.accept().then(async (conn) => {
        uids.push(conn.peer.uid);
        await conn.write(new Uint8Array(1));
      }, () => {});
    }
    const { code, stdout, stderr } = await run("other_user", paths);
    for (const listener of listeners) listener.close();
    assert.equal(code, 0, stderr);
    const refused = ["EACCES", "EACCES", "EACCES"];
    const expected = [...refused, "connected", "connected"];
    assert.deepEqual(stdout.trim().split("\n"), expected);
    assert.deepEqual(uids, [65534, 65534]);
  });
});

describe("An abstract name", onLinux, () => {
  const name = `\0iocp-test-${process.pid}`;

  test("is no file, and free after the close", async () => {
    for (let i = 0; i < 2; i++) {
      using listener = listen({ path: name });
      assert.deepEqual(listener.addr, { transport: "unix", path: name });
      using conn = await connect({ path: name });
      assert.deepEqual(conn.remoteAddr, listener.addr);
      const error = failure(() => listen({ path: name, replaceStale: true }));
      assert.equal(error.code, "EADDRINUSE");
      assert.equal(error.address, name);
      assert.ok(error.message.startsWith(`Cannot listen on @iocp-test-`));
    }
  });

  test("that nothing listens on refuses", async () => {
    const error = await errorFrom(connect({ path: `${name}-none` }));
    assert.equal(error.code, "ECONNREFUSED");
  });

  test("has at most 108 bytes", () => {
    const longest = name.padEnd(108, "x");
    listen({ path: longest }).close();
    const error = failure(() => listen({ path: `${longest}x` }));
    assert.equal(error.code, "ENAMETOOLONG");
  });

  test("has no mode", () => {
    for (const options of [{ mode: 0o600 }, { access: "user" }]) {
      assert.throws(() => listen({ path: name, ...options }), notSupported);
    }
  });
});

describe("A unix socket", onLinux, () => {
  test("can be half-closed", async () => {
    using ends = await localPair({ allowHalfOpen: true });
    const { client, server } = ends;
    await client.write(pattern(100_000, 1));
    await client.closeWrite();
    assert.equal(await receiveByLoop(server), digest(pattern(100_000, 1)));
    await server.write(pattern(200_000, 2));
    server.close();
    assert.equal(await receiveByLoop(client), digest(pattern(200_000, 2)));
  });

  test("half-closes by writable.close() and duplex.end()", async () => {
    for (const way of ["stream", "duplex"]) {
      using ends = await localPair({ allowHalfOpen: true });
      const { client, server } = ends;
      if (way === "stream") await client.writable.close();
      else client.duplex().end();
      const end = await within("the end", server.read(new Uint8Array(1)));
      assert.equal(end, null);
      await server.write(bytesOf("answer"));
      server.close();
      if (way === "stream") {
        assert.equal(await receiveByLoop(client), digest(bytesOf("answer")));
      }
    }
  });

  test("that is reset ends, and is ECONNRESET if it has unread bytes", async () => {
    const p = new Uint8Array(10);
    for (const isUnread of [false, true]) {
      using ends = await localPair();
      const { client, server } = ends;
      if (isUnread) {
        await client.write(bytesOf("unread"));
        await eventually("it is", () => server.stats().bytesReadable > 0);
      }
      server.reset();
      const seen = await outcome(() => client.read(p));
      assert.equal(seen, isUnread ? "ECONNRESET" : "null");
    }
  });

  test("is passed on, as a connection and as a listener", async () => {
    using ends = await localPair();
    const { client, listener, server } = ends;
    using other = new CompletionPort();
    await client.write(bytesOf("before"));
    const detached = await within("detach", server.detach());
    const adopted = other.adopt({
      ticket: passSocket(detached, inboxAddress()),
      bytes: detached.bytes ?? new Uint8Array(0),
    });
    dropSocket(detached);
    const p = new Uint8Array(10);
    assert.equal(await within("a read", adopted.read(p)), 6);
    await adopted.write(bytesOf("back"));
    assert.equal(await within("a read", client.read(p)), 4);

    const ticket = listener.pass(inboxAddress());
    using next = other.listen({ ticket });
    assert.deepEqual(next.addr, listener.addr);
    const accepted = within("a connection", next.accept());
    using _ = await connect(listener.addr);
    (await accepted).close();
  });

  test("whose backlog is full is connected as soon as there is room", async () => {
    using port = new CompletionPort();
    const path = newPath();
    const listener = port.listen({ path, backlog: 1 });
    const waiting = Array.from({ length: 6 }, () => port.connect({ path }));
    for (const promise of waiting) promise.catch(() => {});
    await eventually(
      "one waits",
      async () => !await isSettled(Promise.all(waiting)),
    );
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = port.connect({ path, signal });
    const late = errorFrom(port.connect({ path, timeout: 20 }));
    controller.abort(new Error("enough"));
    await assert.rejects(aborted, /enough/);
    const error = await late;
    assert.deepEqual([error.code, error.address], ["ETIMEDOUT", path]);
    assert.equal(
      failure(() => port.connectSync({ path, timeout: 20 })).code,
      "ETIMEDOUT",
    );
    for (const promise of waiting) {
      await within("accept", listener.accept());
      await within("connect", promise);
    }
    listener.close();
  });
});

describe("On Windows without AF_UNIX", {
  skip: !isWindows && "Linux has it",
}, () => {
  const path = "C:\\iocp-test.sock";

  test("a unix socket is NotSupported, with the reason", async () => {
    const reason =
      /Cannot (listen on|connect to) C:.*: this Windows has no AF_UNIX/;
    const isExpected = (error: Error) =>
      error.name === "NotSupported" && reason.test(error.message);
    assert.throws(() => listen({ path }), isExpected);
    await assert.rejects(connect({ path }), isExpected);
    assert.throws(() => connectSync({ path }), isExpected);
  });

  test("an abstract name, a mode and access are NotSupported", () => {
    assert.throws(() => listen({ path: "\0name" }), notSupported);
    assert.throws(() => listen({ path, mode: 0o600 }), notSupported);
    assert.throws(() => listen({ path, access: "user" }), notSupported);
  });
});
