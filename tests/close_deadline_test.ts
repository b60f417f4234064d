// Copyright the iocp authors. MIT license.
/* conn.close({ deadline }): a close that ends in time, and says how. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, isSettled, within } from "./shared/deadline.ts";
import { errorFrom, outcome } from "./shared/outcome.ts";
import { pair, readUntilReset } from "./shared/pair.ts";
import { transports } from "./shared/transports.ts";

/** More than the system's buffers hold. */
const FLOOD = new Uint8Array(32 * 1024 * 1024);

for (const { name, open } of transports) {
  test(`close({ deadline }) resolves when everything was sent, over ${name}`, async () => {
    using ends = await open();
    const { client, server } = ends;
    const writing = client.write(FLOOD);
    const closing = client.close({ deadline: 60_000 });
    assert.equal(await outcome(() => client.write(FLOOD)), "EBADF");
    let length = 0;
    for await (const chunk of server) length += chunk.length;
    await writing;
    await within("the close", closing);
    assert.equal(length, FLOOD.length);
  });

  test(`close({ deadline }) resets a peer that takes nothing, over ${name}`, async () => {
    using ends = await open();
    const { client, server, listener } = ends;
    const writing = outcome(() => client.write(FLOOD));
    const error = await errorFrom(client.close({ deadline: 50 }));
    assert.equal(error.code, "ETIMEDOUT");
    assert.equal(error.syscall, "close");
    const { addr } = listener;
    const place = "path" in addr ? addr.path : addr.hostname;
    assert.equal(error.address, place);
    assert.ok(
      error.message.startsWith(`Cannot close the connection to ${place}`),
      error.message,
    );
    assert.equal(await writing, "EINTR");
    /* Over a local socket a reset may look like an end. */
    const ending = outcome(async () => {
      for await (const _ of server);
    });
    const codes = name === "TCP" ? ["ECONNRESET"] : ["ECONNRESET", "undefined"];
    assert.ok(codes.includes(await ending));
  });
}

test("close({ deadline }) also limits what close() has left to the library", async () => {
  using ends = await pair();
  const { port, client, server } = ends;
  await client.write(new Uint8Array(1000));
  client.close();
  const buffer = new Uint8Array(2000);
  assert.equal(await server.read(buffer), 1000);
  assert.equal(await server.read(buffer), null);
  /* The peer does not end its side, and the library waits for that. */
  assert.equal(await outcome(() => client.close({ deadline: 1 })), "ETIMEDOUT");
  await eventually("it is gone", () => port.stats().sockets === 2);
});

test("close({ deadline }) rejects when the connection fails meanwhile", async () => {
  using ends = await pair();
  const { client, server } = ends;
  const writing = outcome(() => client.write(FLOOD));
  const closing = client.close({ deadline: 60_000 });
  server.reset();
  const code = await outcome(() => closing);
  assert.ok(["ECONNRESET", "EPIPE", "ECONNABORTED"].includes(code), code);
  assert.equal(await writing, code);
});

test("close({ deadline }) rejects after a reset of this side", async () => {
  using ends = await pair();
  const writing = ends.client.write(FLOOD);
  const closing = ends.client.close({ deadline: 60_000 });
  ends.client.reset();
  assert.equal(await outcome(() => closing), "EINTR");
  assert.equal(await outcome(() => writing), "EINTR");
});

test("close({ deadline }) after the close has ended has its result", async () => {
  using ends = await pair();
  const { client, server } = ends;
  server.close();
  await client.close({ deadline: 60_000 });
  await client.close({ deadline: 0 });
  await client.close({});
});

test("close({ deadline }) rejects when the port is closed", async () => {
  using ends = await pair();
  const writing = ends.client.write(FLOOD);
  const closing = ends.client.close({ deadline: 60_000 });
  assert.equal(await isSettled(closing), false);
  ends.port.close();
  assert.equal(await outcome(() => closing), "EINTR");
  assert.equal(await outcome(() => writing), "EINTR");
});

test("close({}) waits as long as closeTimeout lets it", async () => {
  using ends = await pair({ closeTimeout: 100 });
  const writing = ends.client.write(FLOOD);
  const closing = ends.client.close({});
  const code = await outcome(() => closing);
  assert.ok(["EINTR", "ETIMEDOUT"].includes(code), code);
  assert.equal(await outcome(() => writing), "EINTR");
});

test("A close that nothing waits for may fail", async () => {
  using ends = await pair();
  const writing = ends.client.write(FLOOD);
  ends.client.close({ deadline: 0 });
  assert.equal(await outcome(() => writing), "EINTR");
  await readUntilReset(ends.server);
});

test("Wrong options of close() are refused, and it stays open", async () => {
  using ends = await pair();
  const { client, server } = ends;
  for (const options of [null, 1, { deadline: "1" }, { deadline: -1 }]) {
    const name = await outcome(() => client.close(options as never));
    assert.match(name, /^(Type|Range)Error$/);
  }
  await client.write(new Uint8Array(1));
  assert.equal(await server.read(new Uint8Array(9)), 1);
});
