// Copyright the iocp authors. MIT license.
/* Connections that one port detaches and another adopts, in this thread or in a
 * Worker: no byte is lost. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  adopt,
  CompletionPort,
  type Conn,
  type ConnOptions,
  type DetachedSocket,
} from "../mod.ts";
import { eventually, settled, within } from "./shared/deadline.ts";
import { openHandles } from "./shared/handles.ts";
import { errorFrom, outcome } from "./shared/outcome.ts";
import { pair, readUntilReset } from "./shared/pair.ts";
import { bytesOf, Digest, digest, pattern } from "./shared/pattern.ts";
import { receiveByLoop, sendUnawaited } from "./shared/transfer.ts";
import { transports } from "./shared/transports.ts";

const MIB = 1024 * 1024;

/* Reads exactly this many bytes by read(p). */
async function readSome(
  conn: Conn,
  length: number,
  into: Digest,
): Promise<void> {
  const p = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const count = await within("a read", conn.read(p.subarray(at)));
    assert.ok(count !== null, "the stream has ended early");
    at += count;
  }
  into.add(p);
}

test("An adopted connection continues at the byte where it was detached", async () => {
  using ends = await pair();
  using other = new CompletionPort();
  const { client, server } = ends;
  await client.write(bytesOf("before "));
  const socket = await within("detaching", server.detach());
  assert.ok(Number.isInteger(socket.handle) && socket.handle >= 0);
  await client.write(bytesOf("after"));
  client.close();
  const adopted = other.adopt(socket);
  assert.deepEqual(adopted.remoteAddr, client.localAddr);
  const received = await within("the bytes", receiveByLoop(adopted));
  assert.equal(received, digest(bytesOf("before after")));
});

test("An adopted connection has the options of adopt()", async () => {
  const keepAlive = { idle: 61, interval: 7, count: 5 };
  for (const noDelay of [true, false]) {
    using ends = await pair({ noDelay: !noDelay, keepAlive });
    using port = new CompletionPort();
    const { client, server } = ends;
    using adopted = port.adopt(await client.detach(), { noDelay });
    assert.equal(adopted.options.noDelay, noDelay);
    assert.equal(adopted.options.keepAlive, false);
    using added = port.addSocket(await server.detach(), { noDelay, keepAlive });
    assert.equal(added.options.noDelay, noDelay);
    assert.deepEqual(added.options.keepAlive, keepAlive);
  }
});

test("adopt() adds a connection to the port of the thread", async () => {
  using ends = await pair();
  const conn = adopt(await ends.server.detach());
  await conn.write(bytesOf("hello"));
  const p = new Uint8Array(10);
  assert.equal(await ends.client.read(p), 5);
  conn.close();
});

const KINDS: Record<string, ConnOptions> = {
  "auto": {},
  "zero-byte": { receive: { mode: "zero-byte" } },
  "burst": { receive: { mode: "burst", bufferSize: 4096, depth: 8 } },
};

describe("A stream arrives whole across several detaches", () => {
  for (const [name, options] of Object.entries(KINDS)) {
    test(name, async () => {
      using ends = await pair({ listen: options });
      const ports = [new CompletionPort(), new CompletionPort()];
      try {
        /* More than 40 chunks can have, so that bytes are left for the last
         * owner. */
        const bytes = pattern(16 * MIB, 11);
        const sent = sendUnawaited(ends.client, bytes.length, 11);
        const result = new Digest();
        let conn = ends.server;
        for (let i = 0; i < 40; i++) {
          await readSome(conn, 1 + i * 997, result);
          /* With a pending read, so that receives are posted. */
          const chunk = conn[Symbol.asyncIterator]().next();
          const { value } = await within("a chunk", chunk);
          result.add(value!);
          const read = outcome(() => conn.read(new Uint8Array(0)));
          const socket = await within("detaching", conn.detach());
          await read;
          conn = ports[i % 2]!.adopt(socket, options);
        }
        for await (const chunk of conn) result.add(chunk);
        assert.equal(result.text(), digest(bytes));
        await within("the sends", sent);
      } finally {
        for (const port of ports) port.close();
      }
    });
  }
});

test("detach() waits until all writes were sent", async () => {
  using ends = await pair();
  using other = new CompletionPort();
  const { client, server } = ends;
  const bytes = pattern(16 * MIB, 2);
  const written = client.write(bytes);
  const detached = client.detach();
  const result = new Digest();
  const chunks = server[Symbol.asyncIterator]();
  while (result.length < bytes.length) {
    result.add((await within("a chunk", chunks.next())).value!);
  }
  assert.equal(await written, bytes.length);
  const adopted = other.adopt(await within("detaching", detached));
  await adopted.write(bytesOf("more"));
  result.add((await within("a chunk", chunks.next())).value!);
  assert.equal(result.text(), digest(bytes, bytesOf("more")));
});

test("Bytes that arrive while detach() waits for writes are not lost", async () => {
  using ends = await pair();
  using other = new CompletionPort();
  const { client, server } = ends;
  const out = pattern(16 * MIB, 2);
  const back = pattern(3 * MIB, 6);
  const result = new Digest();
  /* Once a chunk is read, more bytes are received without a read. */
  const answered = server.write(back.subarray(0, MIB));
  const chunks = client[Symbol.asyncIterator]();
  result.add((await within("a chunk", chunks.next())).value!);
  const written = client.write(out);
  const detached = client.detach();
  await settled("the window", () => ends.port.stats().bytesReceived);
  const rest = server.write(back.subarray(MIB));
  await readSome(server, out.length, new Digest());
  assert.equal(await written, out.length);
  const adopted = other.adopt(await within("detaching", detached));
  await readSome(adopted, back.length - result.length, result);
  assert.equal(result.text(), digest(back));
  await within("the writes", Promise.all([answered, rest]));
});

test("detach() fails with EFAULT if the buffer of unread bytes was transferred", async () => {
  using ends = await pair();
  const { client, server } = ends;
  await server.write(pattern(200_000));
  const chunks = client[Symbol.asyncIterator]();
  const { value } = await within("a chunk", chunks.next());
  await settled("the rest", () => client.stats().bytesAhead);
  let isTransferred = true;
  try {
    (value!.buffer as ArrayBuffer).transfer();
  } catch {
    isTransferred = false;
  }
  /* The unread bytes are not lost if they were copied before the transfer. */
  const expected = isTransferred ? /^(EFAULT|Object)$/ : /^Object$/;
  assert.match(await outcome(() => client.detach()), expected);
});

test("detach() fails when the peer reads nothing within closeTimeout", async () => {
  using ends = await pair({ closeTimeout: 100 });
  const { client, server } = ends;
  const written = outcome(() => client.write(pattern(32 * MIB)));
  const error = await errorFrom(client.detach());
  assert.equal(error.code, "ETIMEDOUT");
  assert.match(error.message, /^Cannot detach the connection: .*closeTimeout/);
  await within("the write", written);
  await readUntilReset(server);
});

test("detach() ends loops and fails pending reads", async () => {
  using ends = await pair();
  const { server } = ends;
  const loop = outcome(() => server[Symbol.asyncIterator]().next());
  const read = outcome(() => server.read(new Uint8Array(5)));
  const { handle, bytes } = await within("detaching", server.detach());
  assert.equal(await loop, "done");
  assert.equal(await read, "EINTR");
  assert.equal(bytes!.length, 0);
  const calls = [
    () => server.read(new Uint8Array(1)),
    () => server.write(new Uint8Array(1)),
    () => server.detach(),
    () => server.closeWrite(),
    () => server.options,
  ];
  for (const call of calls) {
    assert.equal(await outcome(call), "EBADF", call.toString());
  }
  server.close();
  server.reset();
  ends.port.adopt({ handle }).close();
});

test("detach() of a failed connection rejects", async () => {
  using ends = await pair();
  ends.server.reset();
  await readUntilReset(ends.client);
  const error = await errorFrom(ends.client.detach());
  assert.equal(error.code, "ECONNRESET");
});

test("Closing the port fails a pending detach()", async () => {
  for (const length of [32 * MIB, 0]) {
    using ends = await pair();
    ends.client.write(pattern(length)).catch(() => {});
    /* It waits for pending writes, or without them for the library. */
    const detached = outcome(() => ends.client.detach());
    ends.port.close();
    assert.equal(await within("the detach", detached), "EINTR");
  }
});

test("adopt() refuses values that are not a detached connection", async () => {
  using ends = await pair();
  using port = new CompletionPort();
  const { handle } = await ends.server.detach();
  const conn = port.adopt({ handle });
  const rows: [() => unknown, string][] = [
    [() => port.adopt({ handle: 2 ** 30 }), "ENOTSOCK"],
    [() => port.addSocket(2 ** 30), "ENOTSOCK"],
    [() => port.adopt({ handle: -1 }), "RangeError"],
    [() => port.adopt({ handle: 0.5 }), "RangeError"],
    [() => port.adopt({ handle: 2 ** 60 }), "RangeError"],
    [() => port.adopt({ handle: "5" } as never), "TypeError"],
    [() => port.adopt({ handle, bytes: "x" } as never), "TypeError"],
    [() => port.adopt(undefined as never), "TypeError"],
    [() => port.adopt({ handle }, null as never), "TypeError"],
    [() => port.addSocket(NaN), "RangeError"],
    [() => port.addSocket(handle, { readBufferSize: 0 }), "RangeError"],
    [() => port.addSocket(handle, { receive: {} } as never), "TypeError"],
  ];
  for (const [call, expected] of rows) {
    assert.equal(await outcome(call), expected, call.toString());
  }
  /* The connection still works. */
  await conn.write(bytesOf("hello"));
  assert.equal(await ends.client.read(new Uint8Array(9)), 5);
  assert.equal(port.stats().sockets, 1);
  port.close();
  assert.equal(await outcome(() => port.adopt({ handle })), "EBADF");
});

test("A detached handle stays open after its port is closed, and can be adopted", async () => {
  const before = openHandles();
  const port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const sockets: DetachedSocket[] = [];
  for (let i = 0; i < 20; i++) {
    const [conn] = await Promise.all([
      port.connect(listener.addr),
      listener.accept(),
    ]);
    sockets.push(await conn.detach());
  }
  assert.equal(port.stats().sockets, 21);
  port.close();
  /* The adopting port closes them. */
  using other = new CompletionPort();
  for (const socket of sockets) other.adopt(socket);
  other.close();
  await eventually("all are closed", () => openHandles() <= before + 1);
});

/* A Worker that echoes `length` bytes on the connection in its message. */
const ECHO = `
  const { adopt } = await import(${
  JSON.stringify(new URL("../mod.ts", import.meta.url).href)
});
  self.onmessage = async ({ data: { socket, length } }) => {
    const conn = adopt(socket);
    for await (const chunk of conn) {
      await conn.write(chunk);
      if ((length -= chunk.length) === 0) break;
    }
    self.postMessage("done");
  };
  self.postMessage("ready");
`;

for (const { name, open } of transports) {
  test(`A Worker adopts a connection in the middle of a stream, over ${name}`, async () => {
    using ends = await open();
    const url = URL.createObjectURL(
      new Blob([ECHO], { type: "text/javascript" }),
    );
    const worker = new Worker(url, { type: "module" });
    const messages: unknown[] = [];
    worker.onmessage = ({ data }) => messages.push(data);
    try {
      await eventually("the Worker", () => messages.includes("ready"));
      const { client, server } = ends;
      const bytes = pattern(8 * MIB, 4);
      const received = receiveByLoop(client);
      const sent = client.write(bytes);
      /* This thread echoes the first part. */
      const chunks = server[Symbol.asyncIterator]();
      let length = bytes.length;
      for (let i = 0; i < 5; i++) {
        const { value } = await within("a chunk", chunks.next());
        await server.write(value!);
        length -= value!.length;
      }
      const socket = await within("detaching", server.detach());
      worker.postMessage({ socket, length });
      assert.equal(await within("the echo", received), digest(bytes));
      await within("the write", sent);
      await eventually("the Worker's end", () => messages.includes("done"));
    } finally {
      worker.terminate();
    }
  });
}
