// Copyright the iocp authors. MIT license.
/* Named pipes of Windows: their names, who may connect, and what they have in the
 * place of a half-close. What they have in common with unix sockets is in
 * local_socket_test.ts. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CompletionPort, connect, listen } from "../mod.ts";
import { programPath, start } from "./shared/child.ts";
import { eventually, isSettled, within } from "./shared/deadline.ts";
import { isWindows, localPair, newPath } from "./shared/local.ts";
import { errorFrom, failure, outcome } from "./shared/outcome.ts";
import { bytesOf, digest, pattern, textOf } from "./shared/pattern.ts";
import { accessOf, ownSid } from "./shared/pipe_security.ts";
import { receiveByLoop } from "./shared/transfer.ts";

/* For each test, since Bun does not count those of a skipped describe(). */
const onWindows = { skip: !isWindows && "named pipes of Windows" };
const notSupported = (error: Error) =>
  error.name === "NotSupported" && /named pipe/.test(error.message);

describe("The name of a pipe", () => {
  test(
    "may begin in each of the forms, which are one pipe",
    onWindows,
    async () => {
      const path = newPath();
      const name = path.slice("\\\\.\\pipe\\".length);
      using listener = listen({ path: `//./pipe/${name}` });
      assert.deepEqual(listener.addr, { transport: "pipe", path });
      for (const prefix of ["\\\\.\\pipe\\", "\\\\?\\pipe\\", "//./pipe/"]) {
        assert.equal(
          failure(() => listen({ path: prefix + name })).code,
          "EADDRINUSE",
        );
        using conn = await connect({ path: prefix + name });
        assert.deepEqual(conn.remoteAddr, { transport: "pipe", path });
        (await within("accept", listener.accept())).close();
      }
    },
  );

  test("has at most 256 characters", onWindows, async () => {
    const longest = newPath().padEnd(256, "x");
    using listener = listen({ path: longest });
    using conn = await connect({ path: longest });
    assert.equal(conn.remoteAddr.path, longest);
    assert.equal(listener.addr.path, longest);
    for (const path of [`${longest}x`, longest + "x".repeat(2000)]) {
      assert.equal(failure(() => listen({ path })).code, "ENAMETOOLONG");
      const error = await errorFrom(connect({ path }));
      assert.equal(error.code, "ENAMETOOLONG");
    }
  });

  test("may be in any script", onWindows, async () => {
    const path = `${newPath()}-größe 日本`;
    using listener = listen({ path });
    using conn = await connect({ path });
    assert.equal(conn.remoteAddr.path, listener.addr.path);
  });

  test(
    "is in use while another process has it, and then free",
    onWindows,
    async () => {
      const path = newPath();
      using child = start(programPath("local_listener"), [path]);
      await within("start", child.output(/listening/));
      const error = failure(() => listen({ path, replaceStale: true }));
      assert.equal(error.code, "EADDRINUSE");
      (await connect({ path, timeout: 30_000 })).close();
      child.process.kill("SIGKILL");
      await child.ended.catch(() => {});
      await eventually("the name is free", () => {
        try {
          listen({ path }).close();
          return true;
        } catch {
          return false;
        }
      });
    },
  );
});

describe("A pipe", () => {
  test("can be opened to others, by a word or in SDDL", onWindows, async () => {
    for (const access of ["user", "everyone", "D:P(A;;GA;;;WD)"]) {
      using ends = await localPair({ listen: { access } });
      await ends.client.write(bytesOf("x"));
      const p = new Uint8Array(1);
      assert.equal(await within("a read", ends.server.read(p)), 1);
    }
  });

  test(
    "is for whom it was asked for, by default for its user",
    onWindows,
    () => {
      const own = `0 0 1f01ff ${ownSid()}`;
      /* Reading and writing, without FILE_CREATE_PIPE_INSTANCE (4): another user could
     * make instances of the pipe, and get its clients. */
      const everyone = "0 0 12019b S-1-1-0";
      const table: [access: string | undefined, expected: string[]][] = [
        [undefined, [own]],
        ["user", [own]],
        ["everyone", [own, everyone]],
        ["D:P(A;;FA;;;WD)", ["0 0 1f01ff S-1-1-0"]],
        ["D:P(A;;0x12019f;;;WD)", ["0 0 12019f S-1-1-0"]],
      ];
      for (const [access, expected] of table) {
        const path = newPath();
        using _ = listen(access === undefined ? { path } : { path, access });
        assert.deepEqual(accessOf(path), expected, `access: ${access}`);
      }
    },
  );

  test("with a wrong descriptor is refused", onWindows, () => {
    const error = failure(() =>
      listen({ path: newPath(), access: "D:(nonsense" })
    );
    assert.equal(error.code, "EINVAL");
    assert.equal(error.syscall, "listen");
  });

  test("has no permission bits", onWindows, () => {
    assert.throws(() => listen({ path: newPath(), mode: 0o600 }), notSupported);
  });

  test("cannot be half-closed, and stays open", onWindows, async () => {
    using ends = await localPair();
    const { client, server } = ends;
    await assert.rejects(client.closeWrite(), notSupported);
    await client.write(bytesOf("still"));
    const p = new Uint8Array(10);
    const count = await within("a read", server.read(p));
    assert.equal(textOf(p.subarray(0, count!)), "still");
    await server.write(bytesOf("open"));
    const other = await within("a read", client.read(p));
    assert.equal(textOf(p.subarray(0, other!)), "open");
  });

  test(
    "closes with its writable stream, after everything is sent",
    onWindows,
    async () => {
      using ends = await localPair();
      const received = receiveByLoop(ends.server);
      const writer = ends.client.writable.getWriter();
      writer.write(pattern(500_000, 1)).catch(() => {});
      await within("the close", writer.close());
      const bytes = pattern(500_000, 1);
      assert.equal(await within("the end", received), digest(bytes));
      assert.equal((await errorFrom(ends.client.write(bytes))).code, "EBADF");
    },
  );

  test(
    "fails its readable stream when it closes with the other",
    onWindows,
    async () => {
      using ends = await localPair();
      const reading = ends.client.readable.getReader().read();
      reading.catch(() => {});
      await within("the close", ends.client.writable.close());
      await assert.rejects(within("the read", reading), notSupported);
    },
  );

  test(
    "closes with the end() of its duplex, and ends in both directions",
    onWindows,
    async () => {
      using ends = await localPair();
      const received = receiveByLoop(ends.server);
      const duplex = ends.client.duplex();
      const events: string[] = [];
      for (const name of ["end", "finish", "error"]) {
        duplex.on(name, () => events.push(name));
      }
      const closed = new Promise((resolve) => duplex.on("close", resolve));
      duplex.resume();
      duplex.end(pattern(500_000, 2));
      const all = await within("the end", received);
      assert.equal(all, digest(pattern(500_000, 2)));
      assert.equal(await within("the close", closed), false);
      assert.deepEqual(events.sort(), ["end", "finish"]);
    },
  );

  test(
    "whose instances are busy is connected when one is free",
    onWindows,
    async () => {
      using port = new CompletionPort();
      const path = newPath();
      const listener = port.listen({ path, acceptPool: 1 });
      const serving = (async () => {
        let count = 0;
        for await (const conn of listener) {
          conn.close();
          if (++count === 100) break;
        }
      })();
      const visits = Array.from({ length: 100 }, async () => {
        (await port.connect({ path })).close();
      });
      await within("all of them", Promise.all([...visits, serving]));
    },
  );

  test(
    "that never accepts lets a connect() time out and be aborted",
    onWindows,
    async () => {
      using port = new CompletionPort();
      const path = newPath();
      const listener = port.listen({ path, acceptPool: 1 });
      /* Without accept(), there is one instance. */
      await port.connect({ path });
      const waiting = port.connect({ path });
      waiting.catch(() => {});
      assert.equal(await isSettled(waiting), false);
      const error = await errorFrom(port.connect({ path, timeout: 30 }));
      assert.deepEqual([error.code, error.address], ["ETIMEDOUT", path]);
      assert.equal(
        failure(() => port.connectSync({ path, timeout: 30 })).code,
        "ETIMEDOUT",
      );
      const controller = new AbortController();
      const aborted = port.connect({ path, signal: controller.signal });
      controller.abort(new Error("enough"));
      await assert.rejects(aborted, /enough/);
      await within("accept", listener.accept());
      await within("the connection", waiting);
    },
  );

  test(
    "that is reset is ECONNRESET for a client, and an end for a server",
    onWindows,
    async () => {
      const p = new Uint8Array(10);
      using ends = await localPair();
      ends.server.reset();
      assert.equal(await outcome(() => ends.client.read(p)), "ECONNRESET");
      using others = await localPair();
      others.client.reset();
      assert.equal(await outcome(() => others.server.read(p)), "null");
    },
  );

  test("delivers what a server wrote before it closed", onWindows, async () => {
    for (let i = 0; i < 20; i++) {
      using ends = await localPair();
      ends.server.write(pattern(100_000, i)).catch(() => {});
      ends.server.close();
      const all = await within("the end", receiveByLoop(ends.client));
      assert.equal(all, digest(pattern(100_000, i)));
    }
  });
});
