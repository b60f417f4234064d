// Copyright the iocp authors. MIT license.
/* conn.pipeTo(): from one connection to another one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Addr, Conn, PipeOptions } from "../mod.ts";
import { socketOf } from "../src/conn.ts";
import { SLAB_BYTES } from "../src/loop/slab.ts";
import { eventually, isSettled, settled, within } from "./shared/deadline.ts";
import { isWindows, localPair } from "./shared/local.ts";
import { errorFrom, outcome } from "./shared/outcome.ts";
import { pair, readUntilReset } from "./shared/pair.ts";
import { Digest, digest, pattern } from "./shared/pattern.ts";
import { SpiedSignal } from "./shared/spied_signal.ts";
import { assertReset, transports } from "./shared/transports.ts";

/** More than the system's buffers hold. */
const FLOOD = new Uint8Array(32 * 1024 * 1024);

type AnyConn = Conn<Addr>;

function pipe(
  source: AnyConn,
  destination: AnyConn,
  options?: PipeOptions,
): Promise<void> {
  return source.pipeTo(destination, options);
}

/** What a proxy does with two connections. */
function pipeBothWays(one: AnyConn, other: AnyConn): Promise<void>[] {
  return [pipe(one, other), pipe(other, one)];
}

async function checkAreClosed(...conns: AnyConn[]): Promise<void> {
  for (const conn of conns) {
    assert.equal(await outcome(() => conn.write(new Uint8Array(1))), "EBADF");
  }
}

/** The digest of the next `length` bytes. */
async function receive(conn: AnyConn, length: number): Promise<string> {
  const reader = conn.reader({ maxLength: length });
  return digest(await within("bytes", reader.readExactly(length)));
}

/** The digest of the bytes up to the end. */
async function receiveAll(conn: AnyConn): Promise<string> {
  const result = new Digest();
  const buffer = new Uint8Array(1 << 18);
  for (;;) {
    const count = await within("bytes", conn.read(buffer));
    if (count === null) return result.text();
    result.add(buffer.subarray(0, count));
  }
}

for (const left of transports) {
  for (const right of transports) {
    const between = `from ${left.name} to ${right.name}`;
    const isLocal = [left, right].some(({ name }) => name !== "TCP");
    const skip = isWindows && isLocal &&
      "a named pipe has no end of one direction";

    test(`A proxy of two pipes passes bytes in both directions, ${between}`, async () => {
      using near = await left.open();
      using far = await right.open();
      const { client } = near;
      const { server } = far;
      const piping = Promise.all(pipeBothWays(near.server, far.client));
      const request = pattern(2_000_000, 1);
      const response = pattern(3_000_000, 2);
      const exchange = Promise.all([
        client.write(request),
        server.write(response),
        receive(server, request.length),
        receive(client, response.length),
      ]);
      const [, , got, answer] = await within("the exchange", exchange);
      assert.equal(got, digest(request));
      assert.equal(answer, digest(response));
      client.close();
      assert.equal(await receiveAll(server), digest());
      server.close();
      await within("the pipes", piping);
      await checkAreClosed(near.server, far.client);
    });

    test(`A proxy of two pipes passes the end of each direction, ${between}`, {
      skip,
    }, async () => {
      using near = await left.open();
      using far = await right.open();
      const { client } = near;
      const { server } = far;
      const piping = Promise.all(pipeBothWays(near.server, far.client));
      const request = pattern(5_000_000, 1);
      const response = pattern(3_000_000, 2);
      const exchange = Promise.all([
        client.write(request).then(() => client.closeWrite()),
        receiveAll(server).then(async (text) => {
          /* The end has come through, and the answer still can be sent. */
          await server.write(response);
          server.close();
          return text;
        }),
        receiveAll(client),
      ]);
      const [, got, answer] = await within("the exchange", exchange);
      assert.equal(got, digest(request));
      assert.equal(answer, digest(response));
      await within("the pipes", piping);
      await checkAreClosed(near.server, far.client);
    });
  }
}

test("The end of one pipe leaves what the other one has not passed on yet", async () => {
  using left = await pair();
  using right = await pair();
  const bytes = pattern(100_000);
  await right.server.write(bytes);
  await right.server.closeWrite();
  const request = left.server.pipeTo(right.client);
  const { receive } = socketOf(right.client)!;
  await eventually("the end is there", () => receive.isEnded);
  await left.client.closeWrite();
  await within("the first pipe", request);
  const answer = right.client.pipeTo(left.server);
  assert.equal(await receiveAll(left.client), digest(bytes));
  await within("the second pipe", answer);
});

test("A connection piped to itself is an echo", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const piping = server.pipeTo(server);
  const bytes = pattern(4_000_000);
  const receiving = receiveAll(client);
  await client.write(bytes);
  await client.closeWrite();
  assert.equal(await receiving, digest(bytes));
  await within("the pipe", piping);
});

for (const { name, open } of transports) {
  test(`A pipe is as slow as its destination, over ${name}`, async () => {
    using left = await open();
    using right = await open();
    const piping = pipe(left.server, right.client);
    const writing = left.client.write(FLOOD);
    /* The destination's peer reads nothing, until nothing moves any more. */
    const unsent = await settled("it", () => left.client.writableLength);
    assert.ok(unsent > 0, "the pipe has taken everything");
    const { writableLength } = right.client;
    assert.ok(writableLength > 0, "the destination is not full");
    assert.ok(writableLength <= 2 * SLAB_BYTES, `${writableLength} bytes`);
    const receiving = receiveAll(right.server);
    assert.equal(await within("the write", writing), FLOOD.length);
    left.client.close();
    assert.equal(await receiving, digest(FLOOD));
    await within("the pipe", piping);
  });

  test(`A pipe uses its memory again, over ${name}`, async () => {
    using left = await open();
    using right = await open();
    const { slab } = socketOf(left.server)!.loop;
    const { room } = slab;
    const buffers = new Set<ArrayBuffer>();
    slab.room = () => {
      const bytes = room.call(slab);
      buffers.add(bytes.buffer);
      return bytes;
    };
    try {
      const piping = pipe(left.server, right.client);
      const receiving = receiveAll(right.server);
      for (const part of [FLOOD, FLOOD]) await left.client.write(part);
      left.client.close();
      assert.equal(await receiving, digest(FLOOD, FLOOD));
      await within("the pipe", piping);
    } finally {
      slab.room = room;
    }
    /* 64 MiB went through them, and a buffer whose memory is used again is empty. */
    assert.ok(buffers.size >= 2 * FLOOD.length / SLAB_BYTES);
    const kept = [...buffers].filter(({ byteLength }) => byteLength > 0);
    assert.ok(kept.length <= 4, `${kept.length} of ${buffers.size} buffers`);
  });

  test(`A signal ends a pipe at once, even while the peer takes nothing, over ${name}`, async () => {
    using left = await open();
    using right = await open();
    const controller = new AbortController();
    const { signal } = controller;
    const piping = pipe(left.server, right.client, { signal });
    const writing = outcome(() => left.client.write(FLOOD));
    await eventually(
      "the destination is full",
      () => right.client.writableLength > 0,
    );
    const reason = new Error("enough");
    controller.abort(reason);
    await assert.rejects(within("the pipe", piping), reason);
    await assertReset(name, right.server);
    assert.match(await writing, /^(ECONNRESET|EPIPE|ECONNABORTED)$/);
  });
}

test("When the source fails, the peer of the destination sees a reset", async () => {
  using left = await pair();
  using right = await pair();
  const piping = outcome(() => left.server.pipeTo(right.client));
  await left.client.write(new Uint8Array(10));
  assert.equal(await right.server.read(new Uint8Array(99)), 10);
  left.client.reset();
  assert.equal(await piping, "ECONNRESET");
  await readUntilReset(right.server);
});

test("When the destination fails, the peer of the source sees a reset", async () => {
  using left = await pair();
  using right = await pair();
  const piping = outcome(() => left.server.pipeTo(right.client));
  right.server.reset();
  const feeding = outcome(async () => {
    for (;;) await left.client.write(new Uint8Array(1000));
  });
  assert.match(await piping, /^(ECONNRESET|EPIPE|ECONNABORTED)$/);
  assert.match(await feeding, /^(ECONNRESET|EPIPE|ECONNABORTED)$/);
});

test("A pipe ends when its destination is closed while the source sends nothing", async () => {
  using from = await pair();
  using to = await pair();
  const piping = outcome(() => from.server.pipeTo(to.client));
  to.client.close();
  assert.equal(await within("the pipe", piping), "EBADF");
  await readUntilReset(from.client);
});

test("With preventCancel, a closed destination leaves the source as it is", async () => {
  using from = await pair();
  using to = await pair();
  const options = { preventCancel: true };
  const piping = outcome(() => from.server.pipeTo(to.client, options));
  to.client.close();
  assert.equal(await within("the pipe", piping), "EBADF");
  await from.client.write(new Uint8Array([1, 2, 3]));
  const p = new Uint8Array(3);
  assert.equal(await within("the read", from.server.read(p)), 3);
});

test("A pipe notices a reset of its destination while the source sends nothing", async () => {
  using from = await pair();
  using to = await pair();
  using local = await localPair();
  using other = await pair();
  const ends = [[from, to], [other, local]] as const;
  for (const [{ client, server }, destination] of ends) {
    const piping = outcome(() =>
      server.pipeTo(destination.client as Conn<never>)
    );
    await client.write(new Uint8Array(10));
    const buffer = new Uint8Array(99);
    assert.equal(await within("bytes", destination.server.read(buffer)), 10);
    await destination.client.write(new Uint8Array(5));
    destination.server.reset();
    assert.match(
      await within("the pipe", piping),
      /^(ECONNRESET|EPIPE|ECONNABORTED)$/,
    );
    await readUntilReset(client);
  }
});

test("A pipe to a connection that has failed before ends at once", async () => {
  using from = await pair();
  using to = await pair();
  to.server.reset();
  const error = await readUntilReset(to.client) as { code: string };
  const piping = outcome(() => from.server.pipeTo(to.client));
  assert.equal(await within("the pipe", piping), error.code);
  await readUntilReset(from.client);
});

test("With preventCancel, a destination that is reset leaves the source as it is", async () => {
  using from = await pair();
  using to = await pair();
  const options = { preventCancel: true };
  const piping = outcome(() => from.server.pipeTo(to.client, options));
  to.server.reset();
  assert.match(
    await within("the pipe", piping),
    /^(ECONNRESET|EPIPE|ECONNABORTED)$/,
  );
  await from.client.write(new Uint8Array([1, 2, 3]));
  const p = new Uint8Array(3);
  assert.equal(await within("the read", from.server.read(p)), 3);
});

test("What the destination has received during a pipe can be read", async () => {
  using from = await pair();
  using to = await pair();
  const piping = from.server.pipeTo(to.client, { preventClose: true });
  const answer = pattern(100_000, 4);
  await to.server.write(answer);
  await from.client.write(new Uint8Array(3));
  await from.client.closeWrite();
  await within("the pipe", piping);
  await to.server.closeWrite();
  assert.equal(await receiveAll(to.client), digest(answer));
});

test("A pipe leaves nothing on its destination", async () => {
  using to = await pair();
  const socket = socketOf(to.client)!;
  const watchers = new Set<unknown>();
  const { watch, unwatch } = socket;
  socket.watch = (callback) => {
    watchers.add(callback);
    watch.call(socket, callback);
  };
  socket.unwatch = (callback) => {
    watchers.delete(callback);
    unwatch.call(socket, callback);
  };
  const keep = { preventClose: true, preventAbort: true };
  for (const way of ["end", "abort", "failure"]) {
    using from = await pair();
    const controller = new AbortController();
    const { signal } = controller;
    const piping = outcome(() =>
      from.server.pipeTo(to.client, { ...keep, signal })
    );
    assert.equal(watchers.size, 1);
    if (way === "end") await from.client.closeWrite();
    else if (way === "abort") controller.abort(new RangeError("stop"));
    else from.client.reset();
    await within("the pipe", piping);
    await eventually("no watcher", () => watchers.size === 0);
  }
});

test("Both pipes of a proxy end with the reason of their signal", async () => {
  for (const isReversed of [false, true]) {
    using near = await pair();
    using far = await pair();
    const controller = new AbortController();
    const { signal } = controller;
    const ways = [
      () => near.server.pipeTo(far.client, { signal }),
      () => far.client.pipeTo(near.server, { signal }),
    ];
    const pipes = (isReversed ? ways.reverse() : ways).map((start) => start());
    assert.equal(await isSettled(Promise.race(pipes)), false);
    controller.abort("why");
    for (const pipe of pipes) {
      await assert.rejects(within("a pipe", pipe), (error) => error === "why");
    }
    for (const conn of [near.client, far.server]) await readUntilReset(conn);
  }
});

test("Other calls with the signal of a pipe end by it as well", async () => {
  const calls: Record<string, (conn: Conn, signal: AbortSignal) => unknown> = {
    "read()": (conn, signal) => conn.read(new Uint8Array(1), { signal }),
    "readLine()": (conn, signal) => conn.reader().readLine({ signal }),
  };
  for (const [name, call] of Object.entries(calls)) {
    using near = await pair();
    using far = await pair();
    const controller = new AbortController();
    const { signal } = controller;
    const pipe = near.server.pipeTo(far.client, { signal });
    const pending = Promise.resolve(call(far.client, signal));
    const write = errorFrom(far.client.write(FLOOD, { signal }));
    assert.equal(await isSettled(Promise.race([pipe, pending])), false);
    controller.abort("why");
    for (const one of [pipe, pending]) {
      await assert.rejects(one, (error) => error === "why", name);
    }
    const { code, cause, bytesWritten } = await write;
    assert.deepEqual([code, cause], ["ECANCELED", "why"]);
    assert.ok(bytesWritten! < FLOOD.length);
  }
});

test("A signal that has aborted already resets nothing", async () => {
  using left = await pair();
  using right = await pair();
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(
    left.server.pipeTo(right.client, { signal }),
    { message: "enough" },
  );
  await right.client.write(new Uint8Array(3));
  assert.equal(await right.server.read(new Uint8Array(9)), 3);
});

test("A pipe leaves no listener on its signal", async () => {
  using left = await pair();
  using right = await pair();
  const spied = new SpiedSignal();
  const { signal } = spied;
  const piping = left.server.pipeTo(right.client, { signal });
  left.client.close();
  await within("the pipe", piping);
  await eventually("no listener", () => spied.count === 0);
  assert.equal(spied.added, 1);
});

test("The options leave one side as it is", async () => {
  using left = await pair();
  using right = await pair();
  await left.client.write(new Uint8Array(5));
  await left.client.closeWrite();
  const keepOpen = { preventClose: true };
  await within("it", left.server.pipeTo(right.client, keepOpen));
  await right.client.write(new Uint8Array(6));
  let length = 0;
  const buffer = new Uint8Array(99);
  while (length < 11) {
    length += await within("bytes", right.server.read(buffer)) ?? 0;
  }

  using failing = await pair();
  const options = { preventAbort: true };
  const piping = outcome(() => failing.server.pipeTo(right.client, options));
  failing.client.reset();
  assert.equal(await piping, "ECONNRESET");
  await right.client.write(new Uint8Array(7));
  assert.equal(await right.server.read(buffer), 7);

  using source = await pair();
  const controller = new AbortController();
  const stopping = outcome(() =>
    source.server.pipeTo(right.client, {
      signal: controller.signal,
      preventAbort: true,
      preventCancel: true,
    })
  );
  controller.abort(new RangeError("stop"));
  assert.equal(await stopping, "RangeError");
  await source.client.write(new Uint8Array(8));
  assert.equal(await within("it", source.server.read(buffer)), 8);
});

test("An aborted pipe writes what it has read, if both are left as they are", async () => {
  using left = await pair();
  using right = await pair();
  const { server } = left;
  await left.client.write(new Uint8Array([1, 2, 3, 4]));
  /* The reader has received the others too, so that the pipe reads them at once. */
  assert.deepEqual(await server.reader().readExactly(1), new Uint8Array([1]));
  const controller = new AbortController();
  const piping = outcome(() =>
    server.pipeTo(right.client, {
      signal: controller.signal,
      preventAbort: true,
      preventCancel: true,
    })
  );
  controller.abort(new RangeError("stop"));
  assert.equal(await piping, "RangeError");
  await right.client.write(new Uint8Array([5]));
  right.client.close();
  const received = await receiveAll(right.server);
  assert.equal(received, digest(new Uint8Array([2, 3, 4, 5])));
});

test("Wrong arguments of pipeTo() are refused", async () => {
  using ends = await pair();
  using other = await pair();
  const wrong: [unknown, unknown, string][] = [
    [undefined, {}, "TypeError"],
    [ends.server.writable, {}, "TypeError"],
    [other.client, null, "TypeError"],
    [other.client, { signal: {} }, "TypeError"],
    [other.client, { preventClose: 1 }, "TypeError"],
  ];
  for (const [destination, options, name] of wrong) {
    const piping = () =>
      ends.client.pipeTo(destination as never, options as never);
    assert.equal(await outcome(piping), name);
  }
  other.client.close();
  assert.equal(await outcome(() => ends.client.pipeTo(other.client)), "EBADF");
  ends.client.close();
  assert.equal(await outcome(() => ends.client.pipeTo(other.server)), "EBADF");
});
