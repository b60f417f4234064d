// Copyright the iocp authors. MIT license.
/* Conn.sendFile(): which bytes arrive, in which order, what ends it, and that every
 * file is closed again. */

import assert from "node:assert/strict";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { describe, test } from "node:test";
import {
  type Conn,
  NotSupported,
  type PathAddr,
  type SendFileOptions,
} from "../mod.ts";
import { delay, eventually, isSettled, within } from "./shared/deadline.ts";
import { TemporaryFolder } from "./shared/files.ts";
import { isOpen, openHandles } from "./shared/handles.ts";
import { isWindows } from "./shared/local.ts";
import { errorFrom, outcome } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";
import { bytesOf, Digest, digest, pattern, textOf } from "./shared/pattern.ts";
import { securePair } from "./shared/tls.ts";
import { type Ends, transports } from "./shared/transports.ts";

type AnyConn = Conn | Conn<PathAddr>;

/* More than any system buffers for a connection on this machine. */
const LARGE = 50_000_000;
const PART = 262_144;
const GIB = 2 ** 30;

/** The digest of all bytes up to the peer's end. */
async function receiveAll(conn: AnyConn): Promise<string> {
  const result = new Digest();
  const p = new Uint8Array(1_000_000);
  for (;;) {
    const count = await within("bytes", conn.read(p));
    if (count === null) return result.text();
    result.add(p.subarray(0, count));
  }
}

/** Reads until the connection fails. Returns the code and how much has come. */
async function receiveUntilFailure(
  conn: AnyConn,
): Promise<{ code: string; count: number }> {
  const p = new Uint8Array(1_000_000);
  let count = 0;
  for (;;) {
    try {
      const read = await within("bytes", conn.read(p));
      if (read === null) return { code: "an end", count };
      count += read;
    } catch (error) {
      return { code: (error as { code: string }).code, count };
    }
  }
}

async function writeTo(folder: TemporaryFolder, bytes: Uint8Array) {
  const path = folder.join("a file");
  writeFileSync(path, bytes);
  return await Promise.resolve(path);
}

/** A file that is empty up to `at`, with `bytes` there. */
function writeSparse(path: string, at: number, bytes: Uint8Array): void {
  const file = openSync(path, "w");
  try {
    writeSync(file, bytes, 0, bytes.length, at);
  } finally {
    closeSync(file);
  }
}

/** Sends a file whose sending ends the stream, and checks what arrives. */
async function transfer(
  { client, server }: Ends,
  path: string,
  options: SendFileOptions,
  expected: Uint8Array,
): Promise<void> {
  const received = receiveAll(client);
  const count = await within("a file", server.sendFile(path, options));
  assert.equal(count, expected.length);
  server.close();
  assert.equal(await received, digest(expected));
}

const kinds = [...transports, { name: "TLS", open: securePair }];

for (const { name, open } of kinds) {
  describe(`sendFile() over ${name}`, () => {
    for (const size of [0, 1, 65_536, PART, PART + 1, LARGE]) {
      test(`sends ${size} bytes`, async () => {
        using folder = new TemporaryFolder();
        using ends = await open();
        const bytes = pattern(size);
        await transfer(ends, await writeTo(folder, bytes), {}, bytes);
      });
    }

    test("sends the part that offset and length choose", async () => {
      using folder = new TemporaryFolder();
      const bytes = pattern(3 * PART);
      const path = await writeTo(folder, bytes);
      const parts: [offset: number, length: number | undefined][] = [
        [0, undefined],
        [1, 2 * PART],
        [PART - 1, PART + 2],
        [3 * PART - 1, 1],
        [3 * PART, 0],
        [3 * PART, undefined],
        [PART, 0],
      ];
      for (const [offset, length] of parts) {
        using ends = await open();
        const end = length === undefined ? undefined : offset + length;
        const options = { offset, length };
        await transfer(ends, path, options, bytes.subarray(offset, end));
      }
    });

    for (const at of [2 ** 31 - 7, 2 ** 32 - 7, 5 * GIB + 3]) {
      test(`sends bytes at ${at}`, async () => {
        using folder = new TemporaryFolder();
        const bytes = pattern(PART + 100);
        const path = folder.join("sparse");
        writeSparse(path, at, bytes);
        using ends = await open();
        await transfer(ends, path, { offset: at }, bytes);
        using others = await open();
        const options = { offset: at - 3, length: 5 };
        const expected = new Uint8Array([0, 0, 0, bytes[0]!, bytes[1]!]);
        await transfer(others, path, options, expected);
      });
    }

    test("keeps the order of writes and files", async () => {
      using folder = new TemporaryFolder();
      const path = await writeTo(folder, pattern(1_000_000));
      for (const sendConcurrency of [1, 4]) {
        using ends = await open({ sendConcurrency });
        const { client, server } = ends;
        const received = receiveAll(client);
        const parts: Uint8Array[] = [];
        const done: Promise<number>[] = [];
        for (let i = 0; i < 10; i++) {
          const bytes = pattern(i * 50_000, i);
          parts.push(bytes, pattern(1_000_000).subarray(i, 1_000_000 - i));
          done.push(server.write(bytes));
          const length = 1_000_000 - 2 * i;
          done.push(server.sendFile(path, { offset: i, length }));
        }
        const counts = await within("all", Promise.all(done));
        assert.deepEqual(counts, parts.map((part) => part.length));
        server.close();
        assert.equal(await received, digest(...parts));
      }
    });

    test("sends the file that had the path when it was called", async () => {
      using folder = new TemporaryFolder();
      using ends = await open();
      const path = folder.join("a");
      writeFileSync(path, bytesOf("the first"));
      const first = ends.server.sendFile(path);
      if (isWindows) rmSync(path);
      else writeFileSync(folder.join("b"), bytesOf("the second"));
      if (!isWindows) renameSync(folder.join("b"), path);
      await first;
      ends.server.close();
      assert.equal(await receiveAll(ends.client), digest(bytesOf("the first")));
    });

    test("a file that shrinks is an error, and the peer sees no end", async () => {
      using folder = new TemporaryFolder();
      const path = await writeTo(folder, pattern(LARGE));
      using ends = await open();
      const { client, server } = ends;
      const sending = errorFrom(server.sendFile(path));
      /* The peer takes nothing, so most of it is still to be read. */
      await within("the first part", client.read(new Uint8Array(1)));
      truncateSync(path, 1000);
      const received = receiveUntilFailure(client);
      const { code, syscall } = await sending;
      assert.equal(code, "ENODATA");
      assert.equal(syscall, "sendfile");
      assert.equal(await outcome(() => server.write(bytesOf("x"))), "EBADF");
      const { count, code: end } = await received;
      assert.ok(count < LARGE, `${count}`);
      /* A unix socket has no reset. */
      if (name !== "a local socket" || isWindows) {
        assert.equal(end, "ECONNRESET");
      }
    });

    test("a file that has shrunk before its turn is an error", async () => {
      using folder = new TemporaryFolder();
      const path = await writeTo(folder, pattern(1000));
      using ends = await open();
      const { client, server } = ends;
      const writing = server.write(pattern(LARGE));
      const sending = errorFrom(server.sendFile(path));
      const file = openSync(path, "r+");
      ftruncateSync(file, 10);
      closeSync(file);
      const received = receiveUntilFailure(client);
      await writing;
      assert.equal((await sending).code, "ENODATA");
      const { count } = await received;
      assert.ok(count <= LARGE + 10, `${count}`);
    });

    test("an abort ends it, and the error says what was accepted", async () => {
      using folder = new TemporaryFolder();
      const bytes = pattern(LARGE);
      const path = await writeTo(folder, bytes);
      using ends = await open();
      const { client, server } = ends;
      const controller = new AbortController();
      const { signal } = controller;
      const sending = errorFrom(server.sendFile(path, { signal }));
      await within("the first part", client.read(new Uint8Array(1)));
      const reason = new Error("enough");
      controller.abort(reason);
      const error = await sending;
      assert.equal(error.code, "ECANCELED");
      assert.equal(error.cause, reason);
      const bytesWritten = error.bytesWritten!;
      assert.ok(bytesWritten > 0 && bytesWritten < LARGE, `${bytesWritten}`);
      const received = receiveAll(client);
      /* The connection can be written to further. */
      await server.sendFile(path, { offset: bytesWritten });
      server.close();
      assert.equal(await received, digest(bytes.subarray(1)));
    });

    test("a timeout ends it", async () => {
      using folder = new TemporaryFolder();
      const path = await writeTo(folder, pattern(LARGE));
      using ends = await open();
      const error = await errorFrom(
        ends.server.sendFile(path, { timeout: 20 }),
      );
      assert.equal(error.code, "ETIMEDOUT");
      assert.ok(error.bytesWritten! < LARGE);
      const aborted = { signal: AbortSignal.abort(new Error("before")) };
      const other = await errorFrom(ends.server.sendFile(path, aborted));
      assert.equal(other.code, "ECANCELED");
      assert.equal(other.bytesWritten, 0);
    });

    test("a reset of the peer ends it", async () => {
      using folder = new TemporaryFolder();
      const path = await writeTo(folder, pattern(LARGE));
      using ends = await open();
      const { client, server } = ends;
      const sending = errorFrom(server.sendFile(path));
      await within("the first part", client.read(new Uint8Array(1)));
      client.reset();
      const { code } = await sending;
      assert.ok(["ECONNRESET", "EPIPE"].includes(code), code);
    });

    test("a close sends all of it, a reset does not", async () => {
      using folder = new TemporaryFolder();
      const bytes = pattern(5_000_000);
      const path = await writeTo(folder, bytes);
      using ends = await open();
      const sending = ends.server.sendFile(path);
      ends.server.close();
      assert.equal(await receiveAll(ends.client), digest(bytes));
      assert.equal(await within("a file", sending), bytes.length);
      using others = await open();
      const cut = outcome(() => others.server.sendFile(path));
      others.server.reset();
      assert.equal(await cut, "EINTR");
      using port = await open();
      const ended = outcome(() => port.server.sendFile(path));
      port[Symbol.dispose]();
      assert.equal(await ended, "EINTR");
    });

    test("reports its progress", async () => {
      using folder = new TemporaryFolder();
      const bytes = pattern(LARGE);
      const path = await writeTo(folder, bytes);
      using ends = await open();
      const received = receiveAll(ends.client);
      const reports: number[] = [];
      let isOver = false;
      const onProgress: SendFileOptions["onProgress"] = (progress) => {
        assert.ok(!isOver, "no report comes after the result");
        assert.equal(progress.length, LARGE - 10);
        reports.push(progress.bytesSent);
      };
      await ends.server.sendFile(path, { offset: 10, onProgress });
      isOver = true;
      ends.server.close();
      await received;
      assert.equal(reports.at(-1), LARGE - 10);
      assert.deepEqual(reports, [...reports].sort((a, b) => a - b));
      assert.equal(new Set(reports).size, reports.length);
      assert.ok(reports.length > 1, "it is reported meanwhile");
      const part = name === "TLS" ? 245_760 : PART;
      assert.ok(reports.length <= Math.ceil(LARGE / part), "once for a part");
    });

    test("an error of onProgress ends it", async () => {
      using folder = new TemporaryFolder();
      const reason = new Error("from onProgress");
      const calls: SendFileOptions["onProgress"][] = [
        () => {
          throw reason;
        },
        () => Promise.reject(reason),
        () => delay(1).then(() => Promise.reject(reason)),
      ];
      const cases = calls.flatMap((onProgress) =>
        [10, LARGE].map((size) => ({ onProgress, size }))
      );
      for (const { onProgress, size } of cases) {
        const path = await writeTo(folder, pattern(size));
        using ends = await open();
        const received = receiveUntilFailure(ends.client);
        const error = await errorFrom(
          ends.server.sendFile(path, { onProgress }),
        );
        assert.equal(error.code, "ECANCELED");
        assert.equal(error.cause, reason);
        assert.ok(error.bytesWritten! > 0);
        ends.server.close();
        assert.equal((await received).count, error.bytesWritten);
      }
    });

    test("an async onProgress is called again after it has settled", async () => {
      using folder = new TemporaryFolder();
      const path = await writeTo(folder, pattern(LARGE));
      using ends = await open();
      const received = receiveAll(ends.client);
      const reports: number[] = [];
      let isRunning = false;
      await ends.server.sendFile(path, {
        async onProgress({ bytesSent }) {
          assert.ok(!isRunning, "one at a time");
          isRunning = true;
          await delay(5);
          reports.push(bytesSent);
          isRunning = false;
        },
      });
      assert.ok(!isRunning, "the call resolves after it");
      assert.equal(reports.at(-1), LARGE);
      assert.deepEqual(reports, [...reports].sort((a, b) => a - b));
      assert.equal(new Set(reports).size, reports.length);
      ends.server.close();
      await received;
    });

    test("the file is closed while an async onProgress goes on", async () => {
      using folder = new TemporaryFolder();
      const path = await writeTo(folder, pattern(LARGE));
      using ends = await open();
      const received = receiveAll(ends.client);
      const { promise, resolve } = Promise.withResolvers<void>();
      let wasOpen = false;
      let isLast = false;
      const call = ends.server.sendFile(path, {
        onProgress({ bytesSent, length }) {
          isLast = bytesSent === length;
          wasOpen ||= isOpen(path);
          return isLast ? promise : undefined;
        },
      });
      await eventually("the file is closed", () => isLast && !isOpen(path));
      assert.ok(wasOpen || isWindows);
      assert.equal(await isSettled(call), false);
      resolve();
      assert.equal(await call, LARGE);
      ends.server.close();
      await received;
    });

    test("a rejection of onProgress after the end has no effect", async () => {
      using folder = new TemporaryFolder();
      const path = await writeTo(folder, pattern(LARGE));
      using ends = await open();
      const controller = new AbortController();
      const { signal } = controller;
      const received = receiveUntilFailure(ends.client);
      const { promise, reject } = Promise.withResolvers<void>();
      const onProgress = () => {
        controller.abort();
        return promise;
      };
      const call = ends.server.sendFile(path, { onProgress, signal });
      assert.equal((await errorFrom(call)).code, "ECANCELED");
      reject(new Error("from onProgress, too late"));
      /* It would be unhandled, and fail the test. */
      await delay(10);
      ends.server.close();
      await received;
    });

    test("what is no regular file is refused", async () => {
      using folder = new TemporaryFolder();
      mkdirSync(folder.join("folder"));
      writeFileSync(folder.join("file"), "");
      const device = isWindows ? "\\\\.\\NUL" : "/dev/zero";
      const table: [path: string, codes: string[]][] = [
        [folder.join("missing"), ["ENOENT"]],
        [folder.join("missing", "file"), ["ENOENT"]],
        [folder.join("file", "file"), ["ENOTDIR", "ENOENT"]],
        [folder.join("folder"), ["EISDIR"]],
        [device, ["ESPIPE"]],
        ["x".repeat(40_000), ["ENAMETOOLONG"]],
      ];
      if (!isWindows) {
        table.push(["/proc/self/status", ["ESPIPE"]]);
        table.push(["/sys/kernel/mm/transparent_hugepage/enabled", [
          "ESPIPE",
          "ENOENT",
        ]]);
      }
      using ends = await open();
      const { client, server } = ends;
      for (const [path, codes] of table) {
        const error = await errorFrom(server.sendFile(path));
        assert.ok(codes.includes(error.code), `${path}: ${error.code}`);
        assert.equal(error.syscall, "open");
        assert.ok(error.address !== undefined);
      }
      /* Nothing has happened to the connection. */
      await server.write(bytesOf("further"));
      server.close();
      assert.equal(await receiveAll(client), digest(bytesOf("further")));
    });
  });
}

describe("sendFile()", () => {
  test("refuses wrong arguments by their names", async () => {
    using folder = new TemporaryFolder();
    const path = await writeTo(folder, pattern(100));
    using ends = await pair();
    const { server } = ends;
    const table: [path: unknown, options: unknown, error: RegExp][] = [
      [undefined, {}, /^TypeError: .*"path"/],
      ["", {}, /^TypeError: .*"path"/],
      ["a\0b", {}, /^TypeError: .*"path"/],
      ["\ud800", {}, /^TypeError: .*"path"/],
      [path, null, /^TypeError: .*"options"/],
      [path, { offset: "1" }, /^TypeError: .*"offset"/],
      [path, { offset: -1 }, /^RangeError: .*"offset"/],
      [path, { offset: 0.5 }, /^RangeError: .*"offset"/],
      [path, { offset: 101 }, /^RangeError: .*"offset".* 100 bytes/],
      [path, { offset: 2 ** 53 }, /^RangeError: .*"offset"/],
      [path, { length: -1 }, /^RangeError: .*"length"/],
      [path, { length: 101 }, /^RangeError: .*"length".* 100 bytes/],
      [path, { offset: 50, length: 51 }, /^RangeError: .*"length"/],
      [path, { length: NaN }, /^RangeError: .*"length"/],
      [path, { timeout: -1 }, /^RangeError: .*"timeout"/],
      [path, { signal: 1 }, /^TypeError: .*"signal"/],
      [path, { onProgress: 1 }, /^TypeError: .*"onProgress"/],
    ];
    const handles = openHandles();
    for (const [wrongPath, options, expected] of table) {
      const call = server.sendFile(
        wrongPath as string,
        options as SendFileOptions,
      );
      await assert.rejects(call, (error: Error) => {
        assert.match(String(error), expected);
        return !(error instanceof NotSupported);
      });
    }
    assert.equal(openHandles(), handles);
    assert.equal(await server.sendFile(path, { offset: 100 }), 0);
  });

  test("is refused after a close and after closeWrite()", async () => {
    using folder = new TemporaryFolder();
    const path = await writeTo(folder, pattern(100));
    using ends = await pair();
    await ends.server.closeWrite();
    assert.equal(await outcome(() => ends.server.sendFile(path)), "EPIPE");
    ends.server.close();
    const error = await errorFrom(ends.server.sendFile(path));
    assert.equal(error.code, "EBADF");
    assert.equal(error.syscall, "sendfile");
  });

  for (const count of [2, 10]) {
    test(`${count} at a time, with peers that receive nothing among them`, async () => {
      using folder = new TemporaryFolder();
      const bytes = pattern(2_000_000);
      const large = folder.join("large");
      writeFileSync(large, pattern(LARGE));
      const path = await writeTo(folder, bytes);
      const all: Ends[] = [];
      try {
        const stalled: Promise<string>[] = [];
        for (let i = 0; i < count; i++) {
          const ends = await pair();
          all.push(ends);
          stalled.push(outcome(() => ends.server.sendFile(large)));
        }
        await Promise.all(Array.from({ length: count }, async () => {
          const ends = await pair();
          all.push(ends);
          await transfer(ends, path, {}, bytes);
        }));
        for (const each of stalled) assert.ok(!await isSettled(each));
      } finally {
        for (const ends of all) ends[Symbol.dispose]();
      }
    });
  }

  test("gives back every handle, however it ends", async () => {
    using folder = new TemporaryFolder();
    const path = await writeTo(folder, pattern(LARGE));
    const use = async () => {
      for (let i = 0; i < 12; i++) {
        using ends = await pair();
        const { client, server } = ends;
        const signal = i % 4 === 0 ? AbortSignal.timeout(1) : undefined;
        const sending = outcome(() => server.sendFile(path, { signal }));
        await within("the first part", client.read(new Uint8Array(1)));
        if (i % 4 === 1) client.reset();
        if (i % 4 === 2) server.reset();
        if (i % 4 !== 3) await sending;
      }
    };
    await use();
    const handles = openHandles();
    await use();
    await eventually(
      "no handle is left",
      () => openHandles() <= handles,
    );
  });

  test("closeWrite() and a detach come after it", async () => {
    using folder = new TemporaryFolder();
    const bytes = pattern(3_000_000);
    const path = await writeTo(folder, bytes);
    using ends = await pair();
    const received = receiveAll(ends.client);
    const sending = ends.server.sendFile(path);
    await within("the end", ends.server.closeWrite());
    assert.equal(await sending, bytes.length);
    assert.equal(await received, digest(bytes));
    using others = await pair();
    const text = folder.write("text", "before the detach");
    others.server.sendFile(text);
    const detached = await within("a detach", others.server.detach());
    const again = others.port.adopt(detached);
    await again.write(bytesOf(", after it"));
    again.close();
    const chunks: Uint8Array[] = [];
    for await (const chunk of others.client) chunks.push(chunk);
    assert.equal(textOf(...chunks), "before the detach, after it");
  });
});
