// Copyright the iocp authors. MIT license.
/* Timeouts and options of a duplex, which are those of a net.Socket. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { pair } from "./shared/pair.ts";
import { isSettled, within } from "./shared/deadline.ts";
import { duplexPair, event } from "./shared/duplex.ts";

test("A duplex emits timeout without activity", async () => {
  using both = await duplexPair();
  const { client } = both;
  let calls = 0;
  assert.equal(client.setTimeout(20, () => calls++), client);
  assert.equal(client.timeout, 20);
  await event(client, "timeout");
  assert.equal(client.destroyed, false);
  /* Activity restarts the timeout; the callback is called only once. */
  client.write("x");
  await event(client, "timeout");
  assert.equal(calls, 1);
});

test("A duplex emits no timeout after setTimeout(0) or after it is closed", async () => {
  using both = await duplexPair();
  const { client, server } = both;
  const fail = () => assert.fail("it has timed out");
  client.setTimeout(20, fail);
  client.setTimeout(0, fail);
  server.on("timeout", fail);
  server.setTimeout(20);
  server.destroy();
  await isSettled(new Promise(() => {}));
  await isSettled(new Promise(() => {}));
  assert.equal(client.listenerCount("timeout"), 0);
});

test("A duplex refuses a wrong timeout with Node's codes", async () => {
  using both = await duplexPair();
  const { client } = both;
  assert.throws(() => client.setTimeout("100" as never), {
    name: "TypeError",
    code: "ERR_INVALID_ARG_TYPE",
    message:
      `The "msecs" argument must be of type number. Received type string ('100')`,
  });
  for (const ms of [-1, NaN, Infinity]) {
    assert.throws(() => client.setTimeout(ms), {
      name: "RangeError",
      code: "ERR_OUT_OF_RANGE",
      message:
        `The value of "msecs" is out of range. It must be a non-negative finite number. Received ${ms}`,
    });
  }
  assert.throws(() => client.setTimeout(1, "x" as never), {
    name: "TypeError",
    code: "ERR_INVALID_ARG_TYPE",
  });
  assert.equal(client.timeout, undefined);
});

test("A duplex limits its timeout to the longest that a timer can have", async () => {
  using both = await duplexPair();
  const { client } = both;
  const warned = new Promise<Error>((resolve) => {
    process.once("warning", resolve);
  });
  const month = 30 * 24 * 3600 * 1000;
  let timeouts = 0;
  client.setTimeout(month, () => timeouts++);
  assert.equal(client.timeout, month);
  const warning = await within("the warning", warned);
  assert.equal(warning.name, "TimeoutOverflowWarning");
  await isSettled(new Promise(() => {}));
  assert.equal(timeouts, 0);
  client.setTimeout(0);
});

test("bufferSize of a duplex is undefined once it is destroyed", async () => {
  using both = await duplexPair();
  const { client } = both;
  assert.equal(client.bufferSize, 0);
  client.cork();
  client.write("12345");
  assert.equal(client.bufferSize, 5);
  client.uncork();
  client.destroy();
  assert.equal(client.bufferSize, undefined);
});

test("A duplex has the options of a socket, also when closed", async () => {
  using both = await duplexPair();
  const { client } = both;
  for (let round = 0; round < 2; round++) {
    assert.equal(client.setNoDelay(), client);
    assert.equal(client.setNoDelay(false), client);
    assert.equal(client.setKeepAlive(true, 1000), client);
    assert.equal(client.setKeepAlive(), client);
    assert.equal(client.unref(), client);
    assert.equal(client.ref(), client);
    client.destroy();
  }
});

test("setKeepAlive() of a duplex reaches the system", async () => {
  using ends = await pair();
  const { client } = ends;
  const duplex = client.duplex();
  duplex.setKeepAlive(true, 60_500);
  const { keepAlive } = client.options;
  assert.equal(keepAlive && keepAlive.idle, 61);
  /* Like net.Socket, it converts the value to a boolean. */
  for (const [enable, isOn] of [[false, false], [1, true], [0, false]]) {
    duplex.setKeepAlive(enable as boolean);
    assert.equal(client.options.keepAlive !== false, isOn, `${enable}`);
  }
});
