// Copyright the iocp authors. MIT license.
/* How a duplex ends, like a net.Socket: without a reader, after the peer has closed,
 * during a download, and after end(). */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import type { SocketDuplex } from "../mod.ts";
import { eventually, within } from "./shared/deadline.ts";
import { closed, duplexPair, event, receiveByDuplex } from "./shared/duplex.ts";
import { errorFrom } from "./shared/outcome.ts";
import { pair, readUntilReset } from "./shared/pair.ts";
import { bytesOf, digest, pattern } from "./shared/pattern.ts";
import { receiveByLoop } from "./shared/transfer.ts";
import { DuplexReader } from "../src/views/duplex_reader.ts";

const LARGE = 16 * 1024 * 1024;

/** Writes until a write fails. Resolves to the number of successful writes and the
 * code of the error. */
async function writeUntilFailed(
  write: () => Promise<unknown>,
): Promise<{ count: number; code: string | undefined }> {
  const failed = (async () => {
    for (let count = 0;; count++) {
      try {
        await write();
      } catch (error) {
        return { count, code: (error as { code?: string }).code };
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return await within("a write that fails", failed);
}

test("end() of a pipe's reader comes behind a chunk that is on its way", async () => {
  const pushed: (number | null)[] = [];
  const queued = new Set<unknown>();
  const receive = {
    enqueue: (read: unknown) => queued.add(read),
    cancel: (read: unknown) => queued.delete(read),
  };
  const duplex = {
    destroyed: false,
    readableFlowing: true,
    /* Each chunk requests the next one, as in a flowing stream. */
    push(bytes: Uint8Array | null) {
      pushed.push(bytes && bytes[0]!);
      if (bytes !== null) reader.start();
      return true;
    },
    read() {},
  };
  const loop = { allowance: { settle() {} } };
  const socket = { loop, receive };
  const activity = { socket, setReading() {}, refresh() {} };
  let reader = new DuplexReader(duplex as never, activity as never, 100);
  reader.start();
  queued.clear();
  reader.resolve(new Uint8Array([7]));
  reader.end();
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(pushed, [7, null]);
  assert.equal(queued.size, 0);
  assert.equal(reader.bytesRead, 1);

  /* In parts, of which the consumer has asked for one. */
  pushed.length = 0;
  reader = new DuplexReader(duplex as never, activity as never, 1);
  reader.start();
  queued.clear();
  reader.resolve(new Uint8Array([7, 8, 9]));
  reader.end();
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(pushed, [7, 8, null]);
  assert.equal(reader.bytesRead, 3);
});

test("A duplex without a reader emits the peer's end", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  const end = event(client, "end");
  const closing = closed(client);
  ends.server.close();
  await end;
  assert.equal(await closing, false);
  await eventually(
    "only the listener is open",
    () => ends.port.stats().sockets === 1,
  );
});

test("A duplex that only writes emits the peer's end and closes", async () => {
  using both = await duplexPair();
  const { server, ends } = both;
  const closing = closed(server);
  server.end("it is 12:00");
  const received = await within("the loop", receiveByLoop(ends.client));
  assert.equal(received, digest(bytesOf("it is 12:00")));
  assert.equal(await closing, false);
  await eventually(
    "only the listener is open",
    () => ends.port.stats().sockets === 1,
  );
});

test("A duplex delivers unread bytes after the peer's end", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  await ends.server.write(bytesOf("unread"));
  ends.server.close();
  await eventually("the bytes have arrived", () => client.readableLength === 6);
  let hasEnded = false;
  client.on("end", () => hasEnded = true);
  await eventually("the end has arrived", () => {
    return (client as unknown as { _readableState: { ended: boolean } })
      ._readableState.ended;
  });
  assert.equal(hasEnded, false);
  assert.equal(await receiveByDuplex(client), digest(bytesOf("unread")));
});

test("A paused duplex reads nothing until resume()", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  client.pause();
  const bytes = pattern(1_000_000);
  const written = ends.server.write(bytes).then(() => ends.server.close());
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(client.bytesRead, 0);
  const received = receiveByDuplex(client);
  client.resume();
  assert.equal(await received, digest(bytes));
  await within("the write", written);
});

test("A for await loop resumes a paused duplex", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  client.pause();
  await ends.server.write(bytesOf("hello"));
  ends.server.close();
  const chunks: Uint8Array[] = [];
  for await (const chunk of client) chunks.push(chunk);
  assert.equal(digest(...chunks), digest(bytesOf("hello")));
});

test("end() of a duplex after a reset emits no error", async () => {
  using both = await duplexPair({ allowHalfOpen: true });
  const { client, ends } = both;
  const errors: unknown[] = [];
  client.on("error", (error: { syscall?: string }) => errors.push(error));
  client.pause();
  ends.server.reset();
  /* By then the system has received the reset; shutdown is the first call that
   * fails. */
  await new Promise((resolve) => setTimeout(resolve, 50));
  const finish = event(client, "finish");
  client.end();
  await finish;
  assert.deepEqual(errors, []);
});

test("A write to a duplex after the peer's end fails with EPIPE", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  const error = event(client, "error") as Promise<NodeJS.ErrnoException>;
  const closing = event(client, "close");
  client.resume();
  const late = new Promise<NodeJS.ErrnoException>((resolve) => {
    const write = () => {
      client.write("late", (error) => resolve(error as NodeJS.ErrnoException));
    };
    /* It ends itself in the first tick. */
    client.on("end", () => process.nextTick(() => process.nextTick(write)));
  });
  ends.server.closeWrite();
  const failure = await within("the callback", late);
  assert.equal(failure.code, "EPIPE");
  assert.equal(
    failure.message,
    "This socket has been ended by the other party",
  );
  assert.equal(await error, failure);
  assert.equal(await closing, true);
});

test("A duplex with allowHalfOpen can write after the peer's end", async () => {
  using both = await duplexPair({ allowHalfOpen: true });
  const { client, ends } = both;
  client.resume();
  const end = event(client, "end");
  ends.server.closeWrite();
  await end;
  client.end("late");
  const received = await within("the loop", receiveByLoop(ends.server));
  assert.equal(received, digest(bytesOf("late")));
});

test("A duplex delivers bytes written before end() and destroy()", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  const bytes = pattern(LARGE);
  const closing = closed(client);
  for (let at = 0; at < LARGE; at += 100_000) {
    client.write(bytes.subarray(at, at + 100_000));
  }
  client.end();
  client.destroy();
  assert.equal(client.destroyed, true);
  const received = await within("the loop", receiveByLoop(ends.server));
  assert.equal(received, digest(bytes));
  assert.equal(await closing, false);
});

test("A duplex delivers bytes written before end() when a write after end() fails", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  const error = event(client, "error") as Promise<NodeJS.ErrnoException>;
  const closing = event(client, "close");
  const bytes = pattern(LARGE);
  client.end(bytes);
  client.write("too late", () => {});
  assert.equal((await error).code, "ERR_STREAM_WRITE_AFTER_END");
  const received = await within("the loop", receiveByLoop(ends.server));
  assert.equal(received, digest(bytes));
  assert.equal(await closing, true);
});

test("destroy() after end() stops sending to a peer that does not read", async () => {
  using ends = await pair({ closeTimeout: 200 });
  const client = ends.client.duplex();
  const closing = closed(client);
  client.end(pattern(4 * LARGE));
  client.destroy();
  assert.equal(await closing, true);
  const resetError = await readUntilReset(ends.server) as { code?: string };
  assert.equal(resetError.code, "ECONNRESET");
});

const DOWNLOADS: Record<string, (client: SocketDuplex) => void> = {
  "": () => {},
  ", after end()": (client) => client.end(),
  ", paused": (client) => client.pause(),
};
for (const [name, prepare] of Object.entries(DOWNLOADS)) {
  test(`A duplex that is destroyed during a download${name} resets the connection`, async () => {
    using both = await duplexPair({ allowHalfOpen: true });
    const { client, ends } = both;
    client.write("go");
    const buffer = new Uint8Array(2);
    await within("the request", ends.server.read(buffer));
    if (name === ", after end()") client.once("data", () => client.pause());
    prepare(client);
    if (name === ", after end()") await event(client, "finish");
    const written = ends.server.write(pattern(LARGE));
    const failed = errorFrom(written);
    await eventually("bytes are unread", () => {
      return client.destroyed || ends.client.stats().bytesReadable > 0;
    });
    const closing = closed(client);
    client.destroy();
    assert.equal(await closing, false);
    const { code } = await within("the write", failed);
    assert.equal(code, "ECONNRESET");
  });
}

test("A destroyed duplex resets the connection if the peer goes on sending", async () => {
  using both = await duplexPair();
  const { client, ends } = both;
  const closing = closed(client);
  client.destroy();
  assert.equal(await closing, false);
  const { count, code } = await writeUntilFailed(() =>
    ends.server.write(bytesOf("more"))
  );
  assert.equal(code, "ECONNRESET");
  /* A close that waits two seconds for the peer's end would discard hundreds. */
  assert.ok(count < 50, `${count} writes`);
});

test("destroySoon() of a duplex delivers the answer to a peer that is still sending", async () => {
  using both = await duplexPair();
  const { server, ends } = both;
  const sent = ends.client.write(pattern(LARGE)).catch(() => {});
  await eventually("the client sends", () => server.readableLength > 0);
  server.write("too large");
  server.destroySoon();
  const received = await within("the answer", receiveByLoop(ends.client));
  assert.equal(received, digest(bytesOf("too large")));
  await within("the write", sent);
});

test("The errors of a duplex are those of a net.Socket", async () => {
  using both = await duplexPair();
  const { server, ends } = both;
  const failed = event(server, "error") as Promise<NodeJS.ErrnoException>;
  ends.client.reset();
  const error = await failed;
  assert.equal(error.name, "Error");
  assert.equal(error.message, "read ECONNRESET");
  assert.equal(error.code, "ECONNRESET");
  assert.equal(error.syscall, "read");
  assert.ok(error.errno! < 0, `errno ${error.errno}`);
  const cause = error.cause as { code: string; address: string };
  assert.equal(cause.code, "ECONNRESET");
  assert.equal(cause.address, "127.0.0.1");
});

test("A duplex emits close after the callbacks of pending writes", async () => {
  using both = await duplexPair();
  const { client } = both;
  const events: string[] = [];
  client.on("error", () => events.push("error"));
  const closing = event(client, "close");
  client.on("close", () => events.push("close"));
  client.destroy();
  client.write("late", (error) => {
    events.push((error as NodeJS.ErrnoException).code!);
  });
  await closing;
  assert.deepEqual(events, ["ERR_STREAM_DESTROYED", "close"]);
});
